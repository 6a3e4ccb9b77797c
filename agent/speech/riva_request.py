"""One request stream to Riva: the audio of one speech on its way, and whether Riva still listens."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from livekit.agents import APIConnectionError, APIError, APITimeoutError

from agent.speech.kept_audio import KeptAudio, audible
from agent.speech.riva_pace import Pace
from agent.speech.riva_requests import Wanted, audio_message, end_of_utterance
from agent.speech.riva_results import api_error

_MASK: Final = "Internal error from Core"
"""What grpc.aio says instead of the server's status when a write was under way as the status came
(github.com/grpc/grpc/issues/36066); the status itself follows."""


@dataclass(frozen=True)
class Patience:
    """Seconds that Riva may take: to accept a message, to give a final after the end of a speech, and, when interim
    results are wanted, to say anything at all about audio that is loud enough to be speech."""

    write: float = 3.0
    final: float = 4.0
    mute: float = 6.0


@dataclass(eq=False)
class Speech:
    """The audio between two ends of a turn, from sample `start` on; what a final has told of lies before `heard`."""

    start: int
    wanted: Wanted
    heard: int = 0
    end: int | None = None
    """The sample after its last one, once that is known."""
    flushed: bool = False
    """Whether a flush has ended it, so that a final is due even if nothing was said."""
    words_came: bool = False
    doubted: int = -1
    """Up to which sample it was heard when Riva was asked again about the rest."""

    def __post_init__(self) -> None:
        self.heard = max(self.heard, self.start)


class Request:
    """Sends one speech from its first sample that no final has told of, as it is pushed, and half-closes at its end.

    `connected` is told how many seconds it took until Riva could be sent to. Whoever reads `call` gets the answers;
    `fault` then says why they ended. `check` must be called now and then: it stops a request that Riva neglects.
    """

    def __init__(
        self,
        call: Any,
        speech: Speech,
        audio: KeptAudio,
        *,
        sample_rate: int,
        force_eou: bool,
        patience: Patience,
        connected: Callable[[float], None],
    ) -> None:
        self.call = call
        self.speech = speech
        self.id = uuid.uuid4().hex
        self.start = max(speech.heard, audio.start)
        self.position = self.start
        """The next sample to be sent."""
        self.stopped: APIError | None = None
        self.mute = False
        self.half_closed = False
        self.opened = asyncio.get_running_loop().time()
        self._audio = audio
        self._sample_rate = sample_rate
        self._force_eou = force_eou
        self._patience = patience
        self._connected = connected
        self._chunk, self._skipped = audio.find(self.start)
        self._reported = self.start
        self._writing: float | None = None
        self._answered: float | None = None
        """When the final came due, or Riva's latest answer after that."""
        self._loud = 0
        self._more: asyncio.Future[None] | None = None
        self._woken = False
        self._pace = Pace.of_process()
        self._sending = asyncio.create_task(self._send(), name="riva.send")

    def wake(self) -> None:
        """There is more to send, or no more will come: what ends a speech is sent at once."""
        if self.speech.end is not None:
            self._go_on()
        elif self._more is not None and not self._woken:
            self._woken = True
            self._pace.send_soon(self._go_on)

    def _go_on(self) -> None:
        self._woken = False
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    def answered(self) -> None:
        """Riva has said something."""
        self._loud = 0
        if self._answered is not None:
            self._answered = asyncio.get_running_loop().time()

    def usage(self) -> float:
        """Seconds of audio sent since this was asked last."""
        sent, self._reported = self.position - self._reported, self.position
        return sent / self._sample_rate

    def check(self) -> None:
        """Stops the request when Riva takes no audio, gives no final or says nothing for too long."""
        now, patience = asyncio.get_running_loop().time(), self._patience
        if self._writing is not None and now - self._writing > patience.write:
            self.stop(APITimeoutError(f"Riva has taken no audio for {patience.write} s"))
        elif self._answered is not None and now - self._answered > patience.final:
            self.stop(APITimeoutError(f"Riva gave no final transcript within {patience.final} s of the flush"))
        elif self._loud > patience.mute * self._sample_rate:
            self.mute = True
            self.stop(APITimeoutError(f"Riva has said nothing about {patience.mute} s of loud audio"))
        elif self._sending.done() and not self.half_closed:
            self.stop(APIConnectionError("Riva's request stream could not be written to"))

    def stop(self, error: APIError) -> None:
        """Gives the request up; its reader gets this error."""
        if self.stopped is None:
            self.stopped = error
            self.call.cancel()

    async def fault(self) -> APIError | None:
        """Why the answers have ended: None when Riva says that they are complete."""
        if self.stopped is not None:
            return self.stopped
        for _ in range(20):
            if await self.call.details() != _MASK:
                break
            await asyncio.sleep(0.005)
        code = await self.call.code()
        return None if code is grpc.StatusCode.OK else api_error(code, await self.call.details())

    async def aclose(self) -> None:
        """Leaves nothing behind."""
        self.call.cancel()
        self._sending.cancel()
        await asyncio.wait([self._sending])
        # Whoever reads the answers gets the fault; it is looked at here so that asyncio does not complain of it.
        if not self._sending.cancelled() and (error := self._sending.exception()) is not None:
            raise error

    async def _send(self) -> None:
        speech, loop = self.speech, asyncio.get_running_loop()
        try:
            await self._write(speech.wanted.first_message(self._sample_rate, self.id))
            self._connected(loop.time() - self.opened)
            listens = speech.wanted.interim_results
            while self.stopped is None:
                if (chunk := self._next()) is not None:
                    if listens and audible(chunk):
                        self._loud += len(chunk) // 2
                    await self._write(audio_message(chunk))
                elif speech.end is None:
                    self._more = loop.create_future()
                    await self._more
                    self._more = None
                else:
                    break
            if self.stopped is not None:
                return
            self._answered = loop.time()
            if self._force_eou and speech.flushed:
                await self._write(end_of_utterance(self._sample_rate))
            await self.call.done_writing()
            self.half_closed = True
            self._answered = loop.time()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            # The call is over, and its reader gets the status.
            self._writing = None

    def _next(self) -> bytes | None:
        end = self._audio.end if self.speech.end is None else self.speech.end
        if self.position >= end:
            return None
        if self._chunk < self._audio.first:
            # So far behind that what was to be sent next is no longer kept: a new request begins with what is.
            self.stop(APITimeoutError("Riva takes audio more slowly than it is spoken"))
            return None
        chunk = self._audio.chunk(self._chunk)[2 * self._skipped :]
        self._chunk += 1
        self._skipped = 0
        self.position += len(chunk) // 2
        return chunk

    async def _write(self, message: Any) -> None:
        self._writing = asyncio.get_running_loop().time()
        await self.call.write(message)
        self._writing = None
