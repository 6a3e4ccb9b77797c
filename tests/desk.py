"""A hotel's bookings on memory, with two calls going and a clock that is set."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from lambdas.pms.models import OffersRequest
from lambdas.pms.service import Bookings
from lambdas.shared.bookings.carrying_out import Asked
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Reservation, Stay
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.pms.system import NO_CONTACT
from lambdas.shared.wish_store import Unsettled
from tests.memory import MemoryCalls, MemoryDue, MemoryLeases, MemoryNotes, MemoryVerified, MemoryWishes
from tests.scripted_pms import ScriptedPms

HOTELS: Final = Hotels.load(Path(__file__).parents[1] / "hotels")
CALL: Final = "call_+493023125001_aB3dE5gH7jK9"
OTHER_CALL: Final = "call_+493023125001_zZ3dE5gH7jK9"
NOW: Final = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
STAY: Final = Stay(arrival=date(2026, 12, 4), departure=date(2026, 12, 6), adults=2)
LATER: Final = STAY.model_copy(update={"arrival": date(2026, 12, 5), "departure": date(2026, 12, 8)})
"""One of its nights is a night of the stay."""
ANNA: Final = Guest(name="Anna Meier")
NUMBER: Final = "+491713920055"


def eur(cents: int) -> Money:
    return Money(cents=cents, currency="EUR")


class Desk:
    """Bookings over memory; `slept` is what happens while somebody waits."""

    def __init__(self) -> None:
        self.now = NOW
        self.calls = MemoryCalls(HOTELS)
        self.leases = MemoryLeases()
        self.wishes = MemoryWishes(self.calls, self.leases)
        self.verified = MemoryVerified()
        self.due = MemoryDue(self.calls)
        self.notes = MemoryNotes(self.due)
        self.system = ScriptedPms(HOTELS.by_name["aurora"])
        self.slept: list[Callable[[], object]] = []
        ids = iter(range(1000, 9999))
        self.bookings = Bookings(
            hotels=HOTELS,
            calls=self.calls,
            leases=self.leases,
            wishes=self.wishes,
            verified=self.verified,
            notes=self.notes,
            pms={"aurora": self.system},
            now=lambda: self.now,
            new_id=lambda: f"wish{next(ids)}",
            sleep=self._sleep,
        )
        for call_id in (CALL, OTHER_CALL):
            self.leases.take(call_id, "w1")
            self.tell(Kind.ANSWERED, call_id)

    def tell(self, kind: Kind, call_id: str = CALL) -> None:
        self.calls.apply(Event(call_id=call_id, source=Source.AGENT, id=kind, kind=kind, at=NOW, epoch=1, seq=1))

    def offers(self, stay: Stay = STAY, room_type: str | None = None) -> list[Wish]:
        return self.ask(stay=stay, room_type=room_type)

    def ask(self, kind: Any = "book", **fields: Any) -> list[Wish]:
        return self.bookings.offers("aurora", CALL, OffersRequest(kind=kind, **fields), 1)

    def double(self) -> Wish:
        return next(wish for wish in self.offers() if wish.offer.room_type == "double")

    def book(
        self,
        wish: Wish,
        guest: Guest = ANNA,
        *,
        rooms: int = 1,
        epoch: int = 1,
        contact: Contact = NO_CONTACT,
        callback: str | None = NUMBER,
    ) -> Reservation:
        asked = Asked(epoch=epoch, guest=guest, rooms=rooms, contact=contact, callback=callback)
        return self.bookings.carry_out("aurora", wish.call_id, wish.id, WishKind.BOOK, asked).outcome

    def carry_out(self, wish: Wish) -> Wish:
        """A change or a cancellation."""
        return self.bookings.carry_out("aurora", wish.call_id, wish.id, wish.kind, Asked(epoch=1), wish.code)

    def wish(self, wish: Wish) -> Wish:
        """The wish as it is now."""
        return self.wishes.get(wish.call_id, wish.id)

    def state_of(self, wish: Wish) -> WishState:
        return self.wish(wish).state

    def sent(self, wish: Wish, *, seconds_ago: float = 60) -> Wish:
        """A wish that somebody took up that long ago, and of whom nothing was heard since."""
        at = self.now - timedelta(seconds=seconds_ago)
        guest = wish.guest or ANNA
        sent = wish.moved(WishState.SENT, guest=guest).taken_up(at + timedelta(seconds=15))
        self.wishes.kept[wish.call_id, wish.id] = sent
        self.wishes.waiting[wish.id] = Unsettled(
            wish_id=wish.id,
            call_id=wish.call_id,
            hotel=wish.hotel,
            sent_at=at,
            callback=NUMBER,
            guest_name=guest.name,
        )
        return sent

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        if self.slept:
            self.slept.pop(0)()
