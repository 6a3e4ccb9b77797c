"""Hotels on Cloudbeds, reached through its PMS API v1.3.

What is sent and read is in Cloudbeds' document: https://github.com/cloudbeds/openapi-specs (src/pms-v1.3-openapi.yaml)
and https://developers.cloudbeds.com/reference.

A booking carries our reference as `thirdPartyIdentifier`. Nothing searches by it, and a second booking under one
reference is a second booking, so none is ever sent, and one that may have been made is looked for among the day's
arrivals and the newest bookings.

Cloudbeds takes no price: it prices a booking by the rate that is named, at the moment at which it is made. What was
told is asked again just before and compared right after. A booking that came out at another price is cancelled at once;
a change that did is told as in doubt, so that a human looks.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import BellhopError, InDoubt, PriceChanged, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import normal_code, same_surname
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.observability import open_logger
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
    why_refused,
)
from lambdas.shared.pms.cloudbeds_api import URL, Api, refused
from lambdas.shared.pms.cloudbeds_models import NO_RESERVATION, Booked, Created, Rate
from lambdas.shared.pms.cloudbeds_terms import Held, Options, Quote, Terms
from lambdas.shared.pms.credentials import ApiKey, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.reservations import arriving, is_as_wished, require_same_fee
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer

NEWEST: Final = timedelta(days=3)
"""How far back the newest bookings are looked through: a wish is settled within the hour, and in whose time a booking
was made is not written down."""
_AHEAD: Final = timedelta(days=60)
"""How far ahead the night lies at whose rates a hotel is described."""

logger = open_logger("pms")


class Key(BaseModel):
    """A hotel's secret: the API key of the hotel's own credentials, or the one that it gave our application."""

    api_key: str = Field(min_length=1, pattern=r"^[\x21-\x7e]+$")


def connect(hotel: Hotel, parts: Parts) -> Cloudbeds:
    """Raises HotelFileError when the hotel's file does not suffice."""
    secret = parts.secret_of(hotel)
    auth = ApiKey("x-api-key", lambda fresh: read_as(secret, Key, fresh=fresh).api_key)
    api = Api(parts.line(hotel, URL, auth), property_of(hotel))
    return Cloudbeds(hotel, Terms(hotel, options_of(hotel, Options)), api, now=parts.now)


