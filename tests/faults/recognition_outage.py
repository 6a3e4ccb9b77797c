"""A guest speaks in real time while the recogniser is killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import numpy as np
from livekit import rtc
from livekit.agents import APIConnectOptions, stt

from agent.hearing import open_recogniser
from agent.settings import AgentSettings
from agent.trace import Traces
from agent.wiring import CONNECT
from local.processes import Child, free_port
from local.readiness import recognises
from local.settings import RivaSettings
from tests.agent import AURORA
from tests.contract.riva_service import ROOT, Pcm, say, silence

RATE: Final = 16_000
FRAME: Final = 0.05
"""Seconds, as LiveKit pushes a guest's audio."""
PAUSE: Final = 1.5
FLUSH_AFTER: Final = 0.5
"""Seconds of silence after which the framework flushes the recogniser."""
ANSWERED_WITHIN: Final = 30.0


@dataclass(frozen=True)
class Line:
    """What the guest says, and the facts in it, each by what a recogniser may write for it."""

    text: str
    facts: Mapping[str, str]


LINES: Final = (
    Line(
        "Good evening, I would like to book a double room for two nights.",
        {"room": r"double room", "nights": r"(two|2) nights"},
    ),
    Line("We arrive on the third of December.", {"month": r"december", "day": r"third|3rd|\b3\b"}),
    Line("My name is Walker, and there are two of us.", {"name": r"walker", "guests": r"(two|2) of us"}),
    Line("Yes, please book it.", {"agreed": r"book it"}),
)


@dataclass(frozen=True)
class Kill:
    """The recogniser ends so many seconds from a line's beginning, or from its end, and is started again at once."""

    line: int
    after: float
    of: Literal["begins", "ends"] = "begins"


@dataclass(frozen=True)
class Heard:
    """A final: its text, when it came, and the middle of what it tells of, in seconds of the call."""

    text: str
    came: float
    middle: float


@dataclass
class Run:
    """One call: times are seconds since its first sample, of finals those of their arrival."""

    begins: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    finals: list[Heard] = field(default_factory=list)
    killed: float | None = None
    back: float | None = None
    errors: list[bool] = field(default_factory=list)
    """Of each error that the session was told: whether the recogniser went on by itself."""

    @property
    def text(self) -> str:
        return " ".join(final.text for final in self.finals)

    def facts(self, lines: Sequence[Line]) -> set[str]:
        """The names of the facts that were heard."""
        heard = self.text.lower()
        return {name for line in lines for name, pattern in line.facts.items() if re.search(pattern, heard)}

    def line_of(self, final: Heard) -> int:
        """The number of the line that the final tells of."""
        return min(
            range(len(self.ends)),
            key=lambda line: max(self.begins[line] - final.middle, final.middle - self.ends[line], 0.0),
        )

    def due(self, final: Heard) -> float:
        """When it could have been known: its line had been flushed, and the recogniser was there."""
        flushed = self.ends[self.line_of(final)] + FLUSH_AFTER
        return max(flushed, self.back) if self.killed is not None and self.back is not None else flushed

    @property
    def gap(self) -> float:
        """Seconds from the recogniser's return to the first words, or from the end of a line that was still said."""
        after = [final for final in self.finals if self.back is not None and final.came > self.back]
        return after[0].came - self.due(after[0]) if after else float("inf")

    def waits(self) -> list[float]:
        """Seconds that each final took."""
        return [final.came - self.due(final) for final in self.finals]


class Recogniser:
    """`python -m local.riva` on one port, which can be killed and started again."""

    def __init__(self, logs: Path) -> None:
        self.address = ""
        self._logs = logs
        self._child: Child | None = None

    async def start(self) -> None:
        """Returns when it answers."""
        if not self.address:
            self.address = f"127.0.0.1:{free_port(0)}"
        port = int(self.address.rpartition(":")[2])
        settings = RivaSettings(port=port, model_dir=ROOT / ".local/models/whisper-base")
        self._child = await Child.start("riva", [sys.executable, "-m", "local.riva"], settings.write(), self._logs)
        await self._child.wait_until(recognises(self.address))

    async def kill(self) -> None:
        """Without a word to anybody: the connection just ends."""
        if self._child is not None:
            self._child.send(signal.SIGKILL)
            await self._child.stop()

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.stop()


@contextlib.asynccontextmanager
async def recogniser(logs: Path) -> AsyncIterator[Recogniser]:
    """One that answers."""
    service = Recogniser(logs)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


async def call(
    service: Recogniser,
    lines: Sequence[Line],
    kill: Kill | None = None,
    *,
    tried: APIConnectOptions = CONNECT.stt_conn_options,
) -> Run:
    """The guest says the lines in real time, with pauses; what was heard, when; `tried` is how often."""
    run = Run()
    audio = _audio(lines, run)
    settings = AgentSettings(
        livekit_url="ws://127.0.0.1:9",
        livekit_secret="none",
        api_url="http://127.0.0.1:9",
        riva_url=service.address,
        llm_url="http://127.0.0.1:9",
        llm_model="none",
        llm_secret="none",
        speech_engines="http",
    )
    async with contextlib.aclosing(open_recogniser(settings, AURORA, Traces())) as hearing:
        hearing.on("error", lambda error: run.errors.append(error.recoverable))
        stream = hearing.stream(conn_options=tried)
        began = asyncio.get_running_loop().time()
        listening = asyncio.create_task(_listen(stream, run, began))
        outage = asyncio.create_task(_outage(service, run, kill, began))
        await _speak(stream, audio, run, began)
        await outage
        async with asyncio.timeout(ANSWERED_WITHIN):
            await listening
    return run


def _audio(lines: Sequence[Line], run: Run) -> Pcm:
    """All lines with their pauses, and where in it each begins and ends."""
    pieces: list[Pcm] = [silence(0.5)]
    for line in lines:
        spoken = say(line.text)
        run.begins.append(sum(map(len, pieces)) / RATE)
        pieces += [spoken, silence(PAUSE)]
        run.ends.append(run.begins[-1] + len(spoken) / RATE)
    return np.concatenate(pieces)


async def _speak(stream: stt.RecognizeStream, audio: Pcm, run: Run, began: float) -> None:
    loop = asyncio.get_running_loop()
    size = int(RATE * FRAME)
    flushes = [end + FLUSH_AFTER for end in run.ends]
    for place in range(0, len(audio), size):
        chunk = audio[place : place + size]
        said = (place + len(chunk)) / RATE
        # A frame is there when its last sample has been said.
        await asyncio.sleep(max(began + said - loop.time(), 0))
        stream.push_frame(rtc.AudioFrame(chunk.tobytes(), RATE, 1, len(chunk)))
        while flushes and flushes[0] <= said:
            stream.flush()
            flushes.pop(0)
    stream.end_input()


async def _listen(stream: stt.RecognizeStream, run: Run, began: float) -> None:
    loop = asyncio.get_running_loop()
    async for event in stream:
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT and event.alternatives[0].text:
            data = event.alternatives[0]
            run.finals.append(Heard(data.text, loop.time() - began, (data.start_time + data.end_time) / 2))


async def _outage(service: Recogniser, run: Run, kill: Kill | None, began: float) -> None:
    if kill is None:
        return
    loop = asyncio.get_running_loop()
    line = (run.begins if kill.of == "begins" else run.ends)[kill.line]
    await asyncio.sleep(began + line + kill.after - loop.time())
    run.killed = loop.time() - began
    await service.kill()
    await service.start()
    run.back = loop.time() - began
