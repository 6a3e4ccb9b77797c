"""No vendor is waited for longer than a guest on the phone waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import httpx
import pytest

from lambdas.shared.domain.errors import InDoubt, Unreachable
from lambdas.shared.pms.time_left import answering_within, seconds_left
from lambdas.shared.pms.vendor_http import Answer
from tests.unit.vendor_bench import Bench

pytestmark = pytest.mark.unit


def test_a_read_that_is_not_heard_of_is_tried_once_more() -> None:
    """Two times three seconds are what a guest on the phone bears: after two time-outs there is no third try."""
    bench = Bench()

    def silent(request: httpx.Request) -> httpx.Response:
        bench.seconds += 3.0
        raise httpx.ReadTimeout("slow", request=request)

    bench.vendor.steps = [silent, silent, silent]
    with pytest.raises(Unreachable):
        bench.read()

    assert len(bench.vendor.seen) == 2


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_an_answer_that_drips_is_cut(act: Callable[[Bench], Answer]) -> None:
    """An answer of which a little comes again and again is given up when the request's time is over."""
    bench = Bench()

    def dripping(_: httpx.Request) -> httpx.Response:
        def drops() -> Iterator[bytes]:
            while True:
                bench.seconds += 1.0
                yield b" "

        return httpx.Response(200, content=drops())

    bench.vendor.steps = [dripping, dripping, dripping]
    with pytest.raises((Unreachable, InDoubt)) as caught:
        act(bench)

    assert caught.value.vendor_code == "answer_too_slow"


@pytest.mark.parametrize(("act", "left"), [(Bench.read, 0.2), (Bench.write, 2.9)])
def test_what_nobody_waits_for_any_more_is_not_asked(act: Callable[[Bench], Answer], left: float) -> None:
    """A write is begun only while there is time to hear of it; the vendor's breaker and budget do not notice."""
    bench = Bench()
    bench.left = left

    with pytest.raises(Unreachable) as raised:
        act(bench)

    assert raised.value.vendor_code == "out_of_time"
    assert (bench.vendor.seen, bench.gate.entered) == ([], 0)


@pytest.mark.parametrize(
    ("act", "left", "waits"), [(Bench.read, 2.0, 2.0), (Bench.write, 4.0, 4.0), (Bench.read, 9, 3)]
)
def test_no_vendor_is_waited_for_longer_than_the_guest_waits(
    act: Callable[[Bench], Answer], left: float, waits: float
) -> None:
    """The end of the request that all is asked for cuts each request's own time short."""
    bench = Bench()
    bench.left = left

    act(bench)

    assert bench.vendor.seen[0].extensions["timeout"]["read"] == waits


def test_a_token_that_took_all_the_time_ends_a_write_unsent() -> None:
    """What is left is asked after signing too: a write whose answer cannot be heard is not sent."""
    bench = Bench()
    bench.left = 9.0

    def slow(_: object = None) -> Mapping[str, str]:
        bench.seconds += 6.5
        return {}

    bench.key.headers = slow  # type: ignore[method-assign]

    with pytest.raises(Unreachable):
        bench.write()

    assert bench.vendor.seen == []


def test_the_earliest_end_counts() -> None:
    """What is asked within what is asked waits no longer; afterwards nobody waits."""
    with answering_within(5), answering_within(60):
        assert 4 < seconds_left() <= 5

    assert seconds_left() == math.inf
