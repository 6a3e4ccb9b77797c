"""What Apaleo says of a hotel, in the hotel's own terms, and the other way round; nothing here asks anybody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.shared.domain.errors import NotPossible
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, Stay
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.answers import contact_of
from lambdas.shared.pms.apaleo_models import STATES, Amount, Booked, Offered, Thing
from lambdas.shared.pms.hotel_file import property_of
from lambdas.shared.pms.names import Names
from lambdas.shared.pms.reservations import require_booked
from lambdas.shared.pms.system import Order

CANCEL: Final = "Cancel"

logger = open_logger("pms")


class Options(BaseModel):
    """`[pms.options]`: as which channel we sell, how bookings are guaranteed, and how old a child counts.

    Without a guarantee a booking has the least that its rate plan asks for. Apaleo prices children by age and guests
    are not asked for it, so all of them count as that old.
    """

    model_config = ConfigDict(frozen=True)

    channel: Literal["Direct", "Ibe"] = "Direct"
    guarantee: Literal["PM6Hold", "CreditCard", "Prepayment", "Company"] | None = None
    child_age: int = Field(default=10, ge=0, le=17)


@dataclass(frozen=True)
class Quote:
    """An offer and what it takes to book it: its rate plan, and the price of each night."""

    offer: Offer
    plan: str
    nights: tuple[Amount, ...]


@dataclass(frozen=True)
class Held:
    """A reservation of the hotel's, in its words and in ours."""

    booked: Booked
    told: Reservation

    @property
    def id(self) -> str:
        return self.booked.id

    def require_booked(self) -> None:
        """Raises NotPossible for what is over or has begun."""
        require_booked(self.told)

    def require_changeable(self) -> None:
        """Raises NotPossible, also for one with extras: they have days of their own, and a price in the total."""
        self.require_booked()
        if self.booked.services:
            raise NotPossible("a reservation with extras is changed by a human", vendor_code="services")

    def fee(self, now: datetime) -> Money:
        """What cancelling costs now. Raises NotPossible, and ValueError for an amount that cannot be."""
        self.require_booked()
        if self.booked.forbids(CANCEL):
            raise NotPossible("the hotel's system does not cancel this reservation now", vendor_code=CANCEL)
        policy = self.booked.cancellation_fee
        if policy is None:
            raise NotPossible("the hotel's system does not say what cancelling costs", vendor_code="policy")
        fee, due = policy.fee.money, policy.due_date_time
        if due.tzinfo is None or fee.cents < 0 or fee.currency != self.told.total.currency:
            raise ValueError("a fee without a moment, below nothing or in another currency")
        return fee if now >= due else fee * 0


