"""What may have been done is looked up, else told as a doubt: to the guest and to the front desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from botocore.exceptions import ClientError

from lambdas.shared.domain.errors import InDoubt, Unreachable, Unrecorded
from lambdas.shared.domain.wish import WishState
from tests.desk import NUMBER, Desk

pytestmark = pytest.mark.unit


def test_an_answer_that_got_lost_is_looked_up_at_once(desk: Desk) -> None:
    """A system that booked and did not answer is asked, and the guest hears that it is booked."""
    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], True

    assert desk.book(desk.double()).code == "CODE1"

    assert desk.system.writes == 1
    assert not desk.calls.follow_ups


@pytest.mark.parametrize("blind", [[], [Unreachable("silent")], [ValueError("odd answer")]])
def test_what_cannot_be_found_is_in_doubt_and_the_front_desk_knows(desk: Desk, blind: list[Exception]) -> None:
    """The guest hears the doubt; one follow-up says what to look for and whom to call."""
    wish = desk.double()
    desk.system.failures, desk.system.blind = [InDoubt("no answer", vendor_code="ReadTimeout")], blind

    with pytest.raises(InDoubt) as raised:
        desk.book(wish)

    assert raised.value.vendor_code == "ReadTimeout"
    assert desk.state_of(wish) is WishState.IN_DOUBT
    (follow_up,) = desk.calls.follow_ups.values()
    assert (follow_up["id"], follow_up["kind"], follow_up["callback"]) == (f"doubt:{wish.id}", "callback", NUMBER)
    assert follow_up["message"] == (
        "The booking system did not say whether it has booked double room, 4 December 2026 to 6 December 2026, "
        f"2 adults, for 258.00 EUR. Please look for a reservation with our reference {wish.id}. "
        "The guest was told that it is not certain and that somebody will find out."
    )


def test_a_fault_of_ours_in_the_middle_of_a_write_is_a_doubt(desk: Desk) -> None:
    """Whatever goes wrong once a write was begun, it is told to somebody and not repeated."""
    wish = desk.double()
    desk.system.failures = [KeyError("odd answer")]

    with pytest.raises(InDoubt) as raised:
        desk.book(wish)

    assert raised.value.vendor_code == "KeyError"
    assert desk.state_of(wish) is WishState.IN_DOUBT
    assert len(desk.calls.follow_ups) == 1


def test_a_doubt_is_never_sent_again_but_may_be_solved(desk: Desk) -> None:
    """A wish in doubt is only looked up; once the system shows it, it is booked, and the front desk sees that."""
    wish = desk.double()
    desk.system.failures, desk.system.acts_though_failing, desk.system.hidden = [InDoubt("who knows")], True, True
    for _ in range(3):
        with pytest.raises(InDoubt):
            desk.book(wish)
    assert desk.system.writes == 1
    assert len(desk.calls.follow_ups) == 1

    desk.system.hidden = False

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "booked"
    assert not desk.wishes.waiting


def test_a_doubt_stays_one_while_the_system_is_silent(desk: Desk) -> None:
    """Who asks again while the system cannot be asked hears of the doubt, not that nothing could be done."""
    wish = desk.double()
    desk.system.failures = [InDoubt("who knows")]
    with pytest.raises(InDoubt):
        desk.book(wish)
    desk.system.blind = [Unreachable("silent")]

    with pytest.raises(InDoubt):
        desk.book(wish)


@pytest.mark.parametrize("failure", [None, InDoubt("no answer")])
@pytest.mark.parametrize(
    "away", [Unreachable("a transaction: ReadTimeoutError"), ClientError({}, "TransactWriteItems")]
)
def test_what_was_sent_and_cannot_be_written_down_is_not_told_as_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, away: Exception
) -> None:
    """Who asks for a stay that may be booked hears of a lost answer, not that nothing was done."""
    wish = desk.double()
    desk.system.failures = [failure] if failure else []
    monkeypatch.setattr(desk.wishes, "move", _table_is_away(away))

    with pytest.raises(Unrecorded):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.SENT
    assert wish.id in desk.wishes.waiting


def test_what_is_being_sent_and_cannot_be_read_is_not_told_as_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for another and loses the table does not say that nothing was done."""
    wish = desk.double()
    desk.sent(wish, seconds_ago=1)
    desk.slept = [lambda: monkeypatch.setattr(desk.wishes, "get", _table_is_away())]

    with pytest.raises(Unrecorded):
        desk.book(wish)


def _table_is_away(fault: Exception = Unreachable("items of the calls")) -> Callable[..., NoReturn]:  # noqa: B008
    def fail(*_: object, **__: object) -> NoReturn:
        raise fault

    return fail
