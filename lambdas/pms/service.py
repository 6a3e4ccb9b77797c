"""Stays a call asks for: prices held as wishes, wishes carried out, reservations shown to whom they belong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from lambdas.pms.desk import Desk
from lambdas.pms.models import OffersRequest, VerificationRequest
from lambdas.pms.notes import Notes, NoteStore
from lambdas.pms.verification import Verification, VerifiedCodes
from lambdas.shared.bookings.carrying_out import Asked, CarryingOut, new_id, now
from lambdas.shared.bookings.prices import HELD_FOR
from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.errors import ArrivalPast, NotFound, NotPossible, Refused, TooManyGuests
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.domain.wish import Wish, WishKind
from lambdas.shared.leases import Leases
from lambdas.shared.pms.system import Capability, Pms
from lambdas.shared.pms.time_left import answering_within
from lambdas.shared.wish_store import Wishes

WRITING: Final = 18.0
LOOKING: Final = 7.5
"""Seconds that vendors have for all that one request asks of them: a little less than the agent waits, 20 and 8."""
MOST_OFFERS: Final = 12
"""More than a guest on the phone can choose from."""


@dataclass(frozen=True)
class Bookings:
    """What calls may do in the hotels' booking systems, by the hotel's name."""

    hotels: Hotels
    calls: CallStore
    leases: Leases
    wishes: Wishes
    verified: VerifiedCodes
    notes: NoteStore
    pms: Mapping[str, Pms]
    now: Callable[[], datetime] = now
    new_id: Callable[[], str] = new_id
    sleep: Callable[[float], None] = time.sleep

    @cached_property
    def desk(self) -> Desk:
        return Desk(self.hotels, self.calls, self.leases, self.pms)

    @cached_property
    def verification(self) -> Verification:
        return Verification(self.verified, self.wishes)

    @cached_property
    def carrying_out(self) -> CarryingOut:
        return CarryingOut(self.wishes, self.pms, now=self.now, new_id=self.new_id, sleep=self.sleep)

    def facts(self, hotel_name: str) -> tuple[Hotel, frozenset[str]]:
        """The hotel, and what a receptionist may offer to do in its system beyond booking. Raises NotFound."""
        hotel = self.desk.hotel(hotel_name)
        return hotel, frozenset(self.pms[hotel.name].capabilities - {Capability.SAFE_REPEAT})

    @answering_within(LOOKING)
    def offers(self, hotel_name: str, call_id: str, request: OffersRequest, epoch: int) -> list[Wish]:
        """What is asked for at its price, the cheapest first, each held as a wish for 15 minutes.

        Raises ArrivalPast, TooManyGuests, NotFound (no such room), NotVerified, NotPossible, and what a call that may
        not act raises.
        """
        hotel = self.desk.acting(hotel_name, call_id, epoch)
        if request.kind == "book":
            wishes = self._to_book(hotel, call_id, request)
        else:
            booked = self._standing(hotel, call_id, request.code or "")
            if request.kind == "change":
                wishes = self._to_change(hotel, call_id, booked, request)
            else:
                wishes = self._to_cancel(hotel, call_id, booked)
        for wish in wishes:
            self.wishes.hold(wish)
        return wishes

    @answering_within(WRITING)
    def carry_out(
        self, hotel_name: str, call_id: str, wish_id: str, kind: WishKind, asked: Asked, code: str | None = None
    ) -> Wish:
        """The wish, done; the same reservation however often it is asked for.

        `code` is the reservation's that a change or cancellation is about. Raises what CarryingOut does, NotFound when
        the call has no such wish, NotVerified, and what a call that may not act raises.
        """
        hotel = self.desk.acting(hotel_name, call_id, asked.epoch)
        known = self.verification.require(call_id, code) if code is not None else None
        wish = self.wishes.get(call_id, wish_id)
        if wish.hotel != hotel.name or wish.kind is not kind or (known is not None and wish.code != known):
            raise NotFound("there is no such wish")
        return self.carrying_out.carry_out(wish, asked)

    @answering_within(LOOKING)
    def verify(self, hotel_name: str, call_id: str, said: VerificationRequest, epoch: int) -> Reservation:
        """Raises NotVerified, TriesOver, and what a call that may not act raises."""
        hotel = self.desk.acting(hotel_name, call_id, epoch)
        return self.verification.verify(self.pms[hotel.name], call_id, said)

    @answering_within(LOOKING)
    def reservations(self, hotel_name: str, call_id: str, epoch: int) -> list[Reservation]:
        """What the call has verified or made, as it is now."""
        hotel = self.desk.acting(hotel_name, call_id, epoch)
        found = (self.pms[hotel.name].reservation(code) for code in self.verification.codes(call_id))
        return [reservation for reservation in found if reservation]

    @answering_within(LOOKING)
    def reservation(self, hotel_name: str, call_id: str, code: str, epoch: int) -> Reservation:
        """Raises NotVerified, NotFound when it is gone, and what a call that may not act raises."""
        hotel = self.desk.acting(hotel_name, call_id, epoch)
        return self._reservation(hotel, call_id, code)

    @answering_within(WRITING)
    def add_note(self, hotel_name: str, call_id: str, code: str, note_id: str, text: str, epoch: int) -> None:
        """Raises NotVerified, what Notes does, and what a call that may not act raises."""
        hotel = self.desk.acting(hotel_name, call_id, epoch)
        known = self.verification.require(call_id, code)
        notes = Notes(self.notes, self.now, self.sleep)
        notes.add(self.pms[hotel.name], call_id, note_id, known, text)

    def _reservation(self, hotel: Hotel, call_id: str, code: str) -> Reservation:
        found = self.pms[hotel.name].reservation(self.verification.require(call_id, code))
        if found is None:
            raise NotFound("the reservation is gone")
        return found

    def _standing(self, hotel: Hotel, call_id: str, code: str) -> Reservation:
        """A reservation whose guest has not arrived and that is not cancelled; no other is changed by phone."""
        booked = self._reservation(hotel, call_id, code)
        if booked.state is not ReservationState.BOOKED:
            raise NotPossible(f"the reservation is {booked.state}")
        return booked

    def _to_book(self, hotel: Hotel, call_id: str, request: OffersRequest) -> list[Wish]:
        if request.stay is None:
            raise Refused("a booking needs a stay")
        self._fits(hotel, request.stay, request.room_type)
        offers = self.pms[hotel.name].offers(request.stay, request.room_type)
        return self._wishes(hotel, call_id, WishKind.BOOK, offers)

    def _to_change(self, hotel: Hotel, call_id: str, booked: Reservation, request: OffersRequest) -> list[Wish]:
        """The room stays as it is booked unless another is asked for."""
        stay = request.stay or booked.stay
        room_type = request.room_type or (booked.room_type if booked.room_type in hotel.rooms else None)
        pms = self.pms[hotel.name]
        missing = _needed(booked, stay, room_type) - pms.capabilities
        if missing:
            raise NotPossible(f"the hotel's system cannot do {', '.join(sorted(missing))}")
        self._fits(hotel, stay, room_type, booked)
        return self._wishes(hotel, call_id, WishKind.CHANGE, pms.change_offers(booked, stay, room_type), booked)

    def _to_cancel(self, hotel: Hotel, call_id: str, booked: Reservation) -> list[Wish]:
        pms = self.pms[hotel.name]
        if Capability.CANCEL not in pms.capabilities:
            raise NotPossible("the hotel's system cannot cancel")
        (wish,) = self._wishes(hotel, call_id, WishKind.CANCEL, [booked.offer], booked)
        return [wish.model_copy(update={"fee": pms.cancellation_fee(booked)})]

    def _fits(self, hotel: Hotel, stay: Stay, room_type: RoomType | None, booked: Reservation | None = None) -> None:
        """Raises ArrivalPast, NotFound, TooManyGuests."""
        same_arrival = booked is not None and booked.stay.arrival == stay.arrival
        if stay.arrival < hotel.day_of(self.now()) and not same_arrival:
            raise ArrivalPast(f"{stay.arrival} is in the past at the hotel")
        if room_type is not None and room_type not in hotel.rooms:
            raise NotFound(f"the hotel has no such room; it has {', '.join(hotel.rooms)}")
        most = max(room.sleeps for name, room in hotel.rooms.items() if room_type in (None, name))
        if stay.guests > most:
            raise TooManyGuests(f"{stay.guests} guests are more than the {most} that fit")

    def _wishes(
        self, hotel: Hotel, call_id: str, kind: WishKind, offers: Iterable[Offer], booked: Reservation | None = None
    ) -> list[Wish]:
        expires_at = self.now() + HELD_FOR
        return [
            Wish(
                id=self.new_id(),
                call_id=call_id,
                hotel=hotel.name,
                kind=kind,
                offer=offer,
                expires_at=expires_at,
                guest=booked.guest if booked else None,
                code=booked.code if booked else None,
            )
            for offer in list(offers)[:MOST_OFFERS]
        ]


def _needed(booked: Reservation, stay: Stay, room_type: RoomType | None) -> set[Capability]:
    needed = set()
    if (stay.arrival, stay.departure) != (booked.stay.arrival, booked.stay.departure):
        needed.add(Capability.CHANGE_DATES)
    if (stay.adults, stay.children) != (booked.stay.adults, booked.stay.children):
        needed.add(Capability.CHANGE_GUESTS)
    if room_type != booked.room_type:
        needed.add(Capability.CHANGE_ROOM)
    return needed
