"""A vendor is asked again where that is harmless, and never told twice to do something."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import httpx
import pytest
from pydantic import BaseModel

from lambdas.shared.domain.errors import InDoubt, Unreachable
from lambdas.shared.pms.credentials import ApiKey
from lambdas.shared.pms.vendor_http import LONGEST_ANSWER, Answer
from tests.unit.vendor_bench import Bench, Step, refused

pytestmark = pytest.mark.unit


def test_a_read_is_answered() -> None:
    """The vendor gets path, query and our headers; its answer comes back parsed, with its status."""
    bench = Bench(httpx.Response(404, json={"code": "none"}, headers={"X-Trace": "1"}))

    answer = bench.read()

    (request,) = bench.vendor.seen
    assert str(request.url) == "https://vendor.example.com/v1/offers?nights=2"
    assert request.headers["x-key"] == "1"
    assert (answer.status, answer.ok, answer.body, answer.headers["x-trace"]) == (404, False, {"code": "none"}, "1")
    assert (bench.gate.entered, bench.gate.told) == (1, [False])


def test_a_write_carries_its_own_headers_beside_ours() -> None:
    """What a request needs beside our key, such as an idempotency key, goes with it."""
    bench = Bench()

    answer = bench.write()

    (request,) = bench.vendor.seen
    assert (request.headers["x-key"], request.headers["x-id"], request.content) == ("1", "7", b'{"n":1}')
    assert answer.wrote


@pytest.mark.parametrize(
    "fault", [httpx.Response(500), httpx.Response(503), httpx.ReadTimeout("slow"), httpx.ReadError("reset"), refused()]
)
def test_a_read_is_tried_three_times(fault: Step) -> None:
    """Two faults are borne, each followed by a longer pause; the third one is told."""
    bench = Bench(fault, fault)
    assert bench.read().ok
    assert bench.waited == [pytest.approx(0.2), pytest.approx(0.4)]

    bench = Bench(fault, fault, fault)
    with pytest.raises(Unreachable):
        bench.read()

    assert len(bench.vendor.seen) == 3
    assert bench.gate.told == [True, True, True]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (httpx.Response(500), "500"),
        (httpx.Response(504), "504"),
        (httpx.ReadTimeout("slow"), "ReadTimeout"),
        (httpx.WriteTimeout("slow"), "WriteTimeout"),
        (httpx.ReadError("reset"), "ReadError"),
        (httpx.RemoteProtocolError("closed"), "RemoteProtocolError"),
    ],
)
def test_a_write_that_may_have_been_done_is_in_doubt(fault: Step, code: str) -> None:
    """A write that left this process and was not answered is sent once, and nobody claims to know its result."""
    bench = Bench(fault)

    with pytest.raises(InDoubt) as caught:
        bench.write()

    assert caught.value.vendor_code == code
    assert len(bench.vendor.seen) == 1


@pytest.mark.parametrize(
    "fault",
    [
        refused(),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("busy"),
        httpx.LocalProtocolError("Illegal header value"),
    ],
)
def test_a_write_that_never_left_has_changed_nothing(fault: Exception) -> None:
    """Without a connection nothing was sent: the system is unreachable, and nothing is in doubt."""
    bench = Bench(fault)

    with pytest.raises(Unreachable):
        bench.write()

    assert len(bench.vendor.seen) == 1


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_a_refused_key_is_renewed_once(act: Callable[[Bench], Answer]) -> None:
    """401 says that nothing was done: the request is signed anew and sent once more."""
    bench = Bench(httpx.Response(401))

    assert act(bench).ok
    assert [request.headers["x-key"] for request in bench.vendor.seen] == ["1", "2"]


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_a_key_that_stays_refused_is_unreachable(act: Callable[[Bench], Answer]) -> None:
    """A second 401 is the end; the vendor has changed nothing."""
    bench = Bench(httpx.Response(401), httpx.Response(401))

    with pytest.raises(Unreachable) as caught:
        act(bench)

    assert caught.value.vendor_code == "401"
    assert len(bench.vendor.seen) == 2


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_where_nothing_is_signed_401_is_an_answer(act: Callable[[Bench], Answer]) -> None:
    """Who asks for a token judges itself what it means that none is given."""
    bench = Bench(httpx.Response(401))
    bench.line = replace(bench.line, auth=None)

    assert act(bench).status == 401


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_too_many_requests_waits_as_long_as_the_vendor_asks(act: Callable[[Bench], Answer]) -> None:
    """A short Retry-After is waited for, and the request sent again: 429 says that nothing was done."""
    bench = Bench(httpx.Response(429, headers={"Retry-After": "2"}))

    assert act(bench).ok
    assert bench.waited == [pytest.approx(2.1)]


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_no_guest_waits_for_a_long_retry_after(act: Callable[[Bench], Answer]) -> None:
    """More than two seconds is more than a guest on the phone waits."""
    bench = Bench(httpx.Response(429, headers={"Retry-After": "3"}))

    with pytest.raises(Unreachable, match="too many requests, free in 3 s"):
        act(bench)

    assert bench.waited == []


@pytest.mark.parametrize("after", ["", "soon", "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_says_no_seconds_is_a_short_pause(after: str) -> None:
    """What is no number of seconds is waited for as if the vendor had said nothing."""
    bench = Bench(httpx.Response(429, headers={"Retry-After": after}))

    assert bench.read().ok
    assert bench.waited == [pytest.approx(0.2)]


def test_a_vendor_that_always_asks_to_wait_is_unreachable() -> None:
    """Waiting has an end: three times for a read, twice for a write."""
    bench = Bench(*[httpx.Response(429)] * 3)
    with pytest.raises(Unreachable):
        bench.read()
    assert len(bench.vendor.seen) == 3

    bench = Bench(*[httpx.Response(429)] * 2)
    with pytest.raises(Unreachable):
        bench.write()
    assert len(bench.vendor.seen) == 2


def test_a_gate_that_is_shut_lets_nothing_out() -> None:
    """Neither a read nor a write reaches a vendor whose breaker or budget says no, and no token is asked for."""
    bench = Bench()
    bench.gate.shut = True

    for act in (bench.read, bench.write):
        with pytest.raises(Unreachable) as caught:
            act()
        assert caught.value.vendor_code == "breaker"

    assert bench.vendor.seen == []
    assert bench.gate.told == []


@pytest.mark.parametrize("act", [Bench.read, Bench.write])
def test_a_key_that_no_header_can_hold_is_unreachable(act: Callable[[Bench], Answer]) -> None:
    """A key with an umlaut, is a fault of the secret: nothing was sent, nothing crashes."""
    bench = Bench()
    bench.line = replace(bench.line, auth=ApiKey("x-key", lambda _: "schlüssel"))

    with pytest.raises(Unreachable) as caught:
        act(bench)

    assert "schlüssel" not in str(caught.value)
    assert bench.vendor.seen == []


def test_a_token_that_cannot_be_had_counts_as_a_failure() -> None:
    """The gate hears of a request that failed before it could be signed, or its one try would never end."""
    bench = Bench()

    def headers() -> Mapping[str, str]:
        raise Unreachable("no token")

    bench.key.headers = headers  # type: ignore[method-assign]
    with pytest.raises(Unreachable, match="no token"):
        bench.write()

    assert bench.gate.told == [True]


def test_an_answer_without_end_is_cut() -> None:
    """More than four million bytes are no answer: unreachable for a read, in doubt for a write."""
    long = httpx.Response(200, content=b"x" * (LONGEST_ANSWER + 1))

    with pytest.raises(Unreachable):
        Bench(*[long] * 3).read()
    with pytest.raises(InDoubt):
        Bench(long).write()


class Booked(BaseModel):
    id: str


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "u', b'{"id": 7}', b"[]", b"[" * 100_000])
def test_an_odd_answer_is_not_believed(body: bytes) -> None:
    """A success that is not as documented leaves a write in doubt, and a read without a result."""
    with pytest.raises(Unreachable):
        Bench(httpx.Response(200, content=body)).read().read_as(Booked)
    with pytest.raises(InDoubt):
        Bench(httpx.Response(200, content=body)).write().read_as(Booked)


def test_an_odd_refusal_of_a_write_has_changed_nothing() -> None:
    """A 4xx that the documentation does not explain is a refusal all the same; the vendor's code is kept."""
    error = Bench(httpx.Response(422, json={})).write().unexpected("E1")

    assert isinstance(error, Unreachable)
    assert (error.vendor_code, str(error)) == ("E1", "a booking: unexpected answer 422")


@pytest.mark.parametrize("status", [302, 303, 307, 408])
def test_a_write_that_is_answered_by_something_between_may_have_been_done(status: int) -> None:
    """A redirect, or a proxy's time-out, does not say that the vendor did nothing; a read is repeatable."""
    assert isinstance(Bench(httpx.Response(status)).write().unexpected(), InDoubt)
    assert isinstance(Bench(httpx.Response(status)).read().unexpected(), Unreachable)
