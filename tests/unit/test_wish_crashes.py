"""A function that is killed at any step of a wish leaves one reservation, or none and somebody who knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Any, Final

import pytest

from lambdas.shared.bookings.outcomes import DOUBTED_FOR
from lambdas.shared.domain.errors import BellhopError, InDoubt, SoldOut, Unreachable
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.system import Capability
from lambdas.wish_settler.service import Settling
from tests.desk import HOTELS, STAY, Desk
from tests.memory import MemoryCount

pytestmark = pytest.mark.unit

LATER: Final = STAY.model_copy(update={"arrival": date(2026, 12, 5), "departure": date(2026, 12, 8)})
STEPS: Final = {
    "wishes": ("hold", "get", "claims", "send", "move", "unsettled_of", "of_call"),
    "system": ("offers", "change_offers", "cancellation_fee", "reservation", "find", "book", "change", "cancel"),
}

WRITES: Final = ("book", "change", "cancel")


class Killed(BaseException):
    """The function is gone; nothing of it catches that."""


class Mortal:
    """Counts the steps of whatever a desk does, and dies, or fails, before or after one of them."""

    def __init__(self, desk: Desk) -> None:
        self.steps = 0
        self.dies_at: int | None = None
        self.afterwards = False
        self.accident: Callable[[], BaseException] = Killed
        for part, names in STEPS.items():
            for name in names:
                owner = getattr(desk, part)
                setattr(owner, name, self._step(getattr(owner, name), is_write=name in WRITES))

    def _step(self, act: Callable[..., Any], *, is_write: bool) -> Callable[..., Any]:
        def step(*arguments: Any, **keywords: Any) -> Any:
            self.steps += 1
            dying = self.steps == self.dies_at
            if dying and not self.afterwards:
                raise self.accident()
            done = act(*arguments, **keywords)
            if dying:
                accident = self.accident()
                # A system that has done it and cannot say so is in doubt, as every connector has to tell.
                raise InDoubt("no answer") if is_write and isinstance(accident, Unreachable) else accident
            return done

        return step


def wished(desk: Desk, kind: WishKind) -> Wish:
    if kind is WishKind.BOOK:
        return desk.double()
    code = desk.book(desk.double()).code
    return desk.ask(kind.value, code=code, **({"stay": LATER} if kind is WishKind.CHANGE else {}))[0]


def carry_out(desk: Desk, wish: Wish) -> str:
    """What the agent hears."""
    try:
        _ = desk.book(wish) if wish.kind is WishKind.BOOK else desk.carry_out(wish)
    except Killed:
        return "nothing"
    except BellhopError as error:
        return error.code
    return "done"


def every_death(*, kind: WishKind, safe: bool) -> Iterator[tuple[int, bool]]:
    """Every step of a wish that is carried out undisturbed, before and after it."""
    desk = Desk()
    if safe:
        desk.system.can = frozenset(Capability)
    wish = wished(desk, kind)
    mortal = Mortal(desk)
    assert carry_out(desk, wish) == "done"
    assert mortal.steps > 5
    for step in range(1, mortal.steps + 1):
        yield step, False
        yield step, True


@pytest.mark.parametrize("retried", [0.2, 20, None], ids=["retried", "retried late", "never retried"])
@pytest.mark.parametrize("safe", [False, True], ids=["looks", "repeats"])
@pytest.mark.parametrize("kind", list(WishKind))
def test_a_killed_function_leaves_one_or_none_and_never_silence(
    kind: WishKind, safe: bool, retried: float | None
) -> None:
    """Whatever the step: done once and told, or a follow-up; and nothing is left to settle."""
    for step, afterwards in every_death(kind=kind, safe=safe):
        desk = Desk()
        if safe:
            desk.system.can = frozenset(Capability)
        wish = wished(desk, kind)
        mortal = Mortal(desk)
        writes = desk.system.writes
        mortal.dies_at, mortal.afterwards = step, afterwards

        heard = [carry_out(desk, wish)]
        if retried is not None:
            desk.now += timedelta(seconds=retried)
            heard.append(carry_out(desk, wish))
        settled_already = desk.state_of(wish) is WishState.BOOKED
        settle(desk)

        where = f"step {step}, {'after' if afterwards else 'before'} it: {heard}, {desk.state_of(wish)}"
        assert heard[0] == "nothing", where
        assert desk.system.writes - writes <= 1 + safe, where
        done = is_done(desk, wish)
        state = desk.state_of(wish)
        assert not desk.wishes.waiting, where
        assert state in ({WishState.BOOKED} if done else {WishState.PLANNED, WishState.REFUSED}), where
        if retried is None:
            assert not done or settled_already or desk.calls.follow_ups, where
            continue
        assert heard[1] in ("done", InDoubt.code), where
        assert heard[1] == "done" or desk.calls.follow_ups, where
        assert heard[1] != "done" or done, where


def settle(desk: Desk, runs: int = 3) -> None:
    """The settler's runs of the next hour, or the first of them."""
    settling = Settling(HOTELS, desk.bookings.carrying_out, desk.due, MemoryCount(), open_logger("wish_settler"))
    for _ in range(runs):
        desk.now += DOUBTED_FOR / 2 + timedelta(minutes=1)
        settling.run()


