"""What agents, and clients of the earlier orchestrator, tell about a call."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.calls.models import AgentEvent, CallView, FollowUp, LegacyEvent, LegacyTranscription, Turn
from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.call import KINDS_OF, Call, Event, Kind, Source
from lambdas.shared.domain.hotel import UNKNOWN_HOTEL
from lambdas.shared.observability import Measure
from lambdas.shared.redaction import redact

CALL_FAILED: Final = "CallFailed"
TURN_LATENCY: Final = "TurnLatency"
WHOLE_WAIT: Final = "answer"
"""Of a turn's `latency_ms`: from the guest's last sound to the agent's first, with everything between."""
LONGEST_LEGACY_ID: Final = 100
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,59}")


@dataclass(frozen=True)
class Told:
    """Keeps what is told about calls. Everything is kept, also from an agent that has lost its lease."""

    calls: CallStore
    measure: Measure

    def agent_event(self, call_id: str, epoch: int, told: AgentEvent) -> Call:
        """The call with what its agent reports; a kind that is not an agent's to report is kept by its name.

        That a call failed, with an apology for its guest, becomes a metric.
        """
        own = told.kind in KINDS_OF[Source.AGENT]
        event = Event(
            call_id=call_id,
            source=Source.AGENT,
            id=told.id,
            kind=told.kind if own else Kind.REPORTED,
            at=told.at,
            epoch=epoch,
            seq=told.seq,
            data=dict(told.data) if own else {"event": told.kind},
        )
        call = self.calls.apply(event)
        if event.kind is Kind.FAILED:
            self.measure(CALL_FAILED, 1, MetricUnit.Count)
        return call

    def turn(self, call_id: str, epoch: int, turn: Turn) -> None:
        """A turn, its text redacted once more: the agent should have, but what is stored is our promise.

        How long the guest waited for the answer becomes a metric.
        """
        safe = turn.model_copy(update={"guest": redact(turn.guest), "agent": redact(turn.agent)})
        self.calls.add_turn(call_id, epoch, safe.model_dump(mode="json"))
        if (waited := turn.latency_ms.get(WHOLE_WAIT)) is not None:
            self.measure(TURN_LATENCY, waited, MetricUnit.Milliseconds)

    def follow_up(self, call_id: str, follow_up: FollowUp) -> None:
        """Something for the front desk; its `callback` is the only number that stays."""
        name = redact(follow_up.guest_name) if follow_up.guest_name else None
        safe = follow_up.model_copy(update={"message": redact(follow_up.message), "guest_name": name})
        self.calls.add_follow_up(call_id, safe.model_dump(mode="json"))

    def view(self, call_id: str) -> CallView:
        """Raises NotFound."""
        hotel = self.calls.hotel_of(call_id)
        return CallView(
            call=self.calls.call(call_id),
            hotel=hotel.name if hotel else UNKNOWN_HOTEL,
            turns=tuple(Turn.model_validate(turn) for turn in self.calls.turns(call_id)),
        )

    def legacy_event(self, told: LegacyEvent, body: bytes) -> Call:
        """An earlier client's event, by its name alone: what else it says may be personal."""
        is_name = _WORD.fullmatch(told.event) and redact(told.event) == told.event
        return self._legacy("event", told, body, {"event": told.event if is_name else "unknown"})

    def legacy_transcription(self, told: LegacyTranscription, body: bytes) -> Call:
        """What an earlier client heard, redacted, and without the participant, who may be a phone number."""
        return self._legacy(
            "transcription",
            told,
            body,
            {
                "event": "transcription",
                "text": redact(told.text),
                "language": told.language,
                "is_final": str(told.is_final).lower(),
            },
        )

    def _legacy(self, kind: str, told: LegacyEvent | LegacyTranscription, body: bytes, data: dict[str, str]) -> Call:
        """Each kind has ids of its own. An id that may hold a number, or is long, is known by its hash."""
        name = told.id or ""
        if not name or len(name) > LONGEST_LEGACY_ID or redact(name) != name:
            name = hashlib.sha256(name.encode() or body).hexdigest()
        return self.calls.apply(
            Event(
                call_id=told.call_id,
                source=Source.LEGACY,
                id=f"{kind}:{name}",
                kind=Kind.REPORTED,
                at=told.timestamp,
                data=data,
            )
        )
