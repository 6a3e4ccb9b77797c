"""One conversation's recognition, listened to, before a scripted Riva."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest
from livekit.agents import APIConnectOptions, APIError, stt
from livekit.agents.metrics import STTMetrics

from agent.speech.riva_stt import RivaSTT
from tests.contract.scripted_riva import frame

QUICK: Final = APIConnectOptions(max_retry=3, retry_interval=0.05, timeout=10)
FINAL: Final = stt.SpeechEventType.FINAL_TRANSCRIPT


class Listening:
    """One stream, what was pushed into it, and the errors and metrics its recogniser told of."""

    def __init__(self, recogniser: RivaSTT, *, max_retry: int = QUICK.max_retry) -> None:
        self.recogniser = recogniser
        self.stream = recogniser.stream(conn_options=replace(QUICK, max_retry=max_retry))
        self.errors: list[stt.STTError] = []
        self.metrics: list[STTMetrics] = []
        self._pushed = 0
        recogniser.on("error", self.errors.append)
        recogniser.on("metrics_collected", self.metrics.append)

    def speak(self, frames: int) -> None:
        """Pushes frames numbered on from the last one."""
        for _ in range(frames):
            self._pushed += 1
            self.stream.push_frame(frame(self._pushed))

    def loud(self, frames: int) -> None:
        """Pushes frames that are loud enough to be speech."""
        for _ in range(frames):
            self.stream.push_frame(frame(10_000))

    def turn(self, frames: int = 5) -> None:
        """Speaks and flushes."""
        self.speak(frames)
        self.stream.flush()

    async def events(self, finals: int) -> list[stt.SpeechEvent]:
        """What the stream tells until the end of speech that follows so many finals."""
        events: list[stt.SpeechEvent] = []
        async with asyncio.timeout(10):
            while sum(event.type is FINAL for event in events) < finals:
                events.append(await anext(self.stream))
        return events

    async def finals(self, count: int) -> list[str]:
        return [event.alternatives[0].text for event in await self.events(count) if event.type is FINAL]

    async def failure(self) -> BaseException:
        """The error that ends the stream."""
        with pytest.raises(APIError) as raised:
            await self.events(1)
        return raised.value


async def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)
