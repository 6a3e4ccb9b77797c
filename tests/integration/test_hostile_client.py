"""A client that wants what is not its own gets nothing of it, changes nothing, and breaks nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx
import pytest

from lambdas.shared.observability import open_logger
from tests.contract.vendors.benches import ALL, Switch, Workshop
from tests.contract.vendors.line import served_in_thread
from tests.integration.estate import Estate
from tests.integration.hostile import Hostile
from tests.tables import database

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SEQUENCES, STEPS = 25, 10
"""Of one estate in memory; each sequence is a call of its own."""
AT_CONNECTORS = 10
"""Sequences of an estate whose tables and vendors take their time."""


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    switch = Switch()
    with database() as client, served_in_thread(switch) as url, httpx.Client() as http:
        yield Workshop(client, http, switch, url)


@pytest.fixture
def log() -> io.StringIO:
    log = io.StringIO()
    open_logger("pms").registered_handler.setStream(log)  # type: ignore[attr-defined]
    return log


def play(estate: Estate, name: str, log: io.StringIO, *, sequences: int = SEQUENCES) -> None:
    """One estate under its sequences; every problem there was fails the test."""
    problems = [problem for number in range(sequences) for problem in Hostile(estate, f"{name}/{number}").run(STEPS)]
    assert not problems, "\n".join(problems[:5])
    secrets = [secret for person in (*estate.foreign, estate.eve) for secret in person.secrets]
    assert not [secret for secret in secrets if secret in log.getvalue()]


@pytest.mark.parametrize("part", range(40))
def test_nothing_foreign_is_told_or_done(log: io.StringIO, part: int) -> None:
    """A thousand sequences of ten requests: no foreign data, no unwanted write, no fault of ours, nothing in a log."""
    estate = Estate.in_memory()

    play(estate, f"memory/{part}", log)

    done = {request for request, status in estate.answers if status == 200}
    assert {"POST verification", "GET reservations", "POST offers", "POST reservations"} <= done


@pytest.mark.parametrize("connector", ALL)
def test_nothing_foreign_is_told_or_done_at_a_connector(workshop: Workshop, log: io.StringIO, connector: str) -> None:
    """The same with both tables and each connector: what a search or a path could give away stays where it is."""
    workshop.clear()
    play(Estate.on_bench(workshop.bench(connector)), connector, log, sequences=AT_CONNECTORS)
