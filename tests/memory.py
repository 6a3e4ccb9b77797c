"""The functions' ports, kept in memory: real behaviour, no database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.call import Call, Event, dialled_number
from lambdas.shared.domain.errors import LeaseHeld, NotFound, Refused, SoldOut, StaleEpoch
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Guest, Offer, Reservation, RoomType, Stay
from lambdas.shared.domain.wish import Wish
from lambdas.shared.leases import Lease, Leases
from lambdas.shared.pms import Pms
from lambdas.shared.wish_store import Wishes


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
    """Wishes beside calls in memory."""

    calls: MemoryCalls
    leases: MemoryLeases
    kept: dict[tuple[str, str], Wish] = field(default_factory=dict)

    def hold(self, wish: Wish) -> None:
        self.kept.setdefault((wish.call_id, wish.id), wish)

    def get(self, call_id: str, wish_id: str) -> Wish:
        if (call_id, wish_id) not in self.kept:
            raise NotFound(f"call {call_id} has no wish {wish_id}")
        return self.kept[call_id, wish_id]

    def of_call(self, call_id: str) -> list[Wish]:
        return [wish for (of, _), wish in sorted(self.kept.items()) if of == call_id]

    def move(self, before: Wish, after: Wish, *, epoch: int, event: Event | None = None) -> None:
        self.leases.require(before.call_id, epoch)
        if self.get(before.call_id, before.id).state is not before.state:
            raise Refused(f"wish {before.id} is no longer {before.state}")
        self.kept[before.call_id, before.id] = after
        if event:
            self.calls.apply(event)


class ScriptedPms(Pms):
    """A hotel's system with one double room a day, whose next answers can be told to fail.

    `failures` are raised one per `book`: with `books_though_failing`, after the booking was made, as when the answer of
    a slow system gets lost.
    """

    def __init__(self, hotel: Hotel) -> None:
        self.booked: dict[str, Reservation] = {}
        self.failures: list[Exception] = []
        self.books_though_failing = False
        self._hotel = hotel

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        fitting = [
            name for name, room in self._hotel.rooms.items() if room_type in (None, name) and room.sleeps >= stay.guests
        ]
        offers = [
            Offer(
                stay=stay,
                room_type=name,
                room=self._hotel.rooms[name].title,
                total=self._hotel.night_price(name) * stay.nights,
            )
            for name in fitting
        ]
        return sorted(offers, key=lambda offer: offer.total.cents)

    def book(self, reference: str, offer: Offer, guest: Guest) -> Reservation:
        failure = self.failures.pop(0) if self.failures else None
        if failure and not self.books_though_failing:
            raise failure
        if reference not in self.booked:
            if len(self.booked) >= 9:
                raise SoldOut("nothing is left")
            code = f"CODE{len(self.booked) + 1}"
            self.booked[reference] = Reservation.of(offer, code=code, guest=guest, reference=reference)
        if failure:
            raise failure
        return self.booked[reference]

    def find(self, reference: str) -> Reservation | None:
        return self.booked.get(reference)


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
