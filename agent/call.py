"""One call while it lasts: what happens in its session becomes turns, events and log lines, and every end is one end.

A call ends once: by a goodbye, by the guest, by a limit or by a failure. Whatever ends it first decides the reason, and
everything that waits is bounded, so no guest is left in silence on a line that nobody serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    CloseEvent,
    ConversationItemAddedEvent,
    ErrorEvent,
    SpeechCreatedEvent,
    UserStateChangedEvent,
)
from livekit.agents.llm import ChatMessage
from livekit.agents.voice import SpeechHandle
from livekit.agents.voice.events import CloseReason, UserInputTranscribedEvent, UserTranscriptionTimeoutEvent

from agent.delivery import Outbox, Report
from agent.lifecycle import Ending, Failure
from agent.operator import apologise, sound_congestion
from agent.prompts import Prompts
from agent.trace import Traces
from agent.turns import Turns
from lambdas.calls.models import AgentEvent, FollowUp, ToolRun, Turn
from lambdas.shared.domain.call import Kind
from lambdas.shared.redaction.faults import where

LAST_SOUND: Final = 0.4
"""Seconds between the last word and hanging up: what is still on its way to the guest's ear."""
INTERRUPT_WITHIN: Final = 1.0
STORED_WITHIN: Final = 5.0
PATIENCE: Final = 10.0
"""Seconds after "Are you still there?" until the agent hangs up."""
UNHEARD_AT_MOST: Final = 3
"""So many times in a row speech was heard and no words came."""

_FAILED_PART: Final = {
    "stt_error": Failure.RECOGNISER_UNREACHABLE,
    "llm_error": Failure.MODEL_FAILED,
    "tts_error": Failure.VOICE_UNREACHABLE,
}

logger = structlog.get_logger()


