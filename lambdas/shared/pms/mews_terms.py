"""What Mews says of a hotel, in the hotel's own terms, and the other way round; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.shared.domain.errors import NotPossible, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import same_surname
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, Stay
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.answers import contact_of
from lambdas.shared.pms.mews_durations import after
from lambdas.shared.pms.mews_models import (
    STATES,
    AgeCategory,
    Booked,
    Category,
    Customer,
    OrderItem,
    Price,
    Rate,
    Service,
    in_words,
)
from lambdas.shared.pms.mews_rules import Additions, Wanted
from lambdas.shared.pms.names import Names
from lambdas.shared.pms.reservations import require_booked

_ID: Final = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"

logger = open_logger("pms")


class Options(BaseModel):
    """`[pms.options]`: `service` is the id of the bookable service whose time units are nights."""

    model_config = ConfigDict(frozen=True)

    service: str = Field(pattern=_ID)


@dataclass(frozen=True)
class House:
    """What changes seldom at a hotel: when a night begins and ends, its rooms, rates and ages, by Mews' ids."""

    starts: str
    """A duration after midnight of the first day."""
    ends: str
    """A duration after midnight of the last day."""
    rooms: Mapping[str, Category]
    rates: Mapping[str, Rate]
    ages: Mapping[str, AgeCategory]
    additions: Additions

    @classmethod
    def of(
        cls,
        service: Service,
        rooms: Sequence[Category],
        rates: Sequence[Rate],
        ages: Sequence[AgeCategory],
        additions: Additions,
    ) -> House:
        """Raises Unreachable for a service that is not booked by the night, or has no adults."""
        data = service.data.value
        try:
            midnight = datetime(2026, 1, 1)
            by_night = after(midnight, data.start_offset) >= midnight <= after(midnight, data.end_offset)
        except ValueError:
            by_night = False
        if data.time_unit_period != "Day" or not by_night:
            raise Unreachable("the service of the hotel's file is not booked by the night", vendor_code="service")
        house = cls(
            data.start_offset,
            data.end_offset,
            {room.id: room for room in rooms},
            {rate.id: rate for rate in rates},
            {age.id: age for age in ages},
            additions,
        )
        if house.adults is None:
            raise Unreachable("the service of the hotel's file has no age category of adults", vendor_code="service")
        return house

    @property
    def adults(self) -> AgeCategory | None:
        return next((age for age in self._active if age.classification == "Adult"), None)

    @property
    def children(self) -> AgeCategory | None:
        """Of several, the oldest: how old a child is is not asked on the phone, and none costs more than these."""
        children = [age for age in self._active if age.classification == "Child"]
        return max(children, key=lambda age: age.minimal_age, default=None)

    @property
    def _active(self) -> list[AgeCategory]:
        return [age for age in self.ages.values() if age.is_active]


@dataclass(frozen=True)
class Quote:
    """An offer and what it takes to book it."""

    offer: Offer
    room: str
    rate: str


@dataclass(frozen=True)
class Held:
    """A reservation of the hotel's, in its words and in ours."""

    booked: Booked
    items: tuple[OrderItem, ...]
    told: Reservation

    @property
    def id(self) -> str:
        return self.booked.id

    @property
    def charged(self) -> Money | None:
        """What its cancellation has cost; None where the amounts cannot be."""
        fees = [item for item in self.items if item.type == "CancellationFee" and item.accounting_state != "Canceled"]
        try:
            amounts = [money(item.amount.gross_value, item.amount.currency) for item in fees]
            return sum(amounts, start=Money(cents=0, currency=self.told.total.currency))
        except ValueError:
            return None

    def require_changeable(self, house: House) -> None:
        """Raises NotPossible for what is not booked, and for what costs more or less than its room and the hotel's
        rules make it: what a change would make of that, the price of a change does not tell.
        """
        self.require_booked()
        room = house.rooms.get(self.booked.requested_resource_category_id)
        rate = house.rates.get(self.booked.rate_id)
        added = house.additions.of(self.told.stay, room, rate) if room and rate else []
        for item in self.items:
            ruled = item.type == "ProductOrder" and item.data.product.product_id in added
            if item.counts and not ruled and item.type not in ("SpaceOrder", "CityTax", "CityTaxDiscount"):
                raise NotPossible("something was ordered or granted with the reservation", vendor_code=item.type)

    def require_booked(self) -> None:
        """Raises NotPossible for what is over or has begun."""
        require_booked(self.told)

    def keeps(self, offer: Offer) -> bool:
        """Would the offer leave it its rate and every night?"""
        same_rate = offer.rate_plan is not None and offer.rate_plan == self.told.rate_plan
        return same_rate and set(self.told.stay.evenings) <= set(offer.stay.evenings)


