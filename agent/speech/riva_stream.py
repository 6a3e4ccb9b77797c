"""One conversation's recognition: what is pushed, one request stream after the other, and what is told of it.

A flush, or a change of what is wanted, ends a *speech*. Speeches are recognised in their order, one request stream at
a time: the stream of a speech is opened when the one before it has been answered, and what has been pushed meanwhile
goes out faster than it was spoken. So finals never overtake each other, and Riva has one stream a call to serve.

No word is lost and none is told twice, because the audio is kept by sample number and a speech remembers up to which
sample finals have told of it (`audio_processed`): whatever happens to a request stream, the next one begins exactly
there. What a broken stream may still have said is not listened to.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc
import structlog
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, stt, utils

from agent.speech.kept_audio import KeptAudio, audible
from agent.speech.riva_channel import Connection, Line
from agent.speech.riva_recovery import Outage, Recovery
from agent.speech.riva_request import Patience, Request, Speech
from agent.speech.riva_requests import Wanted
from agent.speech.riva_telling import Telling

Metadata = Callable[[], Sequence[tuple[str, str]]]

logger = structlog.get_logger()

_HELD_LONG_ENOUGH: Final = 1.0
"""Seconds after which a server that ends an open stream has done so for a limit of its own, not for a fault."""
_OF_TIMEOUT: Final = 0.8
"""The share of the framework's timeout that an outage may take. The framework takes a run that outlives its timeout for
one that had succeeded, and would begin to count its tries anew each time (livekit-agents 1.8.9, RecognizeStream)."""

_LEAD: Final = 1.0
"""Seconds of silence before the first loud audio with which a request stream begins."""


@dataclass(frozen=True)
class Manner:
    """How streams listen: see the arguments of RivaSTT."""

    sample_rate: int
    patience: Patience
    overlap: float
    kept: float
    force_eou: bool
    recovery: Recovery


class _Intake(utils.aio.Chan[Any]):
    """Takes each frame and each flush at once, so that nothing waits in a queue without a bound."""

    def __init__(self, take: Callable[[Any], None], closed: Callable[[], None]) -> None:
        super().__init__()
        self._take = take
        self._told_closed = closed

    def send_nowait(self, value: Any) -> None:
        if self.closed:
            raise utils.aio.ChanClosed
        self._take(value)

    def close(self) -> None:
        super().close()
        self._told_closed()


class RivaStream(stt.RecognizeStream):
    """Recognises one conversation through a connection; `metadata` is asked when a request stream opens.

    A turn in which Riva heard nothing gives one empty final. When the budget of an outage is used up the fault is
    raised, `gave_up` is told, and the audio that no final has told of stays: the framework's next run begins with it.
    """

    def __init__(
        self,
        riva: stt.STT[Any],
        wanted: Wanted,
        manner: Manner,
        *,
        connection: Connection,
        metadata: Metadata,
        gave_up: Callable[[RivaStream], None],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(stt=riva, conn_options=conn_options, sample_rate=manner.sample_rate)
        self._wanted = wanted
        self._manner = manner
        self._connection = connection
        self._metadata = metadata
        self._gave_up = gave_up
        self._audio = KeptAudio(manner.sample_rate, manner.kept)
        self._overlap = round(manner.overlap * manner.sample_rate)
        self._arrived = asyncio.Event()
        self._speeches: deque[Speech] = deque()
        self._open: Speech | None = None
        self._request: Request | None = None
        self._telling = Telling(manner.sample_rate, self._event_ch.send_nowait)
        self._outage = Outage(manner.recovery, seconds=_OF_TIMEOUT * conn_options.timeout)
        self._mute_after = manner.patience.mute
        self._timer: asyncio.TimerHandle | None = None
        self._input_ch = _Intake(self._take, self._arrived.set)

    def update_options(
        self, *, language: str | None = None, phrases: Sequence[str] | None = None, boost: float | None = None
    ) -> None:
        """Asks Riva for something else from now on; what has been pushed is recognised as it was wanted until now."""
        wanted = self._wanted.changed(language=language, phrases=phrases, boost=boost)
        if wanted == self._wanted or self._input_ch.closed:
            return
        if self._resampler is not None:
            for frame in self._resampler.flush():
                self._take(frame)
        self._end_speech(flushed=False)
        self._wanted = wanted

    def take_unheard(self) -> list[bytes | None]:
        """The 16-bit audio that no final has told of, in its order, with None where a flush was; it is forgotten."""
        unheard: list[bytes | None] = []
        taken = 0
        for speech in self._speeches:
            end = self._audio.end if speech.end is None else speech.end
            if pcm := self._audio.read(max(speech.heard, taken), end):
                unheard.append(pcm)
            if speech.flushed:
                unheard.append(None)
            taken = end
        self._speeches.clear()
        self._open = None
        self._audio.forget(self._audio.end)
        return unheard

    def _take(self, item: Any) -> None:
        if not isinstance(item, rtc.AudioFrame):
            self._end_speech(flushed=True)
            return
        if item.num_channels != 1:
            raise ValueError(f"audio for Riva has {item.num_channels} channels; mix them down to one")
        if not item.samples_per_channel:
            return
        if self._open is None:
            self._begin_speech()
        self._audio.add(bytes(item.data))
        if self._request is not None:
            self._request.wake()

    def _begin_speech(self) -> None:
        if self._telling.origin is None:
            # The framework sets the offset after it has made the stream, and moves it on at each run.
            self._telling.origin = self.start_time_offset
        earliest = max(self._audio.start, self._audio.end - self._overlap)
        self._open = Speech(earliest, self._wanted)
        self._speeches.append(self._open)
        self._arrived.set()

    def _end_speech(self, *, flushed: bool) -> None:
        if self._open is None:
            return
        self._open.end = self._audio.end
        self._open.flushed = flushed
        self._open = None
        if self._request is not None:
            self._request.wake()

    async def _run(self) -> None:
        self._outage.renew()
        self._watch()
        try:
            while self._speeches or not self._input_ch.closed:
                if not self._speeches:
                    self._arrived.clear()
                    await self._arrived.wait()
                    continue
                await self._recognise(self._speeches[0])
                self._telling.complete(self._speeches.popleft())
                self._forget()
        except APIError:
            self._gave_up(self)
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()

    def _watch(self) -> None:
        """Looks after the request a few times a second, all streams of a process in the same moment."""
        if self._request is not None:
            self._request.check()
        loop, every = asyncio.get_running_loop(), min(0.2, self._manner.patience.final / 4)
        self._timer = loop.call_at((loop.time() // every + 1) * every, self._watch)

    async def _recognise(self, speech: Speech) -> None:
        """Tells all that Riva says about one speech, by as many request streams as that takes."""
        loop, outage = asyncio.get_running_loop(), self._outage
        while not self._is_heard(speech):
            fault, request = await self._hear(speech)
            lasted = loop.time() - request.opened
            if fault is None:
                if request.half_closed:
                    if not self._doubt(speech):
                        return
                    continue
                # A server may limit how long a stream or a silence lasts; that is no fault, unless it comes at once.
                if lasted > _HELD_LONG_ENOUGH:
                    outage.over()
                fault = APIConnectionError("Riva ended the request stream by itself")
            elif request.mute:
                # It may as well have been noise, which has no words. If it was Riva, the next flush will show.
                self._mute_after *= 2
                continue
            elif self._is_heard(speech):
                return
            else:
                if request.stopped is None and lasted > self._manner.recovery.seconds:
                    outage.over()
                self._tell_fault(fault)
            if not fault.retryable:
                raise fault
            await asyncio.sleep(outage.failed(fault, loop.time()))

    def _is_heard(self, speech: Speech) -> bool:
        """Whether finals have told of all that is kept of it."""
        return speech.end is not None and max(speech.heard, self._audio.start) >= speech.end

    def _doubt(self, speech: Speech) -> bool:
        """Whether Riva is to be asked once more about what comes after its last final.

        A server that ends the stream by itself in the moment of the half-close looks like one that has heard all.
        """
        rest = self._audio.read(speech.heard, self._audio.end if speech.end is None else speech.end)
        if speech.doubted == speech.heard or not audible(rest):
            return False
        speech.doubted = speech.heard
        return True

    async def _hear(self, speech: Speech) -> tuple[APIError | None, Request]:
        """One request stream from its opening to its end, and the fault that ended it, if any."""
        async with self._connection.use() as line:
            request = self._request = self._open_request(speech, line)
            try:
                fault = await self._read(request)
            finally:
                self._request = None
                self._telling.usage(request)
                await request.aclose()
            if request.stopped is not None:
                self._connection.give_up(line)
        return fault, request

    async def _read(self, request: Request) -> APIError | None:
        """Tells all that Riva answers to a request, and returns the fault that ended it, if any."""
        try:
            async for response in request.call:
                self._outage.over()
                self._mute_after = self._manner.patience.mute
                request.answered()
                self._telling.answer(request, response)
                self._forget()
        except grpc.aio.AioRpcError:
            pass
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return request.stopped or APIConnectionError("The connection to Riva has been closed")
        return await request.fault()

    def _open_request(self, speech: Speech, line: Line) -> Request:
        if (lost := self._audio.start - speech.heard) > 0:
            logger.warning("audio given up", seconds=round(lost / self._manner.sample_rate, 1))
        # Silence is not sent again: a recogniser that comes back has all its calls' audio to catch up with at once.
        spoken = self._audio.first_audible(speech.heard) - round(_LEAD * self._manner.sample_rate)
        speech.heard = max(speech.heard, spoken if speech.end is None else min(spoken, speech.end))
        reused = line.ready
        return Request(
            line.stub.StreamingRecognize(metadata=[*self._metadata()]),
            speech,
            self._audio,
            sample_rate=self._manner.sample_rate,
            force_eou=self._manner.force_eou,
            patience=Patience(self._manner.patience.write, self._manner.patience.final, self._mute_after),
            connected=lambda seconds: self._report_connection_acquired(seconds, reused),
        )

    def _forget(self) -> None:
        """Drops the audio that no request can need any more."""
        oldest = min((speech.heard for speech in self._speeches), default=self._audio.end)
        self._audio.forget(min(oldest, self._audio.end - self._overlap))

    def _tell_fault(self, fault: APIError) -> None:
        """Once an outage: the session's `error` event, and a line in the log."""
        if fault.retryable and not self._outage.told:
            self._outage.told = True
            logger.warning("recognition interrupted", fault=type(fault).__name__)
            self._emit_error(fault, recoverable=True)
