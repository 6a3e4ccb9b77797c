"""What OPERA Cloud says of a hotel, in the hotel's own terms, and the other way round; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.shared.domain.errors import NotPossible
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, Stay
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.answers import contact_of
from lambdas.shared.pms.names import Names
from lambdas.shared.pms.oracle_ohip_models import STATES, Amount, Booked, BookedGuest, Penalty, RoomRate, id_of
from lambdas.shared.pms.oracle_ohip_prices import Price, by_night, fee_of, nightly, price_of, summed
from lambdas.shared.pms.reservations import require_booked

_LONGEST_NAME: Final = 40

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


@dataclass(frozen=True)
class Quote:
    """An offer and what it takes to book it."""

    offer: Offer
    room: RoomRate
    nights: tuple[Amount, ...]


@dataclass(frozen=True)
class Held:
    """A reservation of the hotel's, in its words and in ours."""

    id: str
    booked: Booked
    told: Reservation

    @property
    def guarantee(self) -> str | None:
        """What the reservation is held by: it stays so when the stay is changed."""
        return self.booked.room_stay.guarantee.guarantee_code

    def require_booked(self) -> None:
        """Raises NotPossible for what is over, has begun, or is more than one room."""
        require_booked(self.told)
        if any((room.number_of_units or 1) > 1 for room in self.booked.room_stay.room_rates):
            raise NotPossible("a reservation of several rooms is not changed by phone")


class Terms:
    """One hotel's rooms, rates and reservations, as OPERA has them and as the hotel's file calls them."""

    def __init__(self, hotel: Hotel, options: Options) -> None:
        self.names = Names(hotel)
        self._hotel = hotel
        self._options = options

    def quoted(self, stay: Stay, room: RoomRate) -> Quote | None:
        """The offer of a room at a rate; None for one that is not mapped or not to be had, and, with a line in the
        log, for one that cannot be told truly.
        """
        room_type, plan = self.names.room_type(room.room_type), self.names.rate_plan(room.rate_plan_code)
        if room_type is None or plan is None or not _is_free(room):
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
            room=self.names.room_title(room_type),
            total=price.total,
            rate_plan=plan,
            rate=self.names.rate_title(plan),
            taxes=price.taxes,
            city_tax=price.city_tax,
            includes=self.names.extras(package.package_code for package in room.packages if package.included_in_rate),
        )
        return Quote(offer, room, nights)

    def _price(self, room: RoomRate, nights: tuple[Amount, ...], currency: str) -> Price | None:
        """What the stay costs with tax; None where OPERA tells neither that nor that the rate has the tax in it."""
        told = summed(nights, currency)
        inside = str(Decimal(told.cents) / 100) if room.tax_included else None
        price = price_of(room.total, gross=inside, currency=currency, city_tax_code=self._options.city_tax)
        if price is None:
            return None
        whole = price.total.cents + (price.city_tax.cents if price.city_tax else 0)
        on_top = sum(money(tax.amount, currency).cents for tax in room.total.taxes.tax if tax.type == "Exclusive")
        sums = [whole - on_top]
        if room.total.amount_before_tax is not None:
            sums.append(money(room.total.amount_before_tax, currency).cents)
        return price if told.cents in sums else None

    def told(self, booked: Booked) -> Reservation | None:
        """A reservation in our words; None for what is no stay, lacks its number, room, guest or price, or is longer
        or for more people than is dealt with by phone. Raises ValueError for amounts that cannot be.
        """
        code = id_of(booked.reservation_id_list, "Confirmation")
        state = STATES.get(booked.reservation_status)
        main = _main_guest(booked.reservation_guests)
        if code is None or state is None or not booked.room_stay.room_rates or main is None:
            return None
        first, last = main.name
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
        room_type, plan = self.names.room_type(room.room_type), self.names.rate_plan(room.rate_plan_code)
        reference = next(
            (ref.id for ref in booked.external_references if ref.id_context == self._options.external_system), None
        )
        return Reservation(
            code=code,
            stay=nights,
            room_type=room_type or "other",
            room=self.names.room_title(room_type)
            if room_type
            else stay.current_room_info.room_description or room.room_type,
            guest=guest,
            total=price.total,
            state=state,
            rate_plan=plan,
            rate=self.names.rate_title(plan) if plan else None,
            city_tax=price.city_tax,
            reference=reference,
            contact=contact_of(main.emails, main.phones),
        )

    def _price_of(self, booked: Booked) -> Price | None:
        """What a stay costs: its total, or the summary of its rates. Raises ValueError for amounts that cannot be."""
        total, summary = booked.room_stay.total, booked.rate_summary
        currency = total.currency_code or summary.currency_code or self._hotel.currency
        return price_of(total, gross=summary.net, currency=currency, city_tax_code=self._options.city_tax)

    def fee(self, held: Held, penalties: Iterable[Penalty], now: datetime) -> Money:
        """What cancelling costs now. Raises NotPossible, and ValueError for amounts that cannot be."""
        told = held.told
        rates = [rate for room in held.booked.room_stay.room_rates for rate in room.rates.rate]
        nights = by_night(told.total, nightly(rates, told.stay.evenings))
        return fee_of(penalties, told.total, nights, now=now, zone=self._hotel.zone)

    def room_stay(self, found: Quote, guarantee: str | None) -> dict[str, Any]:
        """A `roomStay` at exactly what was quoted, held by that guarantee."""
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
            **({"guarantee": {"guaranteeCode": guarantee}} if guarantee else {}),
        }

    def guest(self, guest: Guest, contact: Contact) -> dict[str, Any]:
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


def _is_free(room: RoomRate) -> bool:
    """Can it be sold, at a price that may be told?"""
    return room.availability == "Available" and not room.suppress_rate and room.number_of_units != 0


def _main_guest(guests: Sequence[BookedGuest]) -> BookedGuest | None:
    """The primary guest, or the first who has a name."""
    return min((guest for guest in guests if guest.name[1]), key=lambda guest: not guest.primary, default=None)
