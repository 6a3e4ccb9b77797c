"""NVIDIA Riva as LiveKit's recogniser, on asyncio stubs: no thread, one connection, one request stream per turn.

What the agent must set so that every turn ends (livekit-agents 1.8.9):

- A local VAD, and a `turn_detection` that is neither "stt" nor "manual". Because `manual_flush` is declared, the
  framework then flushes this stream at the VAD's end of speech: at once when the end-of-turn model says that the turn
  is over (or there is no such model), else after half of `max_delay`. The flush half-closes the request stream, Riva
  answers with the final, and the next audio opens a new request stream.
- `AgentSession(transcription_timeout=…)` and an answer to `user_transcription_timeout`: without a final that has words
  the framework never commits a turn, so a recogniser that hears nothing would mean silence for ever. The time counts
  from the end of speech and is tried again with each new speech of the guest.
- `conn_options=SessionConnectOptions(stt_conn_options=APIConnectOptions(max_retry=3, retry_interval=0.3, timeout=3))`:
  the framework's own 2 s between tries are long on a telephone. The session's `error` event tells of each fault;
  `error.recoverable` is false when the tries are used up, and the fourth of those closes the session.
"""

from __future__ import annotations

import asyncio
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Never

import grpc
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    APITimeoutError,
    LanguageCode,
    NotGivenOr,
    stt,
    utils,
)
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_common_pb2

from agent.speech.riva_requests import Request, Speech, Wanted, api_error, recording_data, speech_data

Metadata = Callable[[], Sequence[tuple[str, str]]]

_MOST_UNANSWERED: Final = 8
_CHANNEL_OPTIONS: Final = (
    # A recogniser that restarts is found again within a second; gRPC by itself would come to wait two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Several recognisers answer under one name, and each turn may go to another.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
)


class RivaSTT(stt.STT[Never]):
    """Recognises speech through Riva at `target`, `host:port`; servers that share the host's name take turns.

    `metadata` is asked each time a request stream opens, which is with the first audio after a flush: what it returns
    (a `traceparent`) belongs to the turn that begins. `phrases` are hints of the weight `boost`. After a flush Riva
    has `final_timeout` seconds to answer; then that audio is given up and a retryable APITimeoutError reaches the
    session's `error` event, while listening goes on. gRPC's faults become the framework's APIError family.

    The framework flushes in a pause; a word that begins at that moment, before the VAD has noticed it, would be cut in
    two. So each request stream begins with the last `overlap` seconds before the flush: silence, or that word's onset.
    It must be shorter than the VAD's silence at the end of speech, or a word could be heard twice.
    """

    def __init__(
        self,
        target: str,
        *,
        language: str,
        model: str = "",
        sample_rate: int = 16_000,
        interim_results: bool = False,
        phrases: Sequence[str] = (),
        boost: float = 20.0,
        final_timeout: float = 4.0,
        overlap: float = 0.2,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: Metadata = tuple,
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
        self.final_timeout = final_timeout
        self.overlap = overlap
        self.wanted = Wanted(model, interim_results=interim_results, phrases=tuple(phrases), boost=boost)
        self._target = target
        self._language = language
        self._credentials = credentials
        self._metadata = metadata
        self._channel: grpc.aio.Channel | None = None
        self._streams: weakref.WeakSet[RivaStream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The model's name at Riva, or "unknown" when Riva chooses it by language."""
        return self.wanted.model or "unknown"

    @property
    def provider(self) -> str:
        """Who recognises."""
        return "NVIDIA Riva"

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> RivaStream:
        """Recognises frames as they are pushed, in another language when one is given."""
        stream = RivaStream(self, language=language or self._language, conn_options=conn_options)
        self._streams.add(stream)
        return stream

    async def aclose(self) -> None:
        """Closes every stream and the connection."""
        for stream in list(self._streams):
            await stream.aclose()
        if self._channel is not None:
            await self._channel.close(None)
            self._channel = None

    def open_request(self, speech: Speech, *, write_timeout: float) -> Request:
        """A request stream for this speech on the one connection, nothing sent yet."""
        call = self._stub().StreamingRecognize(metadata=[*self._metadata()])
        return Request(speech, call, write_timeout=write_timeout)

    def _stub(self) -> Any:
        if self._channel is None:
            if self._credentials is None:
                self._channel = grpc.aio.insecure_channel(self._target, options=_CHANNEL_OPTIONS)
            else:
                self._channel = grpc.aio.secure_channel(self._target, self._credentials, options=_CHANNEL_OPTIONS)
        return riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._channel)

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frame = rtc.combine_audio_frames(buffer)
        spoken = language or self._language
        request = riva_asr_pb2.RecognizeRequest(
            config=self.wanted.config(spoken, frame.sample_rate),
            audio=bytes(frame.data),
            id=riva_common_pb2.RequestId(value=uuid.uuid4().hex),
        )
        try:
            response = await self._stub().Recognize(request, metadata=[*self._metadata()], timeout=conn_options.timeout)
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from None
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=request.id.value,
            alternatives=[recording_data(response.results, spoken)],
        )


