"""A wish becomes one reservation or none, whatever is repeated, lost or late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from lambdas.pms.service import HELD_FOR, Bookings
from lambdas.shared.domain.call import Event, Kind, Outcome, Source
from lambdas.shared.domain.errors import (
    ArrivalPast,
    BellhopError,
    CallOver,
    InDoubt,
    NotFound,
    OfferExpired,
    Refused,
    SoldOut,
    StaleEpoch,
    TooManyGuests,
    Unreachable,
)
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Guest, Reservation, Stay
from lambdas.shared.domain.wish import Wish, WishState
from tests.memory import MemoryCalls, MemoryLeases, MemoryWishes, ScriptedPms

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
CALL = "call_+493023125001_aB3dE5gH7jK9"
OTHER_CALL = "call_+493023125001_zZ3dE5gH7jK9"
NOW = datetime(2026, 11, 24, 22, 30, tzinfo=UTC)
STAY = Stay(arrival=date(2026, 12, 4), departure=date(2026, 12, 6), adults=2)
ANNA = Guest(name="Anna Meier")


class Desk:
    """Bookings on memory, with the call already going."""

    def __init__(self) -> None:
        self.now = NOW
        self.calls = MemoryCalls(HOTELS)
        self.leases = MemoryLeases()
        self.wishes = MemoryWishes(self.calls, self.leases)
        self.system = ScriptedPms(HOTELS.by_name["aurora"])
        ids = iter(range(1000, 9999))
        self.bookings = Bookings(
            hotels=HOTELS,
            calls=self.calls,
            leases=self.leases,
            wishes=self.wishes,
            pms={"aurora": self.system},
            now=lambda: self.now,
            new_id=lambda: f"wish{next(ids)}",
        )
        for call_id in (CALL, OTHER_CALL):
            self.leases.take(call_id, "w1")
            self.tell(Kind.ANSWERED, call_id)

    def tell(self, kind: Kind, call_id: str = CALL) -> None:
        self.calls.apply(Event(call_id=call_id, source=Source.AGENT, id=kind, kind=kind, at=NOW, epoch=1, seq=1))

    def offers(self, stay: Stay = STAY, room_type: str | None = None) -> list[Wish]:
        return self.bookings.offers("aurora", CALL, stay, room_type, 1)

    def double(self) -> Wish:
        return next(wish for wish in self.offers() if wish.offer.room_type == "double")

    def book(self, wish: Wish, guest: Guest = ANNA, *, rooms: int = 1, epoch: int = 1) -> Reservation:
        return self.bookings.book("aurora", wish.call_id, wish.id, guest, rooms=rooms, epoch=epoch)

    def state_of(self, wish: Wish) -> WishState:
        return self.wishes.get(wish.call_id, wish.id).state


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_offers_are_held_with_their_totals(desk: Desk) -> None:
    """Every room that sleeps the party is offered at its total, the cheapest first, and held for 15 minutes."""
    held = desk.offers()

    assert [(wish.offer.room, str(wish.offer.total)) for wish in held] == [
        ("double room", "258.00 EUR"),
        ("suite", "438.00 EUR"),
    ]
    assert {wish.expires_at for wish in held} == {NOW + HELD_FOR}
    assert desk.wishes.of_call(CALL) == held


def test_a_day_is_in_the_past_by_the_hotels_clock(desk: Desk) -> None:
    """At half past eleven at night in Berlin today can still be booked, an hour later it cannot."""
    tonight = Stay(arrival=date(2026, 11, 24), departure=date(2026, 11, 25))
    assert desk.offers(tonight)

    desk.now += timedelta(hours=1)

    with pytest.raises(ArrivalPast):
        desk.offers(tonight)


@pytest.mark.parametrize(
    ("stay", "room_type", "error"),
    [
        (STAY.model_copy(update={"adults": 5}), None, TooManyGuests),
        (STAY.model_copy(update={"children": 1}), "double", TooManyGuests),
        (STAY, "penthouse", NotFound),
    ],
)
def test_what_cannot_be_slept_in_is_refused(
    desk: Desk, stay: Stay, room_type: str | None, error: type[BellhopError]
) -> None:
    """A party that does not fit, or a room the hotel has not, is told apart from a hotel that is full."""
    with pytest.raises(error):
        desk.offers(stay, room_type)


def test_a_wish_becomes_a_reservation(desk: Desk) -> None:
    """Booking settles the wish, and the call's outcome is a booking."""
    wish = desk.double()

    booked = desk.book(wish)

    assert (booked.code, booked.guest, str(booked.total)) == ("CODE1", ANNA, "258.00 EUR")
    assert desk.state_of(wish) is WishState.BOOKED
    desk.tell(Kind.ENDED)
    assert desk.calls.call(CALL).outcome is Outcome.BOOKED
    assert desk.calls.call(CALL).stays == ("CODE1",)


