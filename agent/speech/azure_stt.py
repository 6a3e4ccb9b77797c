"""Azure Speech as LiveKit's recogniser, the second one of a call: it costs nothing until Riva is gone.

Microsoft's SDK recognises continuously on one connection, calls back on threads of its own, and opens a connection that
breaks again by itself, sending what was not answered once more
(https://learn.microsoft.com/en-us/azure/ai-services/speech-service/how-to-recognize-speech). What it tells is handed to
the event loop as plain values. A call's language or hints change by a new connection, at the next chunk of audio.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Never

import azure.cognitiveservices.speech as speech
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
    LanguageCode,
    NotGivenOr,
    stt,
    utils,
)
from livekit.agents.types import TimedString

Chunk = bytes | None
"""16-bit mono PCM, or None where a turn ended."""

SEGMENT_SILENCE: Final = 0.5
"""Seconds of silence after which Azure takes a phrase for complete, and what a flush has it hear at once: between 0.1
and 5 (property Speech_SegmentationSilenceTimeoutMs)."""
_TICKS: Final = 10_000_000
"""Azure's times are in units of 100 ns."""
_CLOSED_WITHIN: Final = 2.0
_HTTP_STATUS: Final = {
    "AuthenticationFailure": 401,
    "Forbidden": 403,
    "BadRequest": 400,
    "TooManyRequests": 429,
    "ServiceError": 500,
    "ServiceUnavailable": 503,
}


@dataclass(frozen=True)
class Options:
    """What a connection asks of Azure, whose hints have no weight."""

    language: str
    phrases: tuple[str, ...] = ()


class AzureSTT(stt.STT[Never]):
    """Recognises speech in the Azure region, which is where the audio goes, or at `host` (`wss://…`) instead.

    `languages` are those that may be asked for. A stream first hears what `unheard` hands over when it opens: what the
    recogniser before it was told and never answered. Azure has `connect_timeout` seconds to take a connection, and
    `final_timeout` to complete what it has begun to hear after a flush, and all it was sent after the connection's end;
    then APITimeoutError is raised. One that never begins is noticed by the session's `transcription_timeout`. Azure's
    faults become the framework's APIError family.
    """

    def __init__(
        self,
        *,
        region: str,
        key: str,
        language: str,
        languages: Sequence[str],
        sample_rate: int = 16_000,
        interim_results: bool = False,
        connect_timeout: float = 3.0,
        final_timeout: float = 4.0,
        unheard: Callable[[], Iterable[Chunk]] = tuple,
        host: str | None = None,
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True,
                interim_results=interim_results,
                aligned_transcript="word",
                offline_recognize=True,
                manual_flush=True,
            )
        )
        self.sample_rate = sample_rate
        self.connect_timeout = connect_timeout
        self.final_timeout = final_timeout
        self.languages = tuple(languages)
        self.options = Options(self.known(language))
        self._region, self._key, self._host = region, key, host
        self._unheard = unheard
        self._streams: weakref.WeakSet[AzureStream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """Azure chooses its model by language and does not say which."""
        return "unknown"

    @property
    def provider(self) -> str:
        """Who recognises."""
        return "Azure Speech"

    def known(self, language: str) -> str:
        """The language, if it may be asked for; raises ValueError that says which may."""
        if language not in self.languages:
            raise ValueError(f"{language!r} is not one of {', '.join(self.languages)}")
        return language

    def update_options(self, *, language: str | None = None, phrases: Sequence[str] | None = None) -> None:
        """What is pushed from now on is in this language, and these phrases are likely; None leaves what there is.

        Raises ValueError for a language that may not be asked for.
        """
        self.options = replace(
            self.options,
            language=self.options.language if language is None else self.known(language),
            phrases=self.options.phrases if phrases is None else tuple(phrases),
        )
        for stream in self._streams:
            stream.update_options(language=language, phrases=phrases)

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> AzureStream:
        """Recognises frames as they are pushed, in another language when one is given."""
        return self._stream(language, conn_options, unheard=[*self._unheard()])

    def _stream(
        self, language: NotGivenOr[str], conn_options: APIConnectOptions, *, unheard: Sequence[Chunk] = ()
    ) -> AzureStream:
        options = replace(self.options, language=self.known(language)) if language else self.options
        stream = AzureStream(self, options=options, conn_options=conn_options, unheard=unheard)
        self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        """Closes every stream."""
        for stream in list(self._streams):
            await stream.aclose()

    def config(self, language: str) -> Any:
        """The SDK's configuration of a connection."""
        if self._host is None:
            config = speech.SpeechConfig(subscription=self._key, region=self._region)
        else:
            config = speech.SpeechConfig(subscription=self._key, host=self._host)
        config.speech_recognition_language = language
        config.output_format = speech.OutputFormat.Detailed
        config.request_word_level_timestamps()
        # A surname that is also a swear word must not arrive as asterisks.
        config.set_profanity(speech.ProfanityOption.Raw)
        silence = speech.PropertyId.Speech_SegmentationSilenceTimeoutMs
        config.set_property(silence, str(round(SEGMENT_SILENCE * 1000)))
        return config

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        finals: list[stt.SpeechData] = []
        # One try: the caller has its own.
        async with self._stream(language, replace(conn_options, max_retry=0)) as stream:
            stream.push_frame(rtc.combine_audio_frames(buffer))
            stream.end_input()
            async for event in stream:
                if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
                    finals += event.alternatives
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            alternatives=[
                stt.SpeechData(
                    language=finals[0].language if finals else LanguageCode(language or self.options.language),
                    text=" ".join(final.text for final in finals),
                    start_time=finals[0].start_time if finals else 0.0,
                    end_time=finals[-1].end_time if finals else 0.0,
                    confidence=min((final.confidence for final in finals), default=0.0),
                    words=[word for final in finals for word in final.words or []],
                )
            ],
        )


