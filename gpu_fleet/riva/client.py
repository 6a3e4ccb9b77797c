"""Recognition through Riva's streaming API on asyncio stubs: a recording in, one transcript out, or sound in as it
comes and words out as they are recognised.

Recordings too go through `StreamingRecognize`: a Riva that listens to calls has no offline model loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_audio_pb2

from lambdas.shared.domain.errors import Refused, Unreachable

CHUNK_SECONDS: Final = 0.1
OPEN_WITHIN: Final = 5.0
"""Seconds in which a connection takes the first message of a stream."""
_OURS_TO_MEND: Final = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE}
)


@dataclass(frozen=True)
class Sound:
    """How samples are to be understood: mono, 16-bit little-endian, or 8-bit µ-law when `mulaw`."""

    sample_rate: int
    mulaw: bool = False

    @property
    def bytes_a_sample(self) -> int:
        return 1 if self.mulaw else 2

    @property
    def bytes_a_second(self) -> int:
        return self.sample_rate * self.bytes_a_sample


@dataclass(frozen=True)
class Audio:
    """Mono sound as Riva takes it: 16-bit little-endian samples, or 8-bit µ-law when `mulaw`."""

    data: bytes
    sample_rate: int
    mulaw: bool = False

    @property
    def sound(self) -> Sound:
        return Sound(self.sample_rate, self.mulaw)

    @property
    def seconds(self) -> float:
        return len(self.data) / self.sound.bytes_a_second

    def chunks(self) -> Iterator[bytes]:
        """The sound in pieces of CHUNK_SECONDS, each of whole samples."""
        size = int(self.sound.bytes_a_second * CHUNK_SECONDS) // 2 * 2
        return (self.data[start : start + size] for start in range(0, len(self.data), size))


@dataclass(frozen=True)
class Transcript:
    """What was said: an empty text when nothing was."""

    text: str
    language: str
    confidence: float
    """0 to 1, of the least sure piece; Riva gives no figure for some models, which is 0."""


@dataclass(frozen=True)
class Heard:
    """What was said since the last final one, as far as it is known; nothing changes a final one any more."""

    text: str
    language: str
    confidence: float
    """0 to 1; Riva gives no figure for some models and most interim results, which is 0."""
    final: bool
    seconds: float
    """How much sound Riva had listened to by then."""


class Hearing:
    """One stream of recognition: sound in as it comes, words out as they are recognised.

    A fault ends the iteration, and leaves the block of `Riva.hear` as what is said there; one who sends is not told.
    """

    def __init__(self, call: Any, language: str) -> None:
        self._call = call
        self._language = language

    async def send(self, data: bytes) -> None:
        """Returns when the connection has taken these samples, which it does not while Riva lags behind."""
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.write(riva_asr_pb2.StreamingRecognizeRequest(audio_content=data))

    async def finish(self) -> None:
        """No more sound comes: Riva says what it has yet to say, and the iteration ends."""
        with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
            await self._call.done_writing()

    async def __aiter__(self) -> AsyncIterator[Heard]:
        """What Riva says, one by one: as long as nobody asks for the next, Riva is made to wait."""
        async for response in self._call:
            for heard in _heard(response, self._language):
                yield heard


class Riva:
    """The recogniser at `target`, `host:port`, over one connection."""

    def __init__(self, target: str, *, credentials: grpc.ChannelCredentials | None = None) -> None:
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(target)
        else:
            self._channel = grpc.aio.secure_channel(target, credentials)
        self._stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._channel)

    async def transcribe(self, audio: Audio, *, language: str, timeout: float) -> Transcript:
        """The transcript of the whole recording within `timeout` seconds.

        Raises Refused when Riva finds fault with language or audio, Unreachable when it does not answer.
        """
        finals: list[Heard] = []
        async with self.hear(audio.sound, language=language, interim_results=False, timeout=timeout) as hearing:
            sending = asyncio.create_task(_send_all(hearing, audio))
            try:
                finals += [heard async for heard in hearing if heard.final]
            finally:
                sending.cancel()
                await asyncio.wait([sending])
        return Transcript(
            text=" ".join(heard.text for heard in finals if heard.text),
            language=finals[0].language if finals else language,
            confidence=min((heard.confidence for heard in finals), default=0.0),
        )

    @asynccontextmanager
    async def hear(
        self, sound: Sound, *, language: str, interim_results: bool, timeout: float | None = None
    ) -> AsyncIterator[Hearing]:
        """A stream of recognition, which ends with the block, or `timeout` seconds after it was opened.

        Raises Refused when Riva finds fault with language or audio, Unreachable when it does not answer.
        """
        config = _config(sound, language, interim_results)
        call = self._stub.StreamingRecognize(timeout=timeout)
        try:
            with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                async with asyncio.timeout(OPEN_WITHIN):
                    await call.write(config)
        except TimeoutError:
            call.cancel()
            raise Unreachable("Riva does not take a stream") from None
        try:
            yield Hearing(call, language)
        except grpc.aio.AioRpcError as error:
            raise _fault(await self._own_words(error, config)) from None
        finally:
            call.cancel()

    async def _own_words(self, error: grpc.aio.AioRpcError, config: Any) -> grpc.aio.AioRpcError:
        """What Riva said: a refusal during a write is INTERNAL to the client (github.com/grpc/grpc/issues/36066).

        So Riva is asked once more without audio, which leaves nothing to be under way.
        """
        if error.code() is grpc.StatusCode.INTERNAL:
            call = self._stub.StreamingRecognize(timeout=OPEN_WITHIN)
            try:
                await call.write(config)
                await call.done_writing()
                async for _ in call:
                    pass
            except grpc.aio.AioRpcError as own:
                # One that does not answer now says nothing about what was wrong.
                return error if own.code() is grpc.StatusCode.DEADLINE_EXCEEDED else own
            except asyncio.InvalidStateError:
                # It had ended before the write; what the first one said has to do.
                return error
            finally:
                call.cancel()
        return error

    async def require(self, *, timeout: float) -> None:
        """Returns when Riva says what it can recognise; raises Unreachable when it does not, or has no model yet."""
        try:
            request = riva_asr_pb2.RivaSpeechRecognitionConfigRequest()
            answer = await self._stub.GetRivaSpeechRecognitionConfig(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise Unreachable(_told(error)) from None
        if not answer.model_config:
            raise Unreachable("Riva has loaded no model")

    async def aclose(self) -> None:
        """Closes the connection."""
        await self._channel.close(None)


async def _send_all(hearing: Hearing, audio: Audio) -> None:
    for chunk in audio.chunks():
        await hearing.send(chunk)
    await hearing.finish()


def _config(sound: Sound, language: str, interim_results: bool) -> Any:
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.MULAW if sound.mulaw else riva_audio_pb2.LINEAR_PCM,
        sample_rate_hertz=sound.sample_rate,
        audio_channel_count=1,
        language_code=language,
        max_alternatives=1,
        enable_automatic_punctuation=True,
    )
    first = riva_asr_pb2.StreamingRecognitionConfig(config=config, interim_results=interim_results)
    return riva_asr_pb2.StreamingRecognizeRequest(streaming_config=first)


def _heard(response: Any, language: str) -> Iterator[Heard]:
    """Its finals, then what its other results say together: Riva may give a piece at a time."""
    results = [result for result in response.results if result.alternatives]
    for result in results:
        if result.is_final:
            yield _join([result], language)
    if open_ones := [result for result in results if not result.is_final]:
        yield _join(open_ones, language)


def _join(results: list[Any], language: str) -> Heard:
    best = [result.alternatives[0] for result in results]
    return Heard(
        text="".join(one.transcript for one in best).strip(),
        language=next((code for one in best for code in one.language_code), language),
        confidence=min(min(max(one.confidence, 0.0), 1.0) for one in best),
        final=results[0].is_final,
        seconds=max(0.0, max(result.audio_processed for result in results)),
    )


def _fault(error: grpc.aio.AioRpcError) -> Refused | Unreachable:
    return Refused(_told(error)) if error.code() in _OURS_TO_MEND else Unreachable(_told(error))


def _told(error: grpc.aio.AioRpcError) -> str:
    return f"Riva: {error.code().name}: {error.details()}"
