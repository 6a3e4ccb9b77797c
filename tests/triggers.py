"""Everything that can trigger a function: the recorded event, and what the function must make of it.

The events are about the call in `local/example_call.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.example_call import CALL_ID, WISH_ID

EVENTS: Final = Path(__file__).parent / "events"


@dataclass(frozen=True)
class Trigger:
    """An event's file, whose it is, and what its outcome holds: more may be in it, nothing of this may be missing."""

    name: str
    function: str
    body: Mapping[str, Any] = field(default_factory=dict)
    """Of the JSON in an HTTP answer of status 200."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """Of what CloudFormation is told."""

    @property
    def file(self) -> Path:
        return EVENTS / f"{self.name}.json"


STAY: Final = {"arrival": "2035-05-04", "departure": "2035-05-06", "adults": 2, "children": 0}
TOTAL: Final = {"cents": 25800, "currency": "EUR"}

TRIGGERS: Final = (
    Trigger("room_started", "livekit_webhook", {"state": "ringing"}),
    Trigger("participant_joined", "livekit_webhook", {"state": "ringing"}),
    Trigger("room_finished", "livekit_webhook", {"state": "ended"}),
    Trigger("call", "calls", {"call": {"id": CALL_ID, "state": "talking", "agent_present": True}, "hotel": "aurora"}),
    Trigger("lease", "calls", {"epoch": 1}),
    Trigger("agent_event", "calls", {"state": "on_hold"}),
    Trigger("turn", "calls", {"state": "stored"}),
    Trigger("follow_up", "calls", {"state": "stored"}),
    Trigger("legacy_event", "calls", {"state": "talking"}),
    Trigger("legacy_transcription", "calls", {"state": "talking"}),
    Trigger("hotel", "pms", {"title": "Hotel Aurora", "rooms": {"suite": {"title": "suite", "sleeps": 4}}}),
    Trigger("offers", "pms", {"offers": [{"stay": STAY, "room_type": "double", "nights": 2, "total": TOTAL}]}),
    Trigger(
        "reservation", "pms", {"reservation": {"reference": WISH_ID, "total": TOTAL, "guest": {"name": "Anna Meier"}}}
    ),
    Trigger("speech_plan", "tts_router", {"hotel": "aurora", "choices": [{"voice": "en_US-joe-medium"}]}),
)


def missing(expected: Any, found: Any, where: str = "answer") -> list[str]:
    """What is expected and not there, by where it should be; empty when all is there."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            fault
            for name, value in expected.items()
            for fault in (missing(value, found[name], f"{where}.{name}") if name in found else [f"no {where}.{name}"])
        ]
    if isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        return [
            fault
            for index, (value, other) in enumerate(zip(expected, found, strict=True))
            for fault in missing(value, other, f"{where}[{index}]")
        ]
    return [] if expected == found else [f"{where} is {found!r}, not {expected!r}"]
