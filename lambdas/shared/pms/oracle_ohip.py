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
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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
from lambdas.shared.domain.stay import (
    Contact,
    Guest,
    Offer,
    Reservation,
    ReservationState,
    RoomType,
    Stay,
)
from lambdas.shared.guest import e164
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.credentials import ClientCredentials, Secret, TokenRequest, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.names import Names
from lambdas.shared.pms.oracle_ohip_models import (
    STATES,
    Amount,
    Availability,
    Booked,
    BookedGuest,
    Created,
    Penalty,
    Policies,
    Price,
    Reservations,
    RoomRate,
    Search,
    Segment,
    fault_code,
    id_of,
    nightly,
    price_of,
    share,
    summed,
)
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

PAGE: Final = 200
MOST_PAGES: Final = 10
"""Pages of one question: more arrivals a day, or rates for a stay, has no hotel that we know of."""
_LONGEST_NAME: Final = 40
_IN_ADDRESS: Final = re.compile(r"/reservations/([^/]+)$")
_AHEAD: Final = timedelta(days=60)
"""How far ahead the night lies at whose rooms and rates a hotel is described."""

logger = open_logger("pms")


class Options(BaseModel):
    """`[pms.options]`: what the hotel's OPERA calls what every booking needs. All are codes of the hotel's lists.

    `external_system` is ours. `city_tax` is the tax that is paid at the hotel, told apart from the price. Market and
    source come from the rate unless they are given here.
    """

    model_config = ConfigDict(frozen=True)

    external_system: str = Field(max_length=20)
    guarantee: str = Field(max_length=20)
    payment_method: str = Field(max_length=20)
    cancellation_reason: str = Field(max_length=20)
    note_type: str = Field(default="GEN", max_length=20)
    email_type: str = Field(default="EMAIL", max_length=20)
    phone_type: str = Field(default="MOBILE", max_length=20)
    market: str | None = Field(default=None, max_length=20)
    source: str | None = Field(default=None, max_length=20)
    city_tax: str | None = Field(default=None, max_length=20)


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
    auth = ClientCredentials(
        parts.http(), _asking(hotel.pms.url, property_of(hotel), parts.secret_of(hotel)), now=parts.now
    )
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


@dataclass(frozen=True)
class _Quote:
    """An offer and what it takes to book it."""

    offer: Offer
    room: RoomRate
    nights: tuple[Amount, ...]