def test_the_same_wish_again_is_the_same_reservation(desk: Desk) -> None:
    """A retry answers what was booked."""
    wish = desk.double()

    assert desk.book(wish) == desk.book(wish)
    assert len(desk.system.booked) == 1


def test_an_answer_that_got_lost_is_looked_up(desk: Desk) -> None:
    """A hotel's system that booked and did not answer is asked, not told again."""
    wish = desk.double()
    desk.system.failures, desk.system.books_though_failing = [Unreachable("no answer")], True
    with pytest.raises(Unreachable):
        desk.book(wish)
    assert desk.state_of(wish) is WishState.SENT

    booked = desk.book(wish)

    assert booked.code == "CODE1"
    assert len(desk.system.booked) == 1


def test_a_wish_that_never_arrived_is_sent_again(desk: Desk) -> None:
    """When the hotel's system knows nothing of a wish, it is sent once more."""
    wish = desk.double()
    desk.system.failures = [Unreachable("no answer")]
    with pytest.raises(Unreachable):
        desk.book(wish)

    assert desk.book(wish).code == "CODE1"


def test_a_doubt_is_never_repeated_but_may_be_solved(desk: Desk) -> None:
    """A wish in doubt is only looked up; once the hotel's system shows it, it is booked."""
    wish = desk.double()
    desk.system.failures = [InDoubt("who knows"), AssertionError("must not be sent again")]
    for _ in range(2):
        with pytest.raises(InDoubt):
            desk.book(wish)
    assert desk.state_of(wish) is WishState.IN_DOUBT

    desk.system.failures.clear()
    desk.system.book(wish.id, wish.offer, ANNA)

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED


def test_a_room_that_went_to_somebody_else_is_refused_for_good(desk: Desk) -> None:
    """Sold out is sold out, also when it is asked again."""
    wish = desk.double()
    desk.system.failures = [SoldOut("gone")]

    for _ in range(2):
        with pytest.raises(SoldOut):
            desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert not desk.system.booked


def test_an_offer_is_not_held_for_ever(desk: Desk) -> None:
    """After 15 minutes the price no longer holds."""
    wish = desk.double()
    desk.now += HELD_FOR

    for _ in range(2):
        with pytest.raises(OfferExpired):
            desk.book(wish)

    assert not desk.system.booked


def test_a_second_wish_for_the_same_is_the_first_reservation(desk: Desk) -> None:
    """A model that books twice has booked once, however it writes the name."""
    first = desk.book(desk.double())

    second = desk.book(desk.double(), Guest(name="anna  MEIER"))

    assert second == first
    assert len(desk.system.booked) == 1


def test_a_guest_may_want_more_rooms(desk: Desk) -> None:
    """Said to be wanted, a second room of the same kind is booked, and no third."""
    codes = [desk.book(desk.double(), rooms=2).code for _ in range(3)]

    assert codes == ["CODE1", "CODE2", "CODE1"]


@pytest.mark.parametrize("change", ["guest", "stay", "room"])
def test_another_wish_is_another_reservation(desk: Desk, change: str) -> None:
    """Another guest, other nights or another room are booked beside the first."""
    later = STAY.model_copy(update={"departure": date(2026, 12, 7)})
    wish = {"guest": desk.double(), "stay": desk.offers(later)[0], "room": desk.offers()[-1]}[change]
    desk.book(desk.double())

    desk.book(wish, Guest(name="Bert Brecht") if change == "guest" else ANNA)

    assert len(desk.system.booked) == 2


def test_the_answer_lost_for_one_wish_counts_for_the_next(desk: Desk) -> None:
    """An agent that asks for offers anew after a lost answer finds what was booked."""
    desk.system.failures, desk.system.books_though_failing = [Unreachable("no answer")], True
    lost = desk.double()
    with pytest.raises(Unreachable):
        desk.book(lost)

    assert desk.book(desk.double()).reference == lost.id
    assert len(desk.system.booked) == 1


