"""An agent holds a lease before it speaks, and goes when somebody else holds the call."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from agent.lifecycle import keep_lease, take_lease
from lambdas.calls.models import Lease
from lambdas.shared.domain.errors import BellhopError, LeaseHeld, NotFound, StaleEpoch, Unreachable

pytestmark = pytest.mark.unit


class Lessor:
    """Grants epoch 3 once its errors are used up; `for_ever` repeats the last one."""

    def __init__(self, *errors: BellhopError, for_ever: bool = False) -> None:
        self.errors, self.for_ever = list(errors), for_ever
        self.asked = 0

    async def lease(self, holder: str) -> Lease:
        self.asked += 1
        if self.errors:
            raise self.errors[0] if self.for_ever else self.errors.pop(0)
        return Lease(epoch=3, expires_at=datetime.now(UTC))


async def test_a_lease_is_tried_for_until_it_is_granted() -> None:
    """A gateway that stumbles once costs a guest a moment, not the call."""
    lessor = Lessor(Unreachable("500"), Unreachable("500"))

    epoch = await take_lease(lessor, "job", within=2, every=0)

    assert epoch == 3


async def test_no_lease_is_told_soon() -> None:
    """A guest does not wait for a gateway that does not come back."""
    lessor = Lessor(Unreachable("500"), for_ever=True)

    with pytest.raises(Unreachable):
        await take_lease(lessor, "job", within=0.05, every=0.01)


async def test_a_call_that_somebody_else_holds_is_told_apart() -> None:
    """Another agent in the call is no fault of the gateway."""
    lessor = Lessor(LeaseHeld("held"), for_ever=True)

    with pytest.raises(LeaseHeld):
        await take_lease(lessor, "job", within=0.05, every=0.01)


async def test_a_lease_that_will_never_be_granted_is_not_tried_for_again() -> None:
    """A gateway that does not know the route is as good as none."""
    lessor = Lessor(NotFound("404"), for_ever=True)

    with pytest.raises(Unreachable):
        await take_lease(lessor, "job", within=2, every=0)

    assert lessor.asked == 1


async def test_an_answer_that_does_not_come_is_not_waited_for() -> None:
    """A hanging gateway is no lease either."""

    class Hanging:
        async def lease(self, holder: str) -> Lease:
            await asyncio.sleep(60)
            raise AssertionError

    with pytest.raises(Unreachable):
        await take_lease(Hanging(), "job", within=0.05, every=0.01)


async def test_a_lost_lease_ends_the_renewals() -> None:
    """An agent whose call was taken over leaves it, but a gateway that is away for a while changes nothing."""
    lessor = Lessor(Unreachable("500"), StaleEpoch("stale"))
    lost: list[bool] = []

    async def lose() -> None:
        lost.append(True)

    async with asyncio.timeout(5):
        await keep_lease(lessor, "job", lost=lose, every=0)

    assert lost == [True]
    assert lessor.asked == 2
