"""A system that fails is given time by everybody at once, and tried by one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import pytest
from botocore.exceptions import EndpointConnectionError

from lambdas.shared.breaker import CLOSED, FAILURES, OPEN_FOR, SEEN_FOR, TRIAL, WITHIN, Breaker, Circuit
from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.items import decode, encode
from tests.integration.stores import Interrupted, Tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration


class Down:
    """A database that cannot be reached."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        def request(**_: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

        return request


def breaker(tables: Tables, system: str = "pms#aurora") -> Breaker:
    """A process of its own, as far as the breaker is concerned."""
    return Breaker(system, client=tables.client, leases_table=tables.leases_table, now=tables.clock)


def passes(breaker: Breaker) -> bool:
    try:
        breaker.enter()
    except Unreachable as error:
        return error.vendor_code != "breaker"
    return True


def failing(tables: Tables, times: int = FAILURES) -> Breaker:
    one = breaker(tables)
    for _ in range(times):
        one.enter()
        one.tell(failed=True)
    return one


def test_a_system_nobody_knows_is_asked(tables: Tables) -> None:
    """Without failures every request passes."""
    assert passes(breaker(tables))


def test_five_failures_stop_everybody(tables: Tables) -> None:
    """Four failures are borne; after the fifth no process asks, whichever of them has failed."""
    failing(tables, FAILURES - 1)
    assert passes(breaker(tables))

    last = breaker(tables)
    last.tell(failed=True)

    assert not passes(last)
    assert not passes(breaker(tables))


def test_another_system_is_not_stopped(tables: Tables) -> None:
    """Each hotel's system has its own circuit."""
    failing(tables)

    assert passes(breaker(tables, "pms#boreal"))


def test_failures_of_long_ago_do_not_count(tables: Tables) -> None:
    """Only what has failed within any thirty seconds adds up."""
    one = breaker(tables)
    for _ in range(2 * FAILURES):
        one.tell(failed=True)
        tables.clock.forward(WITHIN.total_seconds() / (FAILURES - 1))

    assert passes(one)


def test_one_request_tries_whether_it_is_well(tables: Tables) -> None:
    """After fifteen seconds one request passes, and no second one beside it."""
    failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds() - 0.001)
    assert not passes(breaker(tables))
    tables.clock.forward(0.001)

    first, second = breaker(tables), breaker(tables)

    assert passes(first)
    assert not passes(second)
    assert not passes(first)


def test_a_success_lets_everybody_in(tables: Tables) -> None:
    """When the one that tried succeeds, all may ask, and old failures are forgotten."""
    failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds())
    one = breaker(tables)
    one.enter()

    one.tell(failed=False)

    assert passes(breaker(tables))
    failing(tables, FAILURES - 1)
    assert passes(breaker(tables))


def test_a_failure_shuts_it_again(tables: Tables) -> None:
    """When the one that tried fails, all wait another fifteen seconds."""
    failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds())
    one = breaker(tables)
    one.enter()

    one.tell(failed=True)

    assert not passes(breaker(tables))
    tables.clock.forward(OPEN_FOR.total_seconds())
    assert passes(breaker(tables))


def test_a_try_that_nobody_hears_of_gives_way(tables: Tables) -> None:
    """When the process that tried has died, another one may try after twenty seconds."""
    failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds())
    breaker(tables).enter()
    tables.clock.forward(TRIAL.total_seconds() - 0.001)
    assert not passes(breaker(tables))

    tables.clock.forward(0.001)

    assert passes(breaker(tables))


def test_a_late_failure_is_no_news(tables: Tables) -> None:
    """Requests that were under way when it opened do not keep it open for longer."""
    late = failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds() - 1)
    late.tell(failed=True)

    tables.clock.forward(1)

    assert passes(breaker(tables))


def test_of_many_at_once_one_tries(tables: Tables) -> None:
    """Of those who come at the same moment to a system that may be well again, one passes."""
    failing(tables)
    tables.clock.forward(OPEN_FOR.total_seconds())

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(passes, [breaker(tables) for _ in range(8)]))

    assert sum(passed) == 1


def test_failures_at_the_same_moment_all_count(tables: Tables) -> None:
    """Processes that fail together open the circuit together: none of their failures is lost."""
    with ThreadPoolExecutor(FAILURES) as pool:
        list(pool.map(lambda each: each.tell(failed=True), [breaker(tables) for _ in range(FAILURES)]))

    assert not passes(breaker(tables))


def test_a_healthy_request_reads_nothing(tables: Tables) -> None:
    """A process that has seen a closed circuit asks again after two seconds, and tells successes to nobody."""
    client = Interrupted(tables.client)
    one = breaker(replace(tables, client=cast("DynamoDBClient", client)))
    for _ in range(3):
        one.enter()
        one.tell(failed=False)
    assert client.asked == ["get_item"]

    tables.clock.forward(SEEN_FOR.total_seconds())
    one.enter()

    assert client.asked == ["get_item", "get_item"]


def test_that_it_opens_is_told_once(tables: Tables) -> None:
    """Whoever looks after a stage hears of each time a system was given up, and not of every request that failed."""
    told: list[str] = []
    processes = [
        Breaker(
            "pms#aurora",
            client=tables.client,
            leases_table=tables.leases_table,
            now=tables.clock,
            opened=lambda: told.append("opened"),
        )
        for _ in range(2)
    ]
    for number in range(2 * FAILURES):
        processes[number % 2].tell(failed=True)
    assert told == ["opened"]

    tables.clock.forward(OPEN_FOR.total_seconds())
    processes[0].enter()
    processes[0].tell(failed=True)
    tables.clock.forward(OPEN_FOR.total_seconds())
    processes[1].enter()
    processes[1].tell(failed=False)

    assert told == ["opened", "opened"]


def test_what_became_of_a_request_is_told_without_fail(tables: Tables) -> None:
    """A table that does not answer does not turn a booking that was made into an error."""
    one = breaker(replace(tables, client=cast("DynamoDBClient", Down())))

    one.tell(failed=True)

    assert passes(breaker(tables))


def test_a_circuit_forgets_itself(tables: Tables) -> None:
    """The item goes an hour after the last failure."""
    failing(tables)

    key = encode({"pk": "BREAKER#pms#aurora"})
    item = decode(tables.client.get_item(TableName=tables.leases_table, Key=key)["Item"])
    assert item["expires"] == int((tables.clock() + timedelta(hours=1)).timestamp())


def test_a_circuit_opens_at_the_fifth_of_any_thirty_seconds(tables: Tables) -> None:
    """The window slides: it does not matter at which failure it began."""
    circuit, begin = CLOSED, tables.clock()
    for seconds in (0, 20, 29, 31, 40):
        circuit = circuit.failed(begin + timedelta(seconds=seconds))
        assert circuit.is_closed
    assert [later - earlier for earlier, later in pairwise(circuit.failed_at)] == [
        timedelta(seconds=9),
        timedelta(seconds=2),
        timedelta(seconds=9),
    ]

    assert circuit.failed(begin + timedelta(seconds=41)) == Circuit(open_until=begin + timedelta(seconds=56))
