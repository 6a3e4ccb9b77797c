"""Hotels on Oracle OPERA Cloud, reached through the Oracle Hospitality Integration Platform (OHIP).

What is sent and read is in Oracle's documents `par`, `rsv` and `oauth`: https://github.com/oracle/hospitality-api-docs.

A booking carries our reference as external reference of the external system that the hotel's administrator has set up
for us (https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/t_creating_the_external_system.htm)
and is searched by it. No document says that a second booking under one reference is refused, so none is ever sent.

A room is booked at the nightly amounts that were offered, as a fixed rate: what the guest was told is what is charged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import (
    BellhopError,
    HotelFileError,
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
from lambdas.shared.pms.credentials import ClientCredentials, Secret, TokenRequest, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.oracle_ohip_models import (
    Availability,
    Created,
    Policies,
    Reservations,
    Search,
    Segment,
    fault_code,
    id_of,
)
from lambdas.shared.pms.oracle_ohip_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

PAGE: Final = 200
MOST_PAGES: Final = 10
"""Pages of one question: more arrivals a day, or rates for a stay, has no hotel that we know of."""
_LONGEST_NUMBER: Final = 18
_IN_ADDRESS: Final = re.compile(r"/reservations/([^/]+)$")
_AHEAD: Final = (60, 30, 120, 200)
"""How many days ahead the nights lie whose rooms and rates describe a hotel; one that is full tells nothing."""


class Key(BaseModel):
    """A hotel's secret, as the developer portal shows its environment and our application."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)
    scope: str = Field(min_length=1)
    enterprise_id: str = Field(pattern=r"^[A-Z0-9]{1,8}$")
    app_key: str = Field(pattern=r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89aAbB][a-f0-9]{3}-[a-f0-9]{12}$")


def connect(hotel: Hotel, parts: Parts) -> OracleOhip:
    """Raises HotelFileError when the hotel's file does not suffice."""
    if hotel.pms.url is None:
        # Gateways are each tenant's own and listed nowhere.
        raise HotelFileError(
            f"hotels/{hotel.name}/hotel.toml: [pms] url is missing; it is the gateway URL of the hotel's environment"
        )
    hotel_id = property_of(hotel)
    if not re.fullmatch(r"[\x21-\x7e]{1,20}", hotel_id):
        raise HotelFileError(
            f'hotels/{hotel.name}/hotel.toml: [pms] property "{hotel_id}" is no hotel code of OPERA, such as "SAND01"'
        )
    auth = ClientCredentials(parts.http(), _asking(hotel.pms.url, hotel_id, parts.secret_of(hotel)), now=parts.now)
    return OracleOhip(hotel, options_of(hotel, Options), parts.line(hotel, hotel.pms.url, auth), now=parts.now)


def _asking(url: str, hotel_id: str, secret: Secret) -> Callable[[bool], TokenRequest]:
    def ask(fresh: bool) -> TokenRequest:
        key = read_as(secret, Key, fresh=fresh)
        return TokenRequest(
            url=f"{url}/oauth/v1/tokens",
            form={"grant_type": "client_credentials", "scope": key.scope},
            basic=(key.client_id, key.client_secret),
            headers={"x-app-key": key.app_key, "enterpriseId": key.enterprise_id},
            carried={"x-app-key": key.app_key, "x-hotelid": hotel_id},
        )

    return ask


