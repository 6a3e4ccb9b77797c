"""Hotels on Apaleo, reached through its core API.

What is sent and read is in its OpenAPI documents, https://api.apaleo.com/swagger/booking-v1/swagger.json and its
neighbours, and in its guides, https://apaleo.dev.

A booking carries our reference twice: as `Idempotency-Key`, under which Apaleo answers the same request the same way
for 24 hours and books once, and as the reservation's `externalCode`, by which it is found at any time. A room is
booked, and a stay changed, at the nightly prices that were offered: what the guest was told is what is charged.

The hotel's app at Apaleo needs the scopes offers.read, reservations.manage and setup.read, and must be let have
personal data (https://apaleo.dev/guides/oauth-connection/register-simple-client-app): without names no reservation
can be told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotFound,
    NotPossible,
    PriceChanged,
    SoldOut,
    Unreachable,
)
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import normal_code, same_surname
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.pms.apaleo_models import (
    Booked,
    Created,
    Listed,
    Offered,
    Offers,
    PropertyAnswer,
    RatePlans,
    Reservations,
    Services,
    UnitGroups,
)
from lambdas.shared.pms.apaleo_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.credentials import ClientCredentials, Secret, TokenRequest, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

API: Final = "https://api.apaleo.com"
IDENTITY: Final = "https://identity.apaleo.com"
"""https://apaleo.dev/guides/oauth-connection/simple-client"""
PAGE: Final = 200
"""The most that a page may have: https://apaleo.dev/guides/api/pagination.html"""
MOST_PAGES: Final = 10
"""Pages of one question: more arrivals a day, or rate plans, has no hotel that we know of."""
_RESERVATIONS: Final = "/booking/v1/reservations"
_CODE: Final = re.compile(r"([A-Z]{4,16})-?(\d{1,4})", re.ASCII)

Row = TypeVar("Row")


