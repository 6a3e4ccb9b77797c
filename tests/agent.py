"""A call without a room: the agent's real session and tools, a model that says what a test tells it to, a hotel with
state behind the client's interface."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, NOT_GIVEN, APIConnectionError, APIConnectOptions, llm
from livekit.agents.voice import AgentSession
from livekit.agents.voice.agent_session import SessionConnectOptions

from agent.call import OngoingCall
from agent.delivery import Outbox
from agent.language import CallLanguage
from agent.prompts import Prompts
from agent.receptionist import Receptionist
from agent.stays import Dialogue
from agent.trace import Traces
from lambdas.calls.models import AgentEvent, FollowUp, Lease, Turn
from lambdas.pms.models import (
    Booked,
    BookRequest,
    Cancelled,
    CancelRequest,
    HeldOffer,
    HotelFacts,
    Offers,
    OffersRequest,
    VerificationRequest,
    Verified,
)
from lambdas.shared.domain.errors import BellhopError, NotVerified, SoldOut, Unreachable
from lambdas.shared.domain.hotel import Hotel, load_hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Reservation, ReservationState, Stay
from lambdas.shared.domain.wish import WishKind
from lambdas.shared.speech.language import Guess, SpokenLanguage

AURORA = load_hotel(Path("hotels/aurora"))
CALL_ID = "call_+493023125001_AbCdEf123456"
GUEST_NUMBER = "+491713920055"


@dataclass(frozen=True)
class Use:
    """The model calls a tool."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)


Move = str | Use | Exception


class ScriptedModel(llm.LLM[Any]):
    """Answers each request with the next move, and keeps what it was asked."""

    def __init__(self, *moves: Move) -> None:
        super().__init__()
        self.moves = list(moves)
        self.asked: list[list[llm.ChatItem]] = []
        self.headers: list[dict[str, str]] = []
        self.tools: list[llm.Tool] = []

    def chat(
        self,
        *,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: Any = NOT_GIVEN,
        tool_choice: Any = NOT_GIVEN,
        extra_kwargs: Any = NOT_GIVEN,
    ) -> llm.LLMStream:
        self.asked.append(list(chat_ctx.items))
        self.headers.append(extra_kwargs["extra_headers"])
        self.tools = list(tools or [])
        move = self.moves.pop(0) if self.moves else ""
        return _Moving(self, move, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)

    @property
    def tool_answer(self) -> Any:
        """What the last tool that ran answered, as the model read it."""
        outputs = [item.output for item in self.asked[-1] if isinstance(item, llm.FunctionCallOutput)]
        return json.loads(outputs[-1])


class _Moving(llm.LLMStream):
    def __init__(self, model: ScriptedModel, move: Move, **given: Any) -> None:
        super().__init__(model, **given)
        self._move = move

    async def _run(self) -> None:
        if isinstance(self._move, Exception):
            raise self._move
        if isinstance(self._move, Use):
            call = llm.FunctionToolCall(
                name=self._move.tool, arguments=json.dumps(self._move.arguments), call_id=uuid.uuid4().hex
            )
            delta = llm.ChoiceDelta(role="assistant", tool_calls=[call])
        else:
            delta = llm.ChoiceDelta(role="assistant", content=self._move)
        self._event_ch.send_nowait(llm.ChatChunk(id=uuid.uuid4().hex, delta=delta))


