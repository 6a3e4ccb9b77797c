"""Hotels on Apaleo, reached through its core API.

A booking carries our reference twice: as `Idempotency-Key`, under which Apaleo answers the same request the same way
for 24 hours and books once, and as the reservation's `externalCode`, by which it is found at any time. A room is
booked, and a stay changed, at the nightly prices that were offered: what the guest was told is what is charged.

The hotel's app at Apaleo needs the scopes offers.read, reservations.manage and setup.read, and must be let have
personal data (https://apaleo.dev/guides/oauth-connection/register-simple-client-app): without names no reservation
can be told.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Final

from lambdas.shared.domain.errors import InDoubt, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import normal_code
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.pms.amounts import amounts_of
from lambdas.shared.pms.answers import (
    as_cancelled,
    as_offered,
    as_wished,
    existing,
    first_standing,
    fitting_rooms,
    settled,
    still_there,
    why_not_booked,
    why_refused,
)
from lambdas.shared.pms.apaleo_api import Api, not_done
from lambdas.shared.pms.apaleo_models import Booked, Created
from lambdas.shared.pms.apaleo_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.hotel_file import options_of
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.reservations import arriving, is_as_wished, require_same_fee
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer

_CODE: Final = re.compile(r"([A-Z]{4,16})-?(\d{1,4})", re.ASCII)


def connect(hotel: Hotel, parts: Parts) -> Apaleo:
    """Raises HotelFileError when the hotel's file does not suffice."""
    return Apaleo(hotel, Api.of(hotel, parts), Terms(hotel, options_of(hotel, Options)), now=parts.now)


