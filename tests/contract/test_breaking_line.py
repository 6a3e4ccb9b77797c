"""The house and the line behind the vendors' stand-ins: that they break what they say, and nothing else."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.contract.vendors.house import Full, House, Kept, Unknown
from tests.contract.vendors.line import Fault, Line, served_in_thread
from tests.contract.vendors.stand_in import RateLimit, Recording, Seen

pytestmark = pytest.mark.contract


class Desk:
    """A server that notes what it has been asked."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        routes = [Route("/things", self._answer, methods=["GET", "POST"])]
        self.app = Recording(Starlette(routes=routes), self.seen)

    async def _answer(self, request: Request) -> Response:
        return JSONResponse({"thing": "x" * 100})


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def line(desk: Desk) -> Iterator[Line]:
    with served_in_thread(desk.app) as url, Line.to(url) as line:
        yield line


def is_post(method: str, path: str) -> bool:
    return method == "POST"


def book(house: House, last_name: str) -> Kept:
    return house.book(
        room="suite", rate="flexible", arrival=date(2026, 12, 30), departure=date(2027, 1, 2), last_name=last_name
    )


def post(line: Line) -> httpx.Response:
    return httpx.post(f"{line.url}/things", json={"name": "Anna"}, timeout=0.5)


@pytest.mark.parametrize("fault", Fault)
def test_a_line_that_ends_leaves_no_connection(desk: Desk, fault: Fault) -> None:
    """Whatever was broken, and whoever is still connected: an open socket would be warned of in a later test."""
    for _ in range(2):
        with served_in_thread(desk.app) as url, Line.to(url) as line, httpx.Client() as client:
            line.break_next(fault)
            with suppress(httpx.HTTPError):
                client.post(f"{line.url}/things", json={"name": "Anna"}, timeout=0.2)
        gc.collect()


def test_a_whole_line_changes_nothing(desk: Desk, line: Line) -> None:
    """Without a fault requests arrive as they were sent, and so do answers."""
    answer = post(line)

    assert (answer.status_code, answer.json()) == (200, {"thing": "x" * 100})
    assert [(seen.method, seen.path, seen.body) for seen in desk.seen] == [("POST", "/things", {"name": "Anna"})]


@pytest.mark.parametrize("fault", list(Fault), ids=str)
def test_a_fault_is_what_it_says(desk: Desk, line: Line, fault: Fault) -> None:
    """Each fault breaks one request, and whether the other side has done it is what the fault says of itself."""
    line.break_next(fault, when=is_post)

    try:
        answer: httpx.Response | None = post(line)
    except (httpx.TransportError, httpx.DecodingError):
        answer = None

    expected = {
        "unavailable_before": 503,
        "unavailable_after": 503,
        "unauthorised": 401,
        "limited": 429,
        "garbled": 200,
    }
    assert (answer.status_code if answer else None) == expected.get(fault)
    assert len(desk.seen) == fault.was_carried_out
    assert len(line.broken) == 1
    assert post(line).status_code == 200


def test_only_the_request_it_is_about_is_broken(desk: Desk, line: Line) -> None:
    """A fault for writes lets reads pass and waits."""
    line.break_next(Fault.RESET_BEFORE, when=is_post)

    assert httpx.get(f"{line.url}/things").status_code == 200
    with pytest.raises(httpx.TransportError):
        post(line)


def test_others_act_before_a_request_arrives(desk: Desk, line: Line) -> None:
    """What is to happen meanwhile happens before the other side sees the request."""
    order: list[int] = []
    line.meanwhile(lambda: order.append(len(desk.seen)))

    post(line)

    assert (order, len(desk.seen)) == ([0], 1)


def test_a_house_is_full_when_its_rooms_are_taken() -> None:
    """The one suite is booked once for a night; a cancelled one is free again."""
    house = House(now=lambda: datetime(2026, 11, 24, tzinfo=UTC))
    kept = book(house, "Meier")

    with pytest.raises(Full):
        book(house, "Brecht")

    house.cancel(kept.id)
    assert book(house, "Brecht").total_cents == 65_700


def test_a_change_in_the_house_keeps_its_own_room() -> None:
    """The suite's guest can stay longer, and cannot when somebody else has the night."""
    house = House()
    kept = book(house, "Meier")

    assert house.change(kept.id, departure=date(2027, 1, 3)).nights == 4
    house.fill("suite", night=date(2027, 1, 3))
    with pytest.raises(Full):
        house.change(kept.id, departure=date(2027, 1, 4))
    with pytest.raises(Unknown):
        house.change("0", departure=date(2027, 1, 4))


def test_a_rate_limit_lets_so_many_pass() -> None:
    """The third of two in ten seconds is told how long to wait, and passes then."""
    moments = iter([0.0, 1.0, 4.0, 10.0])
    limit = RateLimit(2, 10, clock=lambda: next(moments))

    assert [limit.enter() for _ in range(4)] == [0, 0, 6, 0]
