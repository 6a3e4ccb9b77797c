"""What Apaleo answers, as far as it is read.

Names and meanings are those of its OpenAPI documents of the booking, inventory and rate plan APIs v1:
https://api.apaleo.com/swagger/booking-v1/swagger.json and its neighbours. Null there is the same as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.answers import Answered

Row = TypeVar("Row")
STATES: Final[Mapping[str, ReservationState]] = {
    "Confirmed": ReservationState.BOOKED,
    "InHouse": ReservationState.IN_HOUSE,
    "CheckedOut": ReservationState.DEPARTED,
    "Canceled": ReservationState.CANCELLED,
    "NoShow": ReservationState.CANCELLED,
}


def _titled(name: Any) -> Any:
    """A name in the first of its languages: some of Apaleo's answers have it in one, some by language."""
    return next(filter(None, name.values()), "") if isinstance(name, dict) else name


Title = Annotated[str, BeforeValidator(_titled)]


class _Answered(Answered):
    model_config = ConfigDict(alias_generator=to_camel)


class Amount(_Answered):
    """`MonetaryValueModel`."""

    amount: int | float | str
    currency: str

    @property
    def money(self) -> Money:
        """Raises ValueError for an amount or currency that is none."""
        return money(self.amount, self.currency)


class TaxedAmount(_Answered):
    """`AmountModel`."""

    gross_amount: int | float | str
    currency: str

    @property
    def money(self) -> Money:
        """The amount with its tax in it. Raises ValueError for an amount or currency that is none."""
        return money(self.gross_amount, self.currency)


class Thing(_Answered):
    """A room, a rate plan or a service: as a whole or embedded in something else."""

    id: str
    code: str = ""
    name: Title = ""


class IncludedService(_Answered):
    service: Thing


class Slice(_Answered):
    """One night of an offer; its price has the tax and the services in it that the rate plan includes."""

    total_gross_amount: Amount
    included_services: tuple[IncludedService, ...] = ()
    rate_plan: Thing | None = None
    unit_group: Thing | None = None


class MandatoryService(_Answered):
    """What is booked with the offer, at a price of its own in the offer's total."""

    total_amount: TaxedAmount


class Fee(_Answered):
    """What comes on top of the offer's total when it is booked."""

    total_amount: TaxedAmount


class CityTax(_Answered):
    total_gross_amount: Amount


class TaxDetail(_Answered):
    tax: Amount


class Offered(_Answered):
    """`OfferModel`, and `ReservationStayOfferModel`, whose rate plan and room are those of its nights.

    City tax is told in `cityTaxes`, or in `cityTax` by an older version of the document.
    """

    available_units: int
    total_gross_amount: Amount
    time_slices: tuple[Slice, ...]
    rate_plan: Thing | None = None
    unit_group: Thing | None = None
    services: tuple[MandatoryService, ...] = ()
    fees: tuple[Fee, ...] = ()
    tax_details: tuple[TaxDetail, ...] = ()
    city_taxes: tuple[CityTax, ...] = ()
    city_tax: TaxedAmount | None = None
    validation_messages: tuple[Any, ...] = ()

    @property
    def plan(self) -> Thing | None:
        """The rate plan of every night; None when they differ."""
        return self.rate_plan or _common(slice.rate_plan for slice in self.time_slices)

    @property
    def room(self) -> Thing | None:
        """The unit group of every night; None when they differ."""
        return self.unit_group or _common(slice.unit_group for slice in self.time_slices)


class Offers(_Answered):
    offers: tuple[Offered, ...] = ()


class Person(_Answered):
    """`GuestModel`, `BookerModel`."""

    last_name: str = ""
    first_name: str = ""
    email: str | None = None
    phone: str | None = None


class CancellationFee(_Answered):
    """What cancelling costs from `due_date_time` on; before, it is free."""

    due_date_time: datetime
    fee: Amount


class Action(_Answered):
    """Whether something can be done with the reservation now."""

    action: str
    is_allowed: bool


class Booked(_Answered):
    """`ReservationModel`: one room of a booking."""

    id: str
    status: str
    hotel: Thing = Field(alias="property")
    rate_plan: Thing
    unit_group: Thing
    total_gross_amount: Amount
    arrival: datetime
    departure: datetime
    adults: int
    children_ages: tuple[int, ...] = ()
    comment: str = ""
    external_code: str | None = None
    primary_guest: Person | None = None
    booker: Person | None = None
    cancellation_fee: CancellationFee | None = None
    services: tuple[Any, ...] = ()
    actions: tuple[Action, ...] = ()

    @property
    def person(self) -> Person | None:
        """Who stays; the booker where no guest is named."""
        named = (person for person in (self.primary_guest, self.booker) if person and person.last_name)
        return next(named, None)

    def forbids(self, action: str) -> bool:
        """Does Apaleo say that this cannot be done now?"""
        return any(found.action == action and not found.is_allowed for found in self.actions)


class RatePlan(Thing):
    """A rate plan belongs to exactly one unit group."""

    unit_group: Thing


class Listed(_Answered, Generic[Row]):
    """A page: `count` is how many rows there are on all pages."""

    count: int
    rows: tuple[Row, ...] = ()


class Reservations(Listed[Booked]):
    rows: tuple[Booked, ...] = Field(default=(), alias="reservations")


class UnitGroups(Listed[Thing]):
    rows: tuple[Thing, ...] = Field(default=(), alias="unitGroups")


class RatePlans(Listed[RatePlan]):
    rows: tuple[RatePlan, ...] = Field(default=(), alias="ratePlans")


class Services(Listed[Thing]):
    rows: tuple[Thing, ...] = Field(default=(), alias="services")


class PropertyAnswer(_Answered):
    """`PropertyModel`."""

    id: str
    name: Title = ""
    currency_code: str | None = None
    time_zone: str | None = None


class Numbered(_Answered):
    id: str


class Created(_Answered):
    """`BookingCreatedModel`."""

    reservation_ids: tuple[Numbered, ...] = Field(min_length=1)


def _common(things: Iterable[Thing | None]) -> Thing | None:
    found = {thing.id: thing for thing in things if thing}
    return next(iter(found.values())) if len(found) == 1 else None
