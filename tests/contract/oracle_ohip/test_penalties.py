"""What cancelling costs by OPERA's policies, and the cancellation itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas.shared.domain.errors import NotPossible, Unreachable
from lambdas.shared.domain.money import Money
from tests.contract.oracle_ohip.talk import asked, booked
from tests.contract.vendors.benches import Bench
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn

pytestmark = pytest.mark.contract


def penalty(**terms: Any) -> dict[str, Any]:
    """A policy in force, unless told otherwise."""
    effective = terms.pop("effective", True)
    policy = {name: terms.pop(name) for name in ("deadline", "nonRefundable") if name in terms}
    return {"policy": policy | {"amountPercent": terms, "effective": effective}}


@pytest.mark.parametrize(
    ("policies", "cents"),
    [
        ([], 0),
        ([penalty(basisType="FlatAmount", amount=50)], 5_000),
        ([penalty(basisType="FlatAmount", amount=0)], 0),
        ([penalty(basisType="FullAmount")], 38_700),
        ([penalty(basisType="Percentage", percent=50)], 19_350),
        ([penalty(basisType="Percentage", percent="33.333")], 12_900),
        ([penalty(basisType="Nights", nights=1)], 12_900),
        ([penalty(basisType="Nights", nights=2)], 25_800),
        ([penalty(basisType="Nights", nights=9)], 38_700),
        ([penalty(basisType="NightPercentage", percent=80)], 10_320),
        ([penalty(basisType="NightPercentage", percent=50, nights=2)], 12_900),
        ([penalty(basisType="Nights", nights=1, amount=129, currencyCode="EUR")], 12_900),
        ([penalty(nonRefundable=True)], 38_700),
        ([penalty(basisType="FullAmount", effective=False)], 0),
        ([penalty(basisType="FlatAmount", amount=20), penalty(basisType="Nights", nights=1)], 12_900),
        (
            [penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T12:00:00"})],
            38_700,
        ),
        ([penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T12:00:01"})], 0),
        (
            [penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T11:00:00Z"})],
            38_700,
        ),
    ],
)
def test_each_penalty_has_its_amount(
    bench: Bench, edited: Callable[..., None], policies: list[Any], cents: int
) -> None:
    """Fixed, by percent or by night: the dearest penalty in force now is the fee, at the hotel's own time."""
    told = booked(bench)
    edited("/policies", lambda _: {"cancellationPolicies": policies})

    assert bench.pms.cancellation_fee(told) == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(
    "policies",
    [
        [penalty()],
        [penalty(basisType="FlatAmount")],
        [penalty(basisType="Percentage")],
        [penalty(basisType="Nights")],
        [penalty(basisType="FullAmount", effective=None)],
        [penalty(basisType="FlatAmount", amount=50, currencyCode="CHF")],
        [penalty(basisType="FlatAmount", amount=10), penalty()],
    ],
)
def test_a_penalty_that_is_not_told_is_a_humans(bench: Bench, edited: Callable[..., None], policies: list[Any]) -> None:
    """Where OPERA does not say what cancelling costs, no fee is made up and nothing is cancelled."""
    told = booked(bench)
    edited("/policies", lambda _: {"cancellationPolicies": policies})

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(told)
    with pytest.raises(NotPossible):
        bench.pms.cancel(told.code, Money(cents=0, currency="EUR"))
    assert len(bench.house.standing) == 1


@pytest.mark.parametrize("terms", [{"percent": "half"}, {"percent": "NaN"}, {"percent": 50, "amount": "ten"}])
def test_a_penalty_whose_numbers_are_none_is_a_fault(
    bench: Bench, edited: Callable[..., None], terms: dict[str, Any]
) -> None:
    """An amount or percentage that is no number is OPERA's fault, not ours."""
    told = booked(bench)
    edited("/policies", lambda _: {"cancellationPolicies": [penalty(basisType="Percentage", **terms)]})

    with pytest.raises(Unreachable):
        bench.pms.cancellation_fee(told)


def test_a_cancellation_gives_a_reason(bench: Bench, opera: OracleOhipStandIn) -> None:
    """OPERA takes no cancellation without a reason of the hotel's list and words for it."""
    told = booked(bench)

    bench.pms.cancel(told.code, bench.pms.cancellation_fee(told))

    (sent,) = asked(opera, "POST", "/cancellations")
    assert sent["reason"]["code"] == "GUEST"
    assert sent["reason"]["description"]
    assert "verificationOnly" not in sent
