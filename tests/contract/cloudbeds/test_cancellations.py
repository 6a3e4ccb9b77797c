"""The policy that Cloudbeds does not tell and the hotel's file does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms import Capability
from tests.contract.cloudbeds.scenes import found, on_options, refuse, rooms
from tests.contract.vendors.benches import ANNA, BERT, STAY, Bench, Workshop
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract

LATE: Final = datetime(2026, 12, 29, 18, 0, tzinfo=UTC)
"""An hour after cancelling is free no more."""


def test_without_a_policy_nothing_is_cancelled(bench: Bench) -> None:
    """A hotel whose file tells no policy cancels at the desk: it is no capability, and no fee is told."""
    pms = on_options(bench, free_until=None)
    booked = pms.book(bench.order())

    assert pms.capabilities == bench.pms.capabilities - {Capability.CANCEL}
    with pytest.raises(NotPossible):
        pms.cancellation_fee(booked)
    with pytest.raises(NotPossible):
        pms.cancel(booked.code, Money(cents=0, currency="EUR"))
    assert [kept.state for kept in bench.house.reservations] == ["booked"]


@pytest.mark.parametrize(
    ("free_until", "at", "cents"),
    [
        ("0d 18:00", datetime(2026, 12, 30, 16, 59, tzinfo=UTC), 0),
        ("0d 18:00", datetime(2026, 12, 30, 17, 0, tzinfo=UTC), 12_900),
        ("3d 00:00", datetime(2026, 12, 26, 22, 59, tzinfo=UTC), 0),
        ("3d 00:00", datetime(2026, 12, 26, 23, 0, tzinfo=UTC), 12_900),
        ("14d 12:00", datetime(2026, 12, 16, 10, 59, tzinfo=UTC), 0),
        ("14d 12:00", datetime(2026, 12, 16, 11, 0, tzinfo=UTC), 12_900),
    ],
)
def test_the_deadline_is_the_hotels(bench: Bench, free_until: str, at: datetime, cents: int) -> None:
    """So many days before the arrival, at that time on the hotel's clock, free ends."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = at

    assert on_options(bench, free_until=free_until).cancellation_fee(booked).cents == cents


def test_late_can_cost_everything(bench: Bench) -> None:
    """A hotel may ask for the whole stay once it is late."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert on_options(bench, late_fee="total").cancellation_fee(booked) == booked.total


def test_the_first_night_is_its_own_price(bench: Bench) -> None:
    """Where nights differ, the first one's price counts, not an average."""
    for evening, cents in zip(STAY.evenings, (10_000, 20_000, 30_000), strict=True):
        bench.house.set_price("double", cents, night=evening)
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert bench.pms.cancellation_fee(booked).cents == 10_000


def test_the_first_night_bears_its_share_of_what_comes_on_top(workshop: Workshop) -> None:
    """A tax on top of the stay is in the fee for the night's part of it."""
    bench = workshop.bench("cloudbeds", house=House(city_tax_cents=250))
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert booked.total.cents == 40_200
    assert bench.pms.cancellation_fee(booked).cents == 13_400


def test_nights_that_are_not_told_share_evenly(bench: Bench, edited: Callable[..., None]) -> None:
    """Where a reservation does not tell its nights' prices, the first night is an even part."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", rooms(detailedRoomRates=[]))
    bench.clock.now = LATE

    assert bench.pms.cancellation_fee(booked).cents == 12_900


def test_a_rate_without_a_known_policy_is_not_cancelled(bench: Bench, edited: Callable[..., None]) -> None:
    """A stay at a rate that the file does not map has no policy that we know."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("getRatePlans", lambda body: {**body, "data": []})

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(found(bench.pms, code))


def test_the_staff_are_told_of_a_fee(bench: Bench) -> None:
    """Cloudbeds charges nothing for a cancellation: a note says what the guest was told."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    (kept,) = bench.house.reservations
    assert (kept.state, len(kept.notes)) == ("cancelled", 1)
    assert "129.00 EUR" in kept.notes[0]


def test_nothing_is_noted_of_a_free_cancellation(bench: Bench) -> None:
    """A cancellation for nothing is one write."""
    booked = bench.pms.book(bench.order())

    bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    assert bench.house.reservations[0].notes == ()


@pytest.mark.parametrize("status", [200, 500])
def test_a_note_that_fails_undoes_nothing(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """What is cancelled is told as cancelled, also where the staff's note could not be left."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE
    edited("postReservationNote", refuse("No"), verb="POST", status=status, instead=True)

    cancelled = bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    assert cancelled.state is ReservationState.CANCELLED


def test_a_cancellation_that_did_not_happen_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Success after which the reservation still stands is not believed."""
    booked = bench.pms.book(bench.order(guest=BERT))
    edited("putReservation", lambda _: {"success": True}, verb="PUT", instead=True)

    with pytest.raises(InDoubt):
        bench.pms.cancel(booked.code, Money(cents=0, currency="EUR"))
