"""Hotels on Mews, reached through the Connector API: https://docs.mews.com/connector-api.

Mews knows no idempotency key. A booking carries our reference as its channel number, which `reservations/getAll`
filters by; nothing says that a second booking under one number is refused, so none is ever sent.

A booking names a room and a rate and not their price: the price is asked once more just before, and read after. A total
has everything in it that the hotel's rules add, the city's tax too, as `reservations/price` tells them together. So it
is written of the Booking Engine API's operation of that name (https://github.com/MewsSystems/open-api-docs).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from lambdas.shared.domain.errors import BellhopError, InDoubt, NotPossible, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.pms import mews_fees
from lambdas.shared.pms.amounts import amounts_of
from lambdas.shared.pms.answers import (
    as_cancelled,
    as_offered,
    as_wished,
    contact_of,
    existing,
    first_standing,
    fitting_rooms,
    settled,
    still_there,
    why_refused,
)
from lambdas.shared.pms.mews_api import Api
from lambdas.shared.pms.mews_models import Added, Customer, fault_code, in_words
from lambdas.shared.pms.mews_stays import Stays
from lambdas.shared.pms.mews_terms import Held, House, Quote, Terms, is_same_guest, logger
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.reservations import is_as_wished, require_same_fee
from lambdas.shared.pms.system import Capability, Order, Property
from lambdas.shared.pms.vendor_http import Answer


def connect(hotel: Hotel, parts: Parts) -> Mews:
    """Raises HotelFileError when the hotel's file does not suffice."""
    terms = Terms(hotel)
    return Mews(hotel, terms, Api.of(hotel, terms, parts), now=parts.now)