class AzureStream(stt.RecognizeStream):
    """One conversation's recognition: one connection after the other, each until language or hints change."""

    def __init__(
        self, azure: AzureSTT, *, options: Options, conn_options: APIConnectOptions, unheard: Sequence[Chunk]
    ) -> None:
        super().__init__(stt=azure, conn_options=conn_options, sample_rate=azure.sample_rate)
        self._azure = azure
        self._options = options
        self._unheard = unheard
        self._connection: _Connection | None = None
        self._position: float | None = None
        self._speaking = False

    def update_options(self, *, language: str | None = None, phrases: Sequence[str] | None = None) -> None:
        """Language and hints of what is pushed from now on; None leaves what there is."""
        self._options = Options(
            self._options.language if language is None else self._azure.known(language),
            self._options.phrases if phrases is None else tuple(phrases),
        )

    async def _run(self) -> None:
        # A second try of the framework begins with what comes then: what was on its way is lost with the connection.
        self._connection = None
        opened: asyncio.Queue[_Connection | None] = asyncio.Queue()
        sending = asyncio.create_task(self._send(opened), name="azure.send")
        hearing = asyncio.create_task(self._hear(opened), name="azure.hear")
        try:
            await asyncio.wait([sending, hearing], return_when=asyncio.FIRST_EXCEPTION)
            for task in (sending, hearing):
                if task.done():
                    task.result()
        finally:
            await utils.aio.cancel_and_wait(sending, hearing)

    async def _send(self, opened: asyncio.Queue[_Connection | None]) -> None:
        handed_over, self._unheard = self._unheard, ()
        seconds = sum(len(chunk) for chunk in handed_over if chunk) / (2 * self._azure.sample_rate)
        if self._position is None:
            # The framework sets the offset after it has made the stream.
            self._position = self.start_time_offset - seconds
        for chunk in handed_over:
            self._take(chunk, opened)
        async for item in self._input_ch:
            self._take(bytes(item.data) if isinstance(item, rtc.AudioFrame) else None, opened)
        if self._connection is not None:
            self._connection.finish()
        opened.put_nowait(None)

    def _take(self, chunk: Chunk, opened: asyncio.Queue[_Connection | None]) -> None:
        if chunk is None:
            if self._connection is not None:
                self._connection.flush()
            return
        if self._connection is not None and self._connection.options != self._options:
            self._connection.finish()
            self._connection = None
        if self._connection is None:
            start = self._position or 0.0
            self._connection = _Connection(self._azure, self._options, start)
            opened.put_nowait(self._connection)
        self._connection.write(chunk)
        self._position = (self._position or 0.0) + len(chunk) / (2 * self._azure.sample_rate)

    async def _hear(self, opened: asyncio.Queue[_Connection | None]) -> None:
        while (connection := await opened.get()) is not None:
            async with contextlib.aclosing(connection):
                await self._read(connection)
            if self._speaking:
                self._stop_speaking(connection)

    async def _read(self, connection: _Connection) -> None:
        """Tells all that comes of one connection; returns when it has answered all there was."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._azure.connect_timeout) as connection.deadline:
                await connection.start()
                async for told in connection:
                    if not isinstance(told, _Connected):
                        self._tell(connection, told)
                    elif connection.taken():
                        self._report_connection_acquired(time.monotonic() - began, connection_reused=False)
        except TimeoutError:
            raise APITimeoutError("Azure has not answered in time") from None
        finally:
            connection.deadline = None
            self._report_usage(connection)
        if not connection.finished:
            raise APIConnectionError("Azure ended the connection by itself")

    def _tell(self, connection: _Connection, told: _Phrase | APIError) -> None:
        if isinstance(told, APIError):
            raise told
        if told.text and not self._speaking:
            self._speaking = True
            self._emit(stt.SpeechEventType.START_OF_SPEECH, connection)
        if told.text and told.final:
            self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, connection, told.data(connection))
        elif told.text and self._azure.capabilities.interim_results:
            self._emit(stt.SpeechEventType.INTERIM_TRANSCRIPT, connection, told.data(connection))
        # What had begun may turn out to have been no words.
        if told.final and self._speaking:
            self._stop_speaking(connection)
            self._report_usage(connection)

    def _stop_speaking(self, connection: _Connection) -> None:
        self._speaking = False
        self._emit(stt.SpeechEventType.END_OF_SPEECH, connection)

    def _report_usage(self, connection: _Connection) -> None:
        if seconds := connection.usage():
            self._event_ch.send_nowait(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.RECOGNITION_USAGE,
                    request_id=connection.id,
                    recognition_usage=stt.RecognitionUsage(audio_duration=seconds),
                )
            )

    def _emit(self, kind: stt.SpeechEventType, connection: _Connection, data: stt.SpeechData | None = None) -> None:
        alternatives = [] if data is None else [data]
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id=connection.id, alternatives=alternatives))


@dataclass(frozen=True)
class _Phrase:
    """What Azure has heard, with times in seconds of the connection's audio; a final one without text is no match."""

    text: str
    start: float
    end: float
    final: bool
    confidence: float = 0.0
    words: tuple[tuple[str, float, float], ...] = ()

    @classmethod
    def read(cls, result: Any, *, final: bool) -> _Phrase:
        """A result of the SDK; its JSON is the service's own, of which an interim one has less."""
        best = (json.loads(result.json).get("NBest") or [{}])[0] if final else {}
        start = result.offset / _TICKS
        return cls(
            text=(best.get("Display") or result.text).strip(),
            start=start,
            end=start + result.duration / _TICKS,
            final=final,
            confidence=min(max(float(best.get("Confidence", 0.0)), 0.0), 1.0),
            words=tuple(
                (word["Word"], word["Offset"] / _TICKS, (word["Offset"] + word["Duration"]) / _TICKS)
                for word in best.get("Words", ())
            ),
        )

    def data(self, connection: _Connection) -> stt.SpeechData:
        """The same in seconds of the conversation."""
        at = connection.moment
        return stt.SpeechData(
            language=LanguageCode(connection.options.language),
            text=self.text,
            start_time=at(self.start),
            end_time=at(self.end),
            confidence=self.confidence,
            words=[TimedString(word, at(start), at(end)) for word, start, end in self.words],
        )


