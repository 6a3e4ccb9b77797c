"""A wish that somebody sent and did not live to settle is looked up, and sent again only where that is safe."""

from __future__ import annotations

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, SoldOut, StaleEpoch, Unreachable
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.domain.wish import WishState
from tests.desk import CALL, Desk, eur

pytestmark = pytest.mark.unit


def test_a_wish_whose_sender_died_is_looked_up(desk: Desk) -> None:
    """What the system has booked for an agent that did not live to tell is booked."""
    wish = desk.double()
    desk.book(wish)
    desk.sent(wish)

    assert desk.book(wish).code == "CODE1"
    assert desk.system.writes == 1


def test_a_wish_whose_sender_died_is_not_sent_blindly(desk: Desk) -> None:
    """Where our reference is not known again, what is not found is in doubt: it may still be on its way."""
    wish = desk.double()
    desk.sent(wish)

    with pytest.raises(InDoubt):
        desk.book(wish)

    assert not desk.system.writes
    assert len(desk.calls.follow_ups) == 1


def test_a_wish_whose_sender_died_is_sent_again_where_that_is_safe(safe: Desk) -> None:
    """A system that knows our reference again may be sent the same once more."""
    wish = safe.double()
    safe.sent(wish)

    assert safe.book(wish).code == "CODE1"

    assert safe.wish(wish).attempts == 2
    assert not safe.calls.follow_ups


def test_what_cannot_be_looked_up_is_not_sent_again(safe: Desk) -> None:
    """Before anything is sent again the system must have been asked."""
    wish = safe.double()
    safe.sent(wish)
    safe.system.blind = [Unreachable("silent"), Unreachable("silent")]

    with pytest.raises(InDoubt):
        safe.book(wish)

    assert not safe.system.writes


def test_an_agent_that_lost_its_call_sends_nothing_again(safe: Desk) -> None:
    """Sending again needs the lease as sending does."""
    wish = safe.double()
    safe.sent(wish)
    look = safe.system.find

    def lost_meanwhile(order: object) -> object:
        safe.leases.let_go(CALL)
        return look(order)  # type: ignore[arg-type]

    safe.system.find = lost_meanwhile  # type: ignore[assignment,method-assign]

    with pytest.raises(StaleEpoch):
        safe.book(wish)

    assert not safe.system.writes


def test_a_repetition_that_reaches_nobody_is_a_doubt(safe: Desk) -> None:
    """That the second try was not sent says nothing of the first: the guest hears that, not that nothing was done."""
    wish = safe.double()
    safe.sent(wish)
    safe.system.failures = [Unreachable("no connection", vendor_code="ConnectError")]

    with pytest.raises(InDoubt) as raised:
        safe.book(wish)

    assert raised.value.vendor_code == "ConnectError"
    assert safe.state_of(wish) is WishState.IN_DOUBT
    assert list(safe.calls.follow_ups) == [f"doubt:{wish.id}"]


def test_a_repetition_that_is_refused_is_looked_up_once_more(safe: Desk) -> None:
    """When the first try took the last room, the second hears "sold out" and finds the first."""
    wish = safe.double()
    safe.sent(wish)
    writes = safe.system.book

    def first_arrives_late(order: object) -> object:
        writes(order)  # type: ignore[arg-type]
        raise SoldOut("the last room is gone")

    safe.system.book = first_arrives_late  # type: ignore[assignment,method-assign]

    assert safe.book(wish).code == "CODE1"


@pytest.mark.parametrize("total", [25800, 30000])
def test_what_the_hotel_cancelled_since_is_not_told_as_booked(desk: Desk, total: int) -> None:
    """A booking that is found cancelled is none, whatever it cost."""
    wish = desk.double()
    desk.book(wish)
    desk.sent(wish)
    cancelled = {"state": ReservationState.CANCELLED, "total": eur(total)}
    desk.system.reservations = {
        code: stay.model_copy(update=cancelled) for code, stay in desk.system.reservations.items()
    }

    for _ in range(2):
        with pytest.raises(NotPossible):
            desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
