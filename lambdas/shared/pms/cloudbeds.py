"""Hotels on Cloudbeds, reached through its PMS API v1.3.

What is sent and read is in Cloudbeds' document: https://github.com/cloudbeds/openapi-specs (src/pms-v1.3-openapi.yaml)
and https://developers.cloudbeds.com/reference. Most refusals are answered with status 200 and `success: false`.

A booking carries our reference as `thirdPartyIdentifier`. Nothing searches by it, and a second booking under one
reference is a second booking, so none is ever sent, and one that may have been made is looked for among the day's
arrivals and the newest bookings.

Cloudbeds takes no price: it prices a booking by the rate that is named, at the moment at which it is made. What was
told is asked again just before and compared right after. A booking that came out at another price is cancelled at once;
a change that did is told as in doubt, so that a human looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

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
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.cloudbeds_models import (
    NO_RESERVATION,
    Availability,
    Booked,
    Charges,
    Created,
    Found,
    Hotels,
    Levies,
    Page,
    Rate,
    Rates,
    Verdict,
)
from lambdas.shared.pms.cloudbeds_models import Hotel as TheirHotel
from lambdas.shared.pms.cloudbeds_models import RoomType as TheirRoomType
from lambdas.shared.pms.cloudbeds_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.credentials import ApiKey, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

URL: Final = "https://api.cloudbeds.com/api/v1.3"
PAGE: Final = 100
"""The most that getReservations gives at once."""
MOST_PAGES: Final = 20
"""Pages of one list: more arrivals a day has no hotel that we know of."""
NEWEST: Final = timedelta(days=3)
"""How far back the newest bookings are looked through: a wish is settled within the hour, and in whose time a booking
was made is not written down."""
_AHEAD: Final = timedelta(days=60)
"""How far ahead the night lies at whose rates a hotel is described."""
_CHANGES: Final = frozenset(
    {Capability.CHANGE_DATES, Capability.CHANGE_ROOM, Capability.CHANGE_GUESTS, Capability.NOTE}
)
Params = Mapping[str, str]
Row = TypeVar("Row", bound=BaseModel)

logger = open_logger("pms")


class Key(BaseModel):
    """A hotel's secret: the API key of the hotel's own credentials, or the one that it gave our application."""

    api_key: str = Field(min_length=1, pattern=r"^[\x21-\x7e]+$")


def connect(hotel: Hotel, parts: Parts) -> Cloudbeds:
    """Raises HotelFileError when the hotel's file does not suffice."""
    secret = parts.secret_of(hotel)
    auth = ApiKey("x-api-key", lambda fresh: read_as(secret, Key, fresh=fresh).api_key)
    return Cloudbeds(hotel, options_of(hotel, Options), parts.line(hotel, URL, auth), now=parts.now)