def test_a_wish_that_never_arrived_goes_before_the_next(desk: Desk) -> None:
    """What was sent may still arrive, so it is sent again under its own name instead of a second one beside it."""
    desk.system.failures = [Unreachable("no answer")]
    lost = desk.double()
    with pytest.raises(Unreachable):
        desk.book(lost)

    assert desk.book(desk.double()).reference == lost.id
    assert list(desk.system.booked) == [lost.id]


def test_a_doubt_stands_in_the_way_of_the_same_booking(desk: Desk) -> None:
    """While it is not known whether a stay was booked, the same is not booked by a new wish; another stay is."""
    desk.system.failures = [InDoubt("who knows")]
    with pytest.raises(InDoubt):
        desk.book(desk.double())

    with pytest.raises(InDoubt):
        desk.book(desk.double())
    assert not desk.system.booked

    assert desk.book(desk.offers()[-1]).room == "suite"


def test_an_earlier_wish_that_finds_the_hotel_full_does_not_hinder_the_next(desk: Desk) -> None:
    """A lost wish that turns out to be refused is no reservation, and the new wish is tried."""
    desk.system.failures = [Unreachable("no answer"), SoldOut("gone")]
    lost = desk.double()
    with pytest.raises(Unreachable):
        desk.book(lost)

    wish = desk.double()

    assert desk.book(wish).reference == wish.id
    assert desk.state_of(lost) is WishState.REFUSED


def test_an_agent_that_lost_its_call_books_nothing(desk: Desk) -> None:
    """Neither offers nor bookings are made for a lease that is over."""
    wish = desk.double()
    desk.leases.let_go(CALL)

    with pytest.raises(StaleEpoch):
        desk.book(wish)
    with pytest.raises(StaleEpoch):
        desk.offers()
    assert not desk.system.booked


def test_a_call_that_is_over_books_nothing(desk: Desk) -> None:
    """Once a call has ended nothing more is done for it."""
    wish = desk.double()
    desk.tell(Kind.ENDED)

    with pytest.raises(CallOver):
        desk.book(wish)
    with pytest.raises(CallOver):
        desk.offers()


def test_a_wish_belongs_to_its_call(desk: Desk) -> None:
    """A wish of one call cannot be carried out by another."""
    wish = desk.double()

    with pytest.raises(NotFound):
        desk.book(replace_call(wish, OTHER_CALL))


@pytest.mark.parametrize(
    ("hotel", "call_id"),
    [
        ("borealis", CALL),
        ("aurora", "call_+493023125001_neverseen"),
        ("aurora", "call_+493023125099_aB3dE5gH7jK9"),
    ],
)
def test_a_call_acts_at_its_own_hotel_only(desk: Desk, hotel: str, call_id: str) -> None:
    """An unknown hotel, an unknown call and a call of another hotel are not found."""
    if call_id.startswith("call_+493023125099"):
        desk.tell(Kind.ANSWERED, call_id)

    with pytest.raises(NotFound):
        desk.bookings.offers(hotel, call_id, STAY, None, 1)


def test_a_wish_somebody_else_just_carried_out_is_theirs_too(desk: Desk) -> None:
    """An agent that loses the race for its own wish answers with the reservation the other one made."""
    wish = desk.double()
    rival = replace(desk.bookings)
    racing = RacingWishes(desk.wishes, lambda: rival.book("aurora", CALL, wish.id, ANNA, rooms=1, epoch=1))

    booked = replace(desk.bookings, wishes=racing).book("aurora", CALL, wish.id, ANNA, rooms=1, epoch=1)

    assert booked.code == "CODE1"
    assert len(desk.system.booked) == 1


class RacingWishes(MemoryWishes):
    """Lets a rival go first, once, just before a wish is moved."""

    def __init__(self, wishes: MemoryWishes, rival: Callable[[], object]) -> None:
        super().__init__(wishes.calls, wishes.leases, wishes.kept)
        self._rivals = [rival]

    def move(self, before: Wish, after: Wish, *, epoch: int, event: Event | None = None) -> None:
        if self._rivals:
            self._rivals.pop()()
        super().move(before, after, epoch=epoch, event=event)


def test_a_refused_wish_says_so_again(desk: Desk) -> None:
    """A wish refused for a reason nobody knows any more is refused still."""
    wish = desk.double()
    desk.wishes.kept[CALL, wish.id] = wish.moved(WishState.REFUSED)

    with pytest.raises(Refused):
        desk.book(wish)


def replace_call(wish: Wish, call_id: str) -> Wish:
    return wish.model_copy(update={"call_id": call_id})
