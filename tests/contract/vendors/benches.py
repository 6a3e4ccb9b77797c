"""A connector on the bench: the hotel it speaks for, and the other side's own view of what is kept there.

Every bench holds the same hotel, as `house` has it: four singles at 89, six doubles at 129 and a suite at 219 euros.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from lambdas.shared.domain.errors import BellhopError
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Contact, Guest, Offer, Stay
from lambdas.shared.pms import CONNECTORS, Capability, Order, Parts, Pms
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.vendor_http import Gate, OpenGate
from tests.contract.vendors.house import House
from tests.contract.vendors.keepers import DemoKeeper, HouseKeeper, Keeper
from tests.contract.vendors.stand_in import StandIn
from tests.tables import new_tables

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_dynamodb import DynamoDBClient
    from starlette.types import Receive, Scope, Send

AURORA: Final = Hotels.load(Path(__file__).parents[3] / "hotels").by_name["aurora"]
ALL: Final = sorted(CONNECTORS)
VENDORS: Final = [name for name in ALL if name != "demo"]
STAY: Final = Stay(arrival=date(2026, 12, 30), departure=date(2027, 1, 2), adults=2)
ANNA: Final = Guest(name="Anna Meier", last_name="Meier")
BERT: Final = Guest(name="Bert Brecht", last_name="Brecht")
CONTACT: Final = Contact(email="anna.meier@example.com", phone="+491701234567")
PERSONAL: Final = ("anna", "meier", "bert", "brecht", "example.com", "170123")
"""What must not stand in a log: parts of names, addresses and numbers of the guests."""
FEW: Final = 4
"""So many items are deleted sooner than tables are made."""


class Clock:
    """A clock that stands at noon in Berlin, five weeks before the stay, until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Switch:
    """An application that is another one from test to test, so that one server serves them all."""

    def __init__(self) -> None:
        self.app: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@dataclass
class Bench:
    """A connector, the hotel it speaks for, the clock both sides go by, and the other side."""

    connector: str
    pms: Pms
    hotel: Hotel
    keeper: Keeper
    clock: Clock
    parts: Parts
    stand_in: StandIn | None = None

    @property
    def vendor(self) -> StandIn:
        """Raises LookupError for the demo hotel, which has no vendor."""
        if self.stand_in is None:
            raise LookupError("the demo hotel has no vendor")
        return self.stand_in

    @property
    def house(self) -> House:
        return self.vendor.house

    def can(self, *capabilities: Capability) -> bool:
        return self.pms.capabilities.issuperset(capabilities)

    def offered(self, room_type: str = "double", stay: Stay = STAY, rate: str = "flexible") -> Offer:
        """The room's offer at that rate; a hotel with one rate has only its own."""
        offers = [offer for offer in self.pms.offers(stay, room_type) if offer.rate_plan in (None, rate)]
        (offer,) = offers
        return offer

    def order(self, reference: str = "wish00000001", guest: Guest = ANNA, **offered: Any) -> Order:
        """What was just offered, to be booked under that reference."""
        return Order(reference, self.offered(**offered), guest)

    def renewed(self, **parts: Any) -> Pms:
        """The connector anew, as another process would open it, with these parts instead."""
        return CONNECTORS[self.connector](self.hotel, replace(self.parts, **parts))


@contextmanager
def refused(*kinds: type[BellhopError]) -> Iterator[list[BellhopError]]:
    """The block raises one of these, whose message holds nothing of the guests of this suite; the list gets it."""
    caught: list[BellhopError] = []
    try:
        yield caught
    except kinds as error:
        caught.append(error)
    assert caught, f"none of {', '.join(kind.__name__ for kind in kinds)} was raised"
    assert not any(word in str(caught[0]).casefold() for word in PERSONAL), str(caught[0])


class Ungated(Parts):
    """For what is not about breaker and budget: each request counted in moto would take longer than the request."""

    def gate(self, hotel: Hotel) -> Gate:
        return OpenGate()


@dataclass(frozen=True)
class Workshop:
    """Where benches are made: one database, one pool of connections, one server at `url` for whichever vendor.

    `parts` is the kind that connectors are made of.
    """

    client: DynamoDBClient
    http: httpx.Client
    switch: Switch
    url: str
    parts: type[Parts] = Parts
    used: list[tuple[str, str]] = field(default_factory=list)
    free: list[tuple[str, str]] = field(default_factory=list)

    def clear(self) -> None:
        """The tables of all benches go, or are emptied for the next ones where that is quicker.

        moto is slow to make tables and copies every one there is with each transaction.
        """
        while self.used:
            pair = self.used.pop()
            items = [(table, item) for table in pair for item in self.client.scan(TableName=table)["Items"]]
            if len(items) > FEW:
                for table in pair:
                    self.client.delete_table(TableName=table)
                continue
            for table, item in items:
                key: dict[str, Any] = {name: item[name] for name in ("pk", "sk") if name in item}
                self.client.delete_item(TableName=table, Key=key)
            self.free.append(pair)

    def bench(self, connector: str, *, house: House | None = None, at: str | None = None, **system: Any) -> Bench:
        """A fresh hotel behind that connector; `at` is another way to it, `system` what its file says otherwise."""
        clock = Clock()
        calls_table, leases_table = self.free.pop() if self.free else new_tables(self.client)
        self.used.append((calls_table, leases_table))
        parts = self.parts(
            client=self.client,
            calls_table=calls_table,
            leases_table=leases_table,
            secret=lambda *_: {},
            http=lambda: self.http,
            now=clock,
            sleep=lambda _: None,
        )
        if connector == "demo":
            hotel = AURORA.model_copy(deep=True)
            pms = CONNECTORS[connector](hotel, parts)
            keeper = DemoKeeper(cast("DemoPms", pms), hotel, self.client, calls_table)
            return Bench(connector, pms, hotel, keeper, clock, parts)
        house = house or House()
        house.now = clock
        stand_in = stand_in_of(connector)(house)
        self.switch.app = stand_in.app
        hotel = stand_in.hotel(AURORA, at or self.url)
        if system:
            hotel = hotel.model_copy(update={"pms": hotel.pms.model_copy(update=system)})
        parts = replace(parts, secret=lambda *_: stand_in.secret)
        pms = CONNECTORS[connector](hotel, parts)
        return Bench(connector, pms, hotel, HouseKeeper(house), clock, parts, stand_in)


def stand_in_of(connector: str) -> Callable[[House], StandIn]:
    """The class of a vendor's stand-in: the one of its module whose name ends in StandIn."""
    module = importlib.import_module(f"tests.contract.vendors.{connector}")
    (found,) = (
        value
        for name, value in vars(module).items()
        if name.endswith("StandIn") and getattr(value, "__module__", None) == module.__name__
    )
    return cast("Callable[[House], StandIn]", found)


def moved(stay: Stay, days: int) -> Stay:
    """The same stay so many days later."""
    later = timedelta(days=days)
    return stay.model_copy(update={"arrival": stay.arrival + later, "departure": stay.departure + later})
