"""What our layer adds to a booking system's own time, beside a bare client that sends the same bytes in the same run.

The vendor's stand-in runs in a process of its own. Of each answer the time in our tables is taken off (moto's is no
measure of DynamoDB's), and so is the time that a bare `http.client` needs for the very requests that the connector
sent: what is left are our models, names, amounts, gate and HTTP library. They wait for nothing, so what they add is
their processor's time; by the clock a busy machine's other programs are in it as well.
"""

from __future__ import annotations

import gc
import http.client
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import httpx
import pytest

from lambdas.shared.domain.stay import Guest, Stay
from lambdas.shared.pms import CONNECTORS, Order, Parts, Pms
from lambdas.shared.pms.parts import open_http
from local.code_state import code_state
from tests.contract.vendors.benches import ALL, AURORA, stand_in_of
from tests.contract.vendors.house import House
from tests.contract.vendors.line import served_in_thread
from tests.contract.vendors.stand_in import RateLimit
from tests.remarks import Remark
from tests.tables import database, new_tables

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

ROUNDS: Final = 150
WARM_UP: Final = 20
MOST_MS: Final = 5.0
GUEST: Final = Guest(name="Anna Meier", last_name="Meier")


@dataclass(frozen=True)
class Taken:
    """Seconds, by the clock and of this thread's processor."""

    clock: float = 0.0
    processor: float = 0.0

    @classmethod
    def now(cls) -> Taken:
        return cls(time.perf_counter(), time.thread_time())

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.clock + other.clock, self.processor + other.processor)

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.clock - other.clock, self.processor - other.processor)


@dataclass
class Timed:
    """A database client that adds up how long its requests take."""

    client: DynamoDBClient
    taken: Taken = Taken()

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self.client, name)
        if not callable(operation):
            return operation

        @wraps(operation)
        def timed(**request: Any) -> Any:
            begin = Taken.now()
            try:
                return operation(**request)
            finally:
                self.taken += Taken.now() - begin

        return timed


@dataclass
class Wire:
    """The functions' own connection pool; it notes what is sent and how many connections are made."""

    sent: list[httpx.Request] = field(default_factory=list)
    connections: int = 0

    def opened(self) -> httpx.Client:
        pool = cast("Callable[[], httpx.Client]", open_http.__wrapped__)()
        pool.event_hooks = {"request": [self._note]}
        return pool

    def _note(self, request: httpx.Request) -> None:
        self.sent.append(request)
        request.extensions["trace"] = self._trace

    def _trace(self, event: str, _: object) -> None:
        self.connections += event == "connection.connect_tcp.complete"


class Bare:
    """Sends requests again over one connection that stays open, and reads the answers."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port)

    def taken(self, requests: list[httpx.Request]) -> Taken:
        prepared = [(each.method, each.url.raw_path.decode(), each.content, dict(each.headers)) for each in requests]
        begin = Taken.now()
        for method, path, content, headers in prepared:
            self._connection.request(method, path, content or None, headers)
            answer = self._connection.getresponse()
            answer.read()
            assert answer.status < 400
        return Taken.now() - begin

    def close(self) -> None:
        self._connection.close()


@dataclass
class Measured:
    """One question to one system, round by round."""

    connector: str
    question: str
    requests: int
    whole: list[Taken] = field(default_factory=list)
    table: list[Taken] = field(default_factory=list)
    vendor: list[Taken] = field(default_factory=list)

    @property
    def ours(self) -> list[Taken]:
        return [
            whole - table - vendor for whole, table, vendor in zip(self.whole, self.table, self.vendor, strict=True)
        ]

    @property
    def added_ms(self) -> float:
        """What our layer adds, p50."""
        return 1000 * statistics.median(taken.processor for taken in self.ours)

    def row(self) -> str:
        by_clock = [
            statistics.median(taken.clock for taken in part)
            for part in (self.whole, self.vendor, self.table, self.ours)
        ]
        processor = sorted(taken.processor for taken in self.ours)
        times = [*by_clock, statistics.median(processor), processor[int(0.95 * len(processor))]]
        cells = [self.connector, self.question, str(self.requests), *(f"{1000 * seconds:.2f}" for seconds in times)]
        return f"| {' | '.join(cells)} |"


HEADER: Final = (
    "| connector | question | requests | whole p50 ms | vendor p50 ms | tables p50 ms | ours p50 ms "
    "| ours, processor p50 ms | p95 ms |\n"
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
)


@pytest.fixture(scope="module")
def measured(request: pytest.FixtureRequest) -> Iterator[list[Measured]]:
    """All that this run has measured, written to the report at its end."""
    every: list[Measured] = []
    code = code_state()
    yield every
    target = request.config.getoption("--report")
    if target and every:
        target.write_text(_page(code, every), encoding="utf-8")


@pytest.mark.parametrize("connector", ALL)
def test_our_layer_adds_little(connector: str, measured: list[Measured], remark: Remark) -> None:
    """Offers and looking up a reservation add at most 5 ms (p50) to the vendor's time, over one connection."""
    wire = Wire()
    with ExitStack() as stack:
        client = stack.enter_context(database())
        table = Timed(client)
        pms, bare = _opened(connector, stack, table, wire)
        stay = _stay(days=40)
        booked = pms.book(Order("wish00000001", pms.offers(stay, "double")[0], GUEST))
        questions: dict[str, Callable[[], object]] = {
            "offers for two nights": lambda: pms.offers(stay),
            "a reservation by its code": lambda: pms.reservation(booked.code),
            "a reservation by surname and arrival": lambda: pms.search("Meier", stay.arrival),
        }
        for question in questions.values():
            assert question()
        found = [_measure(connector, name, ask, table, wire, bare) for name, ask in questions.items()]

    measured += found
    rows = "\n".join(each.row() for each in found)
    remark(f"{connector}, {ROUNDS} rounds, {wire.connections} connections\n{HEADER}\n{rows}")
    assert wire.connections == (0 if connector == "demo" else 1)
    assert {each.question: each.added_ms for each in found if each.added_ms > MOST_MS} == {}


