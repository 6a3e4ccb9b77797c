"""One recogniser at work in a process of its own: `python -m tests.bench.listening ours 127.0.0.1:50051 32 3`.

So many conversations at once, each so many turns long, are spoken in real time and listened to as LiveKit's agents do
it; what that cost is printed as one line of JSON.

Frames are what an agent pushes: LiveKit's room input hands on 50 ms at a time (`AudioInputOptions.frame_size_ms`), and
the stream gets silence like speech. They come at 16 kHz here, because the framework's own resampling before it hands
a frame to either recogniser is no part of the comparison. A recogniser that can be flushed is flushed after the
guest's turn, as the framework does when its voice detector hears the end.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Never

from livekit import rtc
from livekit.agents import NOT_GIVEN, APIConnectOptions, NotGivenOr, stt

from tests.bench.fake_riva import RATE, ROOT, Told, voice

FRAME: Final = 0.05
SPEECH: Final = 2.4
PAUSE: Final = 1.2
FLUSH_AFTER: Final = 0.5
"""Seconds of silence after which the framework flushes."""
TURN: Final = SPEECH + PAUSE
_OPTIONS: Final = APIConnectOptions(max_retry=3, retry_interval=0.3, timeout=3)
_KINDS: Final = stt.SpeechEventType


@dataclass
class Cost:
    """What one recogniser needed for `streams` conversations of `turns` turns, after a turn that does not count."""

    side: str
    streams: int
    turns: int
    cpu_seconds: float = 0.0
    audio_seconds: float = 0.0
    threads: int = 0
    chunk_bytes: int = 0
    heard: int = 0
    """Turns whose final says the right turn and all of its speech."""
    right: int = 0
    """Those of them with their events in order: start of speech, interims, one final, end of speech."""
    late_ms: list[float] = field(default_factory=list)
    """Of each final: from the moment before Riva sends it to its event."""
    memory_mb: list[float] = field(default_factory=list)
    """Resident memory, a value a second."""

    @property
    def cpu_per_audio_hour(self) -> float:
        """Seconds of the processor."""
        return 3600 * self.cpu_seconds / self.audio_seconds

    @property
    def all_turns(self) -> int:
        """How many there were to be heard."""
        return self.streams * self.turns


class Conversation:
    """One stream, and what was heard on it; memory does not grow with the time it is listened to."""

    def __init__(self, stream: stt.RecognizeStream) -> None:
        self.stream = stream
        self.heard = self.right = self.chunk_bytes = 0
        self.late = array("d")
        self._kinds: list[stt.SpeechEventType] = []
        self._told: Told | None = None
        # The turn that does not count has number 1.
        self._latest_turn = 1

    async def listen(self) -> None:
        """Until the stream ends."""
        async for event in self.stream:
            if event.type is _KINDS.RECOGNITION_USAGE:
                continue
            arrived = time.monotonic()
            # A recogniser that never tells of an end would otherwise fill the memory by itself.
            self._kinds = [*self._kinds[-99:], event.type]
            if event.type is _KINDS.FINAL_TRANSCRIPT and event.alternatives[0].text:
                self._told = Told.read(event.alternatives[0].text)
                if self._told is not None:
                    self.late.append(1000 * (arrived - self._told.moment))
                    self.chunk_bytes = max(self.chunk_bytes, self._told.chunk_bytes)
            elif event.type is _KINDS.END_OF_SPEECH:
                self._judge()

    def _judge(self) -> None:
        kinds, told = self._kinds, self._told
        self._kinds, self._told = [], None
        if told is None or told.turn <= self._latest_turn or told.speech_ms != round(1000 * SPEECH):
            return
        self._latest_turn = told.turn
        self.heard += 1
        interims = kinds[1:-2]
        self.right += (
            kinds[:1] == [_KINDS.START_OF_SPEECH]
            and kinds[-2:] == [_KINDS.FINAL_TRANSCRIPT, _KINDS.END_OF_SPEECH]
            and len(interims) > 0
            and all(kind is _KINDS.INTERIM_TRANSCRIPT for kind in interims)
        )


class _Deaf(stt.STT[Never]):
    """A recogniser that drops what it gets: what the framework costs by itself."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False, manual_flush=True))

    def stream(
        self, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions = _OPTIONS
    ) -> stt.RecognizeStream:
        return _DeafStream(stt=self, conn_options=conn_options, sample_rate=RATE)

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class _DeafStream(stt.RecognizeStream):
    async def _run(self) -> None:
        async for _ in self._input_ch:
            pass


