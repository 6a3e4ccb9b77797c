"""A Riva whose every answer is written down, and which remembers what it was sent."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from livekit import rtc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

FRAME = 0.02
RATE = 16_000


def pcm(number: int) -> bytes:
    """20 ms of audio in which every sample is `number`, so that what arrives can be told apart."""
    return number.to_bytes(2, "little") * int(RATE * FRAME)


def frame(number: int) -> rtc.AudioFrame:
    """The same as a frame."""
    return rtc.AudioFrame(pcm(number), RATE, 1, int(RATE * FRAME))


@dataclass
class HeardStream:
    """One request stream as the server saw it."""

    requests: AsyncIterator[Any]
    context: Any
    metadata: dict[str, str]
    config: Any = None
    numbers: list[int] = field(default_factory=list)
    runtime_config: dict[str, str] = field(default_factory=dict)
    half_closed: bool = False

    async def hear(self, chunks: int | None = None) -> None:
        """Takes so many chunks of audio, or all until the client half-closes."""
        while chunks is None or chunks > 0:
            request = await anext(aiter(self.requests), None)
            if request is None:
                self.half_closed = True
                return
            if request.WhichOneof("streaming_request") == "streaming_config":
                self.config = request.streaming_config
                continue
            if request.runtime_config:
                self.runtime_config.update(request.runtime_config)
                continue
            self.numbers.append(int.from_bytes(request.audio_content[:2], "little"))
            chunks = None if chunks is None else chunks - 1

    async def answer(
        self, *pieces: str, final: bool = True, language: str = "", words: bool = False, at: Sequence[int] = ()
    ) -> None:
        """Sends one response with these pieces as results; `at` says at which milliseconds the words begin."""
        response = riva_asr_pb2.StreamingRecognizeResponse()
        for piece in pieces:
            result = response.results.add(is_final=final, audio_processed=len(self.numbers) * FRAME)
            alternative = result.alternatives.add(transcript=piece, confidence=0.9)
            if language:
                alternative.language_code.append(language)
            for place, word in enumerate(piece.split() if words else []):
                begin = at[place] if at else place * 100
                alternative.words.add(word=word, start_time=begin, end_time=begin + 90, confidence=0.8)
        await self.context.write(response)


Script = Callable[[HeardStream], Awaitable[None]]


def says(*texts: str, **how: Any) -> Script:
    """Finals after the half-close."""

    async def script(stream: HeardStream) -> None:
        await stream.hear()
        for text in texts:
            await stream.answer(text, **how)

    return script


def fails(code: grpc.StatusCode, *, after: int) -> Script:
    """A fault, or with OK a premature end, after so many chunks."""

    async def script(stream: HeardStream) -> None:
        await stream.hear(after)
        if code is not grpc.StatusCode.OK:
            await stream.context.abort(code, "as written")

    return script


async def says_nothing(stream: HeardStream) -> None:
    """Hears all and ends the stream without a word."""
    await stream.hear()


async def hangs(stream: HeardStream) -> None:
    """Hears all and never answers."""
    await stream.hear()
    await asyncio.Event().wait()


class ScriptedRiva(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """Plays the scripts in order, one per request stream; `models` are those it has loaded, which can be none yet."""

    def __init__(self) -> None:
        self.models: tuple[str, ...] = ("parakeet",)
        self.scripts: deque[Script] = deque()
        self.streams: list[HeardStream] = []
        self.offline: Any = riva_asr_pb2.RecognizeResponse()
        self.offline_fault: grpc.StatusCode | None = None
        self.open = 0

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        stream = HeardStream(requests, context, dict(context.invocation_metadata()))
        self.streams.append(stream)
        script = self.scripts.popleft() if self.scripts else says_nothing
        self.open += 1
        try:
            await script(stream)
        finally:
            self.open -= 1

    async def Recognize(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self.offline_fault is not None:
            await context.abort(self.offline_fault, "as written")
        return self.offline

    async def GetRivaSpeechRecognitionConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = riva_asr_pb2.RivaSpeechRecognitionConfigResponse()
        for model in self.models:
            response.model_config.add(model_name=model)
        return response


@asynccontextmanager
async def serving(riva: ScriptedRiva, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """Its address on the loopback interface, until the block ends; behind TLS where credentials are given."""
    server = grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(riva, server)
    if credentials is not None:
        address = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', credentials)}"
    else:
        address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        if credentials is None:
            # On a busy machine a server that has just started may refuse its first client.
            async with grpc.aio.insecure_channel(address) as first:
                await first.channel_ready()
        yield address
    finally:
        await server.stop(None)
