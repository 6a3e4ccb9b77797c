"""What is asked of Mews: one hotel's questions, and how a list is read to its end.

Every request is a POST whose body carries who asks: https://docs.mews.com/connector-api/guidelines/requests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import Stay
from lambdas.shared.pms.credentials import JsonKey, Secret, read_as
from lambdas.shared.pms.hotel_file import options_of, property_of
from lambdas.shared.pms.mews_fees import Policies, Policy
from lambdas.shared.pms.mews_models import (
    STATES,
    AgeCategories,
    Availability,
    Booked,
    Bookeds,
    Categories,
    Configuration,
    Customer,
    Customers,
    Enterprise,
    OrderItem,
    OrderItems,
    Page,
    Price,
    Product,
    Products,
    Rates,
    ReservationPrices,
    Services,
    fault_code,
)
from lambdas.shared.pms.mews_rules import Additions, Closures, Restrictions, Rules
from lambdas.shared.pms.mews_terms import House, Options, Terms
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

USUAL_URL: Final = "https://api.mews.com"
"""https://docs.mews.com/connector-api/guidelines/environments; a demo environment has another."""
CLIENT: Final = "Bellhop 1.0.0"
PAGE: Final = 100
"""So many of what is long to tell; a page has at most a thousand."""
LARGE_PAGE: Final = 1000
MOST_PAGES: Final = 20
"""Pages of one question: more arrivals a day, or restrictions for a stay, has no hotel that we know of."""
KEPT: Final = timedelta(minutes=10)
"""How long rooms, rates and rules are remembered, as the guidelines' best practices ask for; prices never are."""

Item = TypeVar("Item")
Model = TypeVar("Model", bound=BaseModel)
Pages = TypeVar("Pages", bound=Page[Any])


class Key(BaseModel):
    """A hotel's secret: the token of our application, and the one that the hotel's administrator gave us."""

    client_token: str = Field(min_length=1)
    access_token: str = Field(min_length=1)


def _who(secret: Secret) -> Callable[[bool], Mapping[str, str]]:
    """Who asks: https://docs.mews.com/connector-api/guidelines/authentication."""

    def fields(fresh: bool) -> Mapping[str, str]:
        key = read_as(secret, Key, fresh=fresh)
        return {"ClientToken": key.client_token, "AccessToken": key.access_token, "Client": CLIENT}

    return fields


