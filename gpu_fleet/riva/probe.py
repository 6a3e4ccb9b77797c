"""Whether Riva hears: every few seconds it is told a sentence whose words are known.

    GET /health    200 when the last recognition was right and is recent, else 503 with the reason
    GET /metrics   bellhop_riva_ready, bellhop_riva_probe_seconds, for Prometheus

Riva's own `/v1/health/ready` says that its processes run; a recogniser that answers with nothing, or with the words of
another language's model, is ready by that measure and deaf to guests.

The sentence is `phrase.wav`: PHRASE as Piper's voice en_US-joe-medium of the local stack speaks it, 16 kHz, mono,
16-bit, with 0.3 s of silence before and after. `python -m local.phrase` makes it anew.
"""

from __future__ import annotations

import asyncio
import re
import time
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gpu_fleet.riva.client import Audio, Riva
from gpu_fleet.riva.settings import ProbeSettings
from gpu_fleet.service import answer, start
from lambdas.shared.domain.errors import BellhopError

PHRASE: Final = "Good evening, I would like to book a double room with breakfast."
PHRASE_FILE: Final = Path(__file__).with_name("phrase.wav")
LANGUAGE: Final = "en-US"
ENOUGH: Final = 0.7
"""Share of the phrase's words that must be heard in their order; models differ in "I'd like" and in numbers."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


def likeness(heard: str, said: str = PHRASE) -> float:
    """How much of what was said was heard: 1 when word for word, 0 when nothing."""
    left, right = (re.findall(r"[a-z0-9']+", text.lower()) for text in (heard, said))
    return SequenceMatcher(None, left, right, autojunk=False).ratio()


def phrase() -> Audio:
    """The sentence, spoken."""
    with wave.open(str(PHRASE_FILE)) as file:
        return Audio(file.readframes(file.getnframes()), file.getframerate())


@dataclass(frozen=True)
class Verdict:
    """The last recognition: when it ended on the monotonic clock, how long it took, what was wrong with it."""

    at: float
    seconds: float
    fault: str = ""


class Probe:
    """Speaks to one Riva again and again, and knows whether it heard."""

    def __init__(
        self, riva: Riva, *, every: float, timeout: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._riva = riva
        self._every = every
        self._timeout = timeout
        self._clock = clock
        self._audio = phrase()
        self._last: Verdict | None = None

    @property
    def last(self) -> Verdict | None:
        """The last recognition; None before the first one has ended."""
        return self._last

    @property
    def fault(self) -> str:
        """Why Riva cannot be given a call now; empty when it can."""
        if self._last is None:
            return "Riva has not been heard yet"
        age = self._clock() - self._last.at
        if age > 2 * (self._every + self._timeout):
            return f"the last recognition is {age:.0f} s old"
        return self._last.fault

    async def once(self) -> Verdict:
        """One recognition, whatever comes of it."""
        began = self._clock()
        try:
            heard = (await self._riva.transcribe(self._audio, language=LANGUAGE, timeout=self._timeout)).text
            # Of our own sentence, so it may be told; a guest's words never come here.
            fault = "" if likeness(heard) >= ENOUGH else f"Riva heard {heard[:200]!r} instead of {PHRASE!r}"
        except BellhopError as error:
            fault = str(error)
        except Exception as error:
            # A probe that ended by it would have Riva taken for deaf for ever.
            fault = f"the probe failed: {type(error).__name__}"
        before = self._last.fault if self._last else "not heard yet"
        self._last = Verdict(self._clock(), self._clock() - began, fault)
        if fault != before:
            logger.info("riva hears" if not fault else "riva does not hear", fault=fault, seconds=self._last.seconds)
        return self._last

    async def run(self) -> None:
        """Recognises for ever."""
        while True:
            await self.once()
            await asyncio.sleep(self._every)


def build_app(probe: Probe) -> Starlette:
    """The service around a probe, which runs as long as the service does."""
    metrics = CollectorRegistry()
    ready = Gauge("bellhop_riva_ready", "1 when Riva has just heard the known phrase, else 0", registry=metrics)
    took = Gauge("bellhop_riva_probe_seconds", "How long the last recognition of the phrase took", registry=metrics)
    ready.set_function(lambda: 0.0 if probe.fault else 1.0)
    took.set_function(lambda: probe.last.seconds if probe.last else 0.0)

    async def health(_: Request) -> Response:
        fault = probe.fault
        return PlainTextResponse(fault or "ready", 503 if fault else 200)

    async def scraped(_: Request) -> Response:
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    @asynccontextmanager
    async def running(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(probe.run(), name="probe")
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    return Starlette(routes=[Route("/health", health), Route("/metrics", scraped)], lifespan=running)


async def serve(settings: ProbeSettings) -> None:
    """Probe and tell of it until a signal ends it."""
    async with aclosing(Riva(settings.riva_url)) as riva:
        probe = Probe(riva, every=settings.probe_seconds, timeout=settings.probe_timeout)
        await answer(build_app(probe), host=settings.probe_host, port=settings.probe_port)


if __name__ == "__main__":
    start("probe", ProbeSettings, serve)
