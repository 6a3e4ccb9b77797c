"""A wish changes or cancels a reservation once, at the price or the fee that was said."""

from __future__ import annotations

import pytest

from lambdas.shared.bookings.carrying_out import NewPrice
from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.errors import InDoubt, NotFound, NotPossible
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.domain.wish import WishKind, WishState
from tests.desk import LATER, STAY, Desk, eur

pytestmark = pytest.mark.unit


def test_a_reservation_is_changed(desk: Desk) -> None:
    """The wish of a change makes the reservation what was offered, and the call's outcome is a change."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("change", code=booked.code, stay=LATER)

    changed = desk.carry_out(wish)

    assert (changed.kind, changed.outcome.code, changed.outcome.stay) == (WishKind.CHANGE, booked.code, LATER)
    assert str(changed.outcome.total) == "387.00 EUR"
    assert desk.system.reservations[booked.code].stay == LATER
    assert Kind.STAY_CHANGED in {event.kind for event in desk.calls.events.values()}


def test_a_change_whose_answer_got_lost_is_compared(desk: Desk) -> None:
    """The reservation itself shows whether a change was done."""
    booked = desk.book(desk.double())
    done, open_ = desk.ask("change", code=booked.code, stay=LATER), desk.ask("change", code=booked.code, stay=STAY)
    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], True
    assert desk.carry_out(done[0]).state is WishState.BOOKED

    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], False
    with pytest.raises(InDoubt):
        desk.carry_out(open_[0])

    assert desk.calls.follow_ups[f"doubt:{open_[0].id}"]["message"].startswith(
        "The booking system did not say whether it has changed reservation CODE1 to double room, 4 December"
    )


def test_a_reservation_is_cancelled_at_the_fee_that_was_said(desk: Desk) -> None:
    """The wish of a cancellation ends the reservation; a fee that changed meanwhile is offered first."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("cancel", code=booked.code)
    assert wish.fee == eur(0)
    desk.system.fee = eur(12900)

    with pytest.raises(NewPrice) as raised:
        desk.carry_out(wish)
    assert desk.system.booked
    cancelled = desk.carry_out(raised.value.wish)

    assert (cancelled.outcome.state, cancelled.fee) == (ReservationState.CANCELLED, eur(12900))
    assert not desk.system.booked
    desk.tell(Kind.ENDED)
    assert Kind.STAY_CANCELLED in {event.kind for event in desk.calls.events.values()}


def test_a_second_cancellation_is_the_first(desk: Desk) -> None:
    """A model that cancels twice has cancelled once."""
    booked = desk.book(desk.double())
    wishes = [desk.ask("cancel", code=booked.code)[0] for _ in range(2)]

    outcomes = [desk.carry_out(wish).outcome for wish in wishes]

    assert outcomes[0] == outcomes[1]
    assert desk.system.writes == 2


def test_a_cancellation_in_doubt_is_told_and_found_out(desk: Desk) -> None:
    """Whether a reservation is cancelled is seen by its state."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("cancel", code=booked.code)
    desk.system.failures = [InDoubt("no answer")]
    with pytest.raises(InDoubt):
        desk.carry_out(wish)
    assert "cancelled reservation CODE1 (double room" in desk.calls.follow_ups[f"doubt:{wish.id}"]["message"]

    desk.system.cancel(booked.code, eur(0))

    assert desk.carry_out(wish).outcome.state is ReservationState.CANCELLED


@pytest.mark.parametrize("kind", ["change", "cancel"])
def test_a_reservation_that_ended_meanwhile_is_left_alone(desk: Desk, kind: str) -> None:
    """What the hotel has cancelled or lost since the offer is neither changed nor cancelled."""
    booked = desk.book(desk.double())
    wanted = {"stay": LATER} if kind == "change" else {}
    wishes = [desk.ask(kind, code=booked.code, **wanted)[0] for _ in range(2)]
    writes = desk.system.writes
    desk.system.reservations[booked.code] = booked.model_copy(update={"state": ReservationState.CANCELLED})

    with pytest.raises(NotPossible):
        desk.carry_out(wishes[0])
    desk.system.reservations.clear()
    for _ in range(2):
        with pytest.raises(NotFound):
            desk.carry_out(wishes[1])

    assert desk.system.writes == writes
