"""One job: a call is leased, its session starts at the same time, the guest is greeted, and the end is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

import structlog
from livekit import rtc
from livekit.agents import Agent, AgentSession, JobContext
from livekit.agents.voice.room_io import AudioInputOptions, RoomOptions

from agent.call import OngoingCall
from agent.delivery import Outbox
from agent.hotel import HotelClient
from agent.lifecycle import Ending, Failure, keep_lease, take_lease
from agent.logs import lines_are_about
from agent.operator import Operator
from agent.receptionist import Receptionist
from agent.stays import Dialogue
from agent.trace import Traces
from agent.wiring import Parts, open_session, open_tts
from lambdas.pms.models import HotelFacts
from lambdas.shared.domain.call import dialled_number
from lambdas.shared.domain.dispatch import Dispatch, UnreadableDispatch
from lambdas.shared.domain.errors import BellhopError, LeaseHeld, Unreachable
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.redaction.faults import where

DELIVERED_WITHIN: Final = 45.0
ROOM_CLOSED_WITHIN: Final = 3.0
GUEST_WITHIN: Final = 10.0
HEARD_RATE: Final = 16_000
PHONE_NUMBER: Final = "sip.phoneNumber"

logger = structlog.get_logger()


def hotel_of(metadata: str, call_id: str, hotels: Hotels) -> tuple[Hotel, bool]:
    """The hotel a dispatch names, and whether it really names one.

    When it does not, the apology still needs a voice: that of the hotel whose number was dialled, or the first one's.
    """
    with contextlib.suppress(UnreadableDispatch):
        named = hotels.by_name.get(Dispatch.parse(metadata).hotel)
        if named:
            return named, True
    dialled = hotels.by_number.get(dialled_number(call_id) or "")
    return dialled or next(iter(hotels)), False


class Service:
    """The receptionist's work on one call."""

    def __init__(self, job: JobContext, parts: Parts) -> None:
        call_id = job.room.name
        lines_are_about(call_id=call_id, epoch=0)
        self._job, self._parts = job, parts
        self._hotel, self._is_known = hotel_of(job.job.metadata, call_id, parts.hotels)
        self._traces = Traces()
        self._http = parts.open_http()
        self._client = HotelClient(self._http, hotel=self._hotel.name, call_id=call_id, traces=self._traces)
        self._outbox = Outbox(self._client)
        prompts = parts.prompts[self._hotel.name][self._hotel.language]
        self._call = OngoingCall(call_id, prompts, self._outbox, self._traces, hang_up=self._hang_up, leave=self._leave)
        self._engines = parts.open_engines(self._traces)
        self._tasks: list[asyncio.Task[Any]] = []
        self._closing: list[Callable[[], Any]] = []

    async def run(self) -> None:
        """Serve the call until it is over, however it ends."""
        try:
            await self._serve()
        except Exception as error:
            # The boundary of the call: whatever went wrong, the guest is told and the record says so.
            logger.error("agent failed", error=type(error).__name__, at=where(error))
            self._call.fail(Failure.AGENT_FAILED)
        await self._call.over.wait()

    async def close(self) -> None:
        """Deliver what is on its way, then let go of everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        left = await self._outbox.flush(DELIVERED_WITHIN)
        logger.info("reports delivered", undelivered=left)
        closing = (*self._closing, *(engine.close for engine in self._engines.values()), self._http.aclose)
        for error in await asyncio.gather(*(close() for close in closing), return_exceptions=True):
            if isinstance(error, Exception):
                logger.warning("part not closed", error=type(error).__name__, at=where(error))

    async def _serve(self) -> None:
        dialogue = Dialogue()
        session, agent = self._open(dialogue)
        self._call.watch(session)
        self._job.room.on("participant_disconnected", self._on_participant_left)
        # At the rate at which voice detector, turn detector and recogniser work: none of them has to convert it.
        heard = AudioInputOptions(pre_connect_audio=False, sample_rate=HEARD_RATE)
        options = RoomOptions(audio_input=heard, text_input=False)
        holder = self._job.job.id
        lease = asyncio.create_task(take_lease(self._client, holder))
        await session.start(agent, room=self._job.room, room_options=options, record=False)
        held = await self._hold(lease)
        if not await self._wait_for_guest(session, dialogue):
            self._call.end(Ending.GUEST_LEFT)
        elif self._call.ending:
            return
        elif not self._is_known:
            self._call.fail(Failure.UNKNOWN_HOTEL)
        elif not held:
            self._call.fail(Failure.NO_LEASE)
        else:
            self._call.say("greeting")
            self._start(keep_lease(self._client, holder, lost=self._lose))
            self._start(self._call.limit(self._parts.settings.longest_call_seconds))

    def _open(self, dialogue: Dialogue) -> tuple[AgentSession[Dialogue], Agent]:
        tts = open_tts(self._engines, self._hotel, self._client)
        self._closing.append(tts.aclose)
        tts.prewarm()
        if not self._is_known:
            return open_session(dialogue, stt=None, llm=None, tts=tts, vad=None), Operator()
        stt, llm = self._parts.open_stt(self._hotel, self._traces), self._parts.open_llm()
        self._closing += [stt.aclose, llm.aclose]
        session = open_session(dialogue, stt=stt, llm=llm, tts=tts, vad=self._parts.vad)
        language = self._parts.open_language(self._hotel, self._call, recogniser=stt, voice=tts)
        self._closing.append(language.aclose)
        return session, Receptionist(self._hotel, self._call, self._client, self._facts(), language)

    async def _facts(self) -> HotelFacts | None:
        try:
            return await self._client.facts()
        except BellhopError as error:
            # A call about something else goes on without them; a question about the hotel asks once more.
            logger.warning("hotel's facts missing", error=error.code)
            return None

    async def _hold(self, lease: asyncio.Task[int]) -> bool:
        try:
            epoch = await lease
        except Unreachable as error:
            logger.error("no lease", fault=str(error))
            return False
        except LeaseHeld:
            if self._another_agent_is_here():
                self._call.lose()
            return False
        self._client.epoch = self._call.epoch = epoch
        lines_are_about(epoch=epoch)
        return True

    def _another_agent_is_here(self) -> bool:
        others = self._job.room.remote_participants.values()
        return any(other.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT for other in others)

    async def _wait_for_guest(self, session: AgentSession[Dialogue], dialogue: Dialogue) -> bool:
        try:
            async with asyncio.timeout(GUEST_WITHIN):
                await session.room_io.wait_for_ready()
        except TimeoutError:
            return False
        guest = session.room_io.linked_participant
        if guest is None:
            return False
        dialogue.number = guest.attributes.get(PHONE_NUMBER)
        return True

    def _on_participant_left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT:
            self._call.end(Ending.GUEST_LEFT)

    async def _lose(self) -> None:
        self._call.lose()

    async def _hang_up(self, reason: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_CLOSED_WITHIN):
                await self._job.delete_room()
        self._job.shutdown(reason)

    async def _leave(self, reason: str) -> None:
        self._job.shutdown(reason)

    def _start(self, work: Any) -> None:
        self._tasks.append(asyncio.create_task(work))
