"""A function that is killed at any step of a wish leaves one reservation, or none and somebody who knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest

from lambdas.shared.bookings.carrying_out import DOUBTED_FOR
from lambdas.shared.domain.errors import BellhopError, InDoubt
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


class Killed(BaseException):
    """The function is gone; nothing of it catches that."""


class Mortal:
    """Counts the steps of whatever a desk does, and dies before or after one of them."""

    def __init__(self, desk: Desk) -> None:
        self.steps = 0
        self.dies_at: int | None = None
        self.afterwards = False
        for part, names in STEPS.items():
            for name in names:
                owner = getattr(desk, part)
                setattr(owner, name, self._step(getattr(owner, name)))

    def _step(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **keywords: Any) -> Any:
            self.steps += 1
            dying = self.steps == self.dies_at
            if dying and not self.afterwards:
                raise Killed
            done = act(*arguments, **keywords)
            if dying:
                raise Killed
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


def settle(desk: Desk) -> None:
    """The settler's runs of the next hour."""
    settling = Settling(HOTELS, desk.bookings.carrying_out, desk.due, MemoryCount(), open_logger("wish_settler"))
    for _ in range(3):
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
