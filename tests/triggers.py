"""Everything that can trigger a function: the recorded event, and what the function must make of it.

The events are about the call in `local/example_call.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from lambdas.shared.pms.demo import code_of
from local.example_call import BOOKED, CALL_ID, WISH_ID

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
    logged: str | None = None
    """The message of a log line."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Metrics that are written, and the value each has however often it is."""

    def faults(self, answer: Any, told: Mapping[str, Any] | None, lines: Iterable[str]) -> list[str]:
        """What is wrong with an outcome: what was returned, what CloudFormation was told, what was logged."""
        faults = missing(self.told, told or {}, "told")
        if self.body:
            faults += missing({"statusCode": 200}, answer)
            faults += missing(self.body, json.loads(answer.get("body") or "{}"), "body")
        elif answer is not None:
            faults.append(f"{answer!r} is returned, and nobody takes it")
        logged = [json.loads(line) for line in lines if line.startswith("{")]
        if self.logged and self.logged not in [line.get("message") for line in logged]:
            faults.append(f"{self.logged!r} is not logged")
        for metric, value in self.metrics.items():
            written = {tuple(line[metric]) for line in logged if metric in line}
            if written != {(value,)}:
                faults.append(f"metric {metric} is {sorted(written)}, not {value}")
        return faults

    @property
    def file(self) -> Path:
        return EVENTS / f"{self.name}.json"


STAY: Final = {"arrival": "2035-05-04", "departure": "2035-05-06", "adults": 2, "children": 0}
LONGER: Final = {**STAY, "departure": "2035-05-07"}
CODE: Final = code_of(BOOKED)
TOTAL: Final = {"cents": 25800, "currency": "EUR"}

TRIGGERS: Final = (
    Trigger("room_started", "livekit_webhook", {"state": "ringing"}),
    Trigger("participant_joined", "livekit_webhook", {"state": "ringing"}),
    Trigger("room_finished", "livekit_webhook", {"state": "ended"}),
    Trigger("call", "calls", {"call": {"id": CALL_ID, "state": "talking", "agent_present": True}, "hotel": "aurora"}),
    Trigger("lease", "calls", {"epoch": 1}),
    Trigger("agent_event", "calls", {"state": "talking"}),
    Trigger("turn", "calls", {"state": "stored"}),
    Trigger("follow_up", "calls", {"state": "stored"}),
    Trigger("legacy_event", "calls", {"state": "talking"}),
    Trigger("legacy_transcription", "calls", {"state": "talking"}),
    Trigger("hotel", "pms", {"title": "Hotel Aurora", "rooms": {"suite": {"title": "suite", "sleeps": 4}}}),
    Trigger("offers", "pms", {"offers": [{"stay": STAY, "room_type": "double", "nights": 2, "total": TOTAL}]}),
    Trigger("reservations", "pms", {"reservations": [{"code": CODE, "state": "booked"}]}),
    Trigger(
        "reservation", "pms", {"reservation": {"reference": WISH_ID, "total": TOTAL, "guest": {"name": "Anna Meier"}}}
    ),
    Trigger("verification", "pms", {"reservation": {"code": CODE, "reference": BOOKED, "stay": STAY}}),
    Trigger("reservation_read", "pms", {"reservation": {"code": CODE, "total": TOTAL}}),
    Trigger(
        "reservation_change",
        "pms",
        {"reservation": {"code": CODE, "stay": LONGER, "total": {"cents": 38700, "currency": "EUR"}}},
    ),
    Trigger(
        "reservation_cancel",
        "pms",
        {"reservation": {"code": CODE, "state": "cancelled"}, "fee": {"cents": 0, "currency": "EUR"}},
    ),
    Trigger("note", "pms", {"state": "added"}),
    Trigger("speech_plan", "tts_router", {"hotel": "aurora", "choices": [{"voice": "en_US-joe-medium"}]}),
    Trigger(
        "livekit_setup_create",
        "livekit_setup",
        told={"Status": "SUCCESS", "Data": {"Lines": "1"}},
        logged="rule stored",
    ),
    Trigger("livekit_setup_update", "livekit_setup", told={"Status": "SUCCESS", "Data": {"Lines": "1"}}),
    Trigger("livekit_setup_delete", "livekit_setup", told={"Status": "SUCCESS"}),
    Trigger("riva_setup_mirror", "riva_setup", logged="resource is answered later"),
    Trigger("riva_setup_warm_up", "riva_setup", logged="resource is answered later"),
    Trigger("riva_setup_update", "riva_setup", logged="resource is answered later"),
    Trigger("riva_setup_delete", "riva_setup", told={"Status": "SUCCESS"}),
    Trigger("riva_build_failed", "riva_setup"),
    Trigger("secret_age", "secret_age", metrics={"SecretAgeUnknown": 0}),
    Trigger("wish_settler", "wish_settler", metrics={"WishesInDoubt": 0, "WishesSettled": 0}),
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
