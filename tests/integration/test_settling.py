"""Wishes that were sent and not heard of are settled on the real stores, by whoever comes first and once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from lambdas.shared.bookings.carrying_out import Asked, CarryingOut
from lambdas.shared.bookings.outcomes import DOUBTED_FOR
from lambdas.shared.domain.call import Event, Kind, Outcome, Source
from lambdas.shared.domain.errors import InDoubt
from lambdas.shared.domain.stay import Guest, Reservation, Stay
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.due_follow_ups import DynamoDueFollowUps
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.system import Order
from lambdas.wish_settler.service import Settling
from tests.integration.stores import HOTELS, Tables
from tests.memory import MemoryCount
from tests.reports import CALL_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

NUMBER = "+491713920055"
ASKED = Asked(epoch=1, guest=Guest(name="Anna Meier"), callback=NUMBER)
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
STAY = Stay(arrival=NOW.date() + timedelta(days=9), departure=NOW.date() + timedelta(days=11), adults=2)


class SilentPms(DemoPms):
    """The demo hotel, whose answer to a booking gets lost: after it booked, or before; and which is blind meanwhile."""

    books = True
    blind = True

    def book(self, order: Order) -> Reservation:
        if self.books:
            super().book(order)
        raise InDoubt("no answer")

    def find(self, order: Order) -> Reservation | None:
        return None if self.blind else super().find(order)


@dataclass
class Night:
    """A call with a wish, the settler, and a clock that is set."""

    tables: Tables
    client: DynamoDBClient
    now: datetime = NOW
    count: MemoryCount = field(default_factory=MemoryCount)

    def __post_init__(self) -> None:
        self.pms = SilentPms(
            HOTELS.by_name["aurora"], client=self.client, table=self.tables.calls_table, now=lambda: self.now
        )
        self.carrying_out = CarryingOut(
            self.tables.other_wishes, {"aurora": self.pms}, now=lambda: self.now, sleep=lambda _: None
        )
        self.settling = Settling(
            HOTELS,
            self.carrying_out,
            DynamoDueFollowUps(self.tables.other_calls),
            self.count,
            open_logger("wish_settler"),
        )
        self.tables.clock.now = self.now
        self.tables.leases.take(CALL_ID, "one")
        self.tables.other_calls.apply(
            Event(call_id=CALL_ID, source=Source.AGENT, id="1", kind=Kind.ANSWERED, at=self.now, epoch=1, seq=1)
        )
        (offer,) = self.pms.offers(STAY, "double")
        self.wish = Wish(
            id="0123456789abcdef",
            call_id=CALL_ID,
            hotel="aurora",
            offer=offer,
            expires_at=self.now + timedelta(minutes=15),
        )
        self.tables.other_wishes.hold(self.wish)

    def doubt(self, *, booked: bool) -> None:
        """The wish is carried out, and nobody learns what came of it."""
        self.pms.books = booked
        with pytest.raises(InDoubt):
            self.carrying_out.carry_out(self.wish, ASKED)
        self.pms.blind = False

    @property
    def state(self) -> WishState:
        return self.kept.state

    @property
    def kept(self) -> Wish:
        return self.tables.other_wishes.get(CALL_ID, self.wish.id)

    def at_the_front_desk(self) -> list[tuple[str, str | None]]:
        """The follow-ups' ids, and what came of each."""
        items = self.tables.partition("HOTEL#aurora")
        return [(item["id"], item.get("finding")) for sk, item in items.items() if sk.startswith("FOLLOWUP#")]


@pytest.fixture
def night(tables: Tables, dynamodb: DynamoDBClient) -> Night:
    return Night(tables, dynamodb)


def test_a_doubt_that_was_booked_is_found(night: Night) -> None:
    """The call has its booking, the front desk its answer, and nothing waits any more."""
    night.doubt(booked=True)
    assert night.at_the_front_desk() == [(f"doubt:{night.wish.id}", None)]

    night.settling.run()

    assert night.state is WishState.BOOKED
    assert night.at_the_front_desk() == [(f"doubt:{night.wish.id}", "booked")]
    assert night.tables.other_wishes.unsettled("aurora") == []
    ended = Event(call_id=CALL_ID, source=Source.AGENT, id="2", kind=Kind.ENDED, at=night.now, epoch=1, seq=2)
    assert night.tables.other_calls.apply(ended).outcome is Outcome.BOOKED
    assert night.count.counted == {"WishesSettled": 1, "WishesInDoubt": 0}


def test_a_doubt_that_was_not_booked_ends(night: Night) -> None:
    """Half an hour later it was not done, the claim is free, and the caller's number is kept by the follow-up alone."""
    night.doubt(booked=False)
    night.settling.run()
    assert night.state is WishState.IN_DOUBT
    night.now += DOUBTED_FOR

    night.settling.run()

    assert (night.state, night.kept.reason) == (WishState.REFUSED, "not_done")
    assert night.at_the_front_desk() == [(f"doubt:{night.wish.id}", "not_booked")]
    assert not [sk for sk in night.tables.stored(CALL_ID) if sk.startswith("CLAIM#")]
    holding = [sk for sk, item in night.tables.partition("HOTEL#aurora").items() if NUMBER in str(item)]
    assert [sk.partition("#")[0] for sk in holding] == ["FOLLOWUP"]
    assert NUMBER not in str(night.tables.stored(CALL_ID))


def test_the_settler_and_the_agent_settle_once(night: Night) -> None:
    """Who asks again while the settler is at it answers the same booking, which is reported once."""
    night.doubt(booked=True)

    def ask_again(_: int) -> str | None:
        return night.carrying_out.carry_out(night.kept, ASKED).code

    with ThreadPoolExecutor(4) as agents:
        settled = agents.submit(night.settling.run)
        codes = set(agents.map(ask_again, range(3)))
        settled.result()

    (stay,) = night.pms.reservations()
    assert codes == {stay.code}
    assert night.state is WishState.BOOKED
    assert night.tables.other_calls.call(CALL_ID).stays == (stay.code,)
