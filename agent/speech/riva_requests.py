"""What goes to Riva and what comes back: a turn's audio, the request stream that carries it, faults and results."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError, LanguageCode, stt
from livekit.agents.types import TimedString
from riva.client.proto import riva_asr_pb2, riva_audio_pb2, riva_common_pb2

MOST_KEPT: Final = 30.0
"""Seconds of audio kept to be sent again when a request stream breaks."""
_HTTP_STATUS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    # A 4xx, because the framework would try every 5xx again, and a method that is not there stays away.
    grpc.StatusCode.UNIMPLEMENTED: 405,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.DATA_LOSS: 500,
}


def api_error(error: grpc.aio.AioRpcError) -> APIError:
    """The framework's error for a gRPC status: retryable unless the request itself is wrong."""
    message = f"Riva: {error.code().name}: {error.details()}"
    if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
        return APITimeoutError(message)
    if error.code() in _HTTP_STATUS:
        return APIStatusError(message, status_code=_HTTP_STATUS[error.code()])
    return APIConnectionError(message)


def speech_data(result: Any, language: str, *, offset: float) -> stt.SpeechData:
    """Riva's first alternative with its times in seconds, `offset` being when the request stream began."""
    alternative = result.alternatives[0]
    words = [
        TimedString(word.word, offset + word.start_time / 1000, offset + word.end_time / 1000, word.confidence)
        for word in alternative.words
    ]
    return stt.SpeechData(
        language=LanguageCode(next(iter(alternative.language_code), language)),
        text=alternative.transcript.strip(),
        start_time=offset + alternative.words[0].start_time / 1000 if words else 0.0,
        end_time=offset + alternative.words[-1].end_time / 1000 if words else 0.0,
        confidence=min(max(alternative.confidence, 0.0), 1.0),
        words=words,
    )


def recording_data(results: Sequence[Any], language: str) -> stt.SpeechData:
    """All results of one recording as one transcript; an empty text when nothing was heard."""
    heard = [speech_data(result, language, offset=0.0) for result in results if result.alternatives]
    return stt.SpeechData(
        language=heard[0].language if heard else LanguageCode(language),
        text=" ".join(data.text for data in heard if data.text),
        start_time=heard[0].start_time if heard else 0.0,
        end_time=heard[-1].end_time if heard else 0.0,
        confidence=min((data.confidence for data in heard), default=0.0),
        words=[word for data in heard for word in data.words or []],
    )


@dataclass(frozen=True)
class Wanted:
    """What every request asks of Riva; the hints in `phrases` have the weight `boost`."""

    model: str
    interim_results: bool
    phrases: tuple[str, ...]
    boost: float

    def config(self, language: str, sample_rate: int) -> Any:
        """The configuration of a request with 16-bit mono audio."""
        config = riva_asr_pb2.RecognitionConfig(
            encoding=riva_audio_pb2.LINEAR_PCM,
            sample_rate_hertz=sample_rate,
            audio_channel_count=1,
            language_code=language,
            model=self.model,
            max_alternatives=1,
            enable_word_time_offsets=True,
            enable_automatic_punctuation=True,
        )
        if self.phrases:
            config.speech_contexts.add(phrases=self.phrases, boost=self.boost)
        return config

    def first_message(self, language: str, sample_rate: int, request_id: str) -> Any:
        """The configuration that opens a request stream."""
        return riva_asr_pb2.StreamingRecognizeRequest(
            streaming_config=riva_asr_pb2.StreamingRecognitionConfig(
                config=self.config(language, sample_rate), interim_results=self.interim_results
            ),
            id=riva_common_pb2.RequestId(value=request_id),
        )


class Speech:
    """The audio between two flushes, kept until its words have come, so that a broken request stream loses none."""

    def __init__(self, start: float, sample_rate: int) -> None:
        self.start = start
        """When the first chunk that is kept begins, in seconds of the conversation's audio."""
        self.ended = False
        self.dropped = 0
        self._chunks: deque[bytes] = deque()
        self._kept = 0.0
        self._bytes_a_second = sample_rate * 2

    @property
    def count(self) -> int:
        """How many chunks there have been, those that are dropped included."""
        return self.dropped + len(self._chunks)

    @property
    def end(self) -> float:
        """When the last chunk ends, in seconds of the conversation's audio."""
        return self.start + self._kept

    def chunk(self, index: int) -> bytes:
        """The chunk of that number, counted from the first there was."""
        return self._chunks[index - self.dropped]

    def seconds(self, chunk: bytes) -> float:
        """How long a chunk lasts."""
        return len(chunk) / self._bytes_a_second

    def add(self, chunk: bytes) -> None:
        """Keeps the chunk, and drops what is older than MOST_KEPT."""
        self._chunks.append(chunk)
        self._kept += self.seconds(chunk)
        self.forget_until(self.end - MOST_KEPT)

    def forget_until(self, moment: float) -> None:
        """Drops the chunks that lie wholly before `moment`, give or take the millisecond that a float may lack."""
        while self._chunks and self.start + self.seconds(self._chunks[0]) <= moment + 0.001:
            length = self.seconds(self._chunks.popleft())
            self.start += length
            self._kept -= length
            self.dropped += 1


class Request:
    """One request stream, which carries one Speech from its first kept chunk on."""

    def __init__(self, speech: Speech, call: Any, *, write_timeout: float) -> None:
        self.speech = speech
        self.call = call
        self.id = uuid.uuid4().hex
        self.start = speech.start
        self.answered = False
        """Whether a final has come since the end of the speech."""
        self.words_came = False
        self.deadline: asyncio.Timeout | None = None
        self._write_timeout = write_timeout
        self._next = speech.dropped
        self._open = True
        self._unreported = 0.0

    async def open(self, first_message: Any) -> None:
        """Sends the message that must be first, then all there is."""
        await self._send(first_message)
        await self.pump()

    async def pump(self) -> None:
        """Sends what has not been sent, and half-closes the request stream if the speech has ended.

        Raises APITimeoutError when Riva takes no audio. Other faults are told to whoever reads the answers.
        """
        while self._open and max(self._next, self.speech.dropped) < self.speech.count:
            self._next = max(self._next, self.speech.dropped) + 1
            chunk = self.speech.chunk(self._next - 1)
            await self._send(riva_asr_pb2.StreamingRecognizeRequest(audio_content=chunk))
            self._unreported += self.speech.seconds(chunk)
        if self._open and self.speech.ended:
            self._open = False
            await self.call.done_writing()

    def expect_end(self, seconds: float) -> None:
        """From now on a final is due within so many seconds."""
        self.answered = False
        if self.deadline is not None:
            self.deadline.reschedule(asyncio.get_running_loop().time() + seconds)

    def usage(self) -> float:
        """Seconds of audio sent since this was asked last."""
        sent, self._unreported = self._unreported, 0.0
        return sent

    async def _send(self, message: Any) -> None:
        try:
            async with asyncio.timeout(self._write_timeout):
                await self.call.write(message)
        except TimeoutError:
            raise APITimeoutError(f"Riva has taken no audio for {self._write_timeout} s") from None
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call is over, and its reader gets the status. When the write was already under way that is INTERNAL
            # instead of the server's own (github.com/grpc/grpc/issues/36066), which costs a try that is in vain.
            self._open = False
