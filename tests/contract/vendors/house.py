"""The hotel behind every vendor's stand-in: rooms, rates and reservations as a hotel has them, in no vendor's words.

Amounts are integer cents of the house's currency with every tax in them, dates are the hotel's own. All of it is safe
to use from several threads; a `Kept` never changes, what changes is which one the house holds.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

State = Literal["booked", "cancelled", "in_house", "departed"]
Deed = Literal["book", "change", "cancel", "note"]
FREE_UNTIL: Final = time(18, 0)
"""Until then, on the day before arrival, a flexible rate is cancelled free of charge."""


class Full(Exception):
    """No such room is left for every night."""


class Unknown(Exception):
    """The house has no such room, rate or reservation."""


@dataclass(frozen=True)
class RoomKind:
    code: str
    title: str
    count: int
    sleeps: int
    night_cents: int


@dataclass(frozen=True)
class RatePlanKind:
    """A rate: so many percent of the room's price, and what is included by the house's name for it."""

    code: str
    title: str
    factor_percent: int
    cancellation: Literal["flexible", "saver"]
    includes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kept:
    """A reservation. `id` is the vendor's key, `code` what the guest is told, `reference` what the sender called it.

    `night_cents` has one price a night, as it was booked; `fee_cents` is what cancelling has cost.
    """

    id: str
    code: str
    reference: str | None
    room: str
    rate: str
    arrival: date
    departure: date
    adults: int
    children: int
    first_name: str
    last_name: str
    email: str | None
    phone: str | None
    state: State
    night_cents: tuple[int, ...]
    booked_at: datetime
    fee_cents: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def total_cents(self) -> int:
        return sum(self.night_cents)

    @property
    def nights(self) -> int:
        return (self.departure - self.arrival).days

    @property
    def takes_a_room(self) -> bool:
        return self.state != "cancelled"


STANDARD_ROOMS: Final = (
    RoomKind("single", "Single room", count=4, sleeps=1, night_cents=8900),
    RoomKind("double", "Double room", count=6, sleeps=2, night_cents=12900),
    RoomKind("suite", "Suite", count=1, sleeps=4, night_cents=21900),
)
STANDARD_RATES: Final = (
    RatePlanKind("flexible", "Flexible", factor_percent=100, cancellation="flexible", includes=("breakfast",)),
    RatePlanKind("saver", "Saver", factor_percent=90, cancellation="saver"),
)


class House:
    """Hotel Aurora, unless told otherwise: four singles, six doubles and a suite, each at two rates."""

    title = "Hotel Aurora"
    timezone = "Europe/Berlin"
    extras: Mapping[str, str] = {"breakfast": "Breakfast"}

    def __init__(
        self,
        rooms: Iterable[RoomKind] = STANDARD_ROOMS,
        rates: Iterable[RatePlanKind] = STANDARD_RATES,
        *,
        currency: str = "EUR",
        vat_percent: int = 7,
        city_tax_cents: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.rooms = {room.code: room for room in rooms}
        self.rates = {rate.code: rate for rate in rates}
        self.currency = currency
        self.vat_percent = vat_percent
        self.city_tax_cents = city_tax_cents
        self.now = now
        self.named: Callable[[int], tuple[str, str]] = lambda number: (str(number), str(number))
        """The id and the code of the reservation of that number; a stand-in sets it to the vendor's forms."""
        self.deeds: list[tuple[Deed, str]] = []
        """What was done to which reservation's id, in order: a write that came twice stands here twice."""
        self._lock = threading.RLock()
        self._kept: dict[str, Kept] = {}
        self._prices: dict[tuple[str, date | None], int] = {}
        self._closed: set[tuple[str, date | None]] = set()
        self._next = 1001

    # What the house knows.

    @property
    def reservations(self) -> list[Kept]:
        """Every reservation, cancelled ones too, in the order in which they were made."""
        with self._lock:
            return list(self._kept.values())

    @property
    def standing(self) -> list[Kept]:
        """The reservations that take a room."""
        return [kept for kept in self.reservations if kept.takes_a_room]

    def find(self, id: str) -> Kept | None:
        """The reservation with that id."""
        with self._lock:
            return self._kept.get(id)

    def listed(
        self,
        *,
        code: str | None = None,
        reference: str | None = None,
        last_name: str | None = None,
        arrival: date | None = None,
        departure: date | None = None,
        states: Sequence[State] | None = None,
    ) -> list[Kept]:
        """The reservations that are like everything given, a name whatever its case; in the order of booking."""
        return [
            kept
            for kept in self.reservations
            if code in (None, kept.code)
            and reference in (None, kept.reference)
            and (last_name is None or last_name.casefold() == kept.last_name.casefold())
            and arrival in (None, kept.arrival)
            and departure in (None, kept.departure)
            and (states is None or kept.state in states)
        ]

    def free(self, room: str, arrival: date, departure: date, *, without: str | None = None) -> int:
        """How many such rooms are left on the fullest night, `without` the room that this reservation's id takes."""
        with self._lock:
            nights = _nights(arrival, departure)
            return min(self._free(self._room(room), night, without) for night in nights) if nights else 0

    def night_cents(self, room: str, rate: str, arrival: date, departure: date) -> tuple[int, ...]:
        """What each night costs now, every tax included."""
        with self._lock:
            factor = self._rate(rate).factor_percent
            return tuple(
                (self._price(self._room(room), night) * factor + 50) // 100 for night in _nights(arrival, departure)
            )

    def price_cents(self, room: str, rate: str, arrival: date, departure: date) -> int:
        """What the stay costs now, every tax but the city's included."""
        return sum(self.night_cents(room, rate, arrival, departure))

    def tax_cents(self, gross_cents: int) -> int:
        """The part of an amount that is value added tax, rounded half up."""
        whole = 100 + self.vat_percent
        return (2 * gross_cents * self.vat_percent + whole) // (2 * whole)

    def city_tax_for(self, adults: int, nights: int) -> int:
        """What the guests pay to the city, on top and at the hotel; children pay none."""
        return self.city_tax_cents * adults * nights

    def free_until(self, kept: Kept) -> datetime | None:
        """Until when cancelling is free; None where it never is."""
        if self._rate(kept.rate).cancellation == "saver":
            return None
        return datetime.combine(kept.arrival - timedelta(days=1), FREE_UNTIL, ZoneInfo(self.timezone))

    def cancellation_fee_cents(self, kept: Kept, now: datetime | None = None) -> int:
        """Flexible: nothing until 18:00 on the day before arrival, then the first night. Saver: the whole total."""
        until = self.free_until(kept)
        if until is None:
            return kept.total_cents
        return 0 if (now or self.now()) < until else kept.night_cents[0]

    # What can be done.

    def book(
        self,
        *,
        room: str,
        rate: str,
        arrival: date,
        departure: date,
        last_name: str,
        first_name: str = "",
        adults: int = 1,
        children: int = 0,
        email: str | None = None,
        phone: str | None = None,
        reference: str | None = None,
        notes: Sequence[str] = (),
        id: str | None = None,
        code: str | None = None,
        night_cents: Sequence[int] | None = None,
    ) -> Kept:
        """A new reservation at the price of now, or at that of `night_cents`; named by `named`, unless given.

        Raises Full and Unknown.
        """
        with self._lock:
            self._rate(rate)
            if self.free(room, arrival, departure) < 1:
                raise Full(f"no {room} from {arrival} to {departure}")
            given = self.named(self._next)
            self._next += 1
            id, code = id or given[0], code or given[1]
            if id in self._kept:
                raise ValueError(f"there is a reservation {id}")
            kept = Kept(
                id=id,
                code=code,
                reference=reference,
                room=room,
                rate=rate,
                arrival=arrival,
                departure=departure,
                adults=adults,
                children=children,
                first_name=first_name,
                last_name=last_name,
                email=email,
                phone=phone,
                state="booked",
                night_cents=tuple(night_cents or self.night_cents(room, rate, arrival, departure)),
                booked_at=self.now(),
                notes=tuple(notes),
            )
            self._keep("book", kept)
            return kept

    def change(
        self,
        id: str,
        *,
        room: str | None = None,
        rate: str | None = None,
        arrival: date | None = None,
        departure: date | None = None,
        adults: int | None = None,
        children: int | None = None,
        night_cents: Sequence[int] | None = None,
    ) -> Kept:
        """The reservation with what is given instead, every night at the price of now or at that of `night_cents`.

        Its own room is free for it. Raises Full and Unknown.
        """
        with self._lock:
            before = self._find(id)
            after = replace(
                before,
                room=room or before.room,
                rate=rate or before.rate,
                arrival=arrival or before.arrival,
                departure=departure or before.departure,
                adults=before.adults if adults is None else adults,
                children=before.children if children is None else children,
            )
            if self.free(after.room, after.arrival, after.departure, without=id) < 1:
                raise Full(f"no {after.room} from {after.arrival} to {after.departure}")
            nights = night_cents or self.night_cents(after.room, after.rate, after.arrival, after.departure)
            after = replace(after, night_cents=tuple(nights))
            self._keep("change", after)
            return after

    def cancel(self, id: str, *, fee_cents: int | None = None) -> Kept:
        """The reservation, cancelled at the fee of now or at that given. Raises Unknown."""
        with self._lock:
            before = self._find(id)
            fee = self.cancellation_fee_cents(before) if fee_cents is None else fee_cents
            after = replace(before, state="cancelled", fee_cents=fee)
            self._keep("cancel", after)
            return after

    def note(self, id: str, text: str) -> Kept:
        """The reservation with one line more for the staff. Raises Unknown."""
        with self._lock:
            before = self._find(id)
            after = replace(before, notes=(*before.notes, text))
            self._keep("note", after)
            return after

    # What a test turns.

    def set_price(self, room: str, night_cents: int, *, night: date | None = None) -> None:
        """What the room costs from now on, every night or that one, before the rate's percentage."""
        with self._lock:
            self._prices[self._room(room).code, night] = night_cents

    def fill(self, room: str, *, night: date | None = None) -> None:
        """Others have taken every such room, for all nights or that one."""
        with self._lock:
            self._closed.add((self._room(room).code, night))

    def reopen(self, room: str) -> None:
        """What `fill` took is free again."""
        with self._lock:
            self._closed = {closed for closed in self._closed if closed[0] != room}

    def set_state(self, id: str, state: State) -> Kept:
        """As the hotel's own staff would: checked in, checked out, cancelled. Raises Unknown."""
        with self._lock:
            self._kept[id] = replace(self._find(id), state=state)
            return self._kept[id]

    def _keep(self, deed: Deed, kept: Kept) -> None:
        self._kept[kept.id] = kept
        self.deeds.append((deed, kept.id))

    def _free(self, room: RoomKind, night: date, without: str | None) -> int:
        if {(room.code, None), (room.code, night)} & self._closed:
            return 0
        taken = sum(
            kept.room == room.code and kept.takes_a_room and kept.arrival <= night < kept.departure
            for kept in self._kept.values()
            if kept.id != without
        )
        return max(0, room.count - taken)

    def _price(self, room: RoomKind, night: date) -> int:
        every = self._prices.get((room.code, None), room.night_cents)
        return self._prices.get((room.code, night), every)

    def _room(self, code: str) -> RoomKind:
        if code not in self.rooms:
            raise Unknown(f"no room {code}")
        return self.rooms[code]

    def _rate(self, code: str) -> RatePlanKind:
        if code not in self.rates:
            raise Unknown(f"no rate {code}")
        return self.rates[code]

    def _find(self, id: str) -> Kept:
        if id not in self._kept:
            raise Unknown(f"no reservation {id}")
        return self._kept[id]


def _nights(arrival: date, departure: date) -> list[date]:
    return [arrival + timedelta(days=day) for day in range((departure - arrival).days)]
