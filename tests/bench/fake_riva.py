"""A Riva without a model, in a process of its own: it hears how long somebody spoke, and tells when it told so.

What a client costs would be lost in what recognition costs. `python -m tests.bench.fake_riva` prints its address and
serves until its standard input closes.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

ROOT: Final = Path(__file__).parents[2]
RATE: Final = 16_000
END_SILENCE: Final = 0.8
"""Seconds of silence after which a turn has ended, whatever the client says."""
_INTERIM_EVERY: Final = 0.3
_LOUD: Final = 1_000
_TOLD: Final = re.compile(r"turn (\d+) lasted (\d+) ms, in chunks of at most (\d+) bytes, told at (\d+\.\d+)")


def voice(turn: int, seconds: float) -> bytes:
    """So much audio, 16-bit mono at RATE, in which the guest says their turn of that number, 1 to 30,000."""
    return (_LOUD + turn).to_bytes(2, "little", signed=True) * round(RATE * seconds)


@dataclass(frozen=True)
class Told:
    """What a final says: of which turn, how much speech there was, the largest chunk in which it came, and when.

    `moment` is the machine's monotonic clock just before the answer is sent, which every process reads alike.
    """

    turn: int
    speech_ms: int
    chunk_bytes: int
    moment: float

    def sentence(self) -> str:
        """As a transcript."""
        return (
            f"turn {self.turn} lasted {self.speech_ms} ms, in chunks of at most {self.chunk_bytes} bytes, "
            f"told at {self.moment:.6f}"
        )

    @classmethod
    def read(cls, transcript: str) -> Told | None:
        """The same from a transcript, or None if it says something else."""
        found = _TOLD.search(transcript)
        return None if found is None else cls(int(found[1]), int(found[2]), int(found[3]), float(found[4]))


@dataclass
class _Utterance:
    """What was heard since the last final, in seconds."""

    turn: int = 0
    speech: float = 0.0
    silence: float = 0.0
    told: float = 0.0
    chunk_bytes: int = 0
    began: float = 0.0

    def hear(self, chunk: bytes, heard: float) -> None:
        middle = len(chunk) // 4 * 2
        loudness = int.from_bytes(chunk[middle : middle + 2], "little", signed=True)
        seconds = len(chunk) / (2 * RATE)
        self.chunk_bytes = max(self.chunk_bytes, len(chunk))
        if loudness > _LOUD:
            if not self.turn:
                self.turn, self.began = loudness - _LOUD, heard
            self.speech += seconds
            self.silence = 0.0
        else:
            self.silence += seconds


class FakeRiva(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """Interim results while somebody speaks; a final after silence, at `force_eou` or when the client half-closes."""

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        first = await anext(aiter(requests), None)
        if first is None:
            return
        interims, heard, utterance = first.streaming_config.interim_results, 0.0, _Utterance()
        async for request in requests:
            if chunk := request.audio_content:
                utterance.hear(chunk, heard)
                heard += len(chunk) / (2 * RATE)
            forced = request.runtime_config.get("force_eou") == "true"
            if utterance.turn and (forced or utterance.silence >= END_SILENCE - 0.001):
                await _tell(context, utterance, heard, final=True)
                utterance = _Utterance()
            elif interims and utterance.speech - utterance.told >= _INTERIM_EVERY - 0.001 and not utterance.silence:
                utterance.told = utterance.speech
                await _tell(context, utterance, heard, final=False)
        if utterance.turn:
            await _tell(context, utterance, heard, final=True)


async def _tell(context: Any, utterance: _Utterance, heard: float, *, final: bool) -> None:
    response = riva_asr_pb2.StreamingRecognizeResponse()
    result = response.results.add(is_final=final, stability=1.0 if final else 0.5, audio_processed=heard, channel_tag=1)
    alternative = result.alternatives.add(confidence=0.9, language_code=["en-US"])
    told = Told(utterance.turn, round(utterance.speech * 1000), utterance.chunk_bytes, time.monotonic())
    alternative.transcript = told.sentence() + " "
    if final:
        words = alternative.transcript.split()
        length = 1000 * utterance.speech / len(words)
        for place, word in enumerate(words):
            start = round(1000 * utterance.began + place * length)
            alternative.words.add(word=word, start_time=start, end_time=round(start + length), confidence=0.9)
    await context.write(response)


@contextmanager
def running_fake_riva() -> Iterator[str]:
    """Its address while the block runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.fake_riva"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        address = process.stdout.readline().decode().strip()
        if not address:
            raise RuntimeError(f"the fake Riva did not start; exit code {process.wait()}")
        yield address
    finally:
        process.stdin.close()
        assert process.wait(timeout=10) == 0
        process.stdout.close()


async def _serve() -> None:
    server = grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(FakeRiva(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    asyncio.run(_serve())