class Cloudbeds:
    """The booking system of one hotel on Cloudbeds."""

    def __init__(self, hotel: Hotel, terms: Terms, api: Api, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._terms = terms
        self._names = terms.names
        self._api = api
        self._now = now
        self._plans: dict[str, str] = {}
        """The plan of each rate that was met; a rate keeps its plan."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Cancelling only where the hotel's file tells what it costs."""
        most = frozenset(Capability) - {Capability.SAFE_REPEAT}
        return most if self._terms.options.free_until else most - {Capability.CANCEL}

    def describe(self) -> Property:
        """The hotel with its room types, and the rates and add-ons that are sold two months from now."""
        hotel = self._api.hotel()
        night = self._hotel.day_of(self._now()) + _AHEAD
        rates = self._api.rates(Stay(arrival=night, departure=night + timedelta(days=1)))
        return Property(
            title=hotel.property_name or self._api.property_id,
            currency=next((told.currency_code for told in hotel.property_currency if told.currency_code), None),
            timezone=hotel.property_timezone,
            rooms={
                room.room_type_id: room.room_type_name or room.room_type_id
                for room in self._api.room_types()
                if room.room_type_id
            },
            rates={rate.rate_plan_id: rate.title for rate in rates},
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
        has booked something else or at another price.
        """
        found = self._quote(order.offer)
        answer = self._api.book(self._terms.booking(order, found.rate_id))
        if refusal := self._refusal(answer, order.offer):
            raise refusal
        held = self._settled(answer, answer.read_as(Created).reservation_id)
        if not is_as_wished(held.told, order.offer):
            self._take_back(held)
            raise PriceChanged("it was booked at another price, and the booking was taken back")
        return held.told

    def find(self, order: Order) -> Reservation | None:
        """The reservation with our reference; of several, the first that stands.

        Looked for among the arrivals of the offer's day, and, as the hotel may have moved it since, among the newest
        bookings.
        """
        what = "a reservation by its reference"
        since = (self._now() - NEWEST).strftime("%Y-%m-%d %H:%M:%S")
        for rows in (self._api.arriving(what, order.offer.stay.arrival), self._api.booked_since(what, since)):
            ids = [row.reservation_id for row in rows if row.third_party_identifier == order.reference]
            if told := first_standing(held.told for held in self._held(what, ids)):
                return told
        return None

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of an id, which is what guests are told."""
        held = self._by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals.

        All of the day's are asked for: how Cloudbeds compares names with accents is not written down.
        """
        what = "the arrivals of a day"
        ids = [
            row.reservation_id
            for row in self._api.arriving(what, arrival, guests=True)
            if row.guest and same_surname(row.guest.surname, surname)
        ]
        return arriving((held.told for held in self._held(what, ids)), surname, arrival)

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become; the nights it takes itself count as free for it."""
        held = still_there(self._by_code(booked.code))
        held.require_booked()
        return [found.offer for found in self._quotes(stay, room_type, instead_of=held)]

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, every night priced anew by Cloudbeds."""
        held = existing(self._by_code(code))
        held.require_booked()
        if is_as_wished(held.told, offer):
            return held.told
        found = self._quote(offer, instead_of=held)
        answer = self._api.change(held.id, self._terms.changed_room(held, found))
        if refusal := self._refusal(answer, offer, instead_of=held):
            raise refusal
        return as_wished(answer, self._settled(answer, held.id).told, offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """What the policy of the hotel's file makes of the reservation's own price."""
        return self._terms.fee(still_there(self._by_code(booked.code)), self._now())

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled. Cloudbeds charges nothing by itself, so the staff are told of a fee in a note."""
        held = existing(self._by_code(code))
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        require_same_fee(self._terms.fee(held, self._now()), fee)
        answer = self._api.cancel(held.id)
        if refusal := refused(answer):
            raise refusal
        cancelled = as_cancelled(answer, self._settled(answer, held.id).told)
        if fee.cents:
            self._note_fee(held, fee)
        return cancelled

    def add_note(self, code: str, text: str) -> None:
        """Adds a note, which guests do not see."""
        if refusal := refused(self._api.note(existing(self._by_code(code)).id, text)):
            raise refusal

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: Held | None = None) -> list[Quote]:
        """What can be booked, or what a reservation can become, the cheapest first."""
        rooms = fitting_rooms(self._hotel, stay, room_type)
        free = self._free(stay, instead_of) if rooms else frozenset[tuple[str, str]]()
        if free is not None and not free:
            return []
        rates = self._api.rates(stay)
        self._learn(rates)
        found = []
        for rate in rates:
            room, plan = self._names.room_type(rate.room_type_id), self._names.rate_plan(rate.rate_plan_id)
            if room not in rooms or plan is None or rate.promo_code:
                continue
            if free is not None and (rate.room_type_id, rate.rate_id) not in free:
                continue
            own = instead_of.own_nights(rate.room_type_id) if instead_of else frozenset[date]()
            if rooms_total := self._rooms_total(rate, stay, own):
                found.append((room, plan, rate, rooms_total))
        prices = self._prices(stay, {rooms_total for *_, rooms_total in found})
        quotes = [
            Quote(self._terms.offer(stay, room, plan, rate, prices[rooms_total]), rate.rate_id)
            for room, plan, rate, rooms_total in found
        ]
        return sorted(quotes, key=lambda quote: quote.offer.total.cents)

    def _quote(self, offer: Offer, *, instead_of: Held | None = None) -> Quote:
        return as_offered(self._quotes(offer.stay, offer.room_type, instead_of=instead_of), offer)

    def _free(self, stay: Stay, instead_of: Held | None) -> frozenset[tuple[str, str]] | None:
        """The room types and rates with a room for the whole stay, none in another currency than the hotel's.

        None for a reservation, which Cloudbeds does not leave out of what it counts: then the nights tell.
        """
        currency, free = (instead_of.told.total.currency, None) if instead_of else self._api.free(stay)
        if currency == self._hotel.currency:
            return free
        if free or instead_of:
            logger.warning("offers left out", currency=currency)
        return frozenset()

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
        if totals and self._api.anything_on_top():
            return {total: self._api.price(stay, total) for total in totals}
        return {total: (total, None) for total in totals}

    def _held(self, what: str, ids: Sequence[str]) -> list[Held]:
        """The reservations of these ids that are stays of the hotel's."""
        told = [self._told(what, booked) for booked in self._api.reservations(what, ids)]
        return [held for held in told if held]

    def _told(self, what: str, booked: Booked) -> Held | None:
        rate_id = booked.rooms[0].rate_id if booked.rooms else ""
        with amounts_of(what):
            return self._terms.held(booked, self._plan_of(rate_id, booked) if rate_id else None)

    def _plan_of(self, rate_id: str, booked: Booked) -> str | None:
        """The plan of a rate's id, which is all that a reservation tells."""
        if rate_id not in self._plans:
            rate = self._api.rate(rate_id, booked.reservation_check_in, booked.reservation_check_out)
            self._learn([rate] if rate else [])
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
        return settled(answer, lambda: next(iter(self._held(answer.what, [id])), None))

    def _take_back(self, held: Held) -> None:
        """Cancels a booking that came out at another price than was told. Raises InDoubt when that is not certain."""
        logger.error("booked at another price and taken back", code=held.id)
        try:
            answer = self._api.cancel(held.id)
            if refusal := refused(answer):
                raise refusal
            as_cancelled(answer, self._settled(answer, held.id).told)
        except BellhopError as failed:
            raise InDoubt("a booking at another price was not taken back", vendor_code=failed.vendor_code) from None

    def _note_fee(self, held: Held, fee: Money) -> None:
        """A fee is the hotel's to charge; a note that fails does not undo the cancellation."""
        try:
            refusal = refused(self._api.note(held.id, f"Cancelled by phone. Fee told to the guest: {fee}"))
        except BellhopError as error:
            refusal = error
        if refusal:
            logger.error("a cancellation's fee is not noted", code=held.id, vendor_code=refusal.vendor_code)

    def _refusal(self, answer: Answer, offer: Offer, *, instead_of: Held | None = None) -> BellhopError | None:
        """Why a booking or change was refused, if it was: Cloudbeds has words for it, and no codes."""
        refusal = refused(answer)
        return refusal and why_refused(refusal, lambda: self._quote(offer, instead_of=instead_of))
