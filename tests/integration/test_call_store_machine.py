"""Whatever happens to a call's reports on their way, and whoever writes at the same moment, the store stays right.

Reports of all four sources and two epochs arrive in any order, late, again, and while others write between a read and
its write; agents take the call from each other; wishes are moved, and sent with epochs that hold and epochs that do
not. The model is three sentences long: every report counts once, the last lease's epoch holds, a wish moves from the
state it is in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from lambdas.shared.domain.call import Call, Event, Kind, Source
from lambdas.shared.domain.errors import LeaseHeld, StaleEpoch
from lambdas.shared.domain.wish import TRANSITIONS, Wish, WishState
from lambdas.shared.wish_store import Moved
from tests.integration.stores import Tables
from tests.reports import CALL_ID, report, reports
from tests.unit.test_wish import WISH

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.shared.call_store import DynamoCallStore
    from lambdas.shared.wish_store import DynamoWishes

pytestmark = pytest.mark.integration

Others = Sequence[int | tuple[int, int]]

TWIN = "call_+493023125001_twin"
any_report = st.integers(0, 99)
any_wish = st.integers(0, 1)
any_step = st.integers(0, 3)
behind_the_last_epoch = st.sampled_from([0, 0, 0, 1])
meanwhile = st.lists(st.one_of(any_report, st.tuples(any_wish, any_step)), max_size=3)
"""What others do between a read and its write: report, or move a wish."""


class Store(RuleBasedStateMachine):
    """One call's store beside the three sentences it must keep."""

    client: DynamoDBClient

    def __init__(self) -> None:
        super().__init__()
        self._made = Tables.made(self.client)
        self.tables = self._made.__enter__()
        self.pool: list[Event] = []
        self.told: dict[tuple[str, str], Event] = {}
        self.epoch = 0
        self.holder = ""
        self.wishes: dict[str, Wish] = {}

    @initialize(pool=st.lists(reports(), min_size=4, max_size=12, unique_by=lambda event: (event.source, event.id)))
    def a_call_with(self, pool: list[Event]) -> None:
        self.pool = pool
        self.asks_for_the_call("one", 0)
        self.is_made_offers()

    @rule(which=any_report)
    def arrives(self, which: int) -> None:
        self._report(self.tables.other_calls, which)

    @rule(which=any_report, others=meanwhile)
    def arrives_while_others_write(self, which: int, others: Others) -> None:
        self.tables.interrupted.others = self._others(others)

        self._report(self.tables.calls, which)

        self._let_the_rest_act()

    @rule(which=any_report)
    def arrives_twice_at_once(self, which: int) -> None:
        self.tables.interrupted.others = [partial(self._report, self.tables.other_calls, which)]

        self._report(self.tables.calls, which)

        self._let_the_rest_act()

    @rule(holder=st.sampled_from(["one", "two"]), waited=st.sampled_from([0, 30, 61]))
    def asks_for_the_call(self, holder: str, waited: int) -> None:
        self.tables.clock.forward(waited)
        try:
            lease = self.tables.leases.take(CALL_ID, holder)
        except LeaseHeld:
            assert self.holder not in ("", holder)
            assert waited < 61
            return
        assert lease.epoch == self.epoch + (holder != self.holder)
        self.epoch, self.holder = lease.epoch, holder

    @rule()
    def is_made_offers(self) -> None:
        for _ in range(2):
            wish = WISH.model_copy(update={"id": f"wish{len(self.wishes):04}"})
            self.wishes[wish.id] = wish
            self.tables.wishes.hold(wish)
        self.tables.wishes.hold(WISH.model_copy(update={"id": "wish0000"}))

    @rule(which=any_wish, step=any_step, behind=behind_the_last_epoch, others=meanwhile, reported=st.booleans())
    def moves_a_wish(self, which: int, step: int, behind: int, others: Others, reported: bool) -> None:
        self.tables.interrupted.others = self._others(others)

        self._move(self.tables.wishes, which, step, behind=behind, reported=reported)

        self._let_the_rest_act()

    @invariant()
    def the_call_is_what_was_told(self) -> None:
        if self.told:
            assert self.tables.calls.call(CALL_ID) == Call.of(self.told.values())

    def teardown(self) -> None:
        """Nothing is lost or more than was told, and a twin that is told the other way round ends in the same state."""
        try:
            stored = self.tables.stored(CALL_ID)
            events = {sk for sk in stored if sk.startswith("EVENT#")}
            assert events == {f"EVENT#{event.source}#{event.id}" for event in self.told.values()}
            assert {wish.id: wish for wish in self.tables.wishes.of_call(CALL_ID)} == self.wishes
            assert stored.get("CALL", {}).get("version", 0) == len(self.told)
            for event in reversed(self.told.values()):
                twin = self.tables.other_calls.apply(event.model_copy(update={"call_id": TWIN}))
            assert not self.told or twin.model_copy(update={"id": CALL_ID}) == self.tables.calls.call(CALL_ID)
        finally:
            self._made.__exit__(None, None, None)

    def _report(self, calls: DynamoCallStore, which: int) -> None:
        event = self.pool[which % len(self.pool)]
        told = calls.apply(event)
        self.told[event.source, event.id] = event
        assert told == Call.of(self.told.values())

    def _move(self, wishes: DynamoWishes, which: int, step: int, *, behind: int = 0, reported: bool = False) -> None:
        """Takes a wish a step on from where it is now, as somebody does who has just read it; others may be faster."""
        under_way = [wish for wish in self.wishes.values() if TRANSITIONS[wish.state]]
        if not under_way:
            return
        before = under_way[which % len(under_way)]
        steps = sorted(TRANSITIONS[before.state])
        after, now = before.moved(steps[step % len(steps)]), self.tables.clock.now
        sending = after.state is WishState.SENT
        if sending:
            after = after.taken_up(now)
        elif after.state is WishState.IN_DOUBT:
            after = after.model_copy(update={"doubted_at": now})
        event = report(Source.PMS, Kind.STAY_BOOKED, after=50, name=f"{after.id}.{after.state}", code=after.id)
        try:
            if sending:
                wishes.send(before, after, epoch=self.epoch - behind)
            else:
                wishes.move(before, after, event=event if reported else None)
        except StaleEpoch:
            assert sending
            assert behind
        except Moved:
            assert self.wishes[before.id] != before
        else:
            assert self.wishes[before.id] == before
            assert not (sending and behind)
            self.wishes[before.id] = after
            if reported and not sending:
                self.told[event.source, event.id] = event

    def _others(self, others: Others) -> list[Callable[[], object]]:
        return [
            partial(self._report, self.tables.other_calls, other)
            if isinstance(other, int)
            else partial(self._move, self.tables.other_wishes, *other)
            for other in others
        ]

    def _let_the_rest_act(self) -> None:
        """Others who found nothing to interrupt act afterwards."""
        rest, self.tables.interrupted.others = self.tables.interrupted.others, []
        for act in rest:
            act()


# Only a failure takes long: it is then made as short as it can be.
@pytest.mark.timeout(600)
def test_the_store_keeps_every_report_whatever_happens(dynamodb: DynamoDBClient) -> None:
    """One final state, no lost report, no wish moved twice."""
    machine = type("BoundStore", (Store,), {"client": dynamodb})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