class Apaleo:
    """The booking system of one hotel on Apaleo."""

    capabilities: Final = frozenset(Capability)

    def __init__(self, hotel: Hotel, api: Api, terms: Terms, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._api = api
        self._terms = terms
        self._now = now

    def describe(self) -> Property:
        """The property, its rooms and services by id, its rates by every code that a file may map."""
        found, rooms = self._api.hotel(), {room.id: room for room in self._api.rooms()}
        return Property(
            title=found.name or found.id,
            currency=found.currency_code,
            timezone=found.time_zone,
            rooms={room.id: room.name or room.id for room in rooms.values()},
            rates={
                code: plan.name or code
                for plan in self._api.rate_plans()
                for code in self._terms.rate_codes(plan, rooms.get(plan.unit_group.id, plan.unit_group))
            },
            extras={service.id: service.name or service.id for service in self._api.services()},
        )

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The mapped rooms and rates that are free for every night and sleep everybody, the cheapest first."""
        return [found.offer for found in self._quotes(stay, room_type)]

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation with our external code, booked at most once under the order's reference.

        What is free at which price is asked once more just before, since the nights' prices go with the booking.
        """
        try:
            found = self._quote(order.offer)
        except (SoldOut, PriceChanged):
            # The order itself may have taken the room, sent by somebody else or before the price changed.
            if booked := self.find(order):
                return booked
            raise
        answer = self._api.book(self._terms.booking(found, order), key=order.reference)
        if not answer.ok:
            return self._booked_before(answer, order)
        (created, *_) = answer.read_as(Created).reservation_ids
        return as_wished(answer, self._settled(answer, created.id), order.offer)

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our external code; of several, the first that stands."""
        found = self._search("a reservation by its reference", externalCode=order.reference)
        # Apaleo's filter finds every code that begins so.
        return first_standing(told for told in found if told.reference == order.reference)

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of an id such as `XPGMSXGF-1`, said with or without the dash."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how Apaleo compares names with accents is not written down.
        """
        begin, end = (
            datetime.combine(day, time.min, self._hotel.zone).isoformat()
            for day in (arrival, arrival + timedelta(days=1))
        )
        found = self._search("the arrivals of a day", **{"dateFilter": "Arrival", "from": begin, "to": end})
        return arriving(found, surname, arrival)

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become: nights that it has already at that rate keep their price."""
        held = still_there(self._by_code(booked.code))
        held.require_changeable()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the nightly prices that were offered."""
        held = existing(self._by_code(code))
        held.require_booked()
        if is_as_wished(held.told, offer):
            return held.told
        held.require_changeable()
        found = self._quote(offer, instead_of=held)
        answer = self._api.amend(held.id, self._terms.amendment(found, held))
        if not answer.ok:
            raise why_refused(not_done(answer), lambda: self._quote(offer, instead_of=held))
        return as_wished(answer, self._settled(answer, held.id), offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """The reservation's own fee once it is due, and nothing before."""
        return self._fee(still_there(self._by_code(booked.code)))

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; Apaleo charges by its policy, so the fee is compared just before."""
        held = existing(self._by_code(code))
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        require_same_fee(self._fee(held), fee)
        answer = self._api.cancel(held.id)
        if not answer.ok:
            raise not_done(answer)
        return as_cancelled(answer, self._settled(answer, held.id))

    def add_note(self, code: str, text: str) -> None:
        """Adds a line to the comment for the staff.

        Apaleo replaces a comment as a whole and has no condition for it, so a clerk who writes one between our
        reading it and writing it loses theirs.
        """
        held = existing(self._by_code(code))
        before = held.booked.comment
        answer = self._api.comment(held.id, f"{before}\n{text}" if before else text, before=before)
        if not answer.ok:
            raise not_done(answer)

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: Held | None = None) -> list[Quote]:
        """What can be had, the cheapest first and each room at each rate once; `instead_of` is the reservation whose
        room is free for it."""
        names = self._terms.names
        codes = [names.mapped_rooms[room] for room in fitting_rooms(self._hotel, stay, room_type)]
        if not codes or not names.mapped_rates:
            return []
        asked = self._terms.question(stay, instead_of)
        offered = self._api.offers(asked, codes, instead_of=instead_of.id if instead_of else None)
        quotes = [
            found
            for one in offered
            if one.room and one.room.id in codes and (found := self._terms.quoted(stay, one)) is not None
        ]
        once: dict[tuple[str, str | None], Quote] = {}
        for found in sorted(quotes, key=lambda found: found.offer.total.cents):
            once.setdefault((found.offer.room_type, found.offer.rate_plan), found)
        return list(once.values())

    def _quote(self, offer: Offer, *, instead_of: Held | None = None) -> Quote:
        """What it takes to book this offer. Raises SoldOut and PriceChanged."""
        return as_offered(self._quotes(offer.stay, offer.room_type, instead_of=instead_of), offer)

    def _search(self, what: str, **asked: str) -> list[Reservation]:
        found = (self._held(booked) for booked in self._api.reservations(what, asked))
        return [held.told for held in found if held]

    def _by_code(self, code: str) -> Held | None:
        """The reservation of an id; None for what is no id of Apaleo's."""
        try:
            said = _CODE.fullmatch(normal_code(code))
        except ValueError:
            return None
        return self._read(f"{said[1]}-{said[2]}") if said else None

    def _read(self, id: str) -> Held | None:
        booked = self._api.reservation(id)
        return self._held(booked) if booked else None

    def _held(self, booked: Booked) -> Held | None:
        with amounts_of("a reservation"):
            told = self._terms.told(booked)
        return Held(booked, told) if told else None

    def _fee(self, held: Held) -> Money:
        with amounts_of("a cancellation policy"):
            return held.fee(self._now())

    def _settled(self, answer: Answer, id: str) -> Reservation:
        """The reservation after a write that was done. Raises InDoubt when it cannot be read."""
        return settled(answer, lambda: self._read(id)).told

    def _booked_before(self, answer: Answer, order: Order) -> Reservation:
        """What an order that Apaleo refuses has led to before; raises why it is refused when that is nothing.

        A key that was used with another body is refused too, and how is not written down.
        """
        try:
            booked = self.find(order)
        except Unreachable as error:
            raise InDoubt("a booking: refused, and perhaps made before", vendor_code=error.vendor_code) from None
        if booked:
            return booked
        raise why_not_booked(not_done(answer), lambda: self._quote(order.offer))
