"""Recognition through Riva's streaming API on asyncio stubs: a recording in, one transcript out.

Recordings too go through `StreamingRecognize`: a Riva that listens to calls has no offline model loaded.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_audio_pb2

from lambdas.shared.domain.errors import Refused, Unreachable

CHUNK_SECONDS: Final = 0.1
_OURS_TO_MEND: Final = frozenset(
    {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.OUT_OF_RANGE}
)


@dataclass(frozen=True)
class Audio:
    """Mono sound as Riva takes it: 16-bit little-endian samples, or 8-bit µ-law when `mulaw`."""

    data: bytes
    sample_rate: int
    mulaw: bool = False

    @property
    def seconds(self) -> float:
        return len(self.data) / self._bytes_a_second

    def chunks(self) -> list[bytes]:
        """The sound in pieces of CHUNK_SECONDS, each of whole samples."""
        size = int(self._bytes_a_second * CHUNK_SECONDS) // 2 * 2
        return [self.data[start : start + size] for start in range(0, len(self.data), size)]

    @property
    def _bytes_a_second(self) -> int:
        return self.sample_rate * (1 if self.mulaw else 2)


@dataclass(frozen=True)
class Transcript:
    """What was said: an empty text when nothing was."""

    text: str
    language: str
    confidence: float
    """0 to 1, of the least sure piece; Riva gives no figure for some models, which is 0."""


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
        try:
            pieces = await self._recognise(audio, language, timeout)
        except grpc.aio.AioRpcError as error:
            raise _fault(await self._own_words(error, audio, language)) from None
        return Transcript(
            text=" ".join(text for piece in pieces if (text := piece.transcript.strip())),
            language=next((code for piece in pieces for code in piece.language_code), language),
            confidence=min((min(max(piece.confidence, 0.0), 1.0) for piece in pieces), default=0.0),
        )

    async def _recognise(self, audio: Audio, language: str, timeout: float) -> list[Any]:
        """The best alternative of each final."""
        call = self._stub.StreamingRecognize(timeout=timeout)
        sending = asyncio.create_task(_send(call, audio, language))
        try:
            responses = [response async for response in call]
        finally:
            sending.cancel()
            await asyncio.wait([sending])
        results = (result for response in responses for result in response.results)
        return [result.alternatives[0] for result in results if result.is_final and result.alternatives]

    async def _own_words(self, error: grpc.aio.AioRpcError, audio: Audio, language: str) -> grpc.aio.AioRpcError:
        """What Riva said: a refusal during a write is INTERNAL to the client (github.com/grpc/grpc/issues/36066).

        So Riva is asked once more without audio, which leaves nothing to be under way.
        """
        if error.code() is grpc.StatusCode.INTERNAL:
            try:
                await self._recognise(dataclasses.replace(audio, data=b""), language, timeout=1)
            except grpc.aio.AioRpcError as own:
                return own
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


async def _send(call: Any, audio: Audio, language: str) -> None:
    """Sends all there is; faults are told to whoever reads the answers."""
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.MULAW if audio.mulaw else riva_audio_pb2.LINEAR_PCM,
        sample_rate_hertz=audio.sample_rate,
        audio_channel_count=1,
        language_code=language,
        max_alternatives=1,
        enable_automatic_punctuation=True,
    )
    first = riva_asr_pb2.StreamingRecognitionConfig(config=config, interim_results=False)
    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
        await call.write(riva_asr_pb2.StreamingRecognizeRequest(streaming_config=first))
        for chunk in audio.chunks():
            await call.write(riva_asr_pb2.StreamingRecognizeRequest(audio_content=chunk))
        await call.done_writing()


def _fault(error: grpc.aio.AioRpcError) -> Refused | Unreachable:
    return Refused(_told(error)) if error.code() in _OURS_TO_MEND else Unreachable(_told(error))


def _told(error: grpc.aio.AioRpcError) -> str:
    return f"Riva: {error.code().name}: {error.details()}"
