"""A guest on the phone: joins the room as LiveKit's SIP bridge would bring a caller in, speaks, listens, hangs up.

The guest goes by what is heard, and like a person by what was asked of them: to say it again, to wait a moment. What
the hotel understood is taken along for whoever watches.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

import numpy as np
from livekit import rtc

from lambdas.shared.domain.hotel import Hotel
from local.ear import FrameClock, Recording, Span, VoiceDetector
from local.exchange import RING_SECONDS, Exchange, caller_token, new_call_id
from local.phone_line import RATE, Samples, line_noise
from local.scenario import Line
from local.turn_taking import LAST_WORD, Move, TurnTaking

FRAME: Final = 0.02
QUEUE_MS: Final = 40
LONGEST_CALL: Final = 180.0
ASKED_AGAIN: Final = re.compile(
    r"\b(say (it|that) again|repeat (it|that)|did not (understand|catch|hear)|still there|noch einmal sagen"
    r"|nicht verstanden|noch da)\b",
    re.I,
)
ASKED_TO_WAIT: Final = re.compile(r"\b(one|a|einen) (moment|second)\b[^.!?]*[.!?]?\s*$", re.I)
WAITS_WHEN_ASKED: Final = 5.0
"""How much longer a guest waits who was asked for a moment."""
MOST_REPEATS: Final = 2
"""How often in a call a guest says a line again because they were asked to."""
TRANSCRIPTION: Final = "lk.transcription"
FINAL: Final = "lk.transcription_final"
_FRAME_SAMPLES: Final = round(RATE * FRAME)


class Unanswered(Exception):
    """The call did not come about: the server cannot be reached or refuses the caller."""


class What(StrEnum):
    """What somebody watching a call sees."""

    RINGING = "ringing"
    HOTEL_SPEAKS = "hotel_speaks"
    HOTEL_SILENT = "hotel_silent"
    GUEST_SPEAKS = "guest_speaks"
    GUEST_SILENT = "guest_silent"
    UNDERSTOOD = "understood"
    SAYING = "saying"
    SAID = "said"
    HUNG_UP = "hung_up"


@dataclass(frozen=True)
class Moment:
    """Something that happened `at` so many seconds after the call began to ring."""

    at: float
    what: What
    text: str = ""


@dataclass(frozen=True)
class Spoken:
    """A line of the guest and when it was spoken."""

    text: str
    span: Span
    interrupts: bool = False


@dataclass
class PhoneCall:
    """A call as its guest knows it; times are seconds of the event loop's clock."""

    id: str
    number: str
    began: datetime
    ringing: float
    ended: float
    hung_up_by: Literal["guest", "hotel"]
    gave_up: bool
    spoken: Sequence[Spoken]
    guest_speech: Sequence[Span]
    hotel_speech: Sequence[Span]
    recording: Recording
    moments: Sequence[Moment]