class Terms:
    """One hotel's rooms, rates and reservations, as Apaleo has them and as the hotel's file calls them.

    A room is mapped by the id of its unit group, such as `BER-DBL`, an extra by the id of its service. A rate is
    mapped by code: Apaleo has a rate plan for each room it is sold for, `BER-FLEX-DBL` and `BER-FLEX-SGL`, which share
    the code `FLEX` (https://apaleo.dev/guides/business-cases/upsell/setup). Where a hotel's plans have codes such as
    `FLEX_DBL`, the room's own code at the end is not part of the rate's.
    """

    def __init__(self, hotel: Hotel, options: Options) -> None:
        self.names = Names(hotel)
        self._hotel = hotel
        self._options = options
        self._property = property_of(hotel)

    def rate_codes(self, plan: Thing, room: Thing) -> list[str]:
        """The codes by which a file may map a rate plan, the one of the plan itself first."""
        prefix = f"{self._property}-"
        code = plan.code or plan.id.removeprefix(prefix)
        room_code = room.code or room.id.removeprefix(prefix)
        short = [code.removesuffix(f"{dash}{room_code}") for dash in "_-"]
        return list(dict.fromkeys([code, *short]))

    def quoted(self, stay: Stay, offered: Offered) -> Quote | None:
        """The offer of a room at a rate; None for one that is not mapped or not to be had, and, with a line in the
        log, for one whose price cannot be told truly.
        """
        plan, room = offered.plan, offered.room
        if plan is None or room is None or offered.available_units < 1 or offered.validation_messages:
            return None
        room_type, rate = self.names.room_type(room.id), self._rate(plan, room)
        if room_type is None or rate is None:
            return None
        try:
            offer = Offer(
                stay=stay,
                room_type=room_type,
                room=self.names.room_title(room_type),
                total=self._total(stay, offered),
                rate_plan=rate,
                rate=self.names.rate_title(rate),
                taxes=_taxes(offered),
                city_tax=_city_tax(offered),
                includes=self.names.extras(_included(offered)),
            )
        except ValueError as fault:
            logger.warning("offer left out", room=room.id, rate=plan.id, reason=str(fault))
            return None
        return Quote(offer, plan.id, tuple(slice.total_gross_amount for slice in offered.time_slices))

    def _rate(self, plan: Thing, room: Thing) -> str | None:
        mapped = (self.names.rate_plan(code) for code in self.rate_codes(plan, room))
        return next(filter(None, mapped), None)

    def _total(self, stay: Stay, offered: Offered) -> Money:
        """What the stay costs. Raises ValueError when it is not the sum of its nights and mandatory services, in the
        hotel's currency, or when a fee comes on top of it: whether a reservation's total has that in it is not
        written down, so it could not be compared with what was told.
        """
        total = offered.total_gross_amount.money
        if total.currency != self._hotel.currency:
            raise ValueError(f"a price in {total.currency}")
        if any(fee.total_amount.money.cents for fee in offered.fees):
            raise ValueError("a fee on top of the price")
        parts = [slice.total_gross_amount.money for slice in offered.time_slices]
        services = [service.total_amount.money for service in offered.services]
        if len(parts) != stay.nights or sum(part.cents for part in [*parts, *services]) != total.cents:
            raise ValueError("a price that is not the sum of its nights")
        return total

    def told(self, booked: Booked) -> Reservation | None:
        """A reservation in our words; None for what is another property's, in a state that is not known, lacks a
        guest's name, or is longer or for more people than is dealt with by phone. Raises ValueError for an amount
        that cannot be.
        """
        state, person = STATES.get(booked.status), booked.person
        if booked.hotel.id != self._property or state is None or person is None:
            return None
        try:
            stay = Stay(
                arrival=self.day_of(booked.arrival),
                departure=self.day_of(booked.departure),
                adults=booked.adults,
                children=len(booked.children_ages),
            )
            guest = Guest(name=f"{person.first_name} {person.last_name}".strip(), last_name=person.last_name)
        except (OverflowError, ValidationError):
            return None
        room_type = self.names.room_type(booked.unit_group.id)
        rate = self._rate(booked.rate_plan, booked.unit_group)
        return Reservation(
            code=booked.id,
            stay=stay,
            room_type=room_type or "other",
            room=self.names.room_title(room_type) if room_type else booked.unit_group.name or booked.unit_group.id,
            guest=guest,
            total=booked.total_gross_amount.money,
            state=state,
            rate_plan=rate,
            rate=self.names.rate_title(rate) if rate else None,
            reference=booked.external_code,
            contact=contact_of([person.email], [person.phone]),
        )

    def day_of(self, moment: datetime) -> date:
        """The hotel's date of a moment that is told with its offset."""
        return moment.date() if moment.tzinfo is None else self._hotel.day_of(moment)

    def question(self, stay: Stay, held: Held | None = None) -> dict[str, str]:
        """A stay as it is asked for, instead of that one; lists are written with commas."""
        ages = ",".join(map(str, self._ages(stay, held)))
        asked = {
            "arrival": stay.arrival.isoformat(),
            "departure": stay.departure.isoformat(),
            "adults": str(stay.adults),
            "channelCode": self._options.channel,
        }
        return {**asked, "childrenAges": ages} if ages else asked

    def booking(self, found: Quote, order: Order) -> dict[str, Any]:
        """`CreateBookingModel`: one reservation, for the booker, at the nights' prices that were offered."""
        person = _person(order.guest, order.contact)
        reservation = {
            **self._stay(found.offer.stay),
            "channelCode": self._options.channel,
            "externalCode": order.reference,
            "primaryGuest": person,
            "timeSlices": [{"ratePlanId": found.plan, "totalAmount": _sent(night)} for night in found.nights],
        }
        if self._options.guarantee:
            reservation["guaranteeType"] = self._options.guarantee
        return {"booker": person, "reservations": [reservation]}

    def amendment(self, found: Quote, held: Held) -> dict[str, Any]:
        """`DesiredStayDetailsModel`, at the nights' prices that were offered. A day that stays keeps its hour."""
        wanted, booked = self._stay(found.offer.stay, held), held.booked
        for name, moment in (("arrival", booked.arrival), ("departure", booked.departure)):
            if self.day_of(moment).isoformat() == wanted[name]:
                wanted[name] = moment.isoformat()
        nights = [{"ratePlanId": found.plan, "totalGrossAmount": _sent(night)} for night in found.nights]
        return {**wanted, "requote": False, "timeSlices": nights}

    def _stay(self, stay: Stay, held: Held | None = None) -> dict[str, Any]:
        return {
            "arrival": stay.arrival.isoformat(),
            "departure": stay.departure.isoformat(),
            "adults": stay.adults,
            "childrenAges": self._ages(stay, held),
        }

    def _ages(self, stay: Stay, held: Held | None) -> list[int]:
        """Those that the reservation has, as long as it is for as many children."""
        if held and len(held.booked.children_ages) == stay.children:
            return list(held.booked.children_ages)
        return [self._options.child_age] * stay.children


def _sent(amount: Amount) -> dict[str, Any]:
    return {"amount": amount.amount, "currency": amount.currency}


def _included(offered: Offered) -> list[str]:
    return [included.service.id for slice in offered.time_slices for included in slice.included_services]


def _taxes(offered: Offered) -> Money | None:
    """The tax in the price, where it is told for all of it. Raises ValueError for an amount that cannot be."""
    taxes = [detail.tax.money for detail in offered.tax_details]
    total = offered.total_gross_amount.money
    if not taxes or {tax.currency for tax in taxes} != {total.currency}:
        return None
    return Money(cents=sum(tax.cents for tax in taxes), currency=total.currency)


def _city_tax(offered: Offered) -> Money | None:
    """What the city takes on top. Raises ValueError for an amount that cannot be or in another currency."""
    city = [tax.total_gross_amount.money for tax in offered.city_taxes]
    if not city and offered.city_tax:
        city = [offered.city_tax.money]
    currency = offered.total_gross_amount.currency
    if any(tax.currency != currency for tax in city):
        raise ValueError("a city tax in another currency")
    cents = sum(tax.cents for tax in city)
    return Money(cents=cents, currency=currency) if cents else None


def _person(guest: Guest, contact: Contact) -> dict[str, str]:
    told = {
        "firstName": guest.first_names,
        "lastName": guest.surname,
        "email": contact.email,
        "phone": contact.phone,
    }
    return {name: value for name, value in told.items() if value}