class Mews:
    """The booking system of one hotel on Mews."""

    capabilities: Final = frozenset(Capability) - {Capability.SAFE_REPEAT}

    def __init__(self, hotel: Hotel, terms: Terms, api: Api, *, now: Callable[[], datetime]) -> None:
        self._hotel = hotel
        self._terms = terms
        self._api = api
        self._stays = Stays(terms, api, now=now)
        self._now = now

    def describe(self) -> Property:
        """The enterprise of the hotel's tokens, and what its service offers."""
        told, house = self._api.enterprise(), self._api.house()
        languages = self._hotel.languages
        return Property(
            title=told.name,
            currency=next((accepted.currency for accepted in told.currencies if accepted.is_default), None),
            timezone=told.time_zone_identifier,
            rooms={
                room.id: in_words(room.names, languages) or room.id for room in house.rooms.values() if room.is_active
            },
            rates={
                rate.id: in_words(rate.names, languages) or rate.name or rate.id
                for rate in house.rates.values()
                if rate.is_active
            },
            extras={
                product.id: in_words(product.names, languages) or product.id
                for product in self._api.products()
                if product.is_active
            },
        )

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The mapped rooms and rates that are free for every night and sleep everybody, the cheapest first."""
        return [found.offer for found in self._quotes(stay, room_type)]

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation of the guest's profile, with our reference."""
        found = self._quote(order.offer)
        customer, note = self._customer(order)
        house, stay = self._house(), order.offer.stay
        wanted = {
            "Identifier": order.reference,
            "ChannelNumber": order.reference,
            "State": "Confirmed",
            **self._terms.interval(house, stay),
            "PersonCounts": self._terms.people(house, stay),
            "CustomerId": customer,
            "RequestedCategoryId": found.room,
            "RateId": found.rate,
        }
        if note:
            wanted["Notes"] = note
        answer = self._api.write(
            "a booking",
            "reservations/add",
            ServiceId=self._api.service,
            Reservations=[wanted],
            CheckRateApplicability=True,
            CheckOverbooking=True,
        )
        if not answer.ok:
            raise why_refused(_not_done(answer), lambda: self._quote(order.offer))
        id = answer.read_as(Added).reservations[0].reservation.id
        booked = settled(answer, lambda: self._stays.by_id(id)).told
        if booked.reference != order.reference:
            logger.warning("booked without its reference", reference=order.reference)
        return as_wished(answer, booked, order.offer)

    def find(self, order: Order) -> Reservation | None:
        """The reservation whose channel number is our reference; of several, the first that stands."""
        found = self._stays.under(order.reference, order.offer.stay.arrival)
        return first_standing(held.told for held in found)

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of a confirmation number."""
        held = self._stays.by_code(code)
        return held.told if held else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname among the day's arrivals."""
        return [held.told for held in self._stays.arriving(arrival, surname)]

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become; while cancelling would cost something, only what keeps its rate and
        every night.
        """
        held = still_there(self._stays.by_code(booked.code))
        held.require_changeable(self._house())
        offers = [found.offer for found in self._quotes(stay, room_type, instead_of=held)]
        return [offer for offer in offers if held.keeps(offer)] if self._is_bound(held) else offers

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, at the price of now; no night that it gives up is charged.

        Whether an update can overbook is not documented, so what is free is asked just before.
        """
        held = existing(self._stays.by_code(code))
        held.require_changeable(self._house())
        if is_as_wished(held.told, offer):
            return held.told
        if not held.keeps(offer) and self._is_bound(held):
            raise NotPossible("the reservation's rate does not let it go for nothing", vendor_code="policy")
        found = self._quote(offer, instead_of=held)
        answer = self._api.write(
            "a change",
            "reservations/update",
            ReservationId=held.id,
            ReservationUpdates=[{"ReservationId": held.id, **self._changed(held, found)}],
            Reprice=True,
            ApplyCancellationFee=False,
            Reason="Changed by the guest by phone",
        )
        if not answer.ok:
            raise why_refused(_not_done(answer), lambda: self._quote(offer, instead_of=held))
        return as_wished(answer, settled(answer, lambda: self._stays.by_id(held.id)).told, offer)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """The dearest of the policies that are in force now; nothing where none is."""
        return self._fee(still_there(self._stays.by_code(booked.code)))

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; Mews is told to charge by its policy only where the guest was told a fee."""
        held = existing(self._stays.by_code(code))
        if held.told.state is ReservationState.CANCELLED:
            return held.told
        require_same_fee(self._fee(held), fee)
        answer = self._api.write(
            "a cancellation",
            "reservations/cancel",
            ReservationIds=[held.id],
            PostCancellationFee=fee.cents > 0,
            Notes="Cancelled by the guest by phone",
        )
        if not answer.ok:
            raise _not_done(answer)
        cancelled = settled(answer, lambda: self._stays.by_id(held.id))
        if cancelled.charged != fee:
            logger.warning("cancelled at another fee", reference=held.told.reference)
        return as_cancelled(answer, cancelled.told)

    def add_note(self, code: str, text: str) -> None:
        """Adds a note to the reservation's own."""
        held = existing(self._stays.by_code(code))
        note = {"ServiceOrderId": held.id, "Text": text}
        answer = self._api.write("a note", "serviceOrderNotes/add", ServiceOrderNotes=[note])
        if not answer.ok:
            raise _not_done(answer)

    def _house(self) -> House:
        return self._api.house(self._now())

    def _quotes(self, stay: Stay, room_type: RoomType | None, *, instead_of: Held | None = None) -> list[Quote]:
        """What can be had, the cheapest first; `instead_of` is the reservation whose room is free for it."""
        house = self._house()
        rooms = [
            room.id
            for name in fitting_rooms(self._hotel, stay, room_type)
            if (room := house.rooms.get(self._terms.names.mapped_rooms[name]))
            if room.is_active and room.capacity + room.extra_capacity >= stay.guests
        ]
        rates = [
            rate.id
            for code in self._terms.names.mapped_rates.values()
            if (rate := house.rates.get(code)) and rate.is_active and rate.is_enabled
        ]
        free = self._free(stay, instead_of) if rooms and rates else {}
        asked = [(room, rate) for room in rooms if min(free.get(room, (0,))) > 0 for rate in rates]
        if not asked:
            return []
        prices, closures = self._api.prices(house, stay, asked), self._api.closures(house, stay)
        found = [self._terms.quoted(house, stay, room, rate, price) for (room, rate), price in prices.items()]
        let = [quote for quote in found if quote and closures.let(self._terms.wanted(house, quote), self._now())]
        return sorted(let, key=lambda quote: quote.offer.total.cents)

    def _free(self, stay: Stay, instead_of: Held | None) -> Mapping[str, Sequence[int]]:
        """How many of each room are left on each night, the reservation's own one being free for itself."""
        free = {**self._api.free(stay)}
        if instead_of:
            room, nights = instead_of.booked.requested_resource_category_id, instead_of.told.stay.evenings
            left = zip(free.get(room, ()), stay.evenings, strict=False)
            free[room] = tuple(count + (night in nights) for count, night in left)
        return {room: counts for room, counts in free.items() if counts}

    def _quote(self, offer: Offer, *, instead_of: Held | None = None) -> Quote:
        """The offer as it can be booked now. Raises SoldOut and PriceChanged."""
        return as_offered(self._quotes(offer.stay, offer.room_type, instead_of=instead_of), offer)

    def _changed(self, held: Held, found: Quote) -> dict[str, Any]:
        """What an update has to say; what it does not name stays. Raises NotPossible for a room that was promised."""
        house, stay = self._house(), found.offer.stay
        changed: dict[str, Any] = {
            **{name: {"Value": at} for name, at in self._terms.interval(house, stay).items()},
            "PersonCounts": {"Value": self._terms.people(house, stay)},
            "RateId": {"Value": found.rate},
        }
        if found.room != held.booked.requested_resource_category_id:
            if held.booked.assigned_resource_locked:
                raise NotPossible("the hotel has promised the guest a certain room", vendor_code="locked")
            changed["RequestedCategoryId"] = {"Value": found.room}
            if held.booked.assigned_resource_id is not None:
                changed["AssignedResourceId"] = {"Value": None}
        return changed

    def _customer(self, order: Order) -> tuple[str, str | None]:
        """The id of the guest's profile, and what the staff must know beside it.

        Profiles are found by e-mail address, one profile each. Nobody's is changed by what is said on the phone: where
        an address belongs to somebody of another name, the guest gets a profile without it.
        """
        guest, contact = order.guest, order.contact
        note = None
        if contact.email:
            known = self._api.customers("a guest by e-mail", Emails=[contact.email], ActivityStates=["Active"])
            known = [found for found in known if (found.email or "").casefold() == contact.email.casefold()]
            same = next((found for found in known if is_same_guest(found, guest)), None)
            if same:
                is_known = contact.phone in (None, contact_of([], [same.phone]).phone)
                return same.id, None if is_known else f"Phone: {contact.phone}"
            if known:
                note = f"E-mail: {contact.email}"
                contact = contact.model_copy(update={"email": None})
        try:
            profile = self._terms.customer(guest, contact)
            answer = self._api.write("a guest's profile", "customers/add", **profile, OverwriteExisting=False)
            if not answer.ok:
                raise _not_done(answer)
            return answer.read_as(Customer).id, note
        except InDoubt as error:
            # A profile without a reservation harms nobody: the booking was certainly not sent.
            raise Unreachable("a guest's profile: not known whether made", vendor_code=error.vendor_code) from None

    def _fee(self, held: Held) -> Money:
        held.require_booked()
        try:
            policies = self._api.policies(held.id)
        except Unreachable as error:
            # The reservation was read with the same tokens: they do not suffice for this operation, which Mews
            # enables for each integration apart.
            if error.vendor_code == "401":
                raise NotPossible(
                    "the tokens do not reach the hotel's cancellation policies", vendor_code="401"
                ) from None
            raise
        terms = mews_fees.Terms(policies, held.booked, held.items, self._hotel.zone)
        with amounts_of("a cancellation policy"):
            return terms.fee(self._now(), held.told.total.currency)

    def _is_bound(self, held: Held) -> bool:
        """Would cancelling cost something, or is that not known?"""
        try:
            return self._fee(held).cents > 0
        except NotPossible:
            return True


def _not_done(answer: Answer) -> BellhopError:
    """The error for a write that Mews answered with a status other than success: but for 408, nothing was changed.

    https://docs.mews.com/connector-api/guidelines/responses: 400 and 403 are refused, 409 may be sent again, and 408
    says that it took Mews tens of seconds, not that it was given up.
    """
    code = fault_code(answer.body, answer.status)
    if answer.status in (400, 403):
        return NotPossible("the hotel's booking system does not allow it", vendor_code=code)
    return answer.unexpected(code)