class OracleOhip:
    """The booking system of one hotel on OPERA Cloud."""

    capabilities: Final = frozenset(
        {
            Capability.CHANGE_DATES,
            Capability.CHANGE_ROOM,
            Capability.CHANGE_GUESTS,
            Capability.CANCEL,
            Capability.NOTE,
        }
    )

    def __init__(self, hotel: Hotel, options: Options, http: VendorHttp, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._options = options
        self._http = http
        self._now = now
        self._terms = Terms(hotel, options)
        self._id = property_of(hotel)
        self._availability = f"/par/v1/hotels/{quote(self._id, safe='')}/availability"
        self._reservations = f"/rsv/v1/hotels/{quote(self._id, safe='')}/reservations"

    def describe(self) -> Property:
        """The rooms and rates that are sold for one person on some night ahead; OPERA's availability lists no others.

        Further nights are asked for only while one of the mapped rooms and rates has not been seen.
        """
        today = self._hotel.day_of(self._now())
        title, currency, timezone = self._id, None, None
        rooms: dict[str, str] = {}
        rates: dict[str, str] = {}
        extras: dict[str, str] = {}
        for days in _AHEAD:
            night = today + timedelta(days=days)
            asked = self._question(Stay(arrival=night, departure=night + timedelta(days=1)))
            for found in self._segments([*asked, ("roomTypeInfo", "true"), ("ratePlanInfo", "true")]):
                controls = found.hotel_info.property_controls
                title = found.hotel_info.hotel_name or title
                currency = controls.currency_formatting.currency_code or currency
                timezone = controls.date_time_formatting.time_zone_region or timezone
                for room in found.master_info.room_types.room_type:
                    rooms[room.room_type] = room.description or room.room_type
                for plan in found.master_info.rate_plans.rate_plan:
                    rates[plan.rate_plan_code] = plan.description or plan.rate_plan_code
                for offered in (rate for stay in found.room_stays for rate in stay.room_rates):
                    extras |= {package.package_code: package.package_code for package in offered.packages}
            names = self._terms.names
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
        booking = {
            "hotelId": self._id,
            "roomStayReservation": True,
            "reservationStatus": "Reserved",
            "externalReferences": [{"id": order.reference, "idContext": self._options.external_system}],
            "roomStay": self._terms.room_stay(found, self._options.guarantee),
            "reservationGuests": [self._terms.guest(order.guest, order.contact)],
            "reservationPaymentMethods": [{"paymentMethod": self._options.payment_method, "folioView": 1}],
        }
        body = {"reservations": {"reservation": [booking]}}
        answer = self._http.write("a booking", "POST", self._reservations, json=body)
        if not answer.ok:
            raise self._refusal(answer, order.offer)
        return self._as_offered(answer, _created(answer), order.offer)

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our external reference; of several, the first that stands."""
        asked = [("externalReferenceIds", order.reference), ("externalSystemCodes", self._options.external_system)]
        reference = (order.reference, self._options.external_system)
        found = [
            held.told
            for held in map(self._held, self._search("a reservation by its reference", asked))
            if held and reference in [(ref.id, ref.id_context) for ref in held.booked.external_references]
        ]
        return min(found, key=lambda told: told.state is ReservationState.CANCELLED, default=None)

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of a confirmation number."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how OPERA compares names with accents is not written down.
        """
        day = arrival.isoformat()
        asked = [("arrivalStartDate", day), ("arrivalEndDate", day)]
        ids = self._search("the arrivals of a day", asked, surname=surname)
        found = [held.told for held in map(self._held, ids) if held]
        return [told for told in found if told.stay.arrival == arrival and same_surname(told.guest.surname, surname)]

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become; OPERA is told which one is asked for, so that its room counts as free."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        held.require_booked()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held.id)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the nightly amounts that were offered."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        held.require_booked()
        if held.told.offer.is_for(offer) and held.told.total == offer.total:
            return held.told
        found = self._quote(offer, instead_of=held.id)
        answer = self._put("a change", held.id, {"roomStay": self._terms.room_stay(found, held.guarantee)})
        if not answer.ok:
            raise self._refusal(answer, offer, instead_of=held.id)
        return self._as_offered(answer, held.id, offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """The dearest of the penalties that are in force now; nothing where none is."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        return self._fee(held)

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; OPERA charges by its policy, so the fee is compared just before."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        if self._fee(held) != fee:
            raise PriceChanged("cancelling costs something else by now")
        which = {"hotelId": self._id, "reservationIdList": [{"id": held.id, "type": "Reservation"}]}
        # Without a description the reason counts as missing.
        reason = {"code": self._options.cancellation_reason, "description": "Cancelled by the guest by phone"}
        answer = self._http.write(
            "a cancellation",
            "POST",
            f"{self._reservations}/{quote(held.id, safe='')}/cancellations",
            json={"reason": reason, "reservations": [which]},
        )
        if not answer.ok:
            raise _not_done(answer)
        cancelled = self._settled(answer, held.id).told
        if cancelled.state is not ReservationState.CANCELLED:
            raise InDoubt("a cancellation: done, and still booked", vendor_code=str(answer.status))
        return cancelled

    def add_note(self, code: str, text: str) -> None:
        """Adds a comment that guests do not see."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        comment = {"text": {"value": text}, "type": self._options.note_type, "internal": True}
        answer = self._put("a note", held.id, {"comments": [{"comment": comment}]})
        if not answer.ok:
            raise _not_done(answer)

    def _question(self, stay: Stay) -> list[tuple[str, str]]:
        return [
            ("roomStayStartDate", stay.arrival.isoformat()),
            ("roomStayEndDate", stay.departure.isoformat()),
            ("roomStayQuantity", "1"),
            ("adults", str(stay.adults)),
            ("children", str(stay.children)),
            ("limit", str(PAGE)),
        ]

    def _segments(self, asked: Sequence[tuple[str, str]]) -> Iterator[Segment]:
        """The answer's parts, page after page."""
        key: str | None = None
        for _ in range(MOST_PAGES):
            page = [("pagePointerKey", key)] if key else []
            answer = self._http.read("free rooms", "GET", self._availability, params=[*asked, *page])
            if answer.status == 204:
                return
            if not answer.ok:
                raise answer.unexpected(fault_code(answer.body, answer.status))
            found = answer.read_as(Availability).hotel_availability
            yield from found
            key = next((part.paging_key for part in found if part.has_more and part.paging_key), None)
            if key is None:
                return
        raise Unreachable("free rooms: more pages than a hotel can have", vendor_code="pages")

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: str | None = None) -> list[Quote]:
        """What can be had, the cheapest first; `instead_of` is the reservation whose room is free for it."""
        codes = [
            code
            for name, code in self._terms.names.mapped_rooms.items()
            if room_type in (None, name) and self._hotel.rooms[name].sleeps >= stay.guests
        ]
        if not codes or not self._terms.names.mapped_rates:
            return []
        asked = [
            *self._question(stay),
            *(("roomType", code) for code in codes),
            *(("ratePlanCode", code) for code in self._terms.names.mapped_rates.values()),
        ]
        if instead_of is not None:
            asked += [("hotelReservationId", instead_of), ("hotelReservationIdType", "Reservation")]
        offered = [room for part in self._segments(asked) for found in part.room_stays for room in found.room_rates]
        quotes = [
            found
            for room in offered
            if room.room_type in codes and (found := self._terms.quoted(stay, room)) is not None
        ]
        return sorted(quotes, key=lambda found: found.offer.total.cents)

    def _quote(self, offer: Offer, *, instead_of: str | None = None) -> Quote:
        """What it takes to book this offer. Raises SoldOut and PriceChanged."""
        quotes = self._quotes(offer.stay, offer.room_type, instead_of=instead_of)
        found = next((quoted for quoted in quotes if quoted.offer.is_for(offer)), None)
        if found is None:
            raise SoldOut(f"no {offer.room} is left at that rate")
        if (found.offer.total, found.offer.city_tax) != (offer.total, offer.city_tax):
            raise PriceChanged(f"the {offer.room} costs something else by now")
        return found

    def _put(self, what: str, id: str, changed: Mapping[str, Any]) -> Answer:
        """Changes what is named of a reservation and leaves the rest."""
        reservation = {"reservationIdList": [{"id": id, "type": "Reservation"}], "hotelId": self._id, **changed}
        path = f"{self._reservations}/{quote(id, safe='')}"
        return self._http.write(what, "PUT", path, json={"reservations": [reservation]})

    def _search(self, what: str, asked: Sequence[tuple[str, str]], *, surname: str | None = None) -> list[str]:
        """The ids of the reservations that a search finds, cancelled or not, those of that surname if one is given."""
        ids: list[str] = []
        offset = 0
        for _ in range(MOST_PAGES):
            params = [*asked, ("limit", str(PAGE)), ("offset", str(offset))]
            answer = self._http.read(what, "GET", self._reservations, params=params)
            if answer.status in (204, 404):
                return ids
            if not answer.ok:
                raise answer.unexpected(fault_code(answer.body, answer.status))
            page = answer.read_as(Search).reservations
            ids += [
                id
                for found in page.reservation_info
                if surname is None or same_surname(found.reservation_guest.surname, surname)
                if (id := id_of(found.reservation_id_list, "Reservation"))
            ]
            offset += len(page.reservation_info)
            if not page.has_more or not page.reservation_info:
                return ids
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")

    def _by_code(self, code: str) -> Held | None:
        """The reservation of a confirmation number, which has digits only; None too where several bear it."""
        try:
            digits = re.sub(r"[._/-]", "", normal_code(code))
        except ValueError:
            return None
        if not digits.isdecimal() or len(digits) > _LONGEST_NUMBER:
            return None
        ids = self._search("a reservation by its code", [("confirmationNumberList", digits)])
        held = [found for found in map(self._held, ids) if found and found.told.code == digits]
        return held[0] if len(held) == 1 else None

    def _held(self, id: str) -> Held | None:
        """The reservation of OPERA's own key, if it is this hotel's and a stay."""
        params = [("fetchInstructions", "Reservation"), ("fetchInstructions", "TotalCostOfStay")]
        answer = self._http.read("a reservation", "GET", f"{self._reservations}/{quote(id, safe='')}", params=params)
        if answer.status in (204, 404):
            return None
        if not answer.ok:
            raise answer.unexpected(fault_code(answer.body, answer.status))
        for booked in answer.read_as(Reservations).reservations.reservation:
            if booked.hotel_id in ("", self._id) and id_of(booked.reservation_id_list, "Reservation") == id:
                try:
                    told = self._terms.told(booked)
                except ValueError:
                    raise answer.unexpected() from None
                return Held(id, booked, told) if told else None
        return None

    def _fee(self, held: Held) -> Money:
        held.require_booked()
        path = f"{self._reservations}/{quote(held.id, safe='')}/policies"
        params = {"fetchCancellationPolicies": "true"}
        answer = self._http.read("a cancellation policy", "GET", path, params=params)
        if answer.status == 204:
            return Money(cents=0, currency=held.told.total.currency)
        if not answer.ok:
            raise answer.unexpected(fault_code(answer.body, answer.status))
        policies = answer.read_as(Policies).cancellation_policies
        try:
            return self._terms.fee(held, [found.policy for found in policies], self._now())
        except ValueError:
            raise answer.unexpected() from None

    def _settled(self, answer: Answer, id: str | None) -> Held:
        """The reservation after a write that was done. Raises InDoubt when it cannot be read again."""
        try:
            held = self._held(id) if id else None
        except Unreachable as error:
            raise InDoubt(f"{answer.what}: done, and not readable", vendor_code=error.vendor_code) from None
        if held is None:
            raise InDoubt(f"{answer.what}: done, and not found again", vendor_code=str(answer.status))
        return held

    def _as_offered(self, answer: Answer, id: str | None, offer: Offer) -> Reservation:
        """The reservation after a write, which is what the guest was told. Raises InDoubt where it is not."""
        told = self._settled(answer, id).told
        if not told.offer.is_for(offer) or told.total != offer.total:
            raise InDoubt(f"{answer.what}: done, and not as offered", vendor_code=str(answer.status))
        return told

    def _refusal(self, answer: Answer, offer: Offer, *, instead_of: str | None = None) -> BellhopError:
        """Why a booking or change was refused: OPERA's codes are not public, so what is free is asked again."""
        refusal = _not_done(answer)
        if isinstance(refusal, NotPossible):
            try:
                self._quote(offer, instead_of=instead_of)
            except (SoldOut, PriceChanged) as found:
                found.vendor_code = refusal.vendor_code
                return found
            except Unreachable:
                return refusal
        return refusal


def _created(answer: Answer) -> str | None:
    """The id of a new reservation."""
    found = _IN_ADDRESS.search(urlsplit(answer.headers.get("location", "")).path)
    if found is None:
        paths = (urlsplit(link.href).path for link in answer.read_as(Created).links)
        found = next(filter(None, map(_IN_ADDRESS.search, paths)), None)
    return found[1] if found else None


def _not_done(answer: Answer) -> BellhopError:
    """The error for a write that OPERA answered with a status other than success: it has changed nothing."""
    code = fault_code(answer.body, answer.status)
    if answer.status == 404:
        return NotFound("no such reservation", vendor_code=code)
    if answer.status == 400:
        return NotPossible("the hotel's booking system does not allow it", vendor_code=code)
    return answer.unexpected(code)