class Cloudbeds:
    """The booking system of one hotel on Cloudbeds."""

    def __init__(self, hotel: Hotel, options: Options, http: VendorHttp, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._http = http
        self._now = now
        self._id = property_of(hotel)
        self._terms = Terms(hotel, options)
        self._names = self._terms.names
        self._plans: dict[str, str] = {}
        """The plan of each rate that was met; a rate keeps its plan."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Cancelling only where the hotel's file tells what it costs."""
        return _CHANGES | {Capability.CANCEL} if self._terms.options.free_until else _CHANGES

    def describe(self) -> Property:
        """The hotel with its room types, and the rates and add-ons that are sold two months from now."""
        hotels = self._read("the hotel", "getHotels", {"propertyIDs": self._id}).read_as(Hotels).data
        hotel = next((found for found in hotels if found.property_id == self._id), TheirHotel())
        rooms = self._pages("the room types", "getRoomTypes", {"propertyIDs": self._id}, TheirRoomType)
        night = self._hotel.day_of(self._now()) + _AHEAD
        rates = self._rates(Stay(arrival=night, departure=night + timedelta(days=1)))
        currency = next((told.currency_code for told in hotel.property_currency), None)
        return Property(
            title=hotel.property_name or self._id,
            currency=currency or None,
            timezone=hotel.property_timezone,
            rooms={room.room_type_id: room.room_type_name or room.room_type_id for room in rooms},
            rates={
                rate.rate_plan_id: rate.rate_plan_name_public or rate.rate_plan_name_private or rate.rate_plan_id
                for rate in rates
            },
            extras={
                add_on.add_on_id: add_on.add_on_name or add_on.add_on_id
                for rate in rates
                for add_on in rate.add_ons
                if add_on.add_on_id
            },
        )

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The mapped rooms and rates that are free for every night and sleep everybody, the cheapest first."""
        return [found.offer for found in self._quotes(stay, room_type)]

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation with our reference; raises PriceChanged, with nothing left of it, when Cloudbeds
        has booked it at another price.
        """
        found = self._quote(order.offer)
        answer = self._write("a booking", "POST", "postReservation", self._terms.booking(order, found.rate_id))
        if refusal := self._refusal(answer, order.offer):
            raise refusal
        held = self._settled(answer, answer.read_as(Created).reservation_id)
        if held.told.total != order.offer.total:
            self._take_back(held)
            raise PriceChanged("it was booked at another price, and the booking was taken back")
        return held.told

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our reference; of several, the first that stands.

        Looked for among the arrivals of the offer's day, and, as the hotel may have moved it since, among the newest
        bookings.
        """
        day = order.offer.stay.arrival.isoformat()
        since = (self._now() - NEWEST).strftime("%Y-%m-%d %H:%M:%S")
        for asked in (_arriving(day), {"resultsFrom": since}):
            rows = self._listed("a reservation by its reference", asked)
            ids = [row.reservation_id for row in rows if row.third_party_identifier == order.reference]
            told = [held.told for held in self._held("a reservation by its reference", ids)]
            if told:
                return min(told, key=lambda found: found.state is ReservationState.CANCELLED)
        return None

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of an id, which is what guests are told."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how Cloudbeds compares names with accents is not written down.
        """
        asked = {**_arriving(arrival.isoformat()), "includeGuestsDetails": "true"}
        ids = [
            row.reservation_id
            for row in self._listed("the arrivals of a day", asked)
            if row.guest and same_surname(row.guest.guest_last_name, surname)
        ]
        found = [held.told for held in self._held("the arrivals of a day", ids)]
        return [told for told in found if told.stay.arrival == arrival and same_surname(told.guest.surname, surname)]

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become; the nights it takes itself count as free for it."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        held.require_booked()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, every night priced anew by Cloudbeds."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        held.require_booked()
        if held.told.offer.is_for(offer) and held.told.total == offer.total:
            return held.told
        found = self._quote(offer, instead_of=held)
        form = {"reservationID": held.id, **self._terms.changed_room(held, found)}
        answer = self._write("a change", "PUT", "putReservation", form)
        if refusal := self._refusal(answer, offer, instead_of=held):
            raise refusal
        changed = self._settled(answer, held.id).told
        if not changed.offer.is_for(offer) or changed.total != offer.total:
            raise InDoubt("a change: done, and not as wished", vendor_code="other_price_or_stay")
        return changed

    def cancellation_fee(self, booked: Reservation) -> Money:
        """What the policy of the hotel's file makes of the reservation's own price."""
        held = self._by_code(booked.code)
        if held is None:
            raise NotPossible("the reservation is not there any more")
        return self._terms.fee(held, self._now())

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled. Cloudbeds charges nothing by itself, so the staff are told of a fee in a note."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        if self._terms.fee(held, self._now()) != fee:
            raise PriceChanged("cancelling costs something else by now")
        answer = self._cancelled(held)
        if refusal := _refused(answer):
            raise refusal
        cancelled = self._settled(answer, held.id).told
        if cancelled.state is not ReservationState.CANCELLED:
            raise InDoubt("a cancellation: done, and still booked", vendor_code=str(answer.status))
        if fee.cents:
            self._note_fee(held, fee)
        return cancelled

    def add_note(self, code: str, text: str) -> None:
        """Adds a note, which guests do not see."""
        held = self._by_code(code)
        if held is None:
            raise NotFound("no such reservation")
        if refusal := _refused(self._noted(held, text)):
            raise refusal

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: Held | None = None) -> list[Quote]:
        """What can be booked, or what a reservation can become, the cheapest first."""
        rooms = {
            room: code
            for room, code in self._names.mapped_rooms.items()
            if room_type in (None, room) and self._hotel.rooms[room].sleeps >= stay.guests
        }
        if not rooms or (instead_of and instead_of.told.total.currency != self._hotel.currency):
            return []
        free = None if instead_of else self._free(stay)
        if free is not None and not free:
            return []
        totals: dict[tuple[str, str], tuple[Rate, Money]] = {}
        for rate in self._rates(stay):
            room, plan = self._names.room_type(rate.room_type_id), self._names.rate_plan(rate.rate_plan_id)
            if room not in rooms or plan is None or rate.promo_code:
                continue
            if free is not None and (rate.room_type_id, rate.rate_id) not in free:
                continue
            own = instead_of.own_nights(rate.room_type_id) if instead_of else frozenset[date]()
            total = self._rooms_total(rate, stay, own)
            if total is not None:
                totals[room, plan] = rate, total
        prices = self._prices(stay, {total for _, total in totals.values()})
        quotes = [
            Quote(
                self._terms.offer(
                    stay,
                    room,
                    plan,
                    total=prices[total][0],
                    taxes=prices[total][1],
                    includes=self._names.extras(add_on.add_on_id for add_on in rate.add_ons),
                ),
                rate.rate_id,
            )
            for (room, plan), (rate, total) in totals.items()
        ]
        return sorted(quotes, key=lambda quote: quote.offer.total.cents)

    def _quote(self, offer: Offer, *, instead_of: Held | None = None) -> Quote:
        """The offer as it is to be had now. Raises SoldOut and PriceChanged."""
        for found in self._quotes(offer.stay, offer.room_type, instead_of=instead_of):
            if found.offer.is_for(offer):
                if found.offer.total != offer.total:
                    raise PriceChanged("it costs something else by now")
                return found
        raise SoldOut("no such room is left for every night")

    def _free(self, stay: Stay) -> frozenset[tuple[str, str]]:
        """The room types, and at which rates, that have a room for the whole stay; none in another currency."""
        asked = {
            "propertyIDs": self._id,
            **_dates(stay),
            "rooms": "1",
            "adults": str(stay.adults),
            "children": str(stay.children),
        }
        currency, free = self._read("free rooms", "getAvailableRoomTypes", asked).read_as(Availability).of(self._id)
        if free and currency != self._hotel.currency:
            logger.warning("offers left out", currency=currency)
            return frozenset()
        return free

    def _rates(self, stay: Stay) -> Sequence[Rate]:
        """Every room type's rates without a promotional code, by night."""
        asked = {
            "propertyIDs": self._id,
            **_dates(stay),
            "adults": str(stay.adults),
            "children": str(stay.children),
            "detailedRates": "true",
        }
        rates = self._read("the rates", "getRatePlans", asked).read_as(Rates).data
        self._learn(rates)
        return rates

    def _learn(self, rates: Iterable[Rate]) -> None:
        self._plans |= {rate.rate_id: rate.rate_plan_id for rate in rates if rate.rate_id}

    def _rooms_total(self, rate: Rate, stay: Stay, own: frozenset[date]) -> Money | None:
        try:
            return rate.rooms_total(stay.evenings, stay.departure, own=own, currency=self._hotel.currency)
        except ValueError:
            logger.warning("offer left out", room=rate.room_type_id, rate=rate.rate_id)
            return None

    def _prices(self, stay: Stay, totals: Collection[Money]) -> Mapping[Money, tuple[Money, Money | None]]:
        """What the rooms' totals become with all taxes and fees, and the tax in it where that is told.

        Cloudbeds is asked for each only where something comes on top of a rate.
        """
        if not totals:
            return {}
        asked = {"propertyID": self._id, "availableFor": "rate"}
        levies = self._read("taxes and fees", "getTaxesAndFees", asked).read_as(Levies).data
        if all(levy.inclusive_or_exclusive == "inclusive" for levy in levies if not levy.is_deleted):
            return {total: (total, None) for total in totals}
        return {total: self._price(stay, total) for total in totals}

    def _price(self, stay: Stay, total: Money) -> tuple[Money, Money | None]:
        asked = {
            "propertyID": self._id,
            **_dates(stay),
            "roomsTotal": f"{total.cents // 100}.{total.cents % 100:02d}",
            "roomsCount": "1",
            "adultsPerRoom": str(stay.adults),
            "childrenPerRoom": str(stay.children),
        }
        answer = self._read("a price", "getRoomsFeesAndTaxes", asked)
        charges, currency = answer.read_as(Charges).data, self._hotel.currency
        try:
            taxes = sum(money(tax.fee_value, currency).cents for tax in charges.taxes)
            price = money(charges.grand_total, currency)
        except ValueError:
            raise answer.unexpected("amount") from None
        return price, Money(cents=taxes, currency=currency) if charges.taxes else None

    def _listed(self, what: str, asked: Params) -> Iterator[Found]:
        return self._pages(what, "getReservations", {"propertyID": self._id, **asked}, Found)

    def _held(self, what: str, ids: Sequence[str]) -> list[Held]:
        """The reservations of these ids that are the hotel's."""
        held: list[Held | None] = []
        for begin in range(0, len(ids), PAGE):
            asked = {
                "propertyID": self._id,
                "reservationID": ",".join(ids[begin : begin + PAGE]),
                "includeGuestsDetails": "true",
            }
            held += [
                self._told(what, booked)
                for booked in self._pages(what, "getReservationsWithRateDetails", asked, Booked)
                if booked.reservation_id in ids and booked.property_id in ("", self._id)
            ]
        return [found for found in held if found]

    def _told(self, what: str, booked: Booked) -> Held | None:
        rate_id = booked.rooms[0].rate_id if booked.rooms else ""
        try:
            return self._terms.held(booked, self._plan_of(rate_id, booked) if rate_id else None)
        except ValueError:
            raise Unreachable(f"{what}: an amount that cannot be", vendor_code="amount") from None

    def _plan_of(self, rate_id: str, booked: Booked) -> str | None:
        """The plan of a rate's id, which is all that a reservation tells; None for one that is not sold any more."""
        if rate_id not in self._plans:
            asked = {
                "propertyIDs": self._id,
                "rateIDs": rate_id,
                "startDate": booked.reservation_check_in.isoformat(),
                "endDate": booked.reservation_check_out.isoformat(),
                "includePromoCode": "true",
            }
            answer = self._http.read("a rate", "GET", "/getRatePlans", params=asked)
            refusal = _refused(answer)
            if isinstance(refusal, Unreachable):
                raise refusal
            if refusal is None:
                self._learn(answer.read_as(Rates).data)
        return self._plans.get(rate_id)

    def _by_code(self, code: str) -> Held | None:
        try:
            id = normal_code(code)
        except ValueError:
            return None
        if not id.isalnum():
            return None
        try:
            held = self._held("a reservation", [id])
        except Unreachable as error:
            # Whether an id that nobody has gives an empty list or a refusal is not written down.
            if error.vendor_code == NO_RESERVATION:
                return None
            raise
        return held[0] if held else None

    def _settled(self, answer: Answer, id: str) -> Held:
        """The reservation after a write that was done. Raises InDoubt when it cannot be read again."""
        try:
            held = self._held(answer.what, [id])
        except Unreachable as error:
            raise InDoubt(f"{answer.what}: done, and not readable", vendor_code=error.vendor_code) from None
        if not held:
            raise InDoubt(f"{answer.what}: done, and not found again", vendor_code=str(answer.status))
        return held[0]

    def _take_back(self, held: Held) -> None:
        """Cancels a booking that came out at another price than was told. Raises InDoubt when that is not certain."""
        logger.error("booked at another price and taken back", code=held.id)
        try:
            refusal = _refused(self._cancelled(held))
        except BellhopError as error:
            refusal = error
        if refusal:
            raise InDoubt("a booking at another price was not taken back", vendor_code=refusal.vendor_code)

    def _note_fee(self, held: Held, fee: Money) -> None:
        """A fee is the hotel's to charge; a note that fails does not undo the cancellation."""
        try:
            refusal = _refused(self._noted(held, f"Cancelled by phone. Fee told to the guest: {fee}"))
        except BellhopError as error:
            refusal = error
        if refusal:
            logger.error("a cancellation's fee is not noted", code=held.id, vendor_code=refusal.vendor_code)

    def _cancelled(self, held: Held) -> Answer:
        return self._write("a cancellation", "PUT", "putReservation", {"reservationID": held.id, "status": "canceled"})

    def _noted(self, held: Held, text: str) -> Answer:
        form = {"reservationID": held.id, "reservationNote": text}
        return self._write("a note", "POST", "postReservationNote", form)

    def _refusal(self, answer: Answer, offer: Offer, *, instead_of: Held | None = None) -> BellhopError | None:
        """Why a booking or change was refused, if it was: there are no codes, so what is free is asked again."""
        refusal = _refused(answer)
        if isinstance(refusal, NotPossible):
            try:
                self._quote(offer, instead_of=instead_of)
            except (SoldOut, PriceChanged) as found:
                found.vendor_code = refusal.vendor_code
                return found
            except Unreachable:
                return refusal
        return refusal

    def _pages(self, what: str, method: str, asked: Params, row: type[Row]) -> Iterator[Row]:
        """The entries of a list, page after page. Raises Unreachable."""
        seen = 0
        for number in range(1, MOST_PAGES + 1):
            params = {**asked, "pageNumber": str(number), "pageSize": str(PAGE)}
            page: Page[Any] = self._read(what, method, params).read_as(Page[row])  # type: ignore[valid-type]
            yield from page.data
            seen += len(page.data)
            if page.is_last(seen, PAGE):
                return
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")

    def _read(self, what: str, method: str, asked: Params) -> Answer:
        answer = self._http.read(what, "GET", f"/{method}", params=asked)
        if refusal := _refused(answer):
            raise Unreachable(f"{what}: refused", vendor_code=refusal.vendor_code)
        return answer

    def _write(self, what: str, verb: str, method: str, form: Params) -> Answer:
        return self._http.write(what, verb, f"/{method}", data={"propertyID": self._id, **form})


def _refused(answer: Answer) -> BellhopError | None:
    """The error for an answer that says that nothing was done, or is not one of Cloudbeds'; None for success."""
    if not answer.ok and answer.status != 400:
        return answer.unexpected()
    try:
        verdict = Verdict.model_validate(answer.body)
    except ValueError:
        return answer.unexpected()
    if verdict.success and answer.ok:
        return None
    if verdict.connection_fault:
        return Unreachable(f"{answer.what}: the hotel's connection is refused", vendor_code=verdict.code)
    return NotPossible("the hotel's booking system does not allow it", vendor_code=verdict.code)


def _dates(stay: Stay) -> Params:
    return {"startDate": stay.arrival.isoformat(), "endDate": stay.departure.isoformat()}


def _arriving(day: str) -> Params:
    return {"checkInFrom": day, "checkInTo": day, "datesQueryMode": "booking"}
