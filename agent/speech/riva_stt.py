"""NVIDIA Riva as LiveKit's recogniser, on asyncio stubs: no thread, one connection, one request stream per turn.

What the agent must set so that every turn ends (livekit-agents 1.8.9):

- A local VAD, and a `turn_detection` that is neither "stt" nor "manual". Because `manual_flush` is declared, the
  framework then flushes this stream at the VAD's end of speech: at once when the end-of-turn model says that the turn
  is over (or there is no such model), else after half of `max_delay`. The flush half-closes the request stream, Riva
  answers with the final, and the next audio opens a new request stream.
- `AgentSession(transcription_timeout=…)` and an answer to `user_transcription_timeout`: without a final that has words
  the framework never commits a turn, so a recogniser that hears nothing would mean silence for ever. The time counts
  from the end of speech and is tried again with each new speech of the guest.
- `conn_options=SessionConnectOptions(stt_conn_options=APIConnectOptions(max_retry=1, retry_interval=0.3, timeout=10))`:
  an outage is overcome inside the stream, and only when its budget is used up does the framework try again. Its timeout
  bounds that budget, and must be longer than a mute Riva takes to be noticed twice. The session's `error` event tells
  of each outage once; `error.recoverable` is false when the tries are used up, and the fourth of those closes the
  session. Behind a `FallbackAdapter`, `max_retry_per_stt=0`: the other recogniser is better than a second budget.
"""

from __future__ import annotations

import uuid
import weakref
from collections.abc import Sequence
from typing import Never

import grpc
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    NotGivenOr,
    stt,
    utils,
)
from riva.client.proto import riva_asr_pb2, riva_common_pb2

from agent.speech.riva_channel import Connection
from agent.speech.riva_recovery import Recovery
from agent.speech.riva_request import Patience
from agent.speech.riva_requests import Endpointing, Wanted, once_each
from agent.speech.riva_results import api_error, recording_data
from agent.speech.riva_stream import Manner, Metadata, RivaStream


class RivaSTT(stt.STT[Never]):
    """Recognises speech through Riva at `target`, `host:port`; servers that share the host's name take turns.

    `metadata` is asked each time a request stream opens, which is with the first audio after a flush: what it returns
    (a `traceparent`) belongs to the turn that begins. `phrases` are hints of the weight `boost`, at most 8 of at most
    32 characters. With `force_eou` a flush also tells Riva that the utterance is over. gRPC's faults become the
    framework's APIError family.

    Audio is kept until a final has told of it, at most `kept` seconds. When a request stream breaks, or Riva takes
    longer than it may (`write_timeout` to take audio, `final_timeout` to answer a flush, `mute_timeout` to say anything
    about loud audio when there are interim results), another one begins where the last final ended, by the budget of
    `recovery`; then the fault is raised, and `take_unheard` gives what nobody has recognised.

    The framework flushes in a pause; a word that begins at that moment, before the VAD has noticed it, would be cut in
    two. So each request stream begins with the last `overlap` seconds before the flush: silence, or that word's onset.
    A word that both sides of the flush have heard is told once.
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
        endpointing: Endpointing | None = None,
        force_eou: bool = False,
        write_timeout: float = 3.0,
        final_timeout: float = 4.0,
        mute_timeout: float = 6.0,
        overlap: float = 0.2,
        kept: float = 30.0,
        recovery: Recovery | None = None,
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
        self._wanted = Wanted(language, model, interim_results, once_each(phrases), boost, endpointing)
        self._manner = Manner(
            sample_rate=sample_rate,
            patience=Patience(write_timeout, final_timeout, mute_timeout),
            overlap=overlap,
            kept=kept,
            force_eou=force_eou,
            recovery=recovery or Recovery(),
        )
        self._connection = Connection(target, credentials)
        self._metadata = metadata
        self._streams: weakref.WeakSet[RivaStream] = weakref.WeakSet()
        self._deaf: RivaStream | None = None

    @property
    def model(self) -> str:
        """The model's name at Riva, or "unknown" when Riva chooses it by language."""
        return self._wanted.model or "unknown"

    @property
    def provider(self) -> str:
        """Who recognises."""
        return "NVIDIA Riva"

    def prewarm(self) -> None:
        """Begins to connect."""
        self._connection.connect()

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> RivaStream:
        """Recognises frames as they are pushed, in another language when one is given."""
        stream = RivaStream(
            self,
            self._wanted.changed(language=language if utils.is_given(language) else None),
            self._manner,
            connection=self._connection,
            metadata=self._metadata,
            gave_up=self._gave_up,
            conn_options=conn_options,
        )
        self._streams.add(stream)
        return stream

    def update_options(
        self, *, language: str | None = None, phrases: Sequence[str] | None = None, boost: float | None = None
    ) -> None:
        """Changes what streams ask of Riva, those that are open included.

        What they were pushed before is still recognised by the old request, what follows by a new one; a change that
        changes nothing costs nothing. Raises ValueError for what cannot be asked, and then changes nothing.
        """
        self._wanted = self._wanted.changed(language=language, phrases=phrases, boost=boost)
        for stream in self._streams:
            stream.update_options(language=language, phrases=phrases, boost=boost)

    def take_unheard(self) -> list[bytes | None]:
        """What the stream that last gave up had been pushed and no final has told of, for another recogniser.

        Mono samples of 16 bits at the stream's rate, in their order, with None where a flush was; given once.
        """
        stream, self._deaf = self._deaf, None
        return [] if stream is None else stream.take_unheard()

    async def aclose(self) -> None:
        """Closes every stream, and the connection if nobody else uses it."""
        for stream in list(self._streams):
            await stream.aclose()
        self._deaf = None
        await self._connection.aclose()

    def _gave_up(self, stream: RivaStream) -> None:
        self._deaf = stream

    async def _recognize_impl(
        self,
        buffer: utils.AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        frame = rtc.combine_audio_frames(buffer)
        spoken = language or self._wanted.language
        request = riva_asr_pb2.RecognizeRequest(
            config=self._wanted.config(frame.sample_rate, spoken),
            audio=bytes(frame.data),
            id=riva_common_pb2.RequestId(value=uuid.uuid4().hex),
        )
        try:
            async with self._connection.use() as line:
                response = await line.stub.Recognize(
                    request, metadata=[*self._metadata()], timeout=conn_options.timeout
                )
        except grpc.aio.AioRpcError as error:
            raise api_error(error.code(), error.details()) from None
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=request.id.value,
            alternatives=[recording_data(response.results, spoken)],
        )
