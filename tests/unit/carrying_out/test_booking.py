"""A wish becomes one reservation or none, and whoever asks again hears what became of it."""

from __future__ import annotations

import pytest

from lambdas.shared.domain.call import Kind, Outcome
from lambdas.shared.domain.errors import BellhopError, NotFound, NotPossible, Refused, SoldOut, Unreachable
from lambdas.shared.domain.stay import Contact
from lambdas.shared.domain.wish import WishState
from tests.desk import ANNA, CALL, NUMBER, Desk

pytestmark = pytest.mark.unit


def test_a_wish_becomes_a_reservation(desk: Desk) -> None:
    """Booking settles the wish, and the call's outcome is a booking."""
    wish = desk.double()

    booked = desk.book(wish)

    assert (booked.code, booked.guest, str(booked.total)) == ("CODE1", ANNA, "258.00 EUR")
    assert desk.state_of(wish) is WishState.BOOKED
    assert not desk.wishes.waiting
    assert not desk.calls.follow_ups
    desk.tell(Kind.ENDED)
    assert desk.calls.call(CALL).outcome is Outcome.BOOKED
    assert desk.calls.call(CALL).stays == ("CODE1",)


def test_the_same_wish_again_is_the_same_reservation(desk: Desk) -> None:
    """A retry answers what was booked."""
    wish = desk.double()

    assert desk.book(wish) == desk.book(wish)
    assert desk.system.writes == 1


def test_how_to_reach_the_guest_goes_to_the_hotel_only(desk: Desk) -> None:
    """E-mail and number travel to the hotel's system; no wish keeps them."""
    wish = desk.double()

    desk.book(wish, contact=Contact(email="anna@example.com"))

    assert desk.system.contacts == [Contact(email="anna@example.com", phone=NUMBER)]
    assert "example.com" not in desk.wish(wish).model_dump_json()
    assert NUMBER not in desk.wish(wish).model_dump_json()


def test_a_contacts_own_number_goes_before_the_callers(desk: Desk) -> None:
    """Who gives a number to be reached at is reached there, also when they call from another."""
    desk.book(desk.double(), contact=Contact(phone="+4930111222"))

    assert desk.system.contacts[0].phone == "+4930111222"


def test_a_write_that_reached_nobody_can_be_tried_again(desk: Desk) -> None:
    """When it is certain that nothing was sent, the wish is as it was before, and nothing waits for it."""
    wish = desk.double()
    desk.system.failures = [Unreachable("no connection")]
    with pytest.raises(Unreachable):
        desk.book(wish)
    assert desk.state_of(wish) is WishState.PLANNED
    assert not desk.wishes.waiting
    assert not desk.wishes.claimed

    assert desk.book(wish).code == "CODE1"
    assert len(desk.system.booked) == 1


def test_a_write_that_is_tried_again_claims_its_stay_again(desk: Desk) -> None:
    """Another wish for the same is not sent beside one whose first try reached nobody."""
    tried, other = desk.double(), desk.double()
    desk.system.failures = [Unreachable("no connection")]
    with pytest.raises(Unreachable):
        desk.book(tried)

    codes = [desk.book(tried).code, desk.book(other).code]

    assert codes == ["CODE1", "CODE1"]


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (SoldOut("gone"), SoldOut),
        (NotPossible("closed to arrivals"), NotPossible),
        (Refused("no idea"), Refused),
        (NotFound("no such rate"), NotFound),
    ],
)
def test_what_the_system_refuses_stays_refused(desk: Desk, failure: BellhopError, again: type[BellhopError]) -> None:
    """A refusal is one for good, also when it is asked again, and it claims nothing any more."""
    wish = desk.double()
    desk.system.failures = [failure]

    for _ in range(2):
        with pytest.raises(again):
            desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert desk.system.writes == 1
    assert not desk.system.booked
    assert not desk.wishes.claimed
    assert not desk.wishes.waiting