@dataclass(frozen=True)
class _Held:
    """A reservation of the hotel's, in its words and in ours."""

    id: str
    booked: Booked
    told: Reservation


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
        self._names = Names(hotel)
        self._id = property_of(hotel)
        self._availability = f"/par/v1/hotels/{quote(self._id, safe='')}/availability"
        self._reservations = f"/rsv/v1/hotels/{quote(self._id, safe='')}/reservations"

    def describe(self) -> Property:
        """The rooms and rates that are sold for one person on a night two months from now; OPERA lists no others."""
        night = self._hotel.day_of(self._now()) + _AHEAD
        asked = {"roomTypeInfo": "true", "ratePlanInfo": "true"}
        stay = Stay(arrival=night, departure=night + timedelta(days=1))
        segments = list(self._segments([*self._question(stay), *asked.items()]))
        rooms = {
            room.room_type: room.description for found in segments for room in found.master_info.room_types.room_type
        }
        plans = [plan for found in segments for plan in found.master_info.rate_plans.rate_plan]
        extras = {
            package.package_code: package.package_code
            for found in segments
            for offered in found.room_stays
            for room in offered.room_rates
            for package in room.packages
            if package.package_code
        }
        controls = [found.hotel_info.property_controls for found in segments]
        return Property(
            title=next((found.hotel_info.hotel_name for found in segments if found.hotel_info.hotel_name), self._id),
            currency=next(filter(None, (found.currency_formatting.currency_code for found in controls)), None),
            timezone=next(filter(None, (found.date_time_formatting.time_zone_region for found in controls)), None),
            rooms={code: title or code for code, title in rooms.items() if code},
            rates={
                plan.rate_plan_code: plan.description or plan.rate_plan_code for plan in plans if plan.rate_plan_code
            },
            extras=extras,
        )

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
            "roomStay": {**self._stay(found), "guarantee": {"guaranteeCode": self._options.guarantee}},
            "reservationGuests": [self._guest(order.guest, order.contact)],
            "reservationPaymentMethods": [{"paymentMethod": self._options.payment_method, "folioView": 1}],
        }
        body = {"reservations": {"reservation": [booking]}}
        answer = self._http.write("a booking", "POST", self._reservations, json=body)
        if not answer.ok:
            raise self._refusal(answer, order.offer)
        booked = self._settled(answer, _created(answer)).told
        if booked.total != order.offer.total:
            logger.warning("booked at another total", reference=order.reference)
        return booked

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
        _require_booked(held)
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held.id)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the nightly amounts that were offered."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        _require_booked(held)
        if held.told.offer.is_for(offer) and held.told.total == offer.total:
            return held.told
        found = self._quote(offer, instead_of=held.id)
        answer = self._put("a change", held.id, {"roomStay": self._stay(found)})
        if not answer.ok:
            raise self._refusal(answer, offer, instead_of=held.id)
        changed = self._settled(answer, held.id).told
        if not changed.offer.is_for(offer):
            raise InDoubt("a change: done, and not as wished", vendor_code=str(answer.status))
        return changed

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

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: str | None = None) -> list[_Quote]:
        """What can be had, the cheapest first; `instead_of` is the reservation whose room is free for it."""
        codes = [
            code
            for name, code in self._names.mapped_rooms.items()
            if room_type in (None, name) and self._hotel.rooms[name].sleeps >= stay.guests
        ]
        if not codes or not self._names.mapped_rates:
            return []
        asked = [
            *self._question(stay),
            *(("roomType", code) for code in codes),
            *(("ratePlanCode", code) for code in self._names.mapped_rates.values()),
        ]
        if instead_of is not None:
            asked += [("hotelReservationId", instead_of), ("hotelReservationIdType", "Reservation")]
        offered = [room for part in self._segments(asked) for found in part.room_stays for room in found.room_rates]
        quotes = [
            found
            for room in offered
            if room.room_type in codes and _is_free(room) and (found := self._quoted(stay, room)) is not None
        ]
        return sorted(quotes, key=lambda found: found.offer.total.cents)

    def _quoted(self, stay: Stay, room: RoomRate) -> _Quote | None:
        """The offer of a room at a rate; None, with a line in the log, where it cannot be told truly."""
        room_type, plan = self._names.room_type(room.room_type), self._names.rate_plan(room.rate_plan_code)
        if room_type is None or plan is None:
            return None
        nights = nightly(room.rates.rate, stay.evenings)
        currency = room.total.currency_code or next(
            (rate.base.currency_code for rate in room.rates.rate if rate.base.currency_code), ""
        )
        try:
            price = self._price(room, nights or (), currency)
        except ValueError:
            price = None
        # A total that is not its nights' sum would be booked at another price than was told.
        if nights is None or price is None or price.total.currency != self._hotel.currency:
            logger.warning("offer left out", room=room.room_type, rate=room.rate_plan_code, currency=currency)
            return None
        offer = Offer(
            stay=stay,
            room_type=room_type,
            room=self._names.room_title(room_type),
            total=price.total,
            rate_plan=plan,
            rate=self._names.rate_title(plan),
            taxes=price.taxes,
            city_tax=price.city_tax,
            includes=self._names.extras(package.package_code for package in room.packages if package.included_in_rate),
        )
        return _Quote(offer, room, nights)

    def _price(self, room: RoomRate, nights: tuple[Amount, ...], currency: str) -> Price | None:
        """What the stay costs with tax; None where OPERA tells neither that nor that the rate has the tax in it."""
        told = summed(nights, currency)
        inside = str(Decimal(told.cents) / 100) if room.tax_included else None
        price = price_of(room.total, gross=inside, currency=currency, city_tax_code=self._options.city_tax)
        if price is None:
            return None
        sums = [price.total, price.total + price.city_tax if price.city_tax else price.total]
        if room.total.amount_before_tax is not None:
            sums.append(money(room.total.amount_before_tax, currency))
        return price if told in sums else None

    def _quote(self, offer: Offer, *, instead_of: str | None = None) -> _Quote:
        """What it takes to book this offer. Raises SoldOut and PriceChanged."""
        quotes = self._quotes(offer.stay, offer.room_type, instead_of=instead_of)
        found = next((quoted for quoted in quotes if quoted.offer.is_for(offer)), None)
        if found is None:
            raise SoldOut(f"no {offer.room} is left at that rate")
        if (found.offer.total, found.offer.city_tax) != (offer.total, offer.city_tax):
            raise PriceChanged(f"the {offer.room} costs something else by now")
        return found

    def _stay(self, found: _Quote) -> dict[str, Any]:
        """A `roomStay` at exactly what was quoted."""
        stay, room = found.offer.stay, found.room
        currency = found.offer.total.currency
        guests = {"adults": stay.adults, "children": stay.children}
        rates = [
            {
                "base": {"amountBeforeTax": float(amount), "currencyCode": currency},
                "start": evening.isoformat(),
                "end": evening.isoformat(),
            }
            for evening, amount in zip(stay.evenings, found.nights, strict=True)
        ]
        rate = {
            "roomType": room.room_type,
            "roomTypeCharged": room.room_type,
            "ratePlanCode": room.rate_plan_code,
            "marketCode": self._options.market or room.market_code,
            "sourceCode": self._options.source or room.source_code,
            "start": stay.arrival.isoformat(),
            "end": stay.evenings[-1].isoformat(),
            "numberOfUnits": 1,
            "guestCounts": guests,
            "fixedRate": True,
            "rates": {"rate": rates},
        }
        return {
            "arrivalDate": stay.arrival.isoformat(),
            "departureDate": stay.departure.isoformat(),
            "guestCounts": guests,
            "roomRates": [{name: value for name, value in rate.items() if value is not None}],
        }

    def _guest(self, guest: Guest, contact: Contact) -> dict[str, Any]:
        """The profile that comes with the booking. Raises NotPossible for a name that OPERA would not hold whole."""
        if max(len(guest.surname), len(guest.first_names)) > _LONGEST_NAME:
            raise NotPossible(f"the hotel's system takes names of up to {_LONGEST_NAME} letters", vendor_code="name")
        name = {"surname": guest.surname, "nameType": "Primary"}
        if guest.first_names:
            name["givenName"] = guest.first_names
        profile: dict[str, Any] = {"profileType": "Guest", "customer": {"personName": [name]}}
        if contact.email:
            email = {"emailAddress": contact.email, "type": self._options.email_type, "primaryInd": True}
            profile["emails"] = {"emailInfo": [{"email": email}]}
        if contact.phone:
            phone = {"phoneNumber": contact.phone, "phoneUseType": self._options.phone_type, "primaryInd": True}
            profile["telephones"] = {"telephoneInfo": [{"telephone": phone}]}
        return {"profileInfo": {"profile": profile}, "primary": True}

    def _put(self, what: str, id: str, changed: Mapping[str, Any]) -> Answer:
        """Changes what is named of a reservation and leaves the rest."""
        reservation = {"reservationIdList": [{"id": id, "type": "Reservation"}], "hotelId": self._id, **changed}
        path = f"{self._reservations}/{quote(id, safe='')}"
        return self._http.write(what, "PUT", path, json={"reservations": [reservation]})

    def _search(self, what: str, asked: Sequence[tuple[str, str]], *, surname: str | None = None) -> list[str]:
        """The ids of the reservations that a search finds, those of that surname if one is given."""
        ids: list[str] = []
        offset = 0
        for _ in range(MOST_PAGES):
            params = [*asked, ("searchType", "Any"), ("limit", str(PAGE)), ("offset", str(offset))]
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

    def _by_code(self, code: str) -> _Held | None:
        """The reservation of a confirmation number, which has digits only; None too where several bear it."""
        try:
            digits = re.sub(r"[._/-]", "", normal_code(code))
        except ValueError:
            return None
        if not digits.isdecimal():
            return None
        ids = self._search("a reservation by its code", [("confirmationNumberList", digits)])
        held = [found for found in map(self._held, ids) if found and found.told.code == digits]
        return held[0] if len(held) == 1 else None

    def _held(self, id: str) -> _Held | None:
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
                    told = self._told(booked)
                except ValueError:
                    raise answer.unexpected() from None
                return _Held(id, booked, told) if told else None
        return None

    def _told(self, booked: Booked) -> Reservation | None:
        """A reservation in our words; None for what is no stay, lacks its number, room, guest or price, or is longer
        or for more people than is dealt with by phone. Raises ValueError for amounts that cannot be.
        """
        code = id_of(booked.reservation_id_list, "Confirmation")
        state = STATES.get(booked.reservation_status)
        first, last = next((guest.name for guest in _primary_first(booked.reservation_guests)), ("", ""))
        if code is None or state is None or not booked.room_stay.room_rates or not last:
            return None
        stay, room = booked.room_stay, booked.room_stay.room_rates[0]
        price = self._price_of(booked)
        if price is None:
            return None
        try:
            nights = Stay(
                arrival=stay.arrival_date,
                departure=stay.departure_date,
                adults=stay.guest_counts.adults,
                children=stay.guest_counts.children,
            )
            guest = Guest(name=f"{first} {last}".strip(), last_name=last)
        except ValidationError:
            return None
        room_type, plan = self._names.room_type(room.room_type), self._names.rate_plan(room.rate_plan_code)
        reference = next(
            (ref.id for ref in booked.external_references if ref.id_context == self._options.external_system), None
        )
        return Reservation(
            code=code,
            stay=nights,
            room_type=room_type or "other",
            room=self._names.room_title(room_type)
            if room_type
            else stay.current_room_info.room_description or room.room_type,
            guest=guest,
            total=price.total,
            state=state,
            rate_plan=plan,
            rate=self._names.rate_title(plan) if plan else None,
            city_tax=price.city_tax,
            reference=reference,
            contact=_contact(booked.reservation_guests),
        )

    def _price_of(self, booked: Booked) -> Price | None:
        """What a stay costs: its total, or the summary of its rates. Raises ValueError for amounts that cannot be."""
        total, summary = booked.room_stay.total, booked.rate_summary
        currency = total.currency_code or summary.currency_code or self._hotel.currency
        return price_of(total, gross=summary.net, currency=currency, city_tax_code=self._options.city_tax)

    def _fee(self, held: _Held) -> Money:
        _require_booked(held)
        path = f"{self._reservations}/{quote(held.id, safe='')}/policies"
        params = {"fetchCancellationPolicies": "true"}
        answer = self._http.read("a cancellation policy", "GET", path, params=params)
        if answer.status == 204:
            return Money(cents=0, currency=held.told.total.currency)
        if not answer.ok:
            raise answer.unexpected(fault_code(answer.body, answer.status))
        policies = answer.read_as(Policies).cancellation_policies
        try:
            fees = [self._penalty(found.policy, held) for found in policies if self._is_in_force(found.policy)]
        except ValueError:
            raise answer.unexpected() from None
        return max(fees, key=lambda fee: fee.cents, default=Money(cents=0, currency=held.told.total.currency))

    def _is_in_force(self, policy: Penalty) -> bool:
        """Raises NotPossible where OPERA tells neither that nor from when."""
        if policy.effective is not None:
            return policy.effective
        deadline = policy.deadline.absolute_deadline
        if deadline is None:
            raise NotPossible(
                "the hotel's system does not say whether cancelling costs something", vendor_code="policy"
            )
        if deadline.tzinfo is None:
            deadline = deadline.replace(tzinfo=self._hotel.zone)
        return self._now() >= deadline

    def _penalty(self, policy: Penalty, held: _Held) -> Money:
        """What a penalty amounts to. Raises NotPossible where that cannot be known."""
        total, terms = held.told.total, policy.amount_percent
        if (
            terms.amount is not None
            and (amount := money(terms.amount, terms.currency_code or total.currency)).cents > 0
        ):
            return amount
        nights = _weighed(held, total)
        match terms.basis_type:
            case "FlatAmount" if terms.amount is not None:
                return Money(cents=0, currency=total.currency)
            case "FullAmount":
                return total
            case "Percentage" if terms.percent is not None:
                return share(total, Decimal(str(terms.percent)))
            case "Nights" if terms.nights is not None and terms.nights >= held.told.stay.nights:
                return total
            case "Nights" if terms.nights is not None and nights:
                return sum(nights[1 : terms.nights], start=nights[0]) if terms.nights > 0 else total * 0
            case "NightPercentage" if terms.percent is not None and nights:
                charged = sum(nights[1 : terms.nights or 1], start=nights[0])
                return share(charged, Decimal(str(terms.percent)))
            case None if policy.non_refundable:
                return total
        raise NotPossible("the hotel's system does not say what cancelling costs", vendor_code="policy")

    def _settled(self, answer: Answer, id: str | None) -> _Held:
        """The reservation after a write that was done. Raises InDoubt when it cannot be read again."""
        try:
            held = self._held(id) if id else None
        except Unreachable as error:
            raise InDoubt(f"{answer.what}: done, and not readable", vendor_code=error.vendor_code) from None
        if held is None:
            raise InDoubt(f"{answer.what}: done, and not found again", vendor_code=str(answer.status))
        return held

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


