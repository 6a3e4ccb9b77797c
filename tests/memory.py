"""The functions' ports, kept in memory: real behaviour, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.pms.notes import DUE_AFTER, Note, NoteState, NoteStore
from lambdas.pms.verification import WRONG_TRIES, VerifiedCodes
from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.call import Call, Event, dialled_number
from lambdas.shared.domain.errors import LeaseHeld, NotFound, StaleEpoch, TriesOver
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.due_follow_ups import Due, DueFollowUps
from lambdas.shared.leases import Lease, Leases
from lambdas.shared.wish_store import NO_CLAIMS, Moved, Unsettled, Wishes, doubt_id, finding


class MemoryCalls(CallStore):
    """Calls by their events."""

    def __init__(self, hotels: Hotels) -> None:
        self.hotels = hotels
        self.events: dict[tuple[str, str, str], Event] = {}
        self.follow_ups: dict[str, dict[str, Any]] = {}
        self._turns: dict[tuple[str, int, int], dict[str, Any]] = {}

    def apply(self, event: Event) -> Call:
        self.events.setdefault((event.call_id, event.source, event.id), event)
        return self.call(event.call_id)

    def call(self, call_id: str) -> Call:
        told = [event for event in self.events.values() if event.call_id == call_id]
        if not told:
            raise NotFound(f"no call {call_id}")
        return Call.of(told)

    def hotel_of(self, call_id: str) -> Hotel | None:
        return self.hotels.by_number.get(dialled_number(call_id) or "")

    def add_turn(self, call_id: str, epoch: int, turn: Mapping[str, Any]) -> None:
        self._turns.setdefault((call_id, epoch, turn["number"]), dict(turn))

    def turns(self, call_id: str) -> list[dict[str, Any]]:
        return [turn for (of, _, _), turn in sorted(self._turns.items()) if of == call_id]

    def add_follow_up(self, call_id: str, follow_up: Mapping[str, Any]) -> None:
        self.follow_ups.setdefault(follow_up["id"], {**follow_up, "call_id": call_id})

    def only_event(self) -> Event:
        (event,) = self.events.values()
        return event


class MemoryLeases(Leases):
    """Leases that last until `let_go`."""

    def __init__(self) -> None:
        self.epochs: dict[str, int] = {}
        self._holders: dict[str, str] = {}

    def take(self, call_id: str, holder: str) -> Lease:
        held_by = self._holders.setdefault(call_id, holder)
        if held_by != holder:
            raise LeaseHeld(f"another agent holds {call_id}")
        self.epochs.setdefault(call_id, 1)
        return Lease(epoch=self.epochs[call_id], expires_at=datetime.now(UTC) + timedelta(minutes=1))

    def require(self, call_id: str, epoch: int) -> None:
        if self.epochs.get(call_id) != epoch:
            raise StaleEpoch(f"epoch {epoch} does not hold {call_id}")

    def let_go(self, call_id: str) -> None:
        self._holders.pop(call_id)
        self.epochs[call_id] += 1


@dataclass
class MemoryWishes(Wishes):
    """Wishes beside calls in memory, with what waits for them."""

    calls: MemoryCalls
    leases: MemoryLeases
    kept: dict[tuple[str, str], Wish] = field(default_factory=dict)
    claimed: dict[tuple[str, str], str] = field(default_factory=dict)
    waiting: dict[str, Unsettled] = field(default_factory=dict)

    def hold(self, wish: Wish) -> None:
        self.kept.setdefault((wish.call_id, wish.id), wish)

    def get(self, call_id: str, wish_id: str) -> Wish:
        if (call_id, wish_id) not in self.kept:
            raise NotFound(f"call {call_id} has no wish {wish_id}")
        return self.kept[call_id, wish_id]

    def of_call(self, call_id: str) -> list[Wish]:
        return [wish for (of, _), wish in sorted(self.kept.items()) if of == call_id]

    def claims(self, call_id: str, what: str | None = None) -> Mapping[str, str]:
        begin = f"CLAIM#{what}#" if what else "CLAIM#"
        places = {place: wish for (of, place), wish in self.claimed.items() if of == call_id}
        return {place: wish for place, wish in places.items() if place.startswith(begin)}

    def send(self, before: Wish, after: Wish, *, epoch: int, unsettled: Unsettled | None = None) -> None:
        self.leases.require(before.call_id, epoch)
        self._require_as(before)
        if after.claim and after.claim != before.claim:
            if (after.call_id, after.claim) in self.claimed:
                raise Moved(f"{after.claim} is taken")
            self.claimed[after.call_id, after.claim] = after.id
        if unsettled:
            self.waiting[after.id] = unsettled
        self.kept[before.call_id, before.id] = after

    def move(
        self,
        before: Wish,
        after: Wish,
        *,
        event: Event | None = None,
        follow_up: Mapping[str, Any] | None = None,
        freed: Mapping[str, str] = NO_CLAIMS,
    ) -> None:
        self._require_as(before)
        if any(self.claimed.get((before.call_id, claim), holder) != holder for claim, holder in freed.items()):
            raise Moved("a place has changed hands")
        self.kept[before.call_id, before.id] = after
        settled = after.state not in (WishState.SENT, WishState.IN_DOUBT)
        if settled:
            self.waiting.pop(before.id, None)
        if after.state in (WishState.PLANNED, WishState.REFUSED) and before.claim:
            freed = {**freed, before.claim: before.id}
        for claim in freed:
            self.claimed.pop((before.call_id, claim), None)
        if follow_up:
            self.calls.add_follow_up(before.call_id, follow_up)
        if settled and before.doubted_at:
            self.calls.follow_ups[doubt_id(before)]["finding"] = finding(after)
        if event:
            self.calls.apply(event)

    def unsettled(self, hotel: str) -> list[Unsettled]:
        return [unsettled for unsettled in self.waiting.values() if unsettled.hotel == hotel]

    def unsettled_of(self, wish: Wish) -> Unsettled | None:
        return self.waiting.get(wish.id)

    def forget(self, unsettled: Unsettled) -> None:
        if self.waiting.get(unsettled.wish_id) == unsettled:
            del self.waiting[unsettled.wish_id]

    def leave(self, wish: Wish, follow_up: Mapping[str, Any]) -> None:
        self.calls.add_follow_up(wish.call_id, follow_up)

    def _require_as(self, before: Wish) -> None:
        kept = self.get(before.call_id, before.id)
        if (kept.state, kept.attempts) != (before.state, before.attempts):
            raise Moved(f"wish {before.id} is no longer {before.state}")


class MemoryVerified(VerifiedCodes):
    """Tries and codes by call."""

    def __init__(self) -> None:
        self.tries: Counter[str] = Counter()
        self._codes: dict[str, list[str]] = {}

    def begin(self, call_id: str) -> int:
        if self.tries[call_id] >= WRONG_TRIES:
            raise TriesOver("too many")
        self.tries[call_id] += 1
        return self.tries[call_id]

    def give_back(self, call_id: str, *, code: str | None = None) -> None:
        self.tries[call_id] -= 1
        if code:
            self._codes.setdefault(call_id, []).append(code)

    def codes(self, call_id: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._codes.get(call_id, ())))


class MemoryDue(DueFollowUps):
    """Follow-ups that are kept back, by call and id."""

    def __init__(self, calls: MemoryCalls) -> None:
        self.calls = calls
        self.kept: dict[tuple[str, str], tuple[datetime, Due]] = {}

    def overdue(self, hotel: str, now: datetime) -> list[Due]:
        return [due for due_at, due in self.kept.values() if due_at <= now]

    def leave(self, due: Due) -> None:
        self.calls.add_follow_up(due.call_id, due.follow_up)
        self.kept.pop((due.call_id, due.follow_up["id"]), None)


class MemoryNotes(NoteStore):
    """Notes by call and id."""

    def __init__(self, due: MemoryDue) -> None:
        self.due = due
        self.kept: dict[tuple[str, str], Note] = {}

    def get(self, call_id: str, note_id: str) -> Note | None:
        return self.kept.get((call_id, note_id))

    def begin(self, note: Note, follow_up: dict[str, Any]) -> bool:
        if (note.call_id, note.id) in self.kept:
            return False
        self.kept[note.call_id, note.id] = note
        self.due.kept[note.call_id, follow_up["id"]] = (note.at + DUE_AFTER, Due(note.call_id, follow_up))
        return True

    def added(self, note: Note) -> None:
        told = self.due.calls.follow_ups.get(f"note:{note.id}")
        if told:
            told["finding"] = "added"
        self._end(note, NoteState.ADDED)

    def doubt(self, note: Note, follow_up: dict[str, Any]) -> None:
        if self.kept[note.call_id, note.id].state is NoteState.SENT:
            self.due.calls.add_follow_up(note.call_id, follow_up)
            self._end(note, NoteState.IN_DOUBT)

    def forget(self, note: Note) -> None:
        self.kept.pop((note.call_id, note.id))
        self.due.kept.pop((note.call_id, f"note:{note.id}"), None)

    def _end(self, note: Note, state: NoteState) -> None:
        self.kept[note.call_id, note.id] = note.model_copy(update={"state": state})
        self.due.kept.pop((note.call_id, f"note:{note.id}"), None)


class MemoryCount:
    """Metrics by name."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()

    def __call__(self, metric: str, value: int = 1) -> None:
        self.counted[metric] += value


class MemoryMeasure:
    """What was measured, in order: metric, value, unit."""

    def __init__(self) -> None:
        self.measured: list[tuple[str, float, str]] = []

    def __call__(self, metric: str, value: float, unit: MetricUnit) -> None:
        self.measured.append((metric, value, unit.value))
