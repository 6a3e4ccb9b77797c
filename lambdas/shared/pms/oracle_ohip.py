"""Hotels on Oracle OPERA Cloud, reached through the Oracle Hospitality Integration Platform (OHIP).

What is sent and read is in Oracle's documents `par`, `rsv` and `oauth`: https://github.com/oracle/hospitality-api-docs.

A booking carries our reference as external reference of the external system that the hotel's administrator has set up
for us (https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/t_creating_the_external_system.htm)
and is searched by it. No document says that a second booking under one reference is refused, so none is ever sent.

A room is booked at the nightly amounts that were offered, as a fixed rate: what the guest was told is what is charged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from typing import Final

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import normal_code, same_surname
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
from lambdas.shared.pms.credentials import ClientCredentials
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.oracle_ohip_models import Found, id_of
from lambdas.shared.pms.oracle_ohip_requests import Opera, asking, created, not_done
from lambdas.shared.pms.oracle_ohip_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.reservations import arriving, is_as_wished, require_same_fee
from lambdas.shared.pms.system import Capability, Order, Property

_LONGEST_NUMBER: Final = 18
_AHEAD: Final = (60, 30, 120, 200)
"""How many days ahead the nights lie whose rooms and rates describe a hotel; one that is full tells nothing."""


def connect(hotel: Hotel, parts: Parts) -> OracleOhip:
    """Raises HotelFileError when the hotel's file does not suffice."""
    url, hotel_id = hotel.pms.url, property_of(hotel)
    if url is None:
        # Gateways are each tenant's own and listed nowhere.
        raise HotelFileError(
            f"hotels/{hotel.name}/hotel.toml: [pms] url is missing; it is the gateway URL of the hotel's environment"
        )
    if not re.fullmatch(r"[\x21-\x7e]{1,20}", hotel_id):
        raise HotelFileError(
            f'hotels/{hotel.name}/hotel.toml: [pms] property "{hotel_id}" is no hotel code of OPERA, such as "SAND01"'
        )
    auth = ClientCredentials(parts.http(), asking(url, hotel_id, parts.secret_of(hotel)), now=parts.now)
    opera = Opera(parts.line(hotel, url, auth), hotel_id)
    return OracleOhip(hotel, options_of(hotel, Options), opera, now=parts.now)


