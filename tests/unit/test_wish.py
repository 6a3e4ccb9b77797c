"""A wish goes one way, and never twice."""

from datetime import UTC, date, datetime

import pytest

from lambdas.shared.domain.errors import Refused
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Offer, Stay
from lambdas.shared.domain.wish import TRANSITIONS, Wish, WishState

pytestmark = pytest.mark.unit

WISH = Wish(
    id="0123456789abcdef",
    call_id="call_+493023125001_Ab3dEf6hIj9k",
    hotel="aurora",
    offer=Offer(
        stay=Stay(arrival=date(2026, 12, 10), departure=date(2026, 12, 12)),
        room_type="double",
        room="double room",
        total=Money(cents=25800, currency="EUR"),
    ),
    expires_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
)
STEPS = [(state, to) for state in WishState for to in WishState]


@pytest.mark.parametrize(("state", "to"), [step for step in STEPS if step[1] in TRANSITIONS[step[0]]])
def test_a_wish_takes_the_steps_of_the_table(state: WishState, to: WishState) -> None:
    """Every step of the table leads to its state and changes nothing that was agreed."""
    before = WISH.model_copy(update={"state": state})

    after = before.moved(to)

    assert after == before.model_copy(update={"state": to})


@pytest.mark.parametrize(("state", "to"), [step for step in STEPS if step[1] not in TRANSITIONS[step[0]]])
def test_a_wish_takes_no_other_step(state: WishState, to: WishState) -> None:
    """What the table lacks is refused, above all a second booking."""
    with pytest.raises(Refused, match=f"a wish that is {state} cannot become {to}"):
        WISH.model_copy(update={"state": state}).moved(to)


def test_what_a_step_learns_is_kept_by_the_next() -> None:
    """Guest and code stay with the wish; a step that says nothing of them leaves them."""
    sent = WISH.moved(WishState.SENT, guest=Guest(name="Anna Schmidt"))

    booked = sent.moved(WishState.BOOKED, code="AUR-7")

    assert (booked.guest, booked.code, booked.reason) == (sent.guest, "AUR-7", None)


def test_a_wish_in_doubt_is_settled_by_whoever_finds_out() -> None:
    """Doubt ends in a booking or a refusal, never in a second try."""
    assert TRANSITIONS[WishState.IN_DOUBT] == {WishState.BOOKED, WishState.REFUSED}
