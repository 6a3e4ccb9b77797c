"""A wish goes one way, and never twice."""

from datetime import UTC, date, datetime, timedelta

import pytest

from lambdas.shared.domain.errors import Refused
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Offer, ReservationState, Stay
from lambdas.shared.domain.wish import TRANSITIONS, Wish, WishKind, WishState

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


def test_nobody_is_at_work_on_a_wish_that_moved() -> None:
    """Taking up counts; a step further, or putting down, ends the work. What was not done gives its claim back."""
    until = datetime(2026, 11, 24, 12, 0, 15, tzinfo=UTC)
    sent = WISH.moved(WishState.SENT, guest=Guest(name="Anna Schmidt")).taken_up(until)

    assert (sent.attempts, sent.is_busy(until - timedelta(seconds=1)), sent.is_busy(until)) == (1, True, False)
    claimed = sent.model_copy(update={"claim": "CLAIM#stay#1"})
    assert claimed.moved(WishState.PLANNED).claim is None
    assert claimed.moved(WishState.REFUSED).claim is None
    assert claimed.moved(WishState.IN_DOUBT).claim == claimed.moved(WishState.BOOKED, code="A").claim == "CLAIM#stay#1"
    assert sent.moved(WishState.PLANNED).busy_until is None
    assert sent.taken_up(until).attempts == 2


@pytest.mark.parametrize(
    ("kind", "state", "reference"),
    [
        (WishKind.BOOK, ReservationState.BOOKED, WISH.id),
        (WishKind.CHANGE, ReservationState.BOOKED, None),
        (WishKind.CANCEL, ReservationState.CANCELLED, None),
    ],
)
def test_a_wish_that_is_done_tells_its_reservation(
    kind: WishKind, state: ReservationState, reference: str | None
) -> None:
    """A booking, a change and a cancellation answer the reservation as it is then; any other wish answers nothing."""
    wish = WISH.model_copy(update={"kind": kind, "state": WishState.SENT, "guest": Guest(name="Anna Schmidt")})
    with pytest.raises(ValueError, match="is sent"):
        _ = wish.outcome

    outcome = wish.moved(WishState.BOOKED, code="AUR-7").outcome

    assert (outcome.code, outcome.state, outcome.reference) == ("AUR-7", state, reference)


@pytest.mark.parametrize(
    "change",
    [
        {"fee": Money(cents=1, currency="EUR")},
        {"offer": WISH.offer.model_copy(update={"total": Money(cents=25801, currency="EUR")})},
        {"offer": WISH.offer.model_copy(update={"city_tax": Money(cents=500, currency="EUR")})},
    ],
)
def test_everything_a_guest_pays_is_the_price(change: dict[str, object]) -> None:
    """Another total, city tax or fee is another price; how much of the total is tax is not."""
    taxed = WISH.model_copy(
        update={"offer": WISH.offer.model_copy(update={"taxes": Money(cents=1688, currency="EUR")})}
    )

    assert WISH.with_price_of(taxed)
    assert not WISH.with_price_of(WISH.model_copy(update=change))


def test_a_wish_in_doubt_is_settled_by_whoever_finds_out() -> None:
    """Doubt ends in a booking or a refusal, never in a second try."""
    assert TRANSITIONS[WishState.IN_DOUBT] == {WishState.BOOKED, WishState.REFUSED}
