"""What travels to and from the calls function. Requests of an agent carry its epoch in the header X-Call-Epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from lambdas.shared.domain.call import Call, CallId, Kind
from lambdas.shared.domain.hotel import PhoneNumber

ItemId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
Said = Annotated[str, StringConstraints(max_length=4000)]
Milliseconds = Annotated[int, Field(ge=-86_400_000, le=86_400_000)]
"""A wait of less than a day; a part that was ready before it was asked has a negative one."""
Moment = Annotated[AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(2200, 1, 1, tzinfo=UTC))]
"""A time that has a day at every hotel; the calendar's first and last years have none in some time zones."""
TraceId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LeaseRequest(_Wire):
    """An agent asks to hold a call; the same holder asking again renews."""

    holder: ItemId


class Lease(_Wire):
    """The call is the holder's until `expires_at`; `epoch` is its fencing number."""

    epoch: int = Field(ge=1)
    expires_at: AwareDatetime


class AgentEvent(_Wire):
    """One thing the agent did or saw; `seq` counts up within an epoch."""

    id: ItemId
    kind: Kind
    seq: int = Field(ge=1, le=1_000_000_000)
    at: Moment
    data: Mapping[Literal["reason"], Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,60}$")]] = {}


class ToolRun(_Wire):
    """A tool that ran during a turn: never its arguments."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")]
    ms: Annotated[Milliseconds, Field(ge=0)]
    error: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = None


class Turn(_Wire):
    """What the guest was understood to say and what was answered; marks such as `[name]` stand for personal data.

    `number` counts the turns of an epoch from 1. The first turn, the greeting, has no guest's words. `latency_ms` maps
    a part (`recognition`, `end_of_turn`, `model`, `voice`, …) to milliseconds.
    """

    number: int = Field(ge=1, le=9999)
    at: Moment
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    guest: Said = ""
    agent: Said = ""
    interrupted: bool = False
    tools: tuple[ToolRun, ...] = Field(default=(), max_length=20)
    latency_ms: Annotated[
        Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")], Milliseconds], Field(max_length=20)
    ] = {}
    trace_id: TraceId


class FollowUp(_Wire):
    """Something a human at the front desk must do; `callback` is the only place where a raw number is kept."""

    id: ItemId
    kind: Literal["callback", "message"] = "callback"
    at: Moment
    callback: PhoneNumber | None = None
    guest_name: Annotated[str, StringConstraints(max_length=100)] | None = None
    message: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class CallView(_Wire):
    """A call as an agent that takes over, or a reviewer, reads it."""

    call: Call
    hotel: str
    turns: tuple[Turn, ...]


class LegacyEvent(_Wire):
    """`POST /call/event` of the earlier orchestrator."""

    id: ItemId | None = None
    call_id: CallId
    event: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    timestamp: Moment
    data: Mapping[str, Any] = {}


class LegacyTranscription(_Wire):
    """`POST /v1/livekit/transcription` of the earlier orchestrator."""

    id: ItemId | None = None
    call_id: CallId
    text: Said
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    is_final: bool
    timestamp: Moment
    participant: Annotated[str, StringConstraints(max_length=200)]


class Accepted(_Wire):
    """It is stored; `call` is the state it led to."""

    state: str
