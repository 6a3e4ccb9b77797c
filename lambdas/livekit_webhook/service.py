"""What LiveKit reports, as events of calls: facts without names or numbers.

A report that is odd is an event all the same; one that is of no call is counted.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.call import Call, Event, Kind, Source, dialled_number
from lambdas.shared.domain.errors import NotFound
from lambdas.shared.guest import guest_key
from lambdas.shared.observability import Count

KINDS: Final[Mapping[tuple[str, str], Kind]] = {
    ("room_started", ""): Kind.ROOM_STARTED,
    ("room_finished", ""): Kind.ROOM_FINISHED,
    ("participant_joined", "SIP"): Kind.GUEST_JOINED,
    ("participant_left", "SIP"): Kind.GUEST_LEFT,
    ("participant_joined", "AGENT"): Kind.AGENT_JOINED,
    ("participant_left", "AGENT"): Kind.AGENT_LEFT,
}
"""What LiveKit's events and its kinds of participants are to a call; anything else is reported by its name."""

NO_CALL: Final = "RoomIsNoCall"
UNREADABLE: Final = "WebhookUnreadable"
UNKNOWN_HOTEL: Final = "UnknownHotel"
DROPPED: Final = "WebhooksDropped"
GUEST_WITHOUT_AGENT: Final = "GuestWithoutAgent"

_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,59}")
_MOST_DIGITS: Final = 11
"""Seconds until the year 5138; what is longer is no time, and the last years of the calendar have no local day."""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Reports:
    """Stores what LiveKit reports of calls. `guest_secret` reads the key of the guests' hashes."""

    calls: CallStore
    guest_secret: Callable[[], bytes]
    count: Count
    now: Callable[[], datetime] = _now

    def accept(self, body: bytes) -> Call | None:
        """The call as it is after a report; None when the report is of no call. Raises Unreachable."""
        report = _parsed(body)
        if report is None:
            self.count(UNREADABLE)
            return None
        if dropped := _whole(report.get("numDropped")):
            self.count(DROPPED, dropped)
        call_id = str(_part(report, "room").get("name", ""))
        if dialled_number(call_id) is None:
            self.count(NO_CALL)
            return None
        if self.calls.hotel_of(call_id) is None:
            self.count(UNKNOWN_HOTEL)
        return self._apply(self._event(call_id, report, body))

    def _apply(self, event: Event) -> Call:
        """A guest nobody spoke to is counted when the room finishes, and not again when LiveKit tells it again."""
        if event.kind is not Kind.ROOM_FINISHED:
            return self.calls.apply(event)
        told_before = self._is_over(event.call_id)
        call = self.calls.apply(event)
        if call.unattended and not told_before:
            self.count(GUEST_WITHOUT_AGENT)
        return call

    def _is_over(self, call_id: str) -> bool:
        try:
            return self.calls.call(call_id).is_over
        except NotFound:
            return False

    def _event(self, call_id: str, report: Mapping[str, Any], body: bytes) -> Event:
        participant = _part(report, "participant")
        name = _word(report.get("event")) or "unknown"
        role = _word(participant.get("kind")) or ""
        kind = KINDS.get((name, role), Kind.REPORTED)
        data = {"event": name, "participant": role, "reason": _word(participant.get("disconnectReason"))}
        if kind is Kind.GUEST_JOINED:
            data["guest"] = self._guest(call_id, participant)
        told_id = report.get("id")
        return Event(
            call_id=call_id,
            source=Source.LIVEKIT,
            id=told_id if isinstance(told_id, str) and _ID.fullmatch(told_id) else hashlib.sha256(body).hexdigest(),
            kind=kind,
            at=self._at(report),
            data={field: value.lower() for field, value in data.items() if value},
        )

    def _guest(self, call_id: str, participant: Mapping[str, Any]) -> str | None:
        """Who calls, as a hash; None when the number is withheld or the hotel unknown."""
        number = str(_part(participant, "attributes").get("sip.phoneNumber", ""))
        hotel = self.calls.hotel_of(call_id)
        if not number or hotel is None:
            return None
        try:
            return guest_key(hotel.name, number, self.guest_secret())
        except ValueError:
            return None

    def _at(self, report: Mapping[str, Any]) -> datetime:
        """When it happened; whoever leaves that out, or says something impossible, means now."""
        told = _whole(report.get("createdAt"))
        return datetime.fromtimestamp(told, UTC) if told else self.now()


def _parsed(body: bytes) -> Mapping[str, Any] | None:
    try:
        report = json.loads(body)
    except ValueError:
        return None
    return report if isinstance(report, dict) else None


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, dict) else {}


def _word(value: object) -> str | None:
    """A name of LiveKit's own, which cannot be a person's: nothing else is kept of what it says."""
    return value if isinstance(value, str) and _WORD.fullmatch(value) else None


def _whole(value: object) -> int:
    """A count or a time; LiveKit writes 64-bit numbers as text."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