@dataclass(frozen=True)
class _Connected:
    """The service has taken the connection."""


_Told = _Phrase | _Connected | APIError


class _Connection:
    """The SDK's recogniser for one language with its hints, told of by an asynchronous iterator of what it tells.

    `start` is when its first chunk begins, in seconds of the conversation.
    """

    def __init__(self, azure: AzureSTT, options: Options, start: float) -> None:
        self.options = options
        self.id = utils.shortuuid("azure_")
        self.finished = False
        self.deadline: asyncio.Timeout | None = None
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[_Told | None] = asyncio.Queue()
        self._start = start
        self._taken_at: float | None = None
        self._final_timeout = azure.final_timeout
        self._bytes_a_second = 2 * azure.sample_rate
        self._written = 0
        self._added: list[tuple[float, float]] = []
        self._unreported = 0
        self._unfinished = False
        form = speech.audio.AudioStreamFormat(samples_per_second=azure.sample_rate, bits_per_sample=16, channels=1)
        self._audio = speech.audio.PushAudioInputStream(stream_format=form)
        self._recogniser = speech.SpeechRecognizer(
            speech_config=azure.config(options.language), audio_config=speech.audio.AudioConfig(stream=self._audio)
        )
        self._line = speech.Connection.from_recognizer(self._recogniser)
        hints = speech.PhraseListGrammar.from_recognizer(self._recogniser)
        for phrase in options.phrases:
            hints.addPhrase(phrase)
        self._line.connected.connect(lambda _: self._hand_over(_Connected()))
        self._recogniser.recognizing.connect(lambda event: self._hand_over(_Phrase.read(event.result, final=False)))
        self._recogniser.recognized.connect(self._on_recognised)
        self._recogniser.canceled.connect(self._on_canceled)
        self._recogniser.session_stopped.connect(lambda _: self._hand_over(None))

    async def start(self) -> None:
        """Begins to connect; what is written before is sent then."""
        await asyncio.to_thread(self._recogniser.start_continuous_recognition_async().get)

    def write(self, chunk: bytes) -> None:
        """Has it hear a chunk. The SDK keeps what it cannot send yet."""
        self._audio.write(chunk)
        self._written += len(chunk)
        self._unreported += len(chunk)

    def taken(self) -> bool:
        """The service has taken the connection; False when it had before, and the SDK has opened it again."""
        if self._taken_at is not None:
            return False
        self._taken_at = self._loop.time()
        self._due(self._until_all() if self.finished else None)
        return True

    def flush(self) -> None:
        """Has the phrase completed that has begun: by the silence after which Azure completes one, sent at once."""
        silence = bytes(int((SEGMENT_SILENCE + 0.1) * self._bytes_a_second) // 2 * 2)
        self._audio.write(silence)
        self._written += len(silence)
        self._added.append((self._written / self._bytes_a_second, len(silence) / self._bytes_a_second))
        if self._unfinished and not self.finished:
            self._due(self._final_timeout)

    def finish(self) -> None:
        """No more audio comes: Azure answers what it has, then ends the connection."""
        self.finished = True
        self._audio.close()
        if self._taken_at is not None:
            self._due(self._until_all())

    def _until_all(self) -> float:
        """Seconds in which all is answered: it listens faster than one speaks to what it was sent faster."""
        listened = self._loop.time() - (self._taken_at or 0.0)
        return self._final_timeout + max(self._written / self._bytes_a_second - listened, 0.0)

    def _due(self, seconds: float | None) -> None:
        """From now on something must be told within so many seconds, or need not be."""
        if self.deadline is not None:
            self.deadline.reschedule(None if seconds is None else self._loop.time() + seconds)

    def moment(self, seconds: float) -> float:
        """Seconds of what Azure heard as seconds of the conversation, which had less silence."""
        return self._start + seconds - sum(length for end, length in self._added if end <= seconds)

    def usage(self) -> float:
        """Seconds of the guest's audio since this was asked last."""
        sent, self._unreported = self._unreported, 0
        return sent / self._bytes_a_second

    def __aiter__(self) -> _Connection:
        return self

    async def __anext__(self) -> _Told:
        told = await self._told.get()
        if told is None:
            raise StopAsyncIteration
        if isinstance(told, _Phrase):
            self._unfinished = not told.final
            if told.final and not self.finished:
                self._due(None)
        return told

    async def aclose(self) -> None:
        """Ends the connection, without waiting long for a service that does not answer."""
        self.finished = True
        self._audio.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSED_WITHIN):
                await asyncio.to_thread(self._stop)

    def _stop(self) -> None:
        self._recogniser.stop_continuous_recognition_async().get()
        for signal in ("recognizing", "recognized", "canceled", "session_stopped"):
            getattr(self._recogniser, signal).disconnect_all()
        self._line.connected.disconnect_all()

    def _on_recognised(self, event: Any) -> None:
        # Silence too, as a result without a match.
        self._hand_over(_Phrase.read(event.result, final=True))

    def _on_canceled(self, event: Any) -> None:
        details = event.cancellation_details
        if details.reason == speech.CancellationReason.Error:
            self._hand_over(_api_error(details.code.name, details.error_details))

    def _hand_over(self, told: _Told | None) -> None:
        """From the SDK's thread to the loop, which may be gone by then."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._told.put_nowait, told)


def _api_error(code: str, details: str) -> APIError:
    message = f"Azure: {code}: {details[:200]}"
    if code in ("ServiceTimeout", "ConnectionTimeout"):
        return APITimeoutError(message)
    if code in _HTTP_STATUS:
        return APIStatusError(message, status_code=_HTTP_STATUS[code])
    return APIConnectionError(message)