class Terms:
    """One hotel's rooms, rates and reservations, as Mews has them and as the hotel's file calls them."""

    def __init__(self, hotel: Hotel) -> None:
        self.names = Names(hotel)
        self._hotel = hotel

    def midnight(self, day: date) -> str:
        """Where a day begins at the hotel: time units do too."""
        return _utc(self._midnight(day))

    def interval(self, house: House, stay: Stay) -> dict[str, str]:
        """When the guest may come and must leave."""
        starts, ends = self._moments(house, stay)
        return {"StartUtc": _utc(starts), "EndUtc": _utc(ends)}

    def people(self, house: House, stay: Stay) -> list[dict[str, Any]]:
        """`PersonCounts`: only ages that somebody has; a hotel that knows no children counts them as adults."""
        adults, children = house.adults, house.children
        if adults is None:
            raise ValueError("a house has adults")
        if children is None or not stay.children:
            return [{"AgeCategoryId": adults.id, "Count": stay.guests}]
        return [
            {"AgeCategoryId": adults.id, "Count": stay.adults},
            {"AgeCategoryId": children.id, "Count": stay.children},
        ]

    def wanted(self, house: House, found: Quote) -> Wanted:
        """The offer, for the hotel's restrictions to judge."""
        starts, ends = self._moments(house, found.offer.stay)
        room, rate = house.rooms[found.room], house.rates[found.rate]
        return Wanted(found.offer.stay, room, rate, found.offer.total, starts, ends)

    def quoted(self, house: House, stay: Stay, room: str, rate: str, price: Price) -> Quote | None:
        """The offer of a room at a rate; None, with a line in the log, for one that cannot be told truly."""
        room_type, plan = self.names.room_type(room), self.names.rate_plan(rate)
        try:
            total = money(price.gross_value, price.currency)
            taxes = [money(tax.value, price.currency) for tax in price.tax_values]
        except ValueError:
            total, taxes = None, []
        if room_type is None or plan is None or total is None or total.currency != self._hotel.currency:
            logger.warning("offer left out", room=room, rate=rate, currency=price.currency)
            return None
        offer = Offer(
            stay=stay,
            room_type=room_type,
            room=self.names.room_title(room_type),
            total=total,
            rate_plan=plan,
            rate=self.names.rate_title(plan),
            taxes=Money(cents=sum(tax.cents for tax in taxes), currency=total.currency) if taxes else None,
            includes=self.names.extras(house.additions.of(stay, house.rooms[room], house.rates[rate])),
        )
        return Quote(offer, room, rate)

    def told(self, house: House, booked: Booked, customer: Customer, items: Sequence[OrderItem]) -> Reservation | None:
        """A reservation in our words; None for what is no stay, has no price, or is longer or for more people than is
        dealt with by phone. Raises ValueError for amounts that cannot be.

        The total has the city's tax in it, as the price of an offer has: Mews tells them together.
        """
        state = STATES.get(booked.state)
        counted = [item for item in items if item.counts]
        if state is None or not counted:
            return None
        amounts = [money(item.amount.gross_value, item.amount.currency) for item in counted]
        children = sum(
            people.count
            for people in booked.person_counts
            if (age := house.ages.get(people.age_category_id)) and age.classification == "Child"
        )
        try:
            stay = Stay(
                arrival=booked.scheduled_start_utc.astimezone(self._hotel.zone).date(),
                departure=booked.scheduled_end_utc.astimezone(self._hotel.zone).date(),
                adults=sum(people.count for people in booked.person_counts) - children,
                children=children,
            )
            guest = Guest(name=customer.name, last_name=customer.last_name.strip())
        except (OverflowError, ValidationError):
            return None
        room, rate = booked.requested_resource_category_id, booked.rate_id
        room_type, plan = self.names.room_type(room), self.names.rate_plan(rate)
        return Reservation(
            code=booked.number,
            stay=stay,
            room_type=room_type or "other",
            room=self.names.room_title(room_type) if room_type else self._title(house, room),
            guest=guest,
            total=sum(amounts[1:], start=amounts[0]),
            state=state,
            rate_plan=plan,
            rate=self.names.rate_title(plan) if plan else None,
            # What a channel calls its reservations is no reference of ours.
            reference=booked.channel_number if booked.origin == "Connector" else None,
            contact=contact_of([customer.email], [customer.phone]),
        )

    def customer(self, guest: Guest, contact: Contact) -> dict[str, str]:
        """The profile of a guest whom the hotel does not know."""
        given = {"FirstName": guest.first_names, "Email": contact.email, "Phone": contact.phone}
        return {"LastName": guest.surname, **{name: value for name, value in given.items() if value}}

    def _title(self, house: House, room: str) -> str:
        category = house.rooms.get(room)
        return (in_words(category.names, self._hotel.languages) if category else None) or room

    def _moments(self, house: House, stay: Stay) -> tuple[datetime, datetime]:
        starts, ends = self._midnight(stay.arrival), self._midnight(stay.departure)
        return after(starts, house.starts), after(ends, house.ends)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self._hotel.zone)


def is_same_guest(customer: Customer, guest: Guest) -> bool:
    """Is the profile of that name, whatever its case and accents?"""
    return same_surname(customer.last_name, guest.surname) and same_surname(customer.name, guest.name)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