def is_done(desk: Desk, wish: Wish) -> bool:
    stays = list(desk.system.reservations.values())
    assert len(stays) <= 1
    match wish.kind:
        case WishKind.BOOK:
            return len(stays) == 1
        case WishKind.CHANGE:
            return stays[0].stay == LATER
        case WishKind.CANCEL:
            return stays[0].state is ReservationState.CANCELLED


@pytest.mark.parametrize("safe", [False, True], ids=["looks", "repeats"])
@pytest.mark.parametrize("kind", list(WishKind))
@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_in_whatever_order_it_is_done_once_or_not_at_all(
    seed: int, kind: WishKind, safe: bool
) -> None:
    """Deaths, lost answers, refusals, silence, a failing table, second wishes and the settler, in twenty orders."""
    for number in range(20):
        dice = Random(f"{seed}/{number}/{kind}/{safe}")
        desk = Desk()
        if safe:
            desk.system.can = frozenset(Capability)
        wishes = [wished(desk, kind)]
        mortal = Mortal(desk)
        heard, told_right = [], []
        for _ in range(dice.randint(1, 6)):
            disturb(desk, mortal, dice)
            if dice.random() < 0.3:
                offer_anew(desk, wishes)
            heard.append(carry_out(desk, dice.choice(wishes)))
            calm(desk, mortal)
            told_right.append(heard[-1] != "done" or is_done(desk, wishes[0]))
            desk.now += timedelta(seconds=dice.choice([0.2, 5, 16, 60]))
            if dice.random() < 0.2:
                settle(desk, runs=1)
        settled_already = [desk.state_of(wish) for wish in wishes]
        settle(desk)

        states = [desk.state_of(wish) for wish in wishes]
        done = is_done(desk, wishes[0])
        where = f"{seed}/{number}: {heard}, {states}, {list(desk.calls.follow_ups)}"
        assert all(told_right), where
        assert not desk.wishes.waiting, where
        assert not {WishState.SENT, WishState.IN_DOUBT} & set(states), where
        assert (WishState.BOOKED in states) == done, where
        assert kind is WishKind.CHANGE or states.count(WishState.BOOKED) == done, where
        assert InDoubt.code not in heard or desk.calls.follow_ups, where
        if done:
            assert "done" in heard or desk.calls.follow_ups or WishState.BOOKED in settled_already, where


def disturb(desk: Desk, mortal: Mortal, dice: Random) -> None:
    """What may go wrong the next time."""
    match dice.randint(0, 6):
        case 0 | 1:
            mortal.dies_at, mortal.afterwards = mortal.steps + dice.randint(1, 12), dice.random() < 0.5
            mortal.accident = Killed if dice.random() < 0.5 else lambda: Unreachable("throttled")
        case 2:
            desk.system.failures = [InDoubt("no answer")]
            desk.system.acts_though_failing = dice.random() < 0.5
            desk.system.hidden = dice.random() < 0.5
        case 3:
            desk.system.failures = [dice.choice([Unreachable("nobody"), SoldOut("gone"), KeyError("odd")])]
        case 4:
            desk.system.blind = [Unreachable("silent")] * dice.randint(1, 3)
        case 5:
            desk.system.hidden = True


def calm(desk: Desk, mortal: Mortal) -> None:
    mortal.dies_at, desk.system.failures, desk.system.blind = None, [], []
    desk.system.acts_though_failing = desk.system.hidden = False


def offer_anew(desk: Desk, wishes: list[Wish]) -> None:
    """Another wish for the same, if it can be had."""
    code = wishes[0].code
    try:
        match wishes[0].kind:
            case WishKind.BOOK:
                wishes.append(desk.double())
            case WishKind.CHANGE:
                wishes += desk.ask("change", code=code, stay=LATER)
            case WishKind.CANCEL:
                wishes += desk.ask("cancel", code=code)
    except (Killed, BellhopError):
        return
