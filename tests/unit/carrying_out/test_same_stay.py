"""Two wishes for the same stay are one reservation, unless the guest wants more or the first one is gone."""

from __future__ import annotations

from datetime import date

import pytest

from lambdas.shared.domain.errors import InDoubt, SoldOut
from lambdas.shared.domain.stay import Guest
from lambdas.shared.domain.wish import Wish, WishState
from tests.desk import ANNA, CALL, LATER, STAY, Desk

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("name", ["anna  MEIER", "Änna Meier", "Anna-Meier"])
def test_a_second_wish_for_the_same_is_the_first_reservation(desk: Desk, name: str) -> None:
    """A model that books twice has booked once, however it writes the name, and whatever it costs by now."""
    first = desk.book(desk.double())
    again = desk.double()
    desk.system.sold_out.add("double")

    second = desk.book(again, Guest(name=name))

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


def test_two_wishes_for_the_same_at_once_are_one_booking(desk: Desk) -> None:
    """While one is being sent the other is not; both answer the one reservation."""
    first, second = desk.double(), desk.double()
    codes: list[str] = []
    desk.system.while_writing = [lambda: answers_later(desk, second, codes)]

    codes.append(desk.book(first).code)

    assert codes == ["CODE1", "CODE1"]
    assert len(desk.system.booked) == 1


def answers_later(desk: Desk, wish: Wish, codes: list[str]) -> None:
    """Another agent asks for the same while the first one's write is under way, and waits its twelve seconds."""
    codes.append(desk.book(wish).code)


def test_the_answer_lost_for_one_wish_counts_for_the_next(desk: Desk) -> None:
    """An agent that asks for offers anew after a lost answer finds what was booked."""
    lost = desk.double()
    desk.system.failures, desk.system.acts_though_failing, desk.system.hidden = [InDoubt("no answer")], True, True
    with pytest.raises(InDoubt):
        desk.book(lost)
    desk.system.hidden = False

    assert desk.book(desk.double()).reference == lost.id
    assert len(desk.system.booked) == 1


def test_a_doubt_stands_in_the_way_of_the_same_booking(desk: Desk) -> None:
    """While it is not known whether a stay was booked, the same is not booked by a new wish; another stay is."""
    desk.system.failures = [InDoubt("who knows")]
    with pytest.raises(InDoubt):
        desk.book(desk.double())

    with pytest.raises(InDoubt):
        desk.book(desk.double())
    assert not desk.system.booked

    assert desk.book(desk.offers()[-1]).room == "suite"


def test_an_earlier_wish_that_is_refused_does_not_hinder_the_next(safe: Desk) -> None:
    """A lost wish that turns out to be refused is no reservation, and the new wish is tried."""
    lost = claimed(safe, safe.sent(safe.double()))
    safe.system.failures = [SoldOut("gone")]
    wish = safe.double()

    assert safe.book(wish).reference == wish.id

    assert safe.state_of(lost) is WishState.REFUSED


def claimed(desk: Desk, wish: Wish) -> Wish:
    """The wish with the claim it took when it was sent."""
    probe = desk.double()
    desk.book(probe)
    place = desk.wish(probe).claim
    desk.system.reservations.clear()
    desk.wishes.kept.pop((CALL, probe.id))
    desk.wishes.claimed = {(CALL, str(place)): wish.id}
    desk.wishes.kept[CALL, wish.id] = wish.model_copy(update={"claim": place})
    return desk.wish(wish)


def test_a_stay_can_be_booked_again_once_it_was_cancelled(desk: Desk) -> None:
    """The same stay wished after its cancellation is a new reservation, not the cancelled one."""
    booked = desk.book(desk.double())
    desk.carry_out(desk.ask("cancel", code=booked.code)[0])

    again = desk.book(desk.double())

    assert again.code == "CODE2"
    assert [stay.code for stay in desk.system.booked] == ["CODE2"]


def test_a_stay_can_be_booked_again_once_it_was_moved(desk: Desk) -> None:
    """The nights that a change has left can be booked beside the changed reservation."""
    booked = desk.book(desk.double())
    desk.carry_out(desk.ask("change", code=booked.code, stay=LATER)[0])

    assert desk.book(desk.double()).code == "CODE2"
    assert len(desk.system.booked) == 2


def test_a_stay_that_was_left_and_claimed_anew_is_booked_once(desk: Desk) -> None:
    """Whatever becomes of the reservation that has left the nights, they are the next wish's."""
    first = desk.book(desk.double())
    desk.carry_out(desk.ask("change", code=first.code, stay=LATER)[0])
    second = desk.book(desk.double())
    desk.carry_out(desk.ask("cancel", code=first.code)[0])

    assert desk.book(desk.double()).code == second.code
    assert desk.system.booked == [second]
