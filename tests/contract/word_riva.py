"""A Riva that hears word n when sample kₙ arrives, speech made of such samples, and what can happen to both."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
import numpy as np
import numpy.typing as npt
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

from tests.contract.riva_line import Line

RATE: Final = 16_000
VOICE: Final = 2_000
WORD: Final = 8_000
"""A sample of this value and n is word n."""
PAUSE: Final = 30_000
"""A sample of this value makes the recogniser take the utterance to be over."""
_WIDTH: Final = RATE // 25
"""Samples from a word's beginning to its end."""

Samples = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Talk:
    """What a guest says: samples, where each word's sample is, and after which samples the agent flushes."""

    samples: Samples
    words: tuple[int, ...]
    flushes: tuple[int, ...]

    @classmethod
    def of(cls, chance: random.Random, *, words: int, frame: int) -> Talk:
        """Sentences of a few words; each ends with a pause that the recogniser notices, a flush, both or neither."""
        samples = np.zeros(words * RATE + RATE, np.int16)
        places, flushes, at, left = [], [], RATE // 4, 0
        for number in range(words):
            at += chance.randrange(RATE // 10, RATE // 3)
            samples[at - RATE // 8 : at + RATE // 20] = VOICE
            samples[at] = WORD + number
            places.append(at)
            left = left - 1 if left else chance.randrange(1, 6)
            if left == 0:
                at += RATE // 2
                if chance.random() < 0.5:
                    samples[at] = PAUSE
                if chance.random() < 0.6:
                    flushes.append(_frames(at, frame) * frame)
            elif chance.random() < 0.1:
                # In the middle of a sentence, even of a word.
                flushes.append(_frames(at, frame) * frame)
        # A later word may have voice where a mark was: the marks count.
        end = _frames(at + RATE // 2, frame) * frame
        for number, place in enumerate(places):
            samples[place] = WORD + number
        return cls(samples[:end], tuple(places), (*sorted({flush for flush in flushes if flush < end}), end))


def _frames(samples: int, frame: int) -> int:
    return -(-samples // frame)


@dataclass
class Break:
    """What happens to recognition once the recogniser has heard so many samples in all, replayed ones included."""

    at: int
    kind: str


KINDS: Final = (
    "unavailable",
    "internal",
    "after a final",
    "ends",
    "mute",
    "stalls",
    "reset",
    "half open",
    "away",
    "gone",
)


def breaks(chance: random.Random, *, count: int, apart: int) -> deque[Break]:
    """So many breaks of all kinds in turn, `apart` samples from each other at most; some follow each other at once."""
    at, first, plan = 0, chance.randrange(len(KINDS)), deque[Break]()
    for number in range(count):
        at += chance.randrange(apart // 20) if chance.random() < 0.3 else chance.randrange(apart // 4, apart)
        plan.append(Break(at, KINDS[(first + number) % len(KINDS)]))
    return plan


@dataclass
class WordRiva(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """Tells each word when its sample comes, as an interim result and in the final that ends its utterance."""

    line: Line
    plan: deque[Break] = field(default_factory=deque)
    happened: list[str] = field(default_factory=list)
    streams: int = 0
    heard: int = 0
    _steady: str = ""
    _restless: str = ""
    """Says of each connection after a quarter of a second that it goes away (GOAWAY), and then goes."""
    _returning: list[asyncio.Task[None]] = field(default_factory=list)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[WordRiva]:
        """Answers behind its line until the block ends."""
        steady = grpc.aio.server()
        restless = grpc.aio.server(
            options=[("grpc.max_connection_age_ms", 250), ("grpc.max_connection_age_grace_ms", 30)]
        )
        async with self.line.open():
            self._steady, self._restless = [await self._start(server) for server in (steady, restless)]
            self.line.to = self._steady
            try:
                yield self
            finally:
                await asyncio.gather(*self._returning)
                await asyncio.gather(steady.stop(None), restless.stop(None))

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        self.streams += 1
        config = (await anext(aiter(requests))).streaming_config
        said = _Utterance(config.config.language_code, context, interims=config.interim_results)
        async for request in requests:
            samples = np.frombuffer(request.audio_content, np.int16)
            await said.hear(samples)
            self.heard += len(samples)
            if self.plan and self.heard >= self.plan[0].at:
                kind = self.plan.popleft().kind
                self.happened.append(kind)
                if not await self._break(kind, said, requests, context):
                    return
        await said.end()

    async def _break(self, kind: str, said: _Utterance, requests: Any, context: Any) -> bool:
        """Does it; False when this request stream is to end as if all were well."""
        self.line.to = self._steady
        match kind:
            case "unavailable":
                await context.abort(grpc.StatusCode.UNAVAILABLE, kind)
            case "internal":
                await context.abort(grpc.StatusCode.INTERNAL, kind)
            case "after a final":
                await said.end()
                await context.abort(grpc.StatusCode.UNAVAILABLE, kind)
            case "ends":
                return False
            case "mute":
                async for _ in requests:
                    pass
                await asyncio.Event().wait()
            case "stalls":
                await asyncio.Event().wait()
            case "reset":
                self.line.reset()
            case "half open":
                self.line.go_dead()
            case "away":
                self.line.to = self._restless
                self.line.reset()
            case "gone":
                self.line.refuses = True
                self.line.reset()
                self._returning.append(asyncio.create_task(self._come_back()))
        return True

    async def _come_back(self) -> None:
        await asyncio.sleep(0.3)
        self.line.refuses = False

    async def _start(self, server: grpc.aio.Server) -> str:
        riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(self, server)
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
        await server.start()
        return address


class _Utterance:
    """What has been heard since the last final of one request stream."""

    def __init__(self, language: str, context: Any, *, interims: bool) -> None:
        self._language = language
        self._context = context
        self._interims = interims
        self._heard = 0
        self._words: list[tuple[int, int]] = []

    async def hear(self, samples: Samples) -> None:
        """Takes the samples, and answers about those that mean something."""
        for place in np.flatnonzero(samples >= WORD):
            at, mark = self._heard + int(place), int(samples[place])
            if mark < PAUSE:
                self._words.append((mark - WORD, at))
                if self._interims:
                    await self._tell(at + 1, final=False)
            elif self._words:
                await self._tell(at + 1, final=True)
        self._heard += len(samples)

    async def end(self) -> None:
        """No more comes: what was said since the last final becomes one."""
        if self._words:
            await self._tell(self._heard, final=True)

    async def _tell(self, processed: int, *, final: bool) -> None:
        response = riva_asr_pb2.StreamingRecognizeResponse()
        result = response.results.add(is_final=final, audio_processed=processed / RATE)
        alternative = result.alternatives.add(
            transcript=" ".join(f"w{number}" for number, _ in self._words) + " ",
            confidence=0.9,
            language_code=[self._language],
        )
        for number, at in self._words if final else ():
            alternative.words.add(
                word=f"w{number}", start_time=(at - _WIDTH) * 1000 // RATE, end_time=at * 1000 // RATE
            )
        if final:
            self._words.clear()
        await self._context.write(response)


def frames(talk: Talk, frame: int) -> Iterator[tuple[int, Samples]]:
    """The talk in frames, each with the number of the sample that follows it."""
    for start in range(0, len(talk.samples), frame):
        yield start + frame, talk.samples[start : start + frame]


def numbered(words: Iterable[int]) -> list[str]:
    """The words as the recogniser writes them."""
    return [f"w{number}" for number in words]
