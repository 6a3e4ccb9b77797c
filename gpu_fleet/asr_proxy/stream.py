"""`WS /transcribe-stream`: a description, then sound, from the client; words, as they are recognised, from us.

    client   {"sample_rate": 8000, "encoding": "mulaw", "language": "de-DE"}    the first message: StreamConfig
             <binary>                                                           whole samples, as often as there are any
             {"type": "end"}                                                    no more come: StreamEnd
    proxy    {"type": "interim", "text": "ein Zimmer", …}                       StreamResult
             {"type": "final", "text": "Ein Zimmer, bitte.", …}
             close, with a code of Closing and the reason

A client that sends faster than Riva listens is not read until Riva has caught up; one that does not take its results
makes Riva wait, and is closed. So a stream never holds more than a message in each direction.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Final, Never

import structlog
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect

from gpu_fleet.asr_proxy.bodies import told
from gpu_fleet.asr_proxy.closing import Closing, Ended
from gpu_fleet.asr_proxy.models import StreamConfig, StreamEnd, StreamResult
from gpu_fleet.asr_proxy.places import Busy, Metrics, Places
from gpu_fleet.riva.client import Hearing, Riva, Sound
from lambdas.shared.domain.errors import Refused, Unreachable

MOST_MESSAGE: Final = 131_072
"""Bytes of one message: more than a second of any sound."""
RIVA_WITHIN: Final = 10.0
"""Seconds in which Riva takes a message's sound, and beyond a stream's own length says all there is to say."""
CLOSE_WITHIN: Final = 5.0
"""Seconds that a client has to take why it is closed."""

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True)
class Limits:
    """How long a stream may be, and for how long a client may neither send nor take anything; seconds."""

    longest: float
    idle: float


class Streams:
    """Serves streams of recognition by that Riva in these languages, of which the first is the default."""

    def __init__(
        self, riva: Riva, *, languages: Sequence[str], default: str, limits: Limits, places: Places, metrics: Metrics
    ) -> None:
        self._riva = riva
        self._languages = tuple(languages)
        self._default = default
        self._limits = limits
        self._places = places
        self._metrics = metrics

    async def serve(self, socket: WebSocket) -> None:
        """One stream, from its handshake to its close."""
        await socket.accept()
        try:
            ended = await self._recognise(socket)
        except WebSocketDisconnect:
            # The client has gone, or the server is being stopped: nobody is left to be told.
            self._metrics.closes.labels("gone").inc()
            return
        self._metrics.closes.labels(str(int(ended.code))).inc()
        # One that takes nothing is not told; its connection ends with this function.
        with contextlib.suppress(TimeoutError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_WITHIN):
                await socket.close(ended.code, ended.reason)

    async def _recognise(self, socket: WebSocket) -> Ended:
        """Why the stream ended; raises WebSocketDisconnect when the client ended it."""
        try:
            with self._places.one():
                async with asyncio.timeout(self._limits.longest + RIVA_WITHIN):
                    await self._run(socket)
        except Ended as ended:
            return ended
        except Busy as busy:
            return Ended(Closing.BUSY, str(busy))
        except Refused as error:
            return Ended(Closing.INVALID, str(error))
        except Unreachable as error:
            return Ended(Closing.UNREACHABLE, str(error))
        except TimeoutError:
            return self._too_long()
        except WebSocketDisconnect:
            raise
        except Exception as error:
            logger.error("stream failed", error=type(error).__name__)
            return Ended(Closing.INTERNAL, "something went wrong here")
        return Ended(Closing.DONE, "all was heard")

    async def _run(self, socket: WebSocket) -> None:
        """Returns when all that was sent has been answered; raises Ended, Refused, Unreachable, TimeoutError."""
        config = await self._read_config(socket)
        sound = Sound(config.sample_rate, mulaw=config.encoding == "mulaw")
        language = config.language or self._default
        async with self._riva.hear(sound, language=language, interim_results=config.interim_results) as hearing:
            listening: asyncio.Task[float] = asyncio.create_task(self._listen(socket, hearing, sound))
            telling = asyncio.create_task(self._tell(socket, hearing))
            try:
                await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
                if not listening.done():
                    telling.result()
                    raise Unreachable("Riva ended the stream before the sound did")
                seconds = listening.result()
                listening = asyncio.create_task(_until_gone(socket))
                await asyncio.wait(
                    {listening, telling}, timeout=RIVA_WITHIN + seconds, return_when=asyncio.FIRST_COMPLETED
                )
                if telling.done():
                    telling.result()
                elif listening.done():
                    listening.result()
                else:
                    raise Unreachable("Riva did not say all it heard")
            finally:
                listening.cancel()
                telling.cancel()
                await asyncio.gather(listening, telling, return_exceptions=True)

    async def _read_config(self, socket: WebSocket) -> StreamConfig:
        text = await self._receive(socket)
        if isinstance(text, bytes):
            raise Ended(Closing.INVALID, "the first message describes the sound: send it as JSON text")
        try:
            config = StreamConfig.model_validate_json(text)
        except ValidationError as error:
            raise Ended(Closing.INVALID, told(error)) from None
        if config.language not in (None, *self._languages):
            raise Ended(Closing.INVALID, f"language: is none of {', '.join(self._languages)}")
        return config

    async def _listen(self, socket: WebSocket, hearing: Hearing, sound: Sound) -> float:
        """Passes on what the client sends until it says that this is all; how many seconds of sound that was."""
        total, most = 0, int(self._limits.longest * sound.bytes_a_second)
        while isinstance(data := await self._receive(socket), bytes):
            if len(data) % sound.bytes_a_sample:
                raise Ended(Closing.INVALID, "a message holds whole 16-bit samples, and this one's length is odd")
            total += len(data)
            if total > most:
                raise self._too_long()
            if data:
                await _taken(hearing.send(data))
                self._metrics.audio.inc(len(data) / sound.bytes_a_second)
        try:
            StreamEnd.model_validate_json(data)
        except ValidationError:
            raise Ended(Closing.INVALID, 'after the first, messages are binary samples, or {"type": "end"}') from None
        await _taken(hearing.finish())
        return total / sound.bytes_a_second

    async def _tell(self, socket: WebSocket, hearing: Hearing) -> None:
        """Sends what Riva says until it has no more to say."""
        async for heard in hearing:
            result = StreamResult(
                type="final" if heard.final else "interim",
                text=heard.text,
                language=heard.language,
                confidence=heard.confidence,
                seconds=round(heard.seconds, 3),
            )
            try:
                async with asyncio.timeout(self._limits.idle):
                    await socket.send_text(result.model_dump_json())
            except TimeoutError:
                raise Ended(Closing.SLOW, f"no result was taken for {self._limits.idle:g} s") from None

    async def _receive(self, socket: WebSocket) -> str | bytes:
        """The next message; raises Ended when there is none for too long, WebSocketDisconnect at the end."""
        try:
            async with asyncio.timeout(self._limits.idle):
                message = await socket.receive()
        except TimeoutError:
            raise Ended(Closing.IDLE, f"nothing was sent for {self._limits.idle:g} s") from None
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"], message.get("reason"))
        text: str | bytes | None = message.get("text")
        return message["bytes"] if text is None else text

    def _too_long(self) -> Ended:
        return Ended(Closing.TOO_LONG, f"a stream may be {self._limits.longest:g} s long")


async def _taken(sending: Coroutine[Any, Any, None]) -> None:
    """Waits until Riva has taken what is sent; raises Unreachable when it does not."""
    try:
        async with asyncio.timeout(RIVA_WITHIN):
            await sending
    except TimeoutError:
        raise Unreachable("Riva takes no more sound") from None


async def _until_gone(socket: WebSocket) -> Never:
    """What a client sends after its end is not heard; raises WebSocketDisconnect when it does not wait for the rest."""
    while (message := await socket.receive())["type"] != "websocket.disconnect":
        pass
    raise WebSocketDisconnect(message["code"], message.get("reason"))
