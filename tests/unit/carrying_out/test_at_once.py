"""Several agents at one wish: one sends it, the others wait, and whoever comes late settles what is so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.shared.bookings.carrying_out import BUSY_FOR
from lambdas.shared.domain.errors import BellhopError, InDoubt, Refused, SoldOut, StaleEpoch, Unreachable
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.wish_store import Moved
from tests.desk import CALL, STAY, Desk

pytestmark = pytest.mark.unit


def test_an_agent_that_lost_its_call_sends_nothing(desk: Desk) -> None:
    """A wish is not taken up for a lease that is over, also when it is lost at the last moment."""
    wish = desk.double()
    asked_price = desk.system.offers

    def lost_meanwhile(*arguments: object) -> object:
        desk.leases.let_go(CALL)
        return asked_price(*arguments)  # type: ignore[arg-type]

    desk.system.offers = lost_meanwhile  # type: ignore[assignment,method-assign]

    with pytest.raises(StaleEpoch):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.PLANNED
    assert not desk.system.writes


def test_what_was_done_is_settled_by_an_agent_that_lost_its_call(desk: Desk) -> None:
    """Once sent, what the system has done is so, whoever holds the call."""
    wish = desk.double()
    desk.system.while_writing = [lambda: desk.leases.let_go(CALL)]

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED


@pytest.mark.parametrize("rooms", [1, 2])
def test_who_meets_a_wish_being_carried_out_waits_for_it(desk: Desk, rooms: int) -> None:
    """An agent that asks while another is at it answers what the other has done."""
    wish = desk.double()
    sent = desk.sent(wish, seconds_ago=1)

    def other_is_done() -> None:
        booked = desk.system.walk_in("Anna Meier", stay=STAY)
        desk.wishes.move(sent, sent.moved(WishState.BOOKED, code=booked.code))

    desk.slept = [lambda: None, lambda: None, other_is_done]

    assert desk.book(wish, rooms=rooms).code == "DESK1"
    assert not desk.system.writes


def test_who_waited_too_long_looks_and_then_tells_the_doubt(desk: Desk) -> None:
    """After twelve seconds the guest hears that it is not certain, before the agent gives up by itself."""
    wish = desk.double()
    desk.sent(wish, seconds_ago=0)
    begun = desk.now

    with pytest.raises(InDoubt):
        desk.book(wish)

    assert timedelta(seconds=11.9) < desk.now - begun < BUSY_FOR
    assert desk.state_of(wish) is WishState.IN_DOUBT
    assert len(desk.calls.follow_ups) == 1


def test_an_answer_that_comes_after_others_gave_up_still_counts(desk: Desk) -> None:
    """A slow write that succeeds settles what others have put in doubt meanwhile, and the front desk sees it."""
    wish = desk.double()
    desk.system.hidden = True
    desk.system.while_writing = [lambda: gives_up(desk, wish)]

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "booked"


def gives_up(desk: Desk, wish: Wish) -> None:
    with pytest.raises(InDoubt):
        desk.book(wish)


@pytest.mark.parametrize("failure", [SoldOut("gone"), Unreachable("nothing was sent")])
def test_a_refusal_that_comes_after_others_gave_up_still_counts(desk: Desk, failure: BellhopError) -> None:
    """The only attempt knows that nothing was done; the doubt others had is over."""
    wish = desk.double()
    writes = desk.system.book

    def slow(order: object) -> object:
        gives_up(desk, wish)
        return writes(order)  # type: ignore[arg-type]

    desk.system.book = slow  # type: ignore[assignment,method-assign]
    desk.system.failures = [failure]

    with pytest.raises(type(failure)):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "not_booked"


def test_an_answer_after_all_was_given_up_goes_to_the_front_desk(desk: Desk) -> None:
    """When a system books what the guest was told is not booked, somebody hears of it."""
    wish = desk.double()
    desk.system.while_writing = [lambda: refuse(desk, wish)]

    with pytest.raises(Refused):
        desk.book(wish)

    assert desk.calls.follow_ups[f"stray:{wish.id}"]["message"] == (
        "Reservation CODE1 was booked after the guest had been told that it was not: double room, 4 December 2026 to "
        "6 December 2026, 2 adults, for 258.00 EUR. Please ask the guest whether it shall stay so."
    )


def refuse(desk: Desk, wish: Wish) -> None:
    kept = desk.wish(wish)
    desk.wishes.move(kept, kept.moved(WishState.REFUSED, reason="not_done"))


def test_a_wish_somebody_else_just_moved_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that loses the race for its own wish answers with the reservation the other one made."""
    wish = desk.double()
    send = desk.wishes.send
    rivals: list[Callable[[], object]] = [lambda: desk.book(wish)]

    def rival_first(*arguments: Wish, **keywords: object) -> None:
        if rivals:
            rivals.pop()()
        send(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.wishes, "send", rival_first)

    assert desk.book(wish).code == "CODE1"
    assert len(desk.system.booked) == 1


def test_a_wish_that_others_keep_moving_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After eight lost races the agent is told to ask again; nothing was sent."""
    wish = desk.double()

    def lost(*_: object, **__: object) -> None:
        raise Moved("lost the race")

    monkeypatch.setattr(desk.wishes, "send", lost)

    with pytest.raises(Unreachable):
        desk.book(wish)

    assert not desk.system.writes


def test_waiting_ends_however_often_others_take_the_wish_up(safe: Desk) -> None:
    """One who takes over from a sender that died is not waited for another twelve seconds."""
    wish = safe.double()
    sent = safe.sent(wish, seconds_ago=BUSY_FOR.total_seconds() - 11)

    def another_takes_over() -> None:
        if safe.wish(wish).attempts == 1 and not safe.wish(wish).is_busy(safe.now):
            safe.wishes.send(sent, sent.taken_up(safe.now + BUSY_FOR), epoch=1)

    safe.slept = [another_takes_over] * 200
    begun = safe.now

    with pytest.raises(InDoubt):
        safe.book(wish)

    assert safe.now - begun < timedelta(seconds=13)