class Caller:
    """A guest with a phone in their hand. `voices` maps each line's text to its sound at telephone quality."""

    def __init__(
        self,
        exchange: Exchange,
        hotel: Hotel,
        *,
        number: str,
        voices: Mapping[str, Samples],
        watch: Callable[[Moment], None] = lambda _: None,
    ) -> None:
        self._exchange, self._hotel, self._number, self._voices = exchange, hotel, number, voices
        self._watch = watch
        self._room = rtc.Room()
        self._over = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._mouth = np.zeros(0, np.int16)
        self._said_it = asyncio.Event()
        self._noise = np.random.default_rng(7)
        self._own, self._ear, self._clock = VoiceDetector(), VoiceDetector(), FrameClock()
        self._recording = Recording()
        self._moments: list[Moment] = []
        self._spoken: list[Spoken] = []
        self._ringing = 0.0
        self._hotel_audible = False
        self._disconnected = False

    async def call(self, lines: Sequence[Line], call_id: str | None = None) -> PhoneCall:
        """Phone the hotel and say the lines. Raises Unanswered when there is no such exchange."""
        loop = asyncio.get_running_loop()
        call_id = call_id or new_call_id(self._hotel)
        await self._dial(call_id)
        began, self._ringing = datetime.now(UTC), loop.time()
        self._happened(What.RINGING, call_id)
        gave_up = True
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_CALL):
                    gave_up = not await self._talk(lines)
        finally:
            hung_up_by: Literal["guest", "hotel"] = "hotel" if self._disconnected else "guest"
            ended = loop.time()
            await self._hang_up()
        self._happened(What.HUNG_UP, hung_up_by)
        return PhoneCall(
            id=call_id,
            number=self._number,
            began=began,
            ringing=self._ringing,
            ended=ended,
            hung_up_by=hung_up_by,
            gave_up=gave_up,
            spoken=tuple(self._spoken),
            guest_speech=tuple(self._own.heard),
            hotel_speech=tuple(self._ear.heard),
            recording=self._recording,
            moments=tuple(self._moments),
        )

    async def _dial(self, call_id: str) -> None:
        self._room.on("track_subscribed", self._on_track)
        self._room.on("disconnected", self._on_disconnected)
        self._room.register_text_stream_handler(TRANSCRIPTION, self._on_text)
        token = caller_token(self._exchange, call_id=call_id, number=self._number, hotel=self._hotel)
        source = rtc.AudioSource(RATE, 1, queue_size_ms=QUEUE_MS)
        try:
            async with asyncio.timeout(RING_SECONDS):
                await self._room.connect(self._exchange.url, token)
        except (rtc.ConnectError, TimeoutError) as error:
            raise Unanswered(f"{self._exchange.url} does not take the call: {error or 'no answer'}") from error
        track = rtc.LocalAudioTrack.create_audio_track("phone", source)
        # A phone line sends without a pause, silence too.
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False)
        await self._room.local_participant.publish_track(track, options)
        self._start(self._send(source), "line to the hotel")

    async def _talk(self, lines: Sequence[Line]) -> bool:
        """Say the lines, each when its turn has come; False when nothing was heard for too long."""
        spoken = Span(self._ringing, self._ringing)
        repeats, said = MOST_REPEATS, Line(hang_up=True)
        waiting = deque((*lines, Line(hang_up=True, pause=LAST_WORD)))
        while True:
            line = waiting.popleft()
            if not await self._await_turn(TurnTaking(spoken, line.pause, line.interrupt_after)):
                return self._disconnected
            if said.text and repeats and any(map(ASKED_AGAIN.search, self._answers_since(spoken))):
                repeats -= 1
                waiting.appendleft(line)
                line = said.model_copy(update={"text": said.again or said.text, "interrupt_after": None})
            if line.text:
                said = line
                spoken = await self._say(line)
            if line.hang_up or self._disconnected:
                return True

    def _answers_since(self, spoken: Span) -> list[str]:
        """What the hotel has said since the guest fell silent, as far as it is said to the end."""
        said = (moment for moment in self._moments if moment.what is What.SAID)
        return [moment.text for moment in said if moment.at > spoken.end - self._ringing]

    async def _await_turn(self, turn: TurnTaking) -> bool:
        """Whether the guest may speak now; False when the call is over or they gave up."""
        loop = asyncio.get_running_loop()
        while not self._over.is_set():
            *_, last = ["", *self._answers_since(turn.spoken)]
            patient = turn.pause + (WAITS_WHEN_ASKED if ASKED_TO_WAIT.search(last) else 0)
            speaking = self._ear.speaking_since is not None
            move = replace(turn, pause=patient).move(self._ear.heard, speaking, loop.time())
            if move is not Move.LISTEN:
                return move is Move.SPEAK
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), FRAME)
        return False

    async def _say(self, line: Line) -> Span:
        before = len(self._own.heard)
        self._happened(What.GUEST_SPEAKS, line.text)
        started = asyncio.get_running_loop().time()
        self._mouth = self._voices[line.text]
        self._said_it.clear()
        saying = asyncio.create_task(self._said_it.wait())
        ending = asyncio.create_task(self._over.wait())
        await asyncio.wait((saying, ending), return_when=asyncio.FIRST_COMPLETED)
        saying.cancel()
        ending.cancel()
        sounds = self._own.heard[before:] or [Span(started, started)]
        spoken = Span(sounds[0].start, sounds[-1].end)
        self._happened(What.GUEST_SILENT)
        self._spoken.append(Spoken(line.text, spoken, interrupts=line.interrupt_after is not None))
        return spoken

    async def _send(self, source: rtc.AudioSource) -> None:
        """The line from the guest's mouth: a frame every FRAME seconds, speech or the line's own noise."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._over.is_set():
            speech, self._mouth = self._mouth[:_FRAME_SAMPLES], self._mouth[_FRAME_SAMPLES:]
            samples = np.concatenate((speech, line_noise(_FRAME_SAMPLES - len(speech), self._noise)))
            at = loop.time()
            self._own.feed(samples, at)
            self._recording.add_guest(samples, at)
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples)))
            if len(speech) and not len(self._mouth):
                self._said_it.set()
            due = max(due + FRAME, loop.time() - 2 * FRAME)
            await asyncio.sleep(due - loop.time())

    def _on_track(
        self, track: rtc.Track, _publication: rtc.RemoteTrackPublication, _participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            stream = rtc.AudioStream(track, sample_rate=RATE, num_channels=1, frame_size_ms=round(FRAME * 1000))
            self._start(self._listen(stream), "line from the hotel")

    async def _listen(self, stream: rtc.AudioStream) -> None:
        loop = asyncio.get_running_loop()
        try:
            async for event in stream:
                samples = np.frombuffer(event.frame.data, np.int16)
                at = self._clock.place(loop.time(), len(samples) / RATE)
                self._ear.feed(samples, at)
                self._recording.add_hotel(samples, at)
                audible = self._ear.speaking_since is not None
                if audible is not self._hotel_audible:
                    self._hotel_audible = audible
                    self._happened(What.HOTEL_SPEAKS if audible else What.HOTEL_SILENT)
        finally:
            await stream.aclose()

    def _on_text(self, reader: rtc.TextStreamReader, identity: str) -> None:
        self._start(self._read(reader, by_guest=identity == self._room.local_participant.identity), "transcription")

    async def _read(self, reader: rtc.TextStreamReader, *, by_guest: bool) -> None:
        final = (reader.info.attributes or {}).get(FINAL, "true") == "true"
        text = ""
        try:
            async for piece in reader:
                text += piece
                if not by_guest and text.strip():
                    self._watch(self._moment(What.SAYING, text.strip()))
        except rtc.StreamError:
            return
        # The hotel's words come as one stream a sentence, open until spoken; the guest's as one a result.
        if text.strip() and (final or not by_guest):
            self._happened(What.UNDERSTOOD if by_guest else What.SAID, text.strip())

    def _on_disconnected(self, _reason: object) -> None:
        self._disconnected = not self._over.is_set()
        self._over.set()

    async def _hang_up(self) -> None:
        self._over.set()
        await self._room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[object, object, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _happened(self, what: What, text: str = "") -> None:
        moment = self._moment(what, text)
        self._moments.append(moment)
        self._watch(moment)

    def _moment(self, what: What, text: str) -> Moment:
        return Moment(asyncio.get_running_loop().time() - self._ringing, what, text)
