"""Recognition through Riva's streaming API on asyncio stubs: a recording in, one transcript out.

Recordings too go through `StreamingRecognize`: a Riva that listens to calls has no offline model loaded.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
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
        """The sound in pieces of CHUNK_SECONDS."""
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
        pieces: list[Any] = []
        try:
            call = self._stub.StreamingRecognize(_requests(audio, language), timeout=timeout)
            async for response in call:
                pieces += [piece.alternatives[0] for piece in response.results if piece.is_final and piece.alternatives]
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from None
        return Transcript(
            text=" ".join(text for piece in pieces if (text := piece.transcript.strip())),
            language=next((code for piece in pieces for code in piece.language_code), language),
            confidence=min((min(max(piece.confidence, 0.0), 1.0) for piece in pieces), default=0.0),
        )

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


async def _requests(audio: Audio, language: str) -> AsyncIterator[Any]:
    config = riva_asr_pb2.RecognitionConfig(
        encoding=riva_audio_pb2.MULAW if audio.mulaw else riva_audio_pb2.LINEAR_PCM,
        sample_rate_hertz=audio.sample_rate,
        audio_channel_count=1,
        language_code=language,
        max_alternatives=1,
        enable_automatic_punctuation=True,
    )
    yield riva_asr_pb2.StreamingRecognizeRequest(
        streaming_config=riva_asr_pb2.StreamingRecognitionConfig(config=config, interim_results=False)
    )
    for chunk in audio.chunks():
        yield riva_asr_pb2.StreamingRecognizeRequest(audio_content=chunk)
        # Minutes of audio are sent as fast as they are taken; other requests get their turn in between.
        await asyncio.sleep(0)


def _fault(error: grpc.aio.AioRpcError) -> Refused | Unreachable:
    return Refused(_told(error)) if error.code() in _OURS_TO_MEND else Unreachable(_told(error))


def _told(error: grpc.aio.AioRpcError) -> str:
    return f"Riva: {error.code().name}: {error.details()}"