def _ours(address: str) -> stt.STT[Any]:
    from agent.speech.riva_stt import RivaSTT

    # The stock plugin always asks for interim results.
    return RivaSTT(address, language="en-US", interim_results=True)


def _stock(address: str) -> stt.STT[Any]:
    from livekit.plugins.nvidia import STT

    recogniser: stt.STT[Any] = STT(server=address, use_ssl=False, language_code="en-US")
    return recogniser


SIDES: Final[dict[str, Callable[[str], stt.STT[Any]]]] = {
    "ours": _ours,
    "stock": _stock,
    "framework alone": lambda _: _Deaf(),
}


async def measure(side: str, address: str, streams: int, turns: int) -> Cost:
    """Speaks and listens, which takes as long as the turns do."""
    cost = Cost(side, streams, turns, audio_seconds=streams * turns * TURN)
    recogniser = SIDES[side](address)
    conversations = [Conversation(recogniser.stream(conn_options=_OPTIONS)) for _ in range(streams)]
    listening = [asyncio.create_task(conversation.listen()) for conversation in conversations]
    start = time.monotonic() + 0.5
    speaking = asyncio.create_task(_speak(recogniser, conversations, start, turns + 1))
    await asyncio.sleep(start + TURN - time.monotonic())
    began = time.process_time()
    while not speaking.done():
        await asyncio.wait([speaking], timeout=1)
        cost.memory_mb.append(_resident_mb())
        cost.threads = max(cost.threads, len(os.listdir("/proc/self/task")))  # noqa: PTH208
    await speaking
    cost.cpu_seconds = time.process_time() - began
    cost.heard = sum(each.heard for each in conversations)
    cost.right = sum(each.right for each in conversations)
    cost.chunk_bytes = max(each.chunk_bytes for each in conversations)
    cost.late_ms = [round(late, 3) for each in conversations for late in each.late]
    for task in listening:
        task.cancel()
    return cost


async def _speak(recogniser: stt.STT[Any], conversations: list[Conversation], start: float, turns: int) -> None:
    """The conversations' frames, each at its own moment: they do not begin together."""
    flushed_at = round((SPEECH + FLUSH_AFTER) / FRAME) if recogniser.capabilities.manual_flush else -1
    spoken, frames = round(SPEECH / FRAME), round(TURN / FRAME)
    silence = _frame(bytes(2 * round(RATE * FRAME)))
    for number in range(turns):
        said = _frame(voice(number + 1, FRAME))
        for place in range(frames):
            for index, conversation in enumerate(conversations):
                due = start + (number * frames + place + index / len(conversations)) * FRAME
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                conversation.stream.push_frame(said if place < spoken else silence)
                if place == flushed_at:
                    conversation.stream.flush()


def _frame(audio: bytes) -> rtc.AudioFrame:
    return rtc.AudioFrame(audio, RATE, 1, len(audio) // 2)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 2)


def run(side: str, address: str, streams: int, turns: int) -> Cost:
    """The same in a fresh process."""
    command = [sys.executable, "-m", "tests.bench.listening", side, address, str(streams), str(turns)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120 + 1.2 * TURN * turns)
    if done.returncode:
        raise RuntimeError(f"{side} with {streams} streams: exit code {done.returncode}\n{done.stderr[-2000:]}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


async def main() -> None:
    """The program; it leaves at once, because the stock plugin waits for its threads, and they for Riva."""
    side, address, streams, turns = sys.argv[1:]
    cost = await measure(side, address, int(streams), int(turns))
    print(json.dumps(asdict(cost)), flush=True)
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