class OracleOhip:
    """The booking system of one hotel on OPERA Cloud."""

    capabilities: Final = frozenset(Capability) - {Capability.SAFE_REPEAT}

    def __init__(self, hotel: Hotel, options: Options, opera: Opera, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._options = options
        self._opera = opera
        self._now = now
        self._terms = Terms(hotel, options)

    def describe(self) -> Property:
        """The rooms and rates that are sold for one person on some night ahead; OPERA's availability lists no others.

        Further nights are asked for only while one of the mapped rooms and rates has not been seen.
        """
        today, names = self._hotel.day_of(self._now()), self._terms.names
        title, currency, timezone = self._opera.hotel_id, None, None
        rooms: dict[str, str] = {}
        rates: dict[str, str] = {}
        extras: dict[str, str] = {}
        for days in _AHEAD:
            night = today + timedelta(days=days)
            stay = Stay(arrival=night, departure=night + timedelta(days=1))
            for found in self._opera.available(stay, [("roomTypeInfo", "true"), ("ratePlanInfo", "true")]):
                controls = found.hotel_info.property_controls
                title = found.hotel_info.hotel_name or title
                currency = controls.currency_formatting.currency_code or currency
                timezone = controls.date_time_formatting.time_zone_region or timezone
                for room in found.master_info.room_types.room_type:
                    rooms[room.room_type] = room.description or room.room_type
                for plan in found.master_info.rate_plans.rate_plan:
                    rates[plan.rate_plan_code] = plan.description or plan.rate_plan_code
                for offered in (rate for stay_of in found.room_stays for rate in stay_of.room_rates):
                    extras |= {package.package_code: package.package_code for package in offered.packages}
            if rooms.keys() >= {*names.mapped_rooms.values()} and rates.keys() >= {*names.mapped_rates.values()}:
                break
        return Property(title, currency, timezone, rooms, rates, extras)

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The mapped rooms and rates that are free for every night and sleep everybody, the cheapest first."""
        return [found.offer for found in self._quotes(stay, room_type)]

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation with our external reference.

        What is free at which price is asked once more just before, since the nights' amounts go with the booking.
        """
        found = self._quote(order.offer)
        answer = self._opera.create(
            {
                "roomStayReservation": True,
                "reservationStatus": "Reserved",
                "externalReferences": [{"id": order.reference, "idContext": self._options.external_system}],
                "roomStay": self._terms.room_stay(found, self._options.guarantee),
                "reservationGuests": [self._terms.guest(order.guest, order.contact)],
                "reservationPaymentMethods": [{"paymentMethod": self._options.payment_method, "folioView": 1}],
            }
        )
        if not answer.ok:
            raise why_not_booked(not_done(answer), lambda: self._quote(order.offer))
        id = created(answer)
        held = settled(answer, lambda: self._held(id) if id else None)
        return as_wished(answer, held.told, order.offer)

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our external reference; of several, the first that stands."""
        reference, system = order.reference, self._options.external_system
        asked = [("externalReferenceIds", reference), ("externalSystemCodes", system)]
        found = [
            held.told
            for held in self._held_of(self._opera.search("a reservation by its reference", asked))
            if (reference, system) in [(ref.id, ref.id_context) for ref in held.booked.external_references]
        ]
        return first_standing(found)

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of a confirmation number."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how OPERA compares names with accents is not written down.
        """
        day = arrival.isoformat()
        arrivals = self._opera.search("the arrivals of a day", [("arrivalStartDate", day), ("arrivalEndDate", day)])
        likely = (found for found in arrivals if same_surname(found.reservation_guest.surname, surname))
        return arriving((held.told for held in self._held_of(likely)), surname, arrival)

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become; OPERA is told which one is asked for, so that its room counts as free."""
        held = still_there(self._by_code(booked.code))
        held.require_booked()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held.id)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the nightly amounts that were offered."""
        held = existing(self._by_code(code))
        held.require_booked()
        if is_as_wished(held.told, offer):
            return held.told
        stay = self._terms.room_stay(self._quote(offer, instead_of=held.id), held.guarantee)
        answer = self._opera.change("a change", held.id, {"roomStay": stay})
        if not answer.ok:
            raise why_refused(not_done(answer), lambda: self._quote(offer, instead_of=held.id))
        return as_wished(answer, settled(answer, lambda: self._held(held.id)).told, offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """The dearest of the penalties that are in force now; nothing where none is."""
        return self._fee(still_there(self._by_code(booked.code)))

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; OPERA charges by its policy, so the fee is compared just before."""
        held = existing(self._by_code(code))
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        require_same_fee(self._fee(held), fee)
        answer = self._opera.cancel(held.id, self._options.cancellation_reason)
        if not answer.ok:
            raise not_done(answer)
        return as_cancelled(answer, settled(answer, lambda: self._held(held.id)).told)

    def add_note(self, code: str, text: str) -> None:
        """Adds a comment that guests do not see."""
        held = existing(self._by_code(code))
        comment = {"text": {"value": text}, "type": self._options.note_type, "internal": True}
        answer = self._opera.change("a note", held.id, {"comments": [{"comment": comment}]})
        if not answer.ok:
            raise not_done(answer)

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: str | None = None) -> list[Quote]:
        """What can be had, the cheapest first; `instead_of` is the reservation whose room is free for it."""
        names = self._terms.names
        codes = [names.mapped_rooms[room] for room in fitting_rooms(self._hotel, stay, room_type)]
        if not codes or not names.mapped_rates:
            return []
        asked = [("roomType", code) for code in codes]
        asked += [("ratePlanCode", code) for code in names.mapped_rates.values()]
        if instead_of is not None:
            asked += [("hotelReservationId", instead_of), ("hotelReservationIdType", "Reservation")]
        segments = self._opera.available(stay, asked)
        offered = [room for part in segments for found in part.room_stays for room in found.room_rates]
        quotes = [self._terms.quoted(stay, room) for room in offered if room.room_type in codes]
        return sorted(filter(None, quotes), key=lambda found: found.offer.total.cents)

    def _quote(self, offer: Offer, *, instead_of: str | None = None) -> Quote:
        """What it takes to book this offer. Raises SoldOut and PriceChanged."""
        return as_offered(self._quotes(offer.stay, offer.room_type, instead_of=instead_of), offer)

    def _by_code(self, code: str) -> Held | None:
        """The reservation of a confirmation number, which has digits only; None too where several bear it."""
        try:
            digits = re.sub(r"[._/-]", "", normal_code(code))
        except ValueError:
            return None
        if not digits.isdecimal() or len(digits) > _LONGEST_NUMBER:
            return None
        found = self._opera.search("a reservation by its code", [("confirmationNumberList", digits)])
        held = [one for one in self._held_of(found) if one.told.code == digits]
        return held[0] if len(held) == 1 else None

    def _held_of(self, found: Iterable[Found]) -> list[Held]:
        """What was found, whole; without what is no stay of this hotel's."""
        ids = [id for one in found if (id := id_of(one.reservation_id_list, "Reservation"))]
        return list(filter(None, map(self._held, ids)))

    def _held(self, id: str) -> Held | None:
        booked = self._opera.reservation(id)
        with amounts_of("a reservation"):
            told = self._terms.told(booked) if booked else None
        return Held(id, booked, told) if booked and told else None

    def _fee(self, held: Held) -> Money:
        held.require_booked()
        with amounts_of("a cancellation policy"):
            return self._terms.fee(held, self._opera.penalties(held.id), self._now())
