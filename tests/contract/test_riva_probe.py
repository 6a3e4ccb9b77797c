"""The probe against a scripted Riva: it calls no Riva ready that does not hear."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gpu_fleet.riva.client import CHUNK_SECONDS, Riva
from gpu_fleet.riva.probe import LANGUAGE, PHRASE, Probe, build_app, likeness, phrase
from tests.contract.scripted_riva import Script, ScriptedRiva, fails, hangs, says, says_nothing, serving

pytestmark = pytest.mark.contract


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A probe before a scripted Riva, asked over HTTP."""

    def __init__(self, service: ScriptedRiva, riva: Riva) -> None:
        self.service = service
        self.clock = Clock()
        self.probe = Probe(riva, every=10, timeout=3, clock=self.clock)
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(build_app(self.probe)), base_url="http://probe")

    async def health(self) -> tuple[int, str]:
        answer = await self.http.get("/health")
        return answer.status_code, answer.text

    async def ready(self) -> float:
        scraped = await self.http.get("/metrics")
        families = {family.name: family for family in text_string_to_metric_families(scraped.text)}
        return float(families["bellhop_riva_ready"].samples[0].value)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    service = ScriptedRiva()
    async with serving(service) as address, aclosing(Riva(address)) as riva:
        bench = Bench(service, riva)
        async with bench.http:
            yield bench


async def test_a_riva_that_hears_the_phrase_is_ready(bench: Bench) -> None:
    """The right words make 200 and a gauge of 1; Riva got the whole phrase in the phrase's language."""
    bench.service.scripts.append(says(PHRASE))

    await bench.probe.once()

    assert await bench.health() == (200, "ready")
    assert await bench.ready() == 1
    stream = bench.service.streams[0]
    assert stream.half_closed
    assert stream.config.config.language_code == LANGUAGE
    assert len(stream.numbers) == -(-phrase().seconds // CHUNK_SECONDS)


async def test_a_riva_that_has_not_been_heard_is_not_ready(bench: Bench) -> None:
    """Before the first recognition has ended the answer is 503."""
    assert await bench.health() == (503, "Riva has not been heard yet")
    assert await bench.ready() == 0


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says("Guten Abend, ich möchte ein Zimmer."), "instead of"),
        (says_nothing, "Riva heard '' instead of"),
        (fails(grpc.StatusCode.UNAVAILABLE, after=1_000), "UNAVAILABLE"),
        (hangs, "DEADLINE_EXCEEDED"),
    ],
    ids=["other words", "no words", "fault", "silence"],
)
async def test_a_riva_that_does_not_hear_is_not_ready(bench: Bench, script: Script, reason: str) -> None:
    """Whatever it does instead of hearing, the answer is 503 and says what that was; hearing again cures it."""
    bench.service.scripts += [script, says(PHRASE)]

    await bench.probe.once()
    status, told = await bench.health()

    assert (status, await bench.ready()) == (503, 0)
    assert reason in told
    await bench.probe.once()
    assert await bench.health() == (200, "ready")


async def test_a_fault_of_the_probes_own_does_not_end_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a reason to be told, and the next recognition cures it."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    bench.service.scripts.append(says(PHRASE))
    with monkeypatch.context() as patch:
        patch.setattr(Riva, "transcribe", broken)
        await bench.probe.once()
    told = await bench.health()

    await bench.probe.once()

    assert told == (503, "the probe failed: ZeroDivisionError")
    assert await bench.health() == (200, "ready")


async def test_a_recognition_does_not_count_for_ever(bench: Bench) -> None:
    """When the probe itself stands still, Riva stops being ready."""
    bench.service.scripts.append(says(PHRASE))
    await bench.probe.once()

    bench.clock.now += 60

    assert await bench.health() == (503, "the last recognition is 60 s old")
    assert await bench.ready() == 0


async def test_the_probe_ends_with_its_service(bench: Bench) -> None:
    """A service that is asked to stop does so in the middle of a recognition, and begins no other."""
    bench.service.scripts.append(hangs)
    app = build_app(bench.probe)

    async with asyncio.timeout(5) as within, app.router.lifespan_context(app):
        while not bench.service.open:
            await asyncio.sleep(0.01)

    assert not within.expired()
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "probe"]


async def test_a_riva_that_is_not_there_is_not_ready() -> None:
    """A refused connection is an answer, not an error of the probe."""
    async with aclosing(Riva("127.0.0.1:1")) as riva:
        probe = Probe(riva, every=10, timeout=2)

        await probe.once()

        assert "UNAVAILABLE" in probe.fault


@pytest.mark.parametrize(
    ("heard", "enough"),
    [
        ("good evening i'd like to book a double room with breakfast", True),
        ("Good evening. I would like to book a double room, with breakfast!", True),
        ("Would you like breakfast?", False),
        ("", False),
    ],
)
def test_small_differences_between_models_do_not_matter(heard: str, *, enough: bool) -> None:
    """Contractions, case and punctuation are no fault; another sentence is."""
    assert (likeness(heard) >= 0.7) == enough
