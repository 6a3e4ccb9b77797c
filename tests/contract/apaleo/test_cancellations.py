"""Cancellations and comments at Apaleo: fees that are due from a moment on, and one comment for the staff."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, PriceChanged, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import ReservationState
from tests.contract.apaleo.scenes import FREE, asked, booked, changed
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import Bench

pytestmark = pytest.mark.contract


def test_a_cancellation_is_one_empty_request(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Nothing but the reservation's id is sent; an empty request says that it is empty."""
    told = booked(bench)

    bench.pms.cancel(told.code, FREE)

    (sent,) = [seen for seen in apaleo.seen if seen.method == "PUT"]
    assert sent.path == f"/booking/v1/reservation-actions/{told.code}/cancel"
    assert (sent.query, sent.body, sent.headers["content-length"]) == ({}, None, "0")


@pytest.mark.parametrize(
    ("due", "cents"),
    [
        ("2026-11-24T12:00:01+01:00", 0),
        ("2026-11-24T12:00:00+01:00", 4_000),
        ("2026-11-24T11:00:00Z", 4_000),
        ("2020-09-23T08:24:53.092124+01:00", 4_000),
    ],
)
def test_a_fee_is_due_from_its_moment_on(bench: Bench, edited: Callable[..., None], due: str, cents: int) -> None:
    """Apaleo tells the amount at all times and from when it is charged."""
    told = booked(bench)
    edited(told.code, changed(cancellationFee={"dueDateTime": due, "fee": {"amount": 40, "currency": "EUR"}}))

    assert bench.pms.cancellation_fee(told) == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"cancellationFee": None}, NotPossible),
        ({"actions": [{"action": "Cancel", "isAllowed": False}]}, NotPossible),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00", "fee": {"amount": 1, "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": 1, "currency": "USD"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": -1, "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": "x", "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "soon", "fee": {"amount": 1, "currency": "EUR"}}}, Unreachable),
    ],
)  # fmt: skip
def test_a_fee_that_is_not_told_is_not_made_up(
    bench: Bench, edited: Callable[..., None], parts: dict[str, Any], error: type[Exception]
) -> None:
    """Where it is not certain what cancelling costs, or it is not allowed, nothing is cancelled."""
    told = booked(bench)
    edited(told.code, changed(**parts))

    with pytest.raises(error):
        bench.pms.cancellation_fee(told)
    with pytest.raises(error):
        bench.pms.cancel(told.code, FREE)

    assert [kept.state for kept in bench.house.reservations] == ["booked"]


def test_after_the_hour_of_arrival_a_human_cancels(bench: Bench) -> None:
    """Apaleo cancels only what has its arrival before it: that is known before a fee is told."""
    told = booked(bench)
    bench.clock.now = datetime(2026, 12, 30, 16, 30, tzinfo=UTC)

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(told)


def test_a_fee_that_is_due_meanwhile_is_told_first(bench: Bench) -> None:
    """When the hour passes between the fee's being told and the cancellation, nothing is cancelled."""
    told = booked(bench)
    assert bench.pms.cancellation_fee(told) == FREE
    bench.clock.now = datetime(2026, 12, 29, 17, 0, tzinfo=UTC)

    with pytest.raises(PriceChanged):
        bench.pms.cancel(told.code, FREE)

    assert bench.pms.cancel(told.code, Money(cents=12_900, currency="EUR")).state is ReservationState.CANCELLED
    assert bench.house.reservations[0].fee_cents == 12_900


def test_a_cancellation_that_still_stands_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Apaleo says that it is done and tells it as booked: nobody is told that it worked."""
    told = booked(bench)
    edited("/cancel", lambda _: None, method="PUT", status=204, instead=True)

    with pytest.raises(InDoubt):
        bench.pms.cancel(told.code, FREE)


def test_a_refused_cancellation_has_cancelled_nothing(bench: Bench, edited: Callable[..., None]) -> None:
    """What Apaleo does not cancel is a human's, with its status for the log."""
    told = booked(bench)
    edited("/cancel", lambda _: {"messages": ["no"]}, method="PUT", status=422, instead=True)

    with pytest.raises(NotPossible) as refused:
        bench.pms.cancel(told.code, FREE)

    assert refused.value.vendor_code == "422"


def test_a_note_is_put_below_what_stands_there(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Apaleo has one comment for the staff: a note is added to it and replaces nothing else."""
    told = booked(bench)

    bench.pms.add_note(told.code, "Comes late")
    bench.pms.add_note(told.code, "Needs a cot")

    assert asked(apaleo, "PATCH", told.code) == [
        [{"op": "add", "path": "/comment", "value": "Comes late"}],
        [{"op": "replace", "path": "/comment", "value": "Comes late\nNeeds a cot"}],
    ]
