"""Stays a call asks for: offers held as wishes, and each wish carried out once or not at all."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.errors import (
    ArrivalPast,
    CallOver,
    InDoubt,
    NotFound,
    OfferExpired,
    Refused,
    SoldOut,
    StaleEpoch,
    TooManyGuests,
    Unreachable,
)
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Guest, Offer, Reservation, RoomType, Stay
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.leases import Leases
from lambdas.shared.pms import Pms
from lambdas.shared.wish_store import Wishes

HELD_FOR: Final = timedelta(minutes=15)
ATTEMPTS: Final = 4
"""How often a wish that somebody else moves meanwhile is read again."""

_REASONS: Final[Mapping[str | None, type[Refused]]] = {error.code: error for error in (OfferExpired, SoldOut)}


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True)
class Bookings:
    """What calls may do in the hotels' booking systems."""

    hotels: Hotels
    calls: CallStore
    leases: Leases
    wishes: Wishes
    pms: Mapping[str, Pms]
    now: Callable[[], datetime] = _now
    new_id: Callable[[], str] = _new_id

    def hotel(self, name: str) -> Hotel:
        """Raises NotFound."""
        hotel = self.hotels.by_name.get(name)
        if hotel is None:
            raise NotFound("there is no such hotel")
        return hotel

    def offers(self, hotel_name: str, call_id: str, stay: Stay, room_type: RoomType | None, epoch: int) -> list[Wish]:
        """What is free for a stay, the cheapest first, each held as a wish at its price for 15 minutes.

        Raises ArrivalPast, TooManyGuests, and what a call that may not act raises.
        """
        hotel = self._acting(hotel_name, call_id, epoch)
        if stay.arrival < hotel.day_of(self.now()):
            raise ArrivalPast(f"{stay.arrival} is in the past at the hotel")
        if room_type is not None and room_type not in hotel.rooms:
            raise NotFound(f"the hotel has no such room; it has {', '.join(hotel.rooms)}")
        most = max(room.sleeps for name, room in hotel.rooms.items() if room_type in (None, name))
        if stay.guests > most:
            raise TooManyGuests(f"{stay.guests} guests are more than the {most} that fit")
        expires_at = self.now() + HELD_FOR
        held = []
        for offer in self.pms[hotel.name].offers(stay, room_type):
            wish = Wish(id=self.new_id(), call_id=call_id, hotel=hotel.name, offer=offer, expires_at=expires_at)
            self.wishes.hold(wish)
            held.append(wish)
        return held

    def book(self, hotel_name: str, call_id: str, wish_id: str, guest: Guest, *, rooms: int, epoch: int) -> Reservation:
        """The reservation a wish leads to; the same one however often it is asked for.

        A second wish of the same call for the same stay, room and guest gives the first one's reservation, unless
        `rooms` says that more are wanted. Raises SoldOut, OfferExpired, InDoubt, Unreachable (ask again), and what a
        call that may not act raises.
        """
        hotel = self._acting(hotel_name, call_id, epoch)
        for _ in range(ATTEMPTS):
            wish = self.wishes.get(call_id, wish_id)
            if wish.hotel != hotel.name:
                raise NotFound("there is no such wish at this hotel")
            try:
                return self._carry_out(wish, guest, rooms=rooms, epoch=epoch)
            except _Moved:
                continue
        raise Unreachable("the wish is being carried out by somebody else")

    def _acting(self, hotel_name: str, call_id: str, epoch: int) -> Hotel:
        """The hotel, if the call is one of its own, goes on, and the epoch is the current lease's."""
        hotel = self.hotel(hotel_name)
        call = self.calls.call(call_id)
        if self.calls.hotel_of(call_id) != hotel:
            raise NotFound("there is no such call at this hotel")
        if call.is_over:
            raise CallOver("the call has ended")
        self.leases.require(call_id, epoch)
        return hotel

    def _carry_out(self, wish: Wish, guest: Guest, *, rooms: int, epoch: int) -> Reservation:
        match wish.state:
            case WishState.BOOKED:
                return _reservation(wish)
            case WishState.REFUSED:
                raise _REASONS.get(wish.reason, Refused)("this wish was refused before; ask for offers again")
            case WishState.PLANNED:
                if wish.expires_at <= self.now():
                    self._move(wish, wish.moved(WishState.REFUSED, reason=OfferExpired.code), epoch=epoch)
                    raise OfferExpired("the offer is no longer held; ask for offers again")
                earlier = self._earlier(wish, guest, epoch=epoch)
                if len(earlier) >= rooms:
                    return earlier[0]
                sent = wish.moved(WishState.SENT, guest=guest)
                self._move(wish, sent, epoch=epoch)
                return self._send(sent, epoch=epoch)
            case WishState.SENT:
                return self._found(wish, epoch=epoch) or self._send(wish, epoch=epoch)
            case WishState.IN_DOUBT:
                found = self._found(wish, epoch=epoch)
                if found is None:
                    raise InDoubt("it is not known whether the hotel's system has booked this")
                return found

    def _earlier(self, wish: Wish, guest: Guest, *, epoch: int) -> list[Reservation]:
        """What this call has booked of the same, once what was sent before is settled.

        A wish whose answer got lost is carried to its end first, as a retry of it would be; raises InDoubt while it is
        not known what became of one, since another might be a second booking.
        """
        same = [
            other
            for other in self.wishes.of_call(wish.call_id)
            if other.id != wish.id and _is_same(other.offer, wish.offer) and _name(other.guest) == _name(guest)
        ]
        booked = [_reservation(other) for other in same if other.state is WishState.BOOKED]
        for other in same:
            if other.state in (WishState.SENT, WishState.IN_DOUBT):
                with suppress(SoldOut):
                    booked.append(self._carry_out(other, guest, rooms=1, epoch=epoch))
        return booked

    def _found(self, wish: Wish, *, epoch: int) -> Reservation | None:
        """The reservation that the hotel's system made of a wish whose answer was not heard."""
        found = self.pms[wish.hotel].find(wish.id)
        return self._settle(wish, found, epoch=epoch) if found else None

    def _send(self, wish: Wish, *, epoch: int) -> Reservation:
        if wish.guest is None:
            raise Refused("a wish without a guest was never sent")
        try:
            reservation = self.pms[wish.hotel].book(wish.id, wish.offer, wish.guest)
        except (SoldOut, InDoubt) as error:
            after = WishState.IN_DOUBT if isinstance(error, InDoubt) else WishState.REFUSED
            self._move(wish, wish.moved(after, reason=error.code), epoch=epoch)
            raise
        return self._settle(wish, reservation, epoch=epoch)

    def _settle(self, wish: Wish, reservation: Reservation, *, epoch: int) -> Reservation:
        booked = wish.moved(WishState.BOOKED, guest=reservation.guest, code=reservation.code)
        event = Event(
            call_id=wish.call_id,
            source=Source.PMS,
            id=f"{Kind.STAY_BOOKED}:{wish.id}",
            kind=Kind.STAY_BOOKED,
            at=self.now(),
            data={"code": reservation.code, "wish": wish.id},
        )
        self._move(wish, booked, epoch=epoch, event=event)
        return _reservation(booked)

    def _move(self, before: Wish, after: Wish, *, epoch: int, event: Event | None = None) -> None:
        try:
            self.wishes.move(before, after, epoch=epoch, event=event)
        except StaleEpoch:
            raise
        except Refused:
            raise _Moved from None


class _Moved(Exception):
    """Somebody else has taken the wish further; read it again."""


def _is_same(one: Offer, other: Offer) -> bool:
    return (one.stay, one.room_type) == (other.stay, other.room_type)


def _name(guest: Guest | None) -> str | None:
    return " ".join(guest.name.casefold().split()) if guest else None


def _reservation(wish: Wish) -> Reservation:
    """What a booked wish became."""
    if wish.code is None or wish.guest is None:
        raise ValueError(f"wish {wish.id} is booked without a code or a guest")
    return Reservation.of(wish.offer, code=wish.code, guest=wish.guest, reference=wish.id)
