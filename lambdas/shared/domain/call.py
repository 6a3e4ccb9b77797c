"""A call, told by its events: what anybody reported, in any order and as often as they like, decides one state.

Agent events carry `(epoch, seq)` and fold in that order through TRANSITIONS; a move the table lacks leaves the state
and is kept as an anomaly. The other sources contribute facts, whose combination does not depend on their order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

CALL_ID: Final = r"^call_\+?([0-9]{3,20})_[A-Za-z0-9_]{1,80}$"
CallId = Annotated[str, StringConstraints(pattern=CALL_ID)]


def dialled_number(call_id: str) -> str | None:
    """The number that was dialled, as E.164, taken from a call's id (its room's name); None when it is no call."""
    found = re.fullmatch(CALL_ID.removesuffix("$"), call_id)
    return f"+{found[1]}" if found else None


class Source(StrEnum):
    """Who reports."""

    LIVEKIT = "livekit"
    AGENT = "agent"
    PMS = "pms"
    LEGACY = "legacy"


class Kind(StrEnum):
    """What is reported. The first block moves the call, the others are facts about it."""

    ANSWERED = "answered"
    HELD = "held"
    RESUMED = "resumed"
    TRANSFER_STARTED = "transfer_started"
    TRANSFER_FAILED = "transfer_failed"
    TRANSFERRED = "transferred"
    ENDED = "ended"

    MESSAGE_TAKEN = "message_taken"
    FAILED = "failed"

    STAY_BOOKED = "stay_booked"
    STAY_CHANGED = "stay_changed"
    STAY_CANCELLED = "stay_cancelled"

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    GUEST_JOINED = "guest_joined"
    GUEST_LEFT = "guest_left"
    AGENT_JOINED = "agent_joined"
    AGENT_LEFT = "agent_left"

    REPORTED = "reported"


MOVES: Final = frozenset(
    {
        Kind.ANSWERED,
        Kind.HELD,
        Kind.RESUMED,
        Kind.TRANSFER_STARTED,
        Kind.TRANSFER_FAILED,
        Kind.TRANSFERRED,
        Kind.ENDED,
    }
)
KINDS_OF: Final[Mapping[Source, frozenset[Kind]]] = {
    Source.AGENT: MOVES | {Kind.MESSAGE_TAKEN, Kind.FAILED},
    Source.PMS: frozenset({Kind.STAY_BOOKED, Kind.STAY_CHANGED, Kind.STAY_CANCELLED}),
    Source.LIVEKIT: frozenset(
        {
            Kind.ROOM_STARTED,
            Kind.ROOM_FINISHED,
            Kind.GUEST_JOINED,
            Kind.GUEST_LEFT,
            Kind.AGENT_JOINED,
            Kind.AGENT_LEFT,
            Kind.REPORTED,
        }
    ),
    Source.LEGACY: frozenset({Kind.REPORTED}),
}
"""What each source may report; anything else from it is stored as `reported`."""


class State(StrEnum):
    """Where a call stands."""

    RINGING = "ringing"
    TALKING = "talking"
    ON_HOLD = "on_hold"
    TRANSFERRING = "transferring"
    TRANSFERRED = "transferred"
    ENDED = "ended"


TRANSITIONS: Final[Mapping[State, Mapping[Kind, State]]] = {
    State.RINGING: {Kind.ANSWERED: State.TALKING, Kind.ENDED: State.ENDED},
    State.TALKING: {
        Kind.HELD: State.ON_HOLD,
        Kind.TRANSFER_STARTED: State.TRANSFERRING,
        Kind.ENDED: State.ENDED,
    },
    State.ON_HOLD: {Kind.RESUMED: State.TALKING, Kind.ENDED: State.ENDED},
    State.TRANSFERRING: {
        Kind.TRANSFERRED: State.TRANSFERRED,
        Kind.TRANSFER_FAILED: State.TALKING,
        Kind.ENDED: State.ENDED,
    },
    State.TRANSFERRED: {Kind.ENDED: State.ENDED},
    State.ENDED: {},
}


class Outcome(StrEnum):
    """What came of a call that has ended; the first that applies, in this order."""

    BOOKED = "booked"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    TRANSFERRED = "transferred"
    MESSAGE_TAKEN = "message_taken"
    FAILED = "failed"
    ANSWERED = "answered"
    ABANDONED = "abandoned"


AGENT_VANISHED: Final = "agent_vanished"
"""The reason of a call whose agent never reported its end."""


class Event(BaseModel):
    """One report on a call. `(source, id)` names it: the same report told twice is one event.

    `epoch` and `seq` order an agent's reports and are 0 elsewhere. `data` holds only allow-listed, impersonal fields.
    """

    model_config = ConfigDict(frozen=True)

    call_id: CallId
    source: Source
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
    kind: Kind
    at: AwareDatetime
    epoch: int = Field(default=0, ge=0)
    seq: int = Field(default=0, ge=0)
    data: Mapping[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _own(self) -> Self:
        if self.kind is not Kind.REPORTED and self.kind not in KINDS_OF[self.source]:
            raise ValueError(f"{self.source} may not report {self.kind}")
        return self

    @property
    def order(self) -> tuple[int, int, str]:
        return (self.epoch, self.seq, self.id)


class Anomaly(BaseModel):
    """A move the table lacks: what was reported, and the state it was reported in."""

    model_config = ConfigDict(frozen=True)

    event_id: str
    kind: Kind
    state: State


class Call(BaseModel):
    """Where a call stands and what came of it; made of its events and nothing else."""

    model_config = ConfigDict(frozen=True)

    id: CallId
    state: State = State.RINGING
    outcome: Outcome | None = None
    reason: str | None = None
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    guest: str | None = None
    guest_present: bool = False
    agent_present: bool = False
    unattended: bool = False
    """Whether a guest was there, the room has finished, and no agent ever was: the phone rang until it stopped."""
    epoch: int = 0
    stays: tuple[str, ...] = ()
    anomalies: tuple[Anomaly, ...] = ()
    events: int = 0

    @property
    def is_over(self) -> bool:
        return self.state is State.ENDED

    @classmethod
    def of(cls, events: Iterable[Event]) -> Call:
        """The call these events tell of; neither their order nor their repetition matters.

        Raises ValueError when there is no event, or they are of several calls.
        """
        told = {(event.call_id, event.source, event.id): event for event in sorted(events, key=_tie_break)}
        reports = sorted(told.values(), key=lambda event: (event.at, event.source, event.id))
        calls = {event.call_id for event in reports}
        if len(calls) != 1:
            raise ValueError(f"the events of one call are needed, not of {len(calls)}")

        by_agent = sorted((event for event in reports if event.source is Source.AGENT), key=lambda event: event.order)
        state, anomalies = _fold(event for event in by_agent if event.kind in MOVES)
        finished = _first(reports, Kind.ROOM_FINISHED)
        ended = _first(by_agent, Kind.ENDED)
        if finished:
            state = State.ENDED
        over = state is State.ENDED
        failure = _first(by_agent, Kind.FAILED)
        answered = _first(by_agent, Kind.ANSWERED)
        return cls(
            id=calls.pop(),
            state=state,
            outcome=_outcome(reports, vanished=ended is None) if over else None,
            reason=_reason(failure, ended, over=over),
            started_at=reports[0].at,
            answered_at=answered.at if answered else None,
            ended_at=min(event.at for event in (finished, ended) if event) if over else None,
            guest=next((event.data["guest"] for event in reports if "guest" in event.data), None),
            guest_present=not over and _present(reports, Kind.GUEST_JOINED, Kind.GUEST_LEFT),
            agent_present=not over and _present(reports, Kind.AGENT_JOINED, Kind.AGENT_LEFT),
            unattended=finished is not None and not by_agent and _guest_alone(reports),
            epoch=max((event.epoch for event in by_agent), default=0),
            stays=tuple(event.data["code"] for event in reports if event.source is Source.PMS and "code" in event.data),
            anomalies=anomalies,
            events=len(reports),
        )


def _tie_break(event: Event) -> str:
    """Orders differing tellings of one event, so that which of them counts does not depend on arrival."""
    return event.model_dump_json()


def _fold(moves: Iterable[Event]) -> tuple[State, tuple[Anomaly, ...]]:
    state, anomalies = State.RINGING, []
    for event in moves:
        following = TRANSITIONS[state].get(event.kind)
        if following is None:
            anomalies.append(Anomaly(event_id=event.id, kind=event.kind, state=state))
        else:
            state = following
    return state, tuple(anomalies)


def _first(events: Iterable[Event], kind: Kind) -> Event | None:
    return next((event for event in events if event.kind is kind), None)


def _present(events: Iterable[Event], joined: Kind, left: Kind) -> bool:
    kinds = [event.kind for event in events if event.kind in (joined, left)]
    return kinds.count(joined) > kinds.count(left)


def _guest_alone(events: Iterable[Event]) -> bool:
    kinds = {event.kind for event in events}
    return Kind.GUEST_JOINED in kinds and Kind.AGENT_JOINED not in kinds


def _reason(failure: Event | None, ended: Event | None, *, over: bool) -> str | None:
    if failure:
        return failure.data.get("reason", "unknown")
    if ended:
        return ended.data.get("reason")
    return AGENT_VANISHED if over else None


def _outcome(events: Iterable[Event], *, vanished: bool) -> Outcome:
    kinds = {event.kind for event in events}
    applies = {
        Outcome.BOOKED: Kind.STAY_BOOKED in kinds,
        Outcome.CHANGED: Kind.STAY_CHANGED in kinds,
        Outcome.CANCELLED: Kind.STAY_CANCELLED in kinds,
        Outcome.TRANSFERRED: Kind.TRANSFERRED in kinds,
        Outcome.MESSAGE_TAKEN: Kind.MESSAGE_TAKEN in kinds,
        Outcome.FAILED: vanished or Kind.FAILED in kinds,
        Outcome.ANSWERED: Kind.ANSWERED in kinds,
        Outcome.ABANDONED: True,
    }
    return next(outcome for outcome in Outcome if applies[outcome])