class Key(BaseModel):
    """A hotel's secret: its own app at Apaleo."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)


def connect(hotel: Hotel, parts: Parts) -> Apaleo:
    """Tokens come from Apaleo's identity server, or from the address that the hotel's file names.

    Raises HotelFileError when the hotel's file does not suffice.
    """
    asking = _asking(hotel.pms.url or IDENTITY, parts.secret_of(hotel))
    auth = ClientCredentials(parts.http(), asking, now=parts.now)
    return Apaleo(hotel, options_of(hotel, Options), parts.line(hotel, API, auth), now=parts.now)


def _asking(url: str, secret: Secret) -> Callable[[bool], TokenRequest]:
    def ask(fresh: bool) -> TokenRequest:
        key = read_as(secret, Key, fresh=fresh)
        return TokenRequest(
            url=f"{url}/connect/token",
            form={"grant_type": "client_credentials"},
            basic=(key.client_id, key.client_secret),
        )

    return ask


class Apaleo:
    """The booking system of one hotel on Apaleo."""

    capabilities: Final = frozenset(
        {
            Capability.CHANGE_DATES,
            Capability.CHANGE_ROOM,
            Capability.CHANGE_GUESTS,
            Capability.CANCEL,
            Capability.NOTE,
            Capability.SAFE_REPEAT,
        }
    )

    def __init__(self, hotel: Hotel, options: Options, http: VendorHttp, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._http = http
        self._now = now
        self._terms = Terms(hotel, options)
        self._id = property_of(hotel)

    def describe(self) -> Property:
        """The property, its rooms and services by id, its rates by every code that a file may map."""
        answer = self._http.read("the hotel", "GET", f"/inventory/v1/properties/{quote(self._id, safe='')}")
        if not answer.ok:
            raise answer.unexpected()
        found = answer.read_as(PropertyAnswer)
        here = {"propertyId": self._id}
        rooms = list(self._rows("rooms", "/inventory/v1/unit-groups", here, UnitGroups))
        plans = self._rows("rates", "/rateplan/v1/rate-plans", here, RatePlans)
        services = self._rows("extras", "/rateplan/v1/services", here, Services)
        codes = {room.id: room for room in rooms}
        return Property(
            title=found.name or found.id,
            currency=found.currency_code,
            timezone=found.time_zone,
            rooms={room.id: room.name or room.id for room in rooms},
            rates={
                code: plan.name or code
                for plan in plans
                for code in self._terms.rate_codes(plan, codes.get(plan.unit_group.id, plan.unit_group))
            },
            extras={service.id: service.name or service.id for service in services},
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
        answer = self._http.write(
            "a booking",
            "POST",
            "/booking/v1/bookings",
            json=self._terms.booking(found, order),
            headers={"Idempotency-Key": order.reference},
        )
        if not answer.ok:
            return self._booked_before(answer, order)
        (created, *_) = answer.read_as(Created).reservation_ids
        return self._settled(answer, created.id, order.offer)

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our external code; of several, the first that stands."""
        asked = {"propertyIds": self._id, "externalCode": order.reference}
        found = [
            held.told
            for held in self._search("a reservation by its reference", asked)
            # Apaleo's filter finds every code that begins so.
            if held.booked.external_code == order.reference
        ]
        return min(found, key=lambda told: told.state is ReservationState.CANCELLED, default=None)

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of an id such as `XPGMSXGF-1`, said with or without the dash."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how Apaleo compares names with accents is not written down.
        """
        begin = datetime.combine(arrival, time.min, self._hotel.zone)
        asked = {
            "propertyIds": self._id,
            "dateFilter": "Arrival",
            "from": begin.isoformat(),
            "to": datetime.combine(arrival + timedelta(days=1), time.min, self._hotel.zone).isoformat(),
        }
        found = [held.told for held in self._search("the arrivals of a day", asked)]
        return [told for told in found if told.stay.arrival == arrival and same_surname(told.guest.surname, surname)]

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become: nights that it has already at that rate keep their price."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        held.require_changeable()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the nightly prices that were offered."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        held.require_booked()
        if _is_as_wished(held.told, offer):
            return held.told
        held.require_changeable()
        found = self._quote(offer, instead_of=held)
        answer = self._act("a change", held, "amend", json=self._terms.amendment(found, held))
        if not answer.ok:
            raise self._refusal(answer, offer, instead_of=held)
        return self._settled(answer, held.id, offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """The reservation's own fee once it is due, and nothing before."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        return self._fee(held)

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; Apaleo charges by its policy, so the fee is compared just before."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        if self._fee(held) != fee:
            raise PriceChanged("cancelling costs something else by now")
        answer = self._act("a cancellation", held, "cancel")
        if not answer.ok:
            raise _not_done(answer)
        cancelled = self._settled(answer, held.id)
        if cancelled.state is not ReservationState.CANCELLED:
            raise InDoubt("a cancellation: done, and still booked", vendor_code=str(answer.status))
        return cancelled

    def add_note(self, code: str, text: str) -> None:
        """Adds a line to the comment that guests do not see.

        Apaleo replaces a comment as a whole and has no condition for it, so a clerk who writes one between our
        reading it and writing it loses theirs.
        """
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        before = held.booked.comment
        comment = f"{before}\n{text}" if before else text
        patch = [{"op": "replace" if before else "add", "path": "/comment", "value": comment}]
        answer = self._http.write("a note", "PATCH", _path(held.id), json=patch)
        if not answer.ok:
            raise _not_done(answer)

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: Held | None = None) -> list[Quote]:
        """What can be had, the cheapest first and each room at each rate once; `instead_of` is the reservation whose
        room is free for it."""
        codes = [
            code
            for name, code in self._terms.names.mapped_rooms.items()
            if room_type in (None, name) and self._hotel.rooms[name].sleeps >= stay.guests
        ]
        if not codes or not self._terms.names.mapped_rates:
            return []
        offered = self._offered(stay, codes, instead_of)
        quotes = [
            found
            for one in offered
            if one.room and one.room.id in codes and (found := self._terms.quoted(stay, one)) is not None
        ]
        once: dict[tuple[str, str | None], Quote] = {}
        for found in sorted(quotes, key=lambda found: found.offer.total.cents):
            once.setdefault((found.offer.room_type, found.offer.rate_plan), found)
        return list(once.values())

    def _offered(self, stay: Stay, codes: list[str], instead_of: Held | None) -> tuple[Offered, ...]:
        asked = self._terms.question(stay, instead_of)
        if instead_of is None:
            path, asked = "/booking/v1/offers", {"propertyId": self._id, **asked}
        else:
            path, asked = f"{_path(instead_of.id)}/offers", {**asked, "requote": "false"}
        answer = self._http.read("free rooms", "GET", path, params={**asked, "unitGroupIds": ",".join(codes)})
        if answer.status == 422:
            # A room that the file maps and Apaleo lacks must not hide the others.
            answer = self._http.read("free rooms", "GET", path, params=asked)
        if answer.status == 204:
            return ()
        if not answer.ok:
            raise answer.unexpected()
        return answer.read_as(Offers).offers

    def _quote(self, offer: Offer, *, instead_of: Held | None = None) -> Quote:
        """What it takes to book this offer. Raises SoldOut and PriceChanged."""
        quotes = self._quotes(offer.stay, offer.room_type, instead_of=instead_of)
        found = next((quoted for quoted in quotes if quoted.offer.is_for(offer)), None)
        if found is None:
            raise SoldOut(f"no {offer.room} is left at that rate")
        if (found.offer.total, found.offer.city_tax) != (offer.total, offer.city_tax):
            raise PriceChanged(f"the {offer.room} costs something else by now")
        return found

    def _act(self, what: str, held: Held, action: str, **request: Any) -> Answer:
        path = f"/booking/v1/reservation-actions/{quote(held.id, safe='')}/{action}"
        return self._http.write(what, "PUT", path, **request)

    def _rows(self, what: str, path: str, asked: Mapping[str, str], model: type[Listed[Row]]) -> Iterator[Row]:
        """A list, page after page; beyond the last there is none (204)."""
        seen = 0
        for number in range(1, MOST_PAGES + 1):
            params = {**asked, "pageNumber": str(number), "pageSize": str(PAGE)}
            answer = self._http.read(what, "GET", path, params=params)
            if answer.status == 204:
                return
            if not answer.ok:
                raise answer.unexpected()
            page = answer.read_as(model)
            yield from page.rows
            seen += len(page.rows)
            if seen >= page.count or not page.rows:
                return
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")

    def _search(self, what: str, asked: Mapping[str, str]) -> list[Held]:
        """The reservations that a filter finds, in the order in which they were made: no page shifts while others
        are booked."""
        asked = {**asked, "expand": "booker", "sort": "created:asc"}
        rows = self._rows(what, _RESERVATIONS, asked, Reservations)
        return [held for booked in rows if (held := self._held(booked, what))]

    def _by_code(self, code: str) -> Held | None:
        """The reservation of an id; None for what is no id of Apaleo's."""
        try:
            said = _CODE.fullmatch(normal_code(code))
        except ValueError:
            return None
        return self._read(f"{said[1]}-{said[2]}") if said else None

    def _read(self, id: str) -> Held | None:
        answer = self._http.read("a reservation", "GET", _path(id), params={"expand": "booker,services,actions"})
        if answer.status == 404:
            return None
        if not answer.ok:
            raise answer.unexpected()
        booked = answer.read_as(Booked)
        return self._held(booked, answer.what) if booked.id == id else None

    def _held(self, booked: Booked, what: str) -> Held | None:
        try:
            told = self._terms.told(booked)
        except ValueError:
            raise Unreachable(f"{what}: an amount that cannot be", vendor_code="amount") from None
        return Held(booked, told) if told else None

    def _fee(self, held: Held) -> Money:
        try:
            return held.fee(self._now())
        except ValueError:
            raise Unreachable("a cancellation policy: an amount that cannot be", vendor_code="amount") from None

    def _settled(self, answer: Answer, id: str, wished: Offer | None = None) -> Reservation:
        """The reservation after a write that was done. Raises InDoubt when it cannot be read or is not as wished."""
        try:
            held = self._read(id)
        except Unreachable as error:
            raise InDoubt(f"{answer.what}: done, and not readable", vendor_code=error.vendor_code) from None
        if held is None:
            raise InDoubt(f"{answer.what}: done, and not found again", vendor_code=str(answer.status))
        if wished and not _is_as_wished(held.told, wished):
            raise InDoubt(f"{answer.what}: done, and not as wished", vendor_code=str(answer.status))
        return held.told

    def _booked_before(self, answer: Answer, order: Order) -> Reservation:
        """What an order that Apaleo refuses has led to before; raises why it is refused when that is nothing.

        A key that was used with another body is refused too, and how is not written down.
        """
        try:
            booked = self.find(order)
        except Unreachable as error:
            raise InDoubt(
                "a booking: refused, and it may have been made before", vendor_code=error.vendor_code
            ) from None
        if booked is None:
            raise self._refusal(answer, order.offer)
        return booked

    def _refusal(self, answer: Answer, offer: Offer, *, instead_of: Held | None = None) -> BellhopError:
        """Why a booking or change was refused: Apaleo says so in prose, so what is free is asked again."""
        refusal = _not_done(answer)
        if isinstance(refusal, NotFound) and instead_of is None:
            refusal = NotPossible("the rate plan is gone", vendor_code=refusal.vendor_code)
        if isinstance(refusal, NotPossible):
            try:
                self._quote(offer, instead_of=instead_of)
            except (SoldOut, PriceChanged) as found:
                found.vendor_code = refusal.vendor_code
                return found
            except Unreachable:
                return refusal
        return refusal


def _path(id: str) -> str:
    return f"{_RESERVATIONS}/{quote(id, safe='')}"


def _is_as_wished(told: Reservation, wished: Offer) -> bool:
    return told.offer.is_for(wished) and told.total == wished.total


def _not_done(answer: Answer) -> BellhopError:
    """The error for a write that Apaleo answered with a status other than success: it has changed nothing."""
    code = str(answer.status)
    if answer.status == 404:
        return NotFound("the hotel's booking system does not have it", vendor_code=code)
    if answer.status in (400, 422):
        return NotPossible("the hotel's booking system does not allow it", vendor_code=code)
    return answer.unexpected()