def _is_free(room: RoomRate) -> bool:
    """Can it be sold, at a price that may be told?"""
    return room.availability == "Available" and not room.suppress_rate and room.number_of_units != 0


def _require_booked(held: _Held) -> None:
    if held.told.state is not ReservationState.BOOKED:
        raise NotPossible(f"a stay that is {held.told.state} is not changed by phone")
    if any((room.number_of_units or 1) > 1 for room in held.booked.room_stay.room_rates):
        raise NotPossible("a reservation of several rooms is not changed by phone")


def _primary_first(guests: Sequence[BookedGuest]) -> list[BookedGuest]:
    return sorted((guest for guest in guests if guest.name[1]), key=lambda guest: not guest.primary)


def _contact(guests: Sequence[BookedGuest]) -> Contact:
    """The guest's first e-mail address and phone number that are one."""
    guest = next(iter(_primary_first(guests)), None)
    emails = (address for address in (guest.emails if guest else ()) if _is_contact(email=address))
    phones = (number for number in map(_number, guest.phones if guest else ()) if number)
    return Contact(email=next(emails, None), phone=next(phones, None))


def _is_contact(**given: str) -> bool:
    try:
        Contact.model_validate(given)
    except ValidationError:
        return False
    return True


def _number(said: str) -> str | None:
    try:
        return e164(said)
    except ValueError:
        return None


def _weighed(held: _Held, total: Money) -> list[Money]:
    """The stay's total by night, as its nightly amounts weigh; empty where these are not told."""
    stay = held.told.stay
    rates = [rate for room in held.booked.room_stay.room_rates for rate in room.rates.rate]
    amounts = nightly(rates, stay.evenings)
    if amounts is None or (whole := summed(amounts, total.currency)).cents <= 0:
        return []
    parts = [Decimal(money(amount, total.currency).cents) / whole.cents * 100 for amount in amounts]
    return [share(total, part) for part in parts]