class Reception:
    """The hotel's functions in memory.

    `broken` makes a part of them unreachable, `gone` sells a room out, `refusals` are raised by the next writes.
    `rates` are factors in percent by the rates' names; a house without them has one rate. `fee_cents` is what it costs
    to cancel.
    """

    def __init__(self, hotel: Hotel = AURORA) -> None:
        self.hotel = hotel
        self.epoch = 0
        self.broken: set[str] = set()
        self.gone: set[str] = set()
        self.refusals: list[BellhopError] = []
        self.rates: dict[str, int] = {}
        self.fee_cents = 0
        self.city_tax_cents = 0
        self.held: dict[str, HeldOffer] = {}
        self.booked: list[BookRequest] = []
        self.cancelled: list[CancelRequest] = []
        self.reservations: dict[str, Reservation] = {}
        self.asked: list[VerificationRequest] = []
        self.events: list[AgentEvent] = []
        self.turns: list[Turn] = []
        self.follow_ups: list[FollowUp] = []
        self.lease_errors: list[BellhopError] = []

    async def lease(self, holder: str) -> Lease:
        if self.lease_errors:
            raise self.lease_errors.pop(0)
        return Lease(epoch=1, expires_at=datetime.now(UTC) + timedelta(seconds=60))

    async def facts(self) -> HotelFacts:
        self._reach("pms")
        return HotelFacts.of(self.hotel)

    async def offers(self, request: OffersRequest) -> Offers:
        self._reach("pms")
        if request.kind == "cancel":
            return Offers(offers=(self.hold_cancellation(request.code or ""),))
        assert request.stay is not None
        kinds = [request.room_type] if request.room_type else list(self.hotel.rooms)
        offers = [
            self.hold(request.stay, kind, rate)
            for kind in kinds
            if kind in self.hotel.rooms and kind not in self.gone
            if request.stay.guests <= self.hotel.rooms[kind].sleeps
            for rate in self.rates or (None,)
        ]
        return Offers(offers=tuple(sorted(offers, key=lambda offer: offer.total.cents)))

    def hold(self, stay: Stay, kind: str, rate: str | None = None) -> HeldOffer:
        """An offer of that room at today's price."""
        total = self.hotel.night_price(kind) * stay.nights
        offer = HeldOffer(
            wish_id=uuid.uuid4().hex,
            stay=stay,
            room_type=kind,
            room=self.hotel.rooms[kind].title,
            nights=stay.nights,
            total=Money(cents=total.cents * self.rates.get(rate or "", 100) // 100, currency=total.currency),
            expires_at=datetime.now(UTC) + timedelta(minutes=15),
            rate_plan=rate,
            rate=f"{rate} rate" if rate else None,
            city_tax=Money(cents=self.city_tax_cents, currency="EUR") if self.city_tax_cents else None,
        )
        self.held[offer.wish_id] = offer
        return offer

    def hold_cancellation(self, code: str) -> HeldOffer:
        """A cancellation at today's fee."""
        booked = self.stay_of(code)
        held = self.hold(booked.stay, booked.room_type).model_copy(
            update={"kind": WishKind.CANCEL, "code": code, "fee": Money(cents=self.fee_cents, currency="EUR")}
        )
        self.held[held.wish_id] = held
        return held

    def stay_of(self, code: str) -> Reservation:
        """The reservation of that code."""
        return next(stay for stay in self.reservations.values() if stay.code == code)

    async def book(self, request: BookRequest) -> Booked:
        self._reach("pms")
        self.booked.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        offer = self.held[request.wish_id]
        if offer.room_type in self.gone:
            raise SoldOut("no such room is left")
        reservation = Reservation(
            code="AB7K2Q",
            stay=offer.stay,
            room_type=offer.room_type,
            room=offer.room,
            guest=request.guest,
            total=offer.total,
            rate_plan=offer.rate_plan,
            city_tax=offer.city_tax,
            reference=offer.wish_id,
        )
        return Booked(reservation=self.reservations.setdefault(request.wish_id, reservation))

    async def verify(self, said: VerificationRequest) -> Verified:
        self._reach("pms")
        self.asked.append(said)
        if self.refusals:
            raise self.refusals.pop(0)
        for stay in self.reservations.values():
            facts = (said.code == stay.code) or (said.arrival, said.departure) == (
                stay.stay.arrival,
                stay.stay.departure,
            )
            if facts and said.surname.casefold() == stay.guest.surname.casefold():
                return Verified(reservation=stay)
        raise NotVerified("this call has not shown whose reservation it is")

    async def cancel(self, code: str, wish_id: str, request: CancelRequest) -> Cancelled:
        self._reach("pms")
        self.cancelled.append(request)
        if self.refusals:
            raise self.refusals.pop(0)
        fee = self.held[wish_id].fee
        assert fee is not None
        for key, stay in self.reservations.items():
            if stay.code == code:
                self.reservations[key] = stay.model_copy(update={"state": ReservationState.CANCELLED})
        return Cancelled(reservation=self.stay_of(code), fee=fee)

    async def report(self, kind: str, body: str, *, trace_id: str) -> None:
        self._reach("calls")
        match kind:
            case "events":
                self.events.append(AgentEvent.model_validate_json(body))
            case "turns":
                self.turns.append(Turn.model_validate_json(body))
            case "follow-ups":
                self.follow_ups.append(FollowUp.model_validate_json(body))

    @property
    def told(self) -> list[tuple[str, str | None]]:
        """The events that arrived, as kind and reason."""
        return [(str(event.kind), event.data.get("reason")) for event in self.events]

    def _reach(self, part: str) -> None:
        if part in self.broken:
            raise Unreachable(f"{part}: 500")


class Steered:
    """A recogniser or a voice that keeps what it was told, in order."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def update_options(self, **options: Any) -> None:
        self.told.append(options)

    @property
    def languages(self) -> list[str]:
        """The languages it was told to go over to."""
        return [options["language"] for options in self.told if "language" in options]

    @property
    def phrases(self) -> tuple[str, ...]:
        """What it was last told to expect."""
        expected: tuple[str, ...] = [options["phrases"] for options in self.told if "phrases" in options][-1]
        return expected


class WordsOfGerman:
    """Takes for German what has a word that English lacks."""

    name: Final = "classifier"

    def guess(self, text: str) -> Guess | None:
        german = {"ich", "ein", "und", "bitte", "das", "ja", "für", "danke"} & set(text.lower().split())
        return Guess("de" if german else "en", 1.0)


@dataclass
class Phoned:
    """A running call and everything a test looks at."""

    session: AgentSession[Dialogue]
    receptionist: Receptionist
    call: OngoingCall
    model: ScriptedModel
    reception: Reception
    outbox: Outbox
    hung_up: list[str]
    left: list[str]
    recogniser: Steered
    voice: Steered

    async def hear(self, words: str) -> None:
        """The guest says something, and the agent answers it to the end."""
        message = llm.ChatMessage(role="user", content=[words])
        context = self.receptionist.chat_ctx.copy()
        await self.receptionist.on_user_turn_completed(context, message)
        await self.session.generate_reply(user_input=message, chat_ctx=context)

    async def settle(self) -> None:
        """Everything that was reported has arrived."""
        await self.outbox.flush(within=2)


@asynccontextmanager
async def phone(*moves: Move, reception: Any = None, number: str | None = GUEST_NUMBER) -> AsyncIterator[Phoned]:
    """A call to Hotel Aurora; the model makes these moves, the hotel is in memory unless a client of one is given."""
    reception = reception or Reception()
    model = ScriptedModel(*moves)
    outbox = Outbox(reception, sleep=_no_time)
    hung_up: list[str] = []
    left: list[str] = []

    async def hang_up(reason: str) -> None:
        hung_up.append(reason)

    async def leave(reason: str) -> None:
        left.append(reason)

    prompts = {language: Prompts.load(AURORA, language) for language in AURORA.languages}
    call = OngoingCall(
        CALL_ID,
        prompts["en"],
        outbox,
        Traces(),
        hang_up=hang_up,
        leave=leave,
        last_sound=0.0,
        patience=0.0,
    )
    call.epoch = 1
    at_once = APIConnectOptions(max_retry=0, retry_interval=0, timeout=2)
    session: AgentSession[Dialogue] = AgentSession(
        llm=model,
        vad=None,
        userdata=Dialogue(number=number),
        turn_handling={"turn_detection": "manual"},
        conn_options=SessionConnectOptions(llm_conn_options=at_once),
    )
    call.watch(session)
    recogniser, voice = Steered(), Steered()
    spoken = SpokenLanguage(WordsOfGerman(), AURORA.languages, "en")
    language = CallLanguage(call, prompts, spoken=spoken, recogniser=recogniser, voice=voice)
    receptionist = Receptionist(AURORA, call, reception, _facts(reception), language)
    await session.start(receptionist, record=False)
    try:
        yield Phoned(session, receptionist, call, model, reception, outbox, hung_up, left, recogniser, voice)
    finally:
        await session.aclose()
        await outbox.flush(within=1)


async def _facts(reception: Any) -> HotelFacts | None:
    try:
        facts: HotelFacts = await reception.facts()
    except Unreachable:
        return None
    return facts


async def _no_time(_: float) -> None:
    await asyncio.sleep(0)


GARBAGE = APIConnectionError("an answer that is none")
