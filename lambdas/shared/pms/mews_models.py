"""What the Mews Connector API answers, as far as it is read.

The names and meanings are those of its operations: https://docs.mews.com/connector-api/operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, Literal, TypeVar

from pydantic import AwareDatetime, ConfigDict, Field
from pydantic.alias_generators import to_pascal

from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms.answers import Answered

Amount = int | float | str
Item = TypeVar("Item")
STATES: Final[Mapping[str, ReservationState]] = {
    "Confirmed": ReservationState.BOOKED,
    "Started": ReservationState.IN_HOUSE,
    "Processed": ReservationState.DEPARTED,
    "Canceled": ReservationState.CANCELLED,
}
"""`Service order state`. What is inquired, requested or only held for a guest is no stay and has no state."""
STAY_ITEMS: Final = frozenset(
    {
        "SpaceOrder",
        "ProductOrder",
        "ServiceCharge",
        "ResourceUpgradeFee",
        "NightRebate",
        "ProductOrderRebate",
        "AllowanceDiscount",
        "TaxCorrection",
        "CityTax",
        "CityTaxDiscount",
    }
)
"""`Order item type`: those of which a stay's price is made, what was given back of it included."""


class Part(Answered):
    """A part of an answer, whose names begin with capitals there."""

    model_config = ConfigDict(alias_generator=to_pascal, populate_by_name=True)


class Page(Part, Generic[Item]):
    """A part of a list, the latest first; `cursor` is where the next part begins."""

    items: tuple[Item, ...]
    cursor: str | None = None


class TaxValue(Part):
    value: Amount


class Price(Part):
    """`Amount`: the gross value has all taxes in it."""

    currency: str
    gross_value: Amount
    tax_values: tuple[TaxValue, ...] = ()


class _BookableData(Part):
    """Offsets are durations from the begin of the first and from the end of the last time unit."""

    start_offset: str = ""
    end_offset: str = ""
    time_unit_period: str = ""


class _ServiceData(Part):
    value: _BookableData = _BookableData()


class Service(Part):
    id: str
    data: _ServiceData = _ServiceData()


class Services(Page[Service]):
    items: tuple[Service, ...] = Field(alias="Services")


class Category(Part):
    """A kind of room."""

    id: str
    is_active: bool = True
    names: Mapping[str, str] = Field(default_factory=dict)
    type: str = ""
    capacity: int = 0
    extra_capacity: int = 0


class Categories(Page[Category]):
    items: tuple[Category, ...] = Field(alias="ResourceCategories")


class AgeCategory(Part):
    id: str
    classification: Literal["Adult", "Child"] | str = "Adult"
    minimal_age: int = 0
    is_active: bool = True


class AgeCategories(Page[AgeCategory]):
    items: tuple[AgeCategory, ...] = Field(alias="AgeCategories")


class Rate(Part):
    id: str
    group_id: str = ""
    base_rate_id: str | None = None
    business_segment_id: str | None = None
    is_active: bool = True
    is_enabled: bool = True
    names: Mapping[str, str] = Field(default_factory=dict)
    name: str = ""


class Rates(Page[Rate]):
    items: tuple[Rate, ...] = Field(alias="Rates")


class Product(Part):
    id: str
    is_active: bool = True
    names: Mapping[str, str] = Field(default_factory=dict)


class Products(Page[Product]):
    items: tuple[Product, ...] = Field(alias="Products")


class _AcceptedCurrency(Part):
    currency: str
    is_default: bool = False


class Enterprise(Part):
    id: str
    name: str
    time_zone_identifier: str | None = None
    currencies: tuple[_AcceptedCurrency, ...] = ()


class Configuration(Part):
    enterprise: Enterprise


class CategoryAvailability(Part):
    category_id: str
    availabilities: tuple[int, ...]


class Availability(Part):
    time_unit_starts_utc: tuple[AwareDatetime, ...]
    category_availabilities: tuple[CategoryAvailability, ...]


class ReservationPrice(Part):
    identifier: str
    total_amount: Price


class ReservationPrices(Part):
    reservation_prices: tuple[ReservationPrice, ...]


class PersonCount(Part):
    age_category_id: str
    count: int


class Booked(Part):
    """`Reservation (ver 2023-06-06)`. `number` is what a guest is told, `channel_number` what the sender called it."""

    id: str
    account_id: str
    account_type: str = "Customer"
    number: str
    state: str
    origin: str = ""
    created_utc: AwareDatetime
    rate_id: str
    requested_resource_category_id: str
    assigned_resource_id: str | None = None
    assigned_resource_locked: bool = False
    channel_number: str | None = None
    scheduled_start_utc: AwareDatetime
    scheduled_end_utc: AwareDatetime
    person_counts: tuple[PersonCount, ...] = ()


class Bookeds(Page[Booked]):
    items: tuple[Booked, ...] = Field(alias="Reservations")


class _AddedReservation(Part):
    id: str


class _Added(Part):
    reservation: _AddedReservation


class Added(Part):
    reservations: tuple[_Added, ...] = Field(min_length=1)


class Customer(Part):
    id: str
    first_name: str = ""
    last_name: str
    email: str | None = None
    phone: str | None = None
    is_active: bool = True

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


class Customers(Page[Customer]):
    items: tuple[Customer, ...] = Field(alias="Customers")


class _ItemOptions(Part):
    canceled_with_reservation: bool = False


class _ItemProduct(Part):
    product_id: str = ""


class _ItemData(Part):
    product: _ItemProduct = _ItemProduct()


class OrderItem(Part):
    """Something a reservation costs: a night, a product, a tax."""

    service_order_id: str
    amount: Price
    type: str
    accounting_state: str
    consumed_utc: AwareDatetime
    start_utc: AwareDatetime | None = None
    options: _ItemOptions = _ItemOptions()
    data: _ItemData = _ItemData()

    @property
    def begins(self) -> datetime:
        return self.start_utc or self.consumed_utc

    @property
    def counts(self) -> bool:
        """Is or was it a part of the stay's price? A cancelled reservation's items are cancelled with it."""
        stands = self.accounting_state != "Canceled" or self.options.canceled_with_reservation
        return stands and self.type in STAY_ITEMS


class OrderItems(Page[OrderItem]):
    items: tuple[OrderItem, ...] = Field(alias="OrderItems")


def in_words(names: Mapping[str, str], languages: Iterable[str]) -> str | None:
    """A `Localized text` in the first of these languages that it has, or in any."""
    for language in languages:
        for culture, name in names.items():
            if culture.partition("-")[0].lower() == language and name:
                return name
    return next(filter(None, names.values()), None)


def fault_code(body: Any, status: int) -> str:
    """The status, and the request's id by which Mews' support finds it. The message may hold what was sent."""
    id = body.get("RequestId") if isinstance(body, dict) else None
    return f"{status} {id}" if isinstance(id, str) and re.fullmatch(r"[\w-]{1,64}", id, re.ASCII) else str(status)
