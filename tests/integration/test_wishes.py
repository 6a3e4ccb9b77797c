"""A wish moves once, for the agent that holds the call, together with the event that reports it."""

from collections.abc import Callable

import pytest

from lambdas.shared.domain.call import Call, Kind, Source
from lambdas.shared.domain.errors import NotFound, Refused, StaleEpoch
from lambdas.shared.domain.stay import Guest
from lambdas.shared.domain.wish import Wish, WishState
from tests.integration.stores import Tables
from tests.reports import CALL_ID, report
from tests.unit.test_wish import WISH

pytestmark = pytest.mark.integration

SENT = WISH.moved(WishState.SENT, guest=Guest(name="Anna Schmidt"))
BOOKED = SENT.moved(WishState.BOOKED, code="AUR1")
REPORT = report(Source.PMS, Kind.STAY_BOOKED, after=30, code="AUR1")
RANG = report(Source.LIVEKIT, Kind.ROOM_STARTED)


@pytest.fixture
def held(tables: Tables) -> Tables:
    """A wish that is held, in a call that is held under epoch 1."""
    tables.leases.take(CALL_ID, "one")
    tables.wishes.hold(WISH)
    return tables


def test_a_wish_comes_back_as_it_was_held(held: Tables) -> None:
    """Price, stay and expiry are what was offered."""
    assert held.wishes.get(CALL_ID, WISH.id) == WISH
    assert held.wishes.of_call(CALL_ID) == [WISH]


@pytest.mark.parametrize("call_id", [CALL_ID, "call_+493023125001_other"])
def test_a_wish_belongs_to_its_call(held: Tables, call_id: str) -> None:
    """Another wish of the call, or this wish in another call, is not found."""
    with pytest.raises(NotFound):
        held.wishes.get(call_id, WISH.id if call_id != CALL_ID else "00000000")


def test_a_wish_that_is_held_again_keeps_its_state(held: Tables) -> None:
    """Holding an offer twice does not undo what became of it."""
    held.wishes.move(WISH, SENT, epoch=1)

    held.wishes.hold(WISH)

    assert held.wishes.get(CALL_ID, WISH.id) == SENT


def test_a_booking_and_its_event_are_one_write(held: Tables) -> None:
    """Whoever sees the wish booked sees the call booked."""
    held.wishes.move(WISH, SENT, epoch=1)

    held.wishes.move(SENT, BOOKED, epoch=1, event=REPORT)

    assert held.wishes.get(CALL_ID, WISH.id) == BOOKED
    assert held.calls.call(CALL_ID) == Call.of([REPORT])


def test_an_agent_that_lost_the_call_moves_nothing(held: Tables) -> None:
    """With a stale epoch neither the wish moves nor the event is stored."""
    held.clock.forward(61)
    held.leases.take(CALL_ID, "two")

    with pytest.raises(StaleEpoch):
        held.wishes.move(WISH, SENT, epoch=1, event=REPORT)

    assert held.wishes.get(CALL_ID, WISH.id) == WISH
    with pytest.raises(NotFound):
        held.calls.call(CALL_ID)


def test_a_wish_that_moved_meanwhile_is_refused(held: Tables) -> None:
    """Of two who move the same wish one succeeds; the other changes nothing."""
    held.wishes.move(WISH, SENT, epoch=1)

    with pytest.raises(Refused):
        held.wishes.move(WISH, WISH.moved(WishState.REFUSED, reason="sold_out"), epoch=1, event=REPORT)

    assert held.wishes.get(CALL_ID, WISH.id) == SENT
    assert set(held.stored(CALL_ID)) == {f"WISH#{WISH.id}"}


def test_nobody_moves_a_wish_in_a_call_that_nobody_holds(tables: Tables) -> None:
    """Epoch 0 is an agent without a lease, also before anybody had one."""
    tables.wishes.hold(WISH)

    with pytest.raises(StaleEpoch):
        tables.wishes.move(WISH, SENT, epoch=0)


def test_an_agent_that_lost_the_call_hears_that_first(held: Tables) -> None:
    """With a stale epoch it does not matter what has become of the wish."""
    held.wishes.move(WISH, SENT, epoch=1)

    with pytest.raises(StaleEpoch):
        held.wishes.move(WISH, SENT, epoch=2)


def test_events_that_come_meanwhile_do_not_stop_a_booking(held: Tables) -> None:
    """The booking is written again on top of them, and all of them count."""
    held.wishes.move(WISH, SENT, epoch=1)
    held.interrupted.others = [lambda: held.other_calls.apply(RANG)]

    held.wishes.move(SENT, BOOKED, epoch=1, event=REPORT)

    assert held.calls.call(CALL_ID) == Call.of([RANG, REPORT])


@pytest.mark.parametrize(
    ("meanwhile", "error"),
    [
        (lambda tables: tables.other_wishes.move(SENT, BOOKED, epoch=1, event=REPORT), Refused),
        (lambda tables: (tables.clock.forward(61), tables.leases.take(CALL_ID, "two")), StaleEpoch),
    ],
)
def test_what_changes_between_reading_and_writing_is_noticed(
    held: Tables, meanwhile: Callable[[Tables], object], error: type[Refused]
) -> None:
    """A wish that somebody else settles, or a call that somebody else takes over, stops the write at the last."""
    held.wishes.move(WISH, SENT, epoch=1)
    held.interrupted.others = [lambda: meanwhile(held)]
    doubted: Wish = SENT.moved(WishState.IN_DOUBT, reason="in_doubt")

    with pytest.raises(error):
        held.wishes.move(SENT, doubted, epoch=1, event=RANG)

    assert held.wishes.get(CALL_ID, WISH.id) != doubted
    assert f"EVENT#livekit#{RANG.id}" not in held.stored(CALL_ID)