class Api:
    """One hotel's enterprise at Mews, and the service in it that is booked by the night. Reads raise Unreachable."""

    def __init__(self, hotel: Hotel, options: Options, terms: Terms, line: VendorHttp, key: JsonKey) -> None:
        self._hotel = hotel
        self._terms = terms
        self._line = line
        self._key = key
        self._enterprise = property_of(hotel)
        self.service = options.service
        self._ours: Mapping[str, Any] = {"EnterpriseIds": [self._enterprise], "ServiceIds": [self.service]}
        self._lock = threading.Lock()
        self._house: tuple[House, datetime] | None = None

    @classmethod
    def of(cls, hotel: Hotel, terms: Terms, parts: Parts) -> Api:
        """Raises HotelFileError when the hotel's file does not suffice."""
        key = JsonKey(_who(parts.secret_of(hotel)))
        return cls(hotel, options_of(hotel, Options), terms, parts.line(hotel, USUAL_URL, key), key)

    def write(self, what: str, operation: str, **body: Any) -> Answer:
        """Changes something, at most once. Raises Unreachable, and InDoubt."""
        return self._line.write(what, "POST", _path(operation), json=body, auth=self._key)

    def enterprise(self) -> Enterprise:
        """The hotel of the tokens."""
        return self._ask("the hotel", "configuration/get", Configuration).enterprise

    def products(self) -> list[Product]:
        """What can be had beside a room."""
        return self._all("products", "products/getAll", Products, ServiceIds=[self.service])

    def house(self, now: datetime | None = None) -> House:
        """What changes seldom, remembered for a while; without a time it is asked anew."""
        with self._lock:
            if now is None:
                return self._ask_house()
            if self._house is None or self._house[1] <= now:
                self._house = self._ask_house(), now + KEPT
            return self._house[0]

    def _ask_house(self) -> House:
        services = self._all("the hotel's services", "services/getAll", Services, **self._ours)
        service = next((found for found in services if found.id == self.service), None)
        if service is None:
            raise Unreachable("the service of the hotel's file is not the hotel's", vendor_code="service")
        return House.of(
            service,
            self._all("the hotel's rooms", "resourceCategories/getAll", Categories, **self._ours),
            self._all("the hotel's rates", "rates/getAll", Rates, **self._ours),
            self._all("the hotel's ages", "ageCategories/getAll", AgeCategories, **self._ours),
            self._additions(),
        )

    def _additions(self) -> Additions:
        """What rules add to a stay."""
        extent = {"RuleActions": True}
        pages = list(self._pages("the hotel's rules", "rules/getAll", Rules, PAGE, **self._ours, Extent=extent))
        return Additions(
            [rule for page in pages for rule in page.items],
            [action for page in pages for action in page.rule_actions],
        )

    def free(self, stay: Stay) -> Mapping[str, Sequence[int]]:
        """How many of each room are left on each night."""
        answer = self._read(
            "free rooms",
            "services/getAvailability",
            ServiceId=self.service,
            FirstTimeUnitStartUtc=self._terms.midnight(stay.evenings[0]),
            LastTimeUnitStartUtc=self._terms.midnight(stay.evenings[-1]),
        )
        told = answer.read_as(Availability)
        nights = tuple(start.astimezone(self._hotel.zone).date() for start in told.time_unit_starts_utc)
        rooms = told.category_availabilities
        if nights != stay.evenings or any(len(room.availabilities) != len(nights) for room in rooms):
            raise answer.unexpected()
        return {room.category_id: room.availabilities for room in rooms}

    def prices(self, house: House, stay: Stay, asked: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], Price]:
        """What a stay in each of these rooms at its rate costs, with what the hotel's rules add, the city's tax too."""
        wanted = {**self._terms.interval(house, stay), "PersonCounts": self._terms.people(house, stay)}
        told = self._ask(
            "prices",
            "reservations/price",
            ReservationPrices,
            ServiceId=self.service,
            Reservations=[
                {"Identifier": str(number), "RequestedCategoryId": room, "RateId": rate, **wanted}
                for number, (room, rate) in enumerate(asked)
            ],
        )
        numbered = {str(number): each for number, each in enumerate(asked)}
        return {
            numbered[price.identifier]: price.total_amount
            for price in told.reservation_prices
            if price.identifier in numbered
        }

    def closures(self, house: House, stay: Stay) -> Closures:
        """The restrictions of a stay: prices do not heed them."""
        interval = self._between(stay.arrival, stay.departure)
        found = self._all(
            "restrictions", "restrictions/getAll", Restrictions, LARGE_PAGE, **self._ours, CollidingUtc=interval
        )
        return Closures(found, house.rates, self._hotel.zone)

    def bookeds(self, what: str, **which: Any) -> list[Booked]:
        """The service's stays that are so, cancelled ones too."""
        operation = "reservations/getAll/2023-06-06"
        return self._all(what, operation, Bookeds, **self._ours, States=[*STATES], **which)

    def arrivals(self, what: str, day: date) -> list[Booked]:
        """The stays that begin on that day, cancelled ones too."""
        return self.bookeds(what, ScheduledStartUtc=self._between(day, day))

    def customers(self, what: str, **which: Any) -> list[Customer]:
        """The profiles that are so."""
        return self._all(what, "customers/getAll", Customers, **which, Extent={"Customers": True, "Addresses": False})

    def items(self, reservations: Sequence[str]) -> list[OrderItem]:
        """What these reservations cost."""
        what, operation = "what reservations cost", "orderItems/getAll"
        return self._all(what, operation, OrderItems, LARGE_PAGE, ServiceOrderIds=reservations)

    def policies(self, reservation: str) -> list[Policy]:
        """The cancellation policies of a reservation."""
        what, operation = "a cancellation policy", "cancellationPolicies/getByReservations"
        told = self._ask(what, operation, Policies, ReservationIds=[reservation]).cancellation_policies
        return [policy for found in told if found.reservation_id == reservation for policy in found.policies]

    def _between(self, first: date, last: date) -> dict[str, str]:
        """These days; the end of an interval is not in it."""
        return {"StartUtc": self._terms.midnight(first), "EndUtc": self._terms.midnight(last + timedelta(days=1))}

    def _read(self, what: str, operation: str, **body: Any) -> Answer:
        answer = self._line.read(what, "POST", _path(operation), json=body, auth=self._key)
        if not answer.ok:
            raise answer.unexpected(fault_code(answer.body, answer.status))
        return answer

    def _ask(self, what: str, operation: str, model: type[Model], **body: Any) -> Model:
        return self._read(what, operation, **body).read_as(model)

    def _all(self, what: str, operation: str, pages: type[Page[Item]], count: int = PAGE, **body: Any) -> list[Item]:
        """Everything in a list."""
        return [item for page in self._pages(what, operation, pages, count, **body) for item in page.items]

    def _pages(self, what: str, operation: str, pages: type[Pages], count: int, **body: Any) -> Iterator[Pages]:
        """A list, page after page: https://docs.mews.com/connector-api/guidelines/pagination."""
        limitation: dict[str, Any] = {"Count": count}
        for _ in range(MOST_PAGES):
            page = self._ask(what, operation, pages, **body, Limitation=limitation)
            yield page
            if page.cursor is None or len(page.items) < count:
                return
            limitation = {"Count": count, "Cursor": page.cursor}
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")


def _path(operation: str) -> str:
    return f"/api/connector/v1/{operation}"
