"""What must reach the call's record arrives in order, whatever the gateway does meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from agent.delivery import LONGEST_PAUSE, Outbox, Report
from lambdas.shared.domain.errors import NotFound, Unreachable

pytestmark = pytest.mark.unit


class Record:
    """Takes reports; `failures` says how often the next tries find nobody."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.refused: set[str] = set()
        self.taken: list[str] = []
        self.traces: list[str] = []

    async def report(self, kind: str, body: str, *, trace_id: str) -> None:
        if self.failures:
            self.failures -= 1
            raise Unreachable("500")
        if body in self.refused:
            raise NotFound("404")
        self.taken.append(body)
        self.traces.append(trace_id)


class Time:
    """Passes at once, and is remembered."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


def report(body: str) -> Report:
    return Report("events", body, trace_id=f"trace {body}", label="event")


async def test_reports_arrive_in_the_order_they_were_made_though_the_gateway_fails_at_first() -> None:
    """What happens while the gateway is away is delivered later, in order and once."""
    record, time = Record(failures=6), Time()
    outbox = Outbox(record, sleep=time.sleep)

    for body in ("one", "two", "three"):
        outbox.put(report(body))
    left = await outbox.flush(within=5)

    assert record.taken == ["one", "two", "three"]
    assert left == 0
    assert len(time.slept) == 6


async def test_a_report_carries_the_trace_of_its_own_turn() -> None:
    """A report that is delivered late still belongs to the turn that caused it."""
    record = Record(failures=1)
    outbox = Outbox(record, sleep=Time().sleep)

    outbox.put(report("one"))
    outbox.put(report("two"))
    await outbox.flush(within=5)

    assert record.traces == ["trace one", "trace two"]


async def test_pauses_between_tries_grow_to_a_limit_and_are_spread() -> None:
    """A gateway that comes back is not met by every agent at the same moment."""
    time = Time()
    calm = Outbox(Record(failures=12), sleep=time.sleep, jitter=lambda: 1.0)
    hasty_time = Time()
    hasty = Outbox(Record(failures=12), sleep=hasty_time.sleep, jitter=lambda: 0.0)

    for outbox in (calm, hasty):
        outbox.put(report("one"))
        await outbox.flush(within=5)

    assert time.slept[0] < time.slept[3] < time.slept[-1] == LONGEST_PAUSE
    assert hasty_time.slept[-1] == LONGEST_PAUSE / 2


async def test_a_report_that_is_refused_does_not_hold_up_the_others() -> None:
    """What the gateway will never take is dropped, and the rest goes on."""
    record = Record()
    record.refused = {"two"}
    outbox = Outbox(record, sleep=Time().sleep)

    for body in ("one", "two", "three"):
        outbox.put(report(body))
    await outbox.flush(within=5)

    assert record.taken == ["one", "three"]


async def test_a_queue_has_an_end() -> None:
    """A gateway that never comes back does not fill the memory."""
    outbox = Outbox(Record(failures=1_000_000), sleep=Time().sleep, longest=3)

    for number in range(10):
        outbox.put(report(str(number)))
    left = await outbox.flush(within=0.02)

    assert left == 3


async def test_whoever_waits_for_a_report_learns_that_it_arrived() -> None:
    """A follow-up is confirmed to the guest only when it is stored."""
    record = Record(failures=2)
    outbox = Outbox(record, sleep=Time().sleep)

    await outbox.deliver(report("one"), within=5)

    assert record.taken == ["one"]


async def test_whoever_waits_in_vain_is_told_and_the_report_stays_on_its_way() -> None:
    """The guest hears that it may not arrive; it arrives all the same when it can."""
    record = Record(failures=1_000_000)
    outbox = Outbox(record, sleep=Time().sleep)
    with pytest.raises(Unreachable):
        await outbox.deliver(report("one"), within=0.02)

    record.failures = 0
    await outbox.flush(within=5)

    assert record.taken == ["one"]


async def test_whoever_waits_for_a_report_that_is_refused_gets_the_refusal() -> None:
    """A refusal is not taken for a delivery."""
    record = Record()
    record.refused = {"one"}
    outbox = Outbox(record, sleep=Time().sleep)

    with pytest.raises(NotFound):
        await outbox.deliver(report("one"), within=5)