class OngoingCall:
    """The call in the room `call_id`. `hang_up` closes the room and the job; `leave` the job alone."""

    def __init__(
        self,
        call_id: str,
        prompts: Prompts,
        outbox: Outbox,
        traces: Traces,
        *,
        hang_up: Callable[[str], Awaitable[None]],
        leave: Callable[[str], Awaitable[None]],
        last_sound: float = LAST_SOUND,
        patience: float = PATIENCE,
    ) -> None:
        self.id, self.prompts, self.traces = call_id, prompts, traces
        self.turns = Turns(prompts.language, self._store_turn)
        self.epoch = 0
        self.over = asyncio.Event()
        self._outbox, self._hang_up, self._leave = outbox, hang_up, leave
        self._last_sound, self._patience = last_sound, patience
        self._session: AgentSession[Any] | None = None
        self._began = time.monotonic()
        self._seq = 0
        self._unheard = 0
        self._answered = self._ending = self._voiceless = False
        self._committed = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def speak(self, prompts: Prompts) -> None:
        """From the next speech on the call is in the language of these prompts."""
        self.prompts = prompts
        self.turns.language = prompts.language

    @property
    def ending(self) -> bool:
        """Nothing new is begun for this call."""
        return self._ending

    @property
    def session(self) -> AgentSession[Any]:
        if self._session is None:
            raise RuntimeError("the call has no session yet")
        return self._session

    def watch(self, session: AgentSession[Any]) -> None:
        """Listen to everything that happens in the session that serves this call."""
        self._session = session
        session.on("speech_created", self._on_speech)
        session.on("conversation_item_added", self._on_item)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("user_state_changed", self._on_guest_state)
        session.on("user_input_transcribed", self._on_transcript)
        session.on("user_transcription_timeout", self._on_unheard)
        session.on("error", self._on_error)
        session.on("close", self._on_close)

    def report(self, kind: Kind, reason: str | None = None) -> None:
        """Tell the call's record, under the epoch the agent has at this moment."""
        self._seq += 1
        event = AgentEvent(
            id=f"a{self.epoch}-{self._seq}-{uuid.uuid4().hex[:12]}",
            kind=kind,
            seq=self._seq,
            at=datetime.now(UTC),
            data={"reason": reason} if reason else {},
        )
        self._outbox.put(Report("events", event.model_dump_json(), self.traces.answering, f"event {kind}"))

    async def leave_follow_up(self, follow_up: FollowUp) -> None:
        """Leave something for the front desk. Raises Unreachable when it is not stored in time; it is tried on then."""
        report = Report("follow-ups", follow_up.model_dump_json(), self.traces.answering, "follow-up")
        await self._outbox.deliver(report, within=STORED_WITHIN)

    def tool_ran(self, speech: SpeechHandle, run: ToolRun) -> None:
        """A tool has run in the turn of this speech."""
        self.turns.tool_ran(speech, run)
        about = {"turn": self.turns.current, "trace_id": self.traces.answering}
        logger.info("tool ran", tool=run.name, ms=run.ms, error=run.error, **about)

    def say(self, phrase: str, **facts: str) -> SpeechHandle:
        """Say a fixed phrase that answers nothing."""
        self.traces.speak_first()
        return self.session.say(self.prompts.say(phrase, **facts))

    # How a call ends.

    def fail(self, failure: Failure) -> None:
        """Say what is true about it, then end the call; the first end counts."""
        if not self._begin_end():
            return
        self.turns.answer_follows()
        logger.error("call failed", reason=failure)
        self.report(Kind.FAILED, failure)
        self._run(self._apologise(failure))

    def end(self, ending: Ending, phrase: str | None = None) -> None:
        """Say the phrase to its end, if there is one, and hang up; the first end counts."""
        if not self._begin_end():
            return
        if phrase:
            self.turns.answer_follows()
        self._run(self._say_goodbye(ending, phrase))

    def lose(self) -> None:
        """Another agent holds the call: go without a word and touch nothing."""
        if self._begin_end():
            self._run(self._go(None, self._leave))

    async def limit(self, seconds: float) -> None:
        """End the call when it has lasted so long."""
        await asyncio.sleep(seconds)
        self.end(Ending.TIME_LIMIT, "time_limit")

    def _begin_end(self) -> bool:
        if self._ending:
            return False
        self._ending = True
        return True

    async def _apologise(self, failure: Failure) -> None:
        phrase = None if failure is Failure.VOICE_UNREACHABLE else f"apology.{failure}"
        await self._say_last(phrase)
        await self._go(failure, self._hang_up)

    async def _say_goodbye(self, ending: Ending, phrase: str | None) -> None:
        if phrase:
            await self._say_last(phrase)
        else:
            # What was being said ends here, so that it is on record as far as it was heard.
            with contextlib.suppress(RuntimeError):
                await self._silence()
        await self._go(ending, self._hang_up)

    async def _say_last(self, phrase: str | None) -> None:
        # A session that is closed by now means that the guest has hung up: there is nobody to speak to.
        self._voiceless = self._voiceless or phrase is None
        with contextlib.suppress(RuntimeError, TimeoutError):
            await self._silence()
            if not self.turns.has_unanswered:
                self.traces.speak_first()
            said = not self._voiceless and phrase and await apologise(self.session, self.prompts.say(phrase))
            if self._voiceless or not said:
                await sound_congestion(self.session)
            await asyncio.sleep(self._last_sound)

    async def _silence(self) -> None:
        """Stop listening, thinking and speaking; what cannot be stopped in time goes on unheard."""
        self.session.input.set_audio_enabled(False)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INTERRUPT_WITHIN):
                await self.session.interrupt(force=True)
        # The interrupted speech's own callbacks run first.
        await asyncio.sleep(0)

    async def _go(self, reason: str | None, way: Callable[[str], Awaitable[None]]) -> None:
        self.turns.close()
        if reason:
            self.report(Kind.ENDED, reason)
        seconds = round(time.monotonic() - self._began, 1)
        logger.info("call ended", reason=reason or "lost", turns=self.turns.count, seconds=seconds)
        self.over.set()
        await way(reason or "lost")

    # What the session tells.

    def _on_speech(self, event: SpeechCreatedEvent) -> None:
        speech, is_reply = event.speech_handle, event.source == "generate_reply"
        self.turns.begin(speech, self.traces.answering)
        speech.add_done_callback(lambda speech: self._on_speech_done(speech, is_reply=is_reply))

    def _on_speech_done(self, speech: SpeechHandle, *, is_reply: bool) -> None:
        said = any(item.type == "message" for item in speech.chat_items)
        if is_reply and not (said or speech.interrupted or self._ending):
            # A model that answers with nothing is as broken as one that does not answer.
            self.fail(Failure.MODEL_FAILED)
        self.turns.end(speech)

    def _on_item(self, event: ConversationItemAddedEvent) -> None:
        message = event.item
        if isinstance(message, ChatMessage) and message.role == "user":
            self._committed = time.monotonic()
            self.turns.understood(message)
            delay = message.metrics.get("transcription_delay")
            logger.info(
                "guest understood",
                words=len((message.text_content or "").split()),
                ms=None if delay is None else round(delay * 1000),
                turn=self.turns.current,
                trace_id=self.traces.answering,
            )

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        # A tone is a sound, not an answer.
        if event.new_state != "speaking" or self._voiceless:
            return
        since = self._committed if self._answered else self._began
        ms = round((time.monotonic() - since) * 1000)
        if not self._answered:
            self._answered = True
            self.report(Kind.ANSWERED)
            logger.info("call answered", ms=ms, trace_id=self.traces.answering)
        else:
            logger.info("answer began", ms=ms, turn=self.turns.current, trace_id=self.traces.answering)

    def _on_guest_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "away" and not self._ending:
            self._run(self._ask_whether_there())

    async def _ask_whether_there(self) -> None:
        if self._ending:
            return
        await self.say("still_there").wait_for_playout()
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            if self.session.user_state == "speaking" or self._ending:
                return
        if self._unheard:
            self.fail(Failure.RECOGNISER_SILENT)
        else:
            self.end(Ending.GUEST_SILENT, "silent_goodbye")

    def _on_transcript(self, event: UserInputTranscribedEvent) -> None:
        if event.is_final and event.transcript.strip():
            self._unheard = 0

    def _on_unheard(self, _: UserTranscriptionTimeoutEvent) -> None:
        self._unheard += 1
        logger.warning("no words for what was heard", times=self._unheard, turn=self.turns.current)
        if self._unheard >= UNHEARD_AT_MOST:
            self.fail(Failure.RECOGNISER_SILENT)
        elif not self._ending:
            self.say("repeat")

    def _on_error(self, event: ErrorEvent) -> None:
        part = getattr(event.error, "type", "")
        cause = getattr(event.error, "error", event.error)
        recoverable = bool(getattr(event.error, "recoverable", False))
        logger.warning("part failed", part=part, error=type(cause).__name__, again=recoverable)
        if recoverable:
            return
        if part == "tts_error":
            self._voiceless = True
        self.fail(_FAILED_PART.get(part, Failure.AGENT_FAILED))

    def _on_close(self, event: CloseEvent) -> None:
        if event.reason is CloseReason.PARTICIPANT_DISCONNECTED:
            self.end(Ending.GUEST_LEFT)
        elif event.reason is CloseReason.JOB_SHUTDOWN:
            self.end(Ending.AGENT_STOPPED)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("call could not be ended as planned", error=type(error).__name__, at=where(error))
            if not self.over.is_set():
                self._run(self._go(Failure.AGENT_FAILED, self._hang_up))

    def _store_turn(self, turn: Turn) -> None:
        self._outbox.put(Report("turns", turn.model_dump_json(), turn.trace_id, "turn", turn.number))