def _opened(connector: str, stack: ExitStack, table: Timed, wire: Wire) -> tuple[Pms, Bare | None]:
    calls_table, leases_table = new_tables(table.client)
    parts = Parts(
        client=cast("DynamoDBClient", table), calls_table=calls_table, leases_table=leases_table, secret=lambda *_: {}
    )
    if connector == "demo":
        return CONNECTORS[connector](AURORA, parts), None
    url = stack.enter_context(_in_its_own_process(connector))
    stand_in = stand_in_of(connector)(House())
    pool = stack.enter_context(wire.opened())
    bare = Bare(url)
    stack.callback(bare.close)
    parts = replace(parts, secret=lambda *_: stand_in.secret, http=lambda: pool)
    return CONNECTORS[connector](stand_in.hotel(AURORA, url), parts), bare


def _measure(
    connector: str, name: str, ask: Callable[[], object], table: Timed, wire: Wire, bare: Bare | None
) -> Measured:
    wire.sent.clear()
    ask()
    result = Measured(connector, name, requests=len(wire.sent))
    for number in range(WARM_UP + ROUNDS):
        # What moto leaves behind is collected here, and not in the middle of a question.
        gc.collect(1)
        wire.sent.clear()
        table.taken = Taken()
        begin = Taken.now()
        ask()
        whole = Taken.now() - begin
        vendor = bare.taken(wire.sent) if bare else Taken()
        if number >= WARM_UP:
            result.whole.append(whole)
            result.table.append(table.taken)
            result.vendor.append(vendor)
    return result


@contextmanager
def _in_its_own_process(connector: str) -> Iterator[str]:
    """The address of a vendor's stand-in whose hotel has forty guests of other names."""
    spawning = multiprocessing.get_context("spawn")
    ours, theirs = spawning.Pipe()
    process = spawning.Process(target=_stand, args=(connector, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(60):
            raise RuntimeError(f"the stand-in of {connector} does not start")
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _stand(connector: str, told: Connection) -> None:
    house = House()
    for number in range(40):
        stay = _stay(days=10 + number)
        house.book(
            room="double",
            rate="flexible",
            arrival=stay.arrival,
            departure=stay.departure,
            last_name=f"Guest{chr(97 + number % 26)}",
            first_name="Bert",
            adults=2,
        )
    stand_in = stand_in_of(connector)(house)
    for part in vars(stand_in).values():
        if isinstance(part, RateLimit):
            part.requests = 1_000_000
    with served_in_thread(stand_in.app) as url:
        told.send(url)
        told.poll(None)


def _stay(*, days: int) -> Stay:
    arrival: date = datetime.now(UTC).date() + timedelta(days=days)
    return Stay(arrival=arrival, departure=arrival + timedelta(days=2), adults=2)


def _page(code: str, every: list[Measured]) -> str:
    rows = "\n".join(each.row() for each in every)
    return (
        "# What our layer adds to a booking system's time\n\n"
        "Written by `make bench-pms`: each connector asks its vendor's stand-in, which runs in a process of its own on "
        "the same machine, warm and over one connection. `vendor` is what a bare `http.client` needs for the same "
        "requests, `tables` the time in moto for breaker and budget (and the demo hotel's rooms), `ours` what is left. "
        f"The promise is of its processor's time, at most {MOST_MS:g} ms (p50): our layer waits for nothing, and by "
        "the clock a busy machine's other programs are in it. Milliseconds are of this machine.\n\n"
        f"{code}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {ROUNDS} rounds a question.\n\n"
        f"{HEADER}\n{rows}\n"
    )
