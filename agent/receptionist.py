"""The receptionist: what it is told, which tools it has, and what they answer.

Facts come from the hotel's functions, words from the model.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterable, Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from livekit import rtc
from livekit.agents import Agent, ModelSettings, RunContext, StopResponse, function_tool
from livekit.agents.llm import ChatChunk, ChatContext, ChatMessage, FunctionCall, Tool
from livekit.agents.stt import SpeechEvent
from livekit.agents.types import FlushSentinel
from pydantic import Field, ValidationError

from agent.call import OngoingCall
from agent.hotel import HotelClient
from agent.language import CallLanguage
from agent.lifecycle import Ending, Failure
from agent.prompts import Prompts
from agent.stays import Answer, Dialogue, Stays
from lambdas.calls.models import FollowUp, ToolRun
from lambdas.pms.models import HotelFacts
from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.errors import BellhopError, NotFound, StaleEpoch, Unreachable
from lambdas.shared.domain.hotel import Hotel

FILLER_AFTER: Final = 1.5
"""Seconds a tool may take before the guest is told that it does."""
THINKING_AFTER: Final = 2.5
"""Seconds a model may take to its first word before the guest is told that it does."""
HEARD_WORDS: Final = 3
"""An answer that was cut before so many words was none."""
ASKED_AFTER: Final = {
    "needs_more": "code",
    "not_verified": "code",
    "no_reservation": "code",
    "check_availability": "spelling",
}
"""What the guest is asked for after a tool answered with this error, or after this tool did its work."""

Day = Annotated[str, Field(description="YYYY-MM-DD")]


class Receptionist(Agent):
    """Answers for one hotel on one call."""

    def __init__(
        self,
        hotel: Hotel,
        call: OngoingCall,
        client: HotelClient,
        facts: Awaitable[HotelFacts | None],
        language: CallLanguage,
    ) -> None:
        super().__init__(instructions=_instructions(call.prompts))
        self._call, self._client, self._language = call, client, language
        self._facts = asyncio.ensure_future(facts)
        self._stays = Stays(hotel, call, client)

    # What the guest says and what the model is asked.

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncIterable[SpeechEvent]:
        """The framework's node; where the hotel has several languages, doubtful words are heard again in the others."""
        again = self._language.again
        async for event in Agent.default.stt_node(self, again.keep(audio) if again else audio, model_settings):
            yield await again.settle(event) if again else event

    async def on_user_turn_completed(self, turn_ctx: ChatContext, new_message: ChatMessage) -> None:
        """Go over to the guest's language, and join the words with those before them that were never answered: a pause
        was taken for the end of a turn."""
        self._call.traces.commit()
        if self._call.ending:
            raise StopResponse
        if self._language.hear(new_message.text_content or ""):
            await self.update_instructions(_instructions(self._call.prompts))
            # What is answered now is asked with a copy of the conversation that has the old instructions.
            turn_ctx.items[:] = self.chat_ctx.copy().items
        unanswered = _unanswered(turn_ctx)
        if unanswered:
            words = [unanswered[0].text_content or "", new_message.text_content or ""]
            new_message.content = [" ".join(words)]
            gone = {item.id for item in unanswered}
            turn_ctx.items[:] = [item for item in turn_ctx.items if item.id not in gone]
            kept = self.chat_ctx.copy()
            kept.items[:] = [item for item in kept.items if item.id not in gone]
            await self.update_chat_ctx(kept)
            self._call.turns.joined()

    async def llm_node(
        self, chat_ctx: ChatContext, tools: list[Tool], model_settings: ModelSettings
    ) -> AsyncIterable[ChatChunk | str | FlushSentinel]:
        """The framework's node, with the turn's trace in the request and a word to the guest when the model is slow."""
        model: Any = self.session.llm
        async with model.chat(
            chat_ctx=chat_ctx,
            tools=tools,
            tool_choice=model_settings.tool_choice,
            conn_options=self.session.conn_options.llm_conn_options,
            extra_kwargs={"extra_headers": self._call.traces.answer_headers()},
        ) as stream:
            first = asyncio.ensure_future(anext(stream, None))
            try:
                if not (await asyncio.wait({first}, timeout=THINKING_AFTER))[0]:
                    yield self._call.prompts.say("one_moment") + " "
                if chunk := await first:
                    yield chunk
                async for chunk in stream:
                    yield chunk
            finally:
                first.cancel()

    # Tools.

    @function_tool
    async def check_availability(
        self,
        ctx: RunContext[Dialogue],
        arrival: Day,
        departure: Day,
        adults: Annotated[int, Field(description="how many adults")],
        children: Annotated[int, Field(description="how many children, 0 if none were mentioned")],
        room: Annotated[str | None, Field(description="the kind of room, if the guest named one")],
    ) -> str:
        """Which rooms are free for a stay, and at what total price. The departure day is not a night."""
        return await self._run(
            ctx,
            "check_availability",
            lambda: self._stays.offer(ctx.userdata, arrival, departure, adults, children, room),
        )

    @function_tool
    async def book_stay(
        self,
        ctx: RunContext[Dialogue],
        room: Annotated[str, Field(description="the room as check_availability named it")],
        guest_name: Annotated[str, Field(description="first and last name, as the guest said it")],
        rate: Annotated[str | None, Field(description="the rate, if the guest chose another than the cheapest")] = None,
    ) -> str:
        """Book the room that was offered last, once the guest has agreed to its price."""
        self._call.turns.learn_name(guest_name)
        return await self._run_through(ctx, "book_stay", lambda: self._stays.book(ctx.userdata, room, rate, guest_name))

    @function_tool
    async def find_reservation(
        self,
        ctx: RunContext[Dialogue],
        surname: Annotated[str, Field(description="the guest's surname alone, as they said it")],
        code: Annotated[str | None, Field(description="the booking code, if the guest has it")] = None,
        arrival: Annotated[str | None, Field(description="YYYY-MM-DD, needed without a code")] = None,
        departure: Annotated[str | None, Field(description="YYYY-MM-DD, needed without a code")] = None,
    ) -> str:
        """Find the guest's own reservation. Only what the guest has said may be asked for; few tries are allowed."""
        self._call.turns.learn_name(surname)
        return await self._run(
            ctx, "find_reservation", lambda: self._stays.find(ctx.userdata, surname, code, arrival, departure)
        )

    @function_tool
    async def ask_cancellation_fee(self, ctx: RunContext[Dialogue]) -> str:
        """What it costs to cancel the reservation that was found or booked in this call. Say it to the guest."""
        return await self._run(ctx, "ask_cancellation_fee", lambda: self._stays.fee(ctx.userdata, ctx.speech_handle.id))

    @function_tool
    async def cancel_stay(self, ctx: RunContext[Dialogue]) -> str:
        """Cancel that reservation, once the guest has heard the fee and agreed to it."""
        return await self._run_through(
            ctx, "cancel_stay", lambda: self._stays.cancel(ctx.userdata, ctx.speech_handle.id)
        )

    @function_tool
    async def get_hotel_info(
        self, ctx: RunContext[Dialogue], topic: Annotated[str, Field(description="one of the topics you know of")]
    ) -> str:
        """What the hotel says about a topic, such as breakfast or parking."""
        return await self._run(ctx, "get_hotel_info", lambda: self._look_up(topic))

    @function_tool
    async def take_message(
        self,
        ctx: RunContext[Dialogue],
        message: Annotated[str, Field(description="what the guest wants, in one or two sentences")],
        guest_name: Annotated[str | None, Field(description="the guest's name, if it is known")],
    ) -> str:
        """Leave a message for the people at the front desk, who call back."""
        if guest_name:
            self._call.turns.learn_name(guest_name)
        return await self._run_through(ctx, "take_message", lambda: self._note(ctx.userdata, message, guest_name))

    @function_tool
    async def end_call(self, ctx: RunContext[Dialogue]) -> str:
        """Say goodbye and hang up, when the guest has nothing more to ask."""
        self._call.tool_ran(ctx.speech_handle, ToolRun(name="end_call", ms=0))
        self._call.end(Ending.GOODBYE, "goodbye")
        raise StopResponse

    async def _run_through(self, ctx: RunContext[Dialogue], name: str, work: Callable[[], Awaitable[Answer]]) -> str:
        """As `_run`; a guest who speaks meanwhile does not stop it half-way."""
        ctx.disallow_interruptions()
        try:
            return await self._run(ctx, name, work)
        finally:
            ctx.speech_handle.allow_interruptions = True

    async def _run(self, ctx: RunContext[Dialogue], name: str, work: Callable[[], Awaitable[Answer]]) -> str:
        """The tool's answer as JSON; an error is an answer too, but nobody behind it at all ends the call."""
        began = time.monotonic()
        error: str | None = None
        try:
            async with ctx.with_filler(self._call.prompts.say("one_moment"), delay=FILLER_AFTER):
                answer = await work()
            error = answer.get("error")
        except Unreachable as unreachable:
            error = unreachable.code
            self._call.fail(Failure.CALLS_UNREACHABLE if name == "take_message" else Failure.PMS_UNREACHABLE)
            raise StopResponse from unreachable
        except StaleEpoch as taken_over:
            error = taken_over.code
            self._call.lose()
            raise StopResponse from taken_over
        except BellhopError as refused:
            error = refused.code
            answer = self._refusal(refused)
        except ValidationError:
            error = "invalid"
            answer = {"error": error, "say": self._say("invalid")}
        finally:
            ms = round((time.monotonic() - began) * 1000)
            self._call.tool_ran(ctx.speech_handle, ToolRun(name=name, ms=ms, error=error))
        if asked := ASKED_AFTER.get(error or name):
            self._language.asked_for(asked)
        return json.dumps(answer, ensure_ascii=False)

    def _refusal(self, error: BellhopError) -> Answer:
        known = f"tool.{error.code}" in self._call.prompts.phrases
        kind = "not_found" if isinstance(error, NotFound) else "refused"
        return {"error": error.code, "say": self._say(error.code if known else kind)}

    async def _look_up(self, topic: str) -> Answer:
        facts = await asyncio.shield(self._facts)
        if facts is None:
            facts = await self._client.facts()
        wanted, topics = topic.strip().lower(), facts.topics(self._call.prompts.language)
        found = next((name for name in topics if name == wanted or wanted in name or name in wanted), None)
        if found is None:
            return {"error": "not_found", "known_topics": list(topics), "say": self._say("unknown_topic")}
        return {"topic": found, "text": topics[found]}

    async def _note(self, dialogue: Dialogue, message: str, guest_name: str | None) -> Answer:
        callback = dialogue.callback
        follow_up = FollowUp(
            id=uuid.uuid4().hex,
            at=datetime.now(UTC),
            kind="callback" if callback else "message",
            callback=callback,
            guest_name=guest_name,
            message=message,
        )
        await self._call.leave_follow_up(follow_up)
        self._call.report(Kind.MESSAGE_TAKEN)
        return {"taken": True, "say": self._say("message_taken" if callback else "message_taken_without_number")}

    def _say(self, phrase: str, **facts: str) -> str:
        return self._call.prompts.say(f"tool.{phrase}", **facts)


def _instructions(prompts: Prompts) -> str:
    return prompts.instructions(prompts.hotel.day_of(datetime.now(UTC)))


def _unanswered(context: ChatContext) -> list[ChatMessage]:
    """The guest's last words and what was cut off right after them, if nothing was said or done about them."""
    tail: list[ChatMessage] = []
    for item in reversed(context.items):
        if isinstance(item, FunctionCall) or item.type == "function_call_output":
            return []
        if not isinstance(item, ChatMessage):
            continue
        if item.role == "user":
            return [item, *tail]
        if item.role == "assistant" and item.interrupted and len((item.text_content or "").split()) < HEARD_WORDS:
            tail.append(item)
            continue
        return []
    return []
