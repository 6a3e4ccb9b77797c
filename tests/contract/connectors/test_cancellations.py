"""What every connector promises of a cancellation: at the fee told, once, and no other reservation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lambdas.shared.domain.errors import NotFound, NotPossible, PriceChanged
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Reservation, ReservationState
from lambdas.shared.pms import Capability
from tests.contract.vendors.benches import ANNA, STAY, Bench, refused

pytestmark = pytest.mark.contract

FREE = Money(cents=0, currency="EUR")
DEADLINE = datetime(2026, 12, 29, 17, 0, tzinfo=UTC)
"""18:00 in Berlin on the day before the arrival."""
MINUTE = timedelta(minutes=1)


def fee_of(bench: Bench, booked: Reservation) -> Money | None:
    """What cancelling costs; None where the system says that it cannot cancel."""
    if bench.can(Capability.CANCEL):
        return bench.pms.cancellation_fee(booked)
    with refused(NotPossible):
        bench.pms.cancellation_fee(booked)
    return None


def test_cancelling_early_is_free(bench: Bench) -> None:
    """A flexible reservation is cancelled for nothing weeks before, and asking for the fee changes nothing."""
    booked = bench.pms.book(bench.order())
    before = bench.keeper.stays()

    assert fee_of(bench, booked) in (FREE, None)
    assert bench.keeper.stays() == before


@pytest.mark.parametrize(
    ("at", "cents"),
    [
        (DEADLINE - timedelta(days=1), 0),
        (DEADLINE - MINUTE, 0),
        (DEADLINE + MINUTE, 12_900),
        (DEADLINE + timedelta(hours=12), 12_900),
    ],
)
def test_the_fee_follows_the_policy(bench: Bench, at: datetime, cents: int) -> None:
    """Until 18:00 at the hotel on the day before arrival it is free, then it costs the first night."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = at

    assert fee_of(bench, booked) in (Money(cents=cents, currency="EUR"), None)


def test_a_saver_costs_everything(vendor: Bench) -> None:
    """A rate that gives nothing back costs its whole total, from the first minute."""
    booked = vendor.pms.book(vendor.order(rate="saver"))

    assert fee_of(vendor, booked) in (booked.total, None)


def test_the_fee_is_the_reservations_own(vendor: Bench) -> None:
    """What a night costs by now does not matter to who has booked it before."""
    booked = vendor.pms.book(vendor.order())
    vendor.house.set_price("double", 50_000)
    vendor.clock.now = DEADLINE + MINUTE

    assert fee_of(vendor, booked) in (Money(cents=12_900, currency="EUR"), None)


def test_a_reservation_of_the_desk_has_its_fee_too(bench: Bench) -> None:
    """The policy holds for what was not booked by us."""
    booked = bench.pms.reservation(bench.keeper.walk_in("double", STAY, ANNA))
    assert booked is not None

    assert fee_of(bench, booked) in (FREE, None)


def test_a_cancellation_is_done(bench: Bench) -> None:
    """The reservation is cancelled under its code, and its room is free for others."""
    booked = bench.pms.book(bench.order(room_type="suite"))
    if (fee := fee_of(bench, booked)) is None:
        return

    cancelled = bench.pms.cancel(booked.code, fee)

    assert (cancelled.code, cancelled.state) == (booked.code, ReservationState.CANCELLED)
    assert [kept.state for kept in bench.keeper.stays()] == ["cancelled"]
    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert found.state is ReservationState.CANCELLED
    assert bench.pms.offers(STAY, "suite")


def test_a_cancellation_at_a_fee_is_done(bench: Bench) -> None:
    """A guest who accepts the fee cancels at that fee."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = DEADLINE + MINUTE
    if (fee := fee_of(bench, booked)) is None:
        return

    assert bench.pms.cancel(booked.code, fee).state is ReservationState.CANCELLED
    assert [kept.state for kept in bench.keeper.stays()] == ["cancelled"]


def test_a_cancellation_asked_again_changes_nothing(bench: Bench) -> None:
    """What is cancelled stays cancelled, is told so, and no second fee is raised for it."""
    booked = bench.pms.book(bench.order())
    if (fee := fee_of(bench, booked)) is None:
        return
    bench.pms.cancel(booked.code, fee)
    bench.clock.now = DEADLINE + MINUTE
    before = bench.keeper.stays()

    again = bench.pms.cancel(booked.code, fee)

    assert again.state is ReservationState.CANCELLED
    assert bench.keeper.stays() == before


def test_a_cancelled_room_is_booked_once(bench: Bench) -> None:
    """A cancellation asked for twice frees one room, not two."""
    first = bench.pms.book(bench.order("wish00000001", room_type="suite"))
    if (fee := fee_of(bench, first)) is None:
        return
    bench.pms.cancel(first.code, fee)
    bench.pms.book(bench.order("wish00000002", room_type="suite"))

    bench.pms.cancel(first.code, fee)

    assert bench.pms.offers(STAY, "suite") == []


@pytest.mark.parametrize("told", [FREE, Money(cents=12_899, currency="EUR"), Money(cents=38_700, currency="EUR")])
def test_another_fee_than_the_one_told_cancels_nothing(bench: Bench, told: Money) -> None:
    """When the fee is another by now, lower or higher, the reservation stands and the new fee has to be told."""
    booked = bench.pms.book(bench.order())
    if fee_of(bench, booked) is None:
        return
    bench.clock.now = DEADLINE + MINUTE

    with refused(PriceChanged):
        bench.pms.cancel(booked.code, told)

    assert [kept.state for kept in bench.keeper.stays()] == ["booked"]


@pytest.mark.parametrize("code", ["ZZZZZZ", "00000000", "1001/../1002", "🙂"])
def test_a_code_nobody_has_cannot_be_cancelled(bench: Bench, code: str) -> None:
    """A cancellation of what is not there is told so and cancels nothing else."""
    bench.pms.book(bench.order())

    with refused(NotFound, NotPossible):
        bench.pms.cancel(code, FREE)

    assert [kept.state for kept in bench.keeper.stays()] == ["booked"]


@pytest.mark.parametrize("state", [ReservationState.IN_HOUSE, ReservationState.DEPARTED])
def test_a_stay_that_has_begun_is_not_cancelled(bench: Bench, state: ReservationState) -> None:
    """A guest who has arrived cannot cancel by phone: neither a fee is told nor is it done."""
    booked = bench.pms.book(bench.order())
    bench.keeper.move(bench.keeper.stays()[0].code, state)
    found = bench.pms.reservation(booked.code)
    assert found is not None

    with refused(NotPossible):
        bench.pms.cancellation_fee(found)
    with refused(NotPossible):
        bench.pms.cancel(booked.code, FREE)

    assert [kept.state for kept in bench.keeper.stays()] == [state]


def test_a_cancellation_touches_nobody_else(bench: Bench) -> None:
    """Another reservation of the same name for the same nights stands."""
    other = bench.keeper.walk_in("double", STAY, ANNA)
    booked = bench.pms.book(bench.order())
    if (fee := fee_of(bench, booked)) is None:
        return

    bench.pms.cancel(booked.code, fee)

    assert [kept.state for kept in bench.keeper.stays() if kept.code == other] == ["booked"]


def test_what_a_system_cannot_cancel_stands(bench: Bench) -> None:
    """Where the capability is missing nothing is cancelled."""
    booked = bench.pms.book(bench.order())
    if bench.can(Capability.CANCEL):
        return

    with refused(NotPossible):
        bench.pms.cancel(booked.code, FREE)

    assert [kept.state for kept in bench.keeper.stays()] == ["booked"]