class RivaStream(stt.RecognizeStream):
    """One conversation's recognition: a request stream for each turn, answered in the order of the turns.

    A turn in which Riva heard nothing gives one empty final. After a retryable fault the framework runs `_run` again,
    which opens a request stream for every speech that has no final yet and sends its audio again.
    """

    def __init__(self, riva: RivaSTT, *, language: str, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=riva, conn_options=conn_options, sample_rate=riva.sample_rate)
        self._riva = riva
        self._language = language
        self._unheard: deque[Speech] = deque()
        self._requests: list[Request] = []
        self._position: float | None = None
        self._latest: deque[bytes] = deque()
        self._speaking = False

    async def _run(self) -> None:
        opened: asyncio.Queue[Request | None] = asyncio.Queue(_MOST_UNANSWERED)
        sending = asyncio.create_task(self._send(opened), name="riva.send")
        hearing = asyncio.create_task(self._hear(opened), name="riva.hear")
        try:
            await asyncio.wait([sending, hearing], return_when=asyncio.FIRST_EXCEPTION)
            for task in (sending, hearing):
                # A write that timed out has cancelled the call, and with it the task that reads it.
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            await utils.aio.cancel_and_wait(sending, hearing)
            for request in self._requests:
                request.call.cancel()
            self._requests.clear()

    async def _send(self, opened: asyncio.Queue[Request | None]) -> None:
        for speech in list(self._unheard):
            await self._open(speech, opened)
        async for item in self._input_ch:
            current = self._unheard[-1] if self._unheard and not self._unheard[-1].ended else None
            if isinstance(item, rtc.AudioFrame):
                speech = current or self._begin()
                # Kept before anything is awaited: a fault in between would lose it.
                speech.add(bytes(item.data))
                self._position = speech.end
                self._remember(bytes(item.data))
                if current is None:
                    await self._open(speech, opened)
                else:
                    await self._requests[-1].pump()
            elif current is not None:
                current.ended = True
                self._requests[-1].expect_end(self._riva.final_timeout)
                await self._requests[-1].pump()
        await opened.put(None)

    def _begin(self) -> Speech:
        # The framework sets the offset after it has made the stream, and moves it on at each retry.
        start = self.start_time_offset if self._position is None else self._position
        speech = Speech(start - self._seconds(self._latest), self._riva.sample_rate)
        for chunk in self._latest:
            speech.add(chunk)
        self._unheard.append(speech)
        return speech

    def _remember(self, chunk: bytes) -> None:
        """Keeps the latest chunks, as many as fit into the overlap."""
        self._latest.append(chunk)
        while self._latest and self._seconds(self._latest) > self._riva.overlap + 0.001:
            self._latest.popleft()

    def _seconds(self, chunks: Iterable[bytes]) -> float:
        return sum(map(len, chunks)) / (2 * self._riva.sample_rate)

    async def _open(self, speech: Speech, opened: asyncio.Queue[Request | None]) -> None:
        request = self._riva.open_request(speech, write_timeout=self._conn_options.timeout)
        self._requests.append(request)
        await opened.put(request)
        await request.open(self._riva.wanted.first_message(self._language, self._riva.sample_rate, request.id))

    async def _hear(self, opened: asyncio.Queue[Request | None]) -> None:
        while (request := await opened.get()) is not None:
            await self._read(request)
            self._requests.remove(request)

    async def _read(self, request: Request) -> None:
        """Tells all that Riva answers to one request; returns when the answer is complete."""
        speech, timeout = request.speech, self._riva.final_timeout
        try:
            async with asyncio.timeout(None) as request.deadline:
                if speech.ended:
                    request.expect_end(timeout)
                async for response in request.call:
                    self._tell(request, response)
        except TimeoutError:
            self._unheard.remove(speech)
            if not request.answered:
                raise APITimeoutError(f"Riva gave no final transcript within {timeout} s of the flush") from None
        except grpc.aio.AioRpcError as error:
            raise api_error(error) from None
        else:
            if not speech.ended:
                raise APIConnectionError("Riva ended the request stream by itself")
            self._unheard.remove(speech)
            if not request.words_came:
                nothing = stt.SpeechData(language=LanguageCode(self._language), text="")
                self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, request, nothing)
        finally:
            request.deadline = None
            self._report_usage(request)

    def _tell(self, request: Request, response: Any) -> None:
        results = [result for result in response.results if result.alternatives]
        for result in results:
            if result.is_final:
                self._tell_final(request, result)
        # A response can bring a sentence in several pieces, the steady one and the one that may still change.
        pieces = [result for result in results if not result.is_final]
        text = "".join(piece.alternatives[0].transcript for piece in pieces).strip()
        if text:
            data = speech_data(pieces[0], self._language, offset=request.start)
            data.text = text
            self._start_speaking(request)
            self._emit(stt.SpeechEventType.INTERIM_TRANSCRIPT, request, data)

    def _tell_final(self, request: Request, result: Any) -> None:
        request.answered = True
        data = speech_data(result, self._language, offset=request.start)
        # What is recognised is not sent again; a server that does not say how far it heard has heard everything.
        request.speech.forget_until(request.start + (result.audio_processed or float("inf")))
        if not data.text:
            return
        request.words_came = True
        self._start_speaking(request)
        self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, request, data)
        self._speaking = False
        self._emit(stt.SpeechEventType.END_OF_SPEECH, request)
        self._report_usage(request)

    def _start_speaking(self, request: Request) -> None:
        if not self._speaking:
            self._speaking = True
            self._emit(stt.SpeechEventType.START_OF_SPEECH, request)

    def _report_usage(self, request: Request) -> None:
        if seconds := request.usage():
            self._event_ch.send_nowait(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.RECOGNITION_USAGE,
                    request_id=request.id,
                    recognition_usage=stt.RecognitionUsage(audio_duration=seconds),
                )
            )

    def _emit(self, kind: stt.SpeechEventType, request: Request, data: stt.SpeechData | None = None) -> None:
        alternatives = [] if data is None else [data]
        self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id=request.id, alternatives=alternatives))
