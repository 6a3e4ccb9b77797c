"""A vendor's amount is ours to the cent, or refused."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.money import Money
from lambdas.shared.pms.amounts import money

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("amount", "cents"),
    [
        ("129.90", 12990),
        ("129.9", 12990),
        ("-0.01", -1),
        (129, 12900),
        (129.9, 12990),
        (1e3, 100000),
        (0.29, 29),
        (1.15, 115),
        (Decimal("4.35"), 435),
        ("1E+2", 10000),
        (0.1 + 0.2, 30),
        (10**9, 10**11),
    ],
)
def test_an_amount_is_exact(amount: str | int | float | Decimal, cents: int) -> None:
    """Text, integers, floats and decimals become the cents that the vendor has written."""
    assert money(amount, "EUR") == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(("amount", "cents"), [("8.415", 842), ("8.414999", 841), (-8.415, -842), (2.675, 268)])
def test_a_computed_amount_is_rounded_half_up(amount: str | float, cents: int) -> None:
    """A vendor's third decimal is rounded as on an invoice, from the decimal that was sent and not from its float."""
    assert money(amount, "EUR").cents == cents


@given(st.integers(-(10**10), 10**10))
def test_cents_survive_json(cents: int) -> None:
    """What a vendor sends as a JSON number with two decimals is the same number of cents."""
    sent = json.loads(f"{cents // 100 if cents >= 0 else -(-cents // 100)}.{abs(cents) % 100:02d}")

    assert abs(money(sent, "CHF").cents) == abs(cents)


@pytest.mark.parametrize(
    "amount", ["", "abc", "1,50", "1_000", " 1", "١٢", "NaN", "Infinity", float("nan"), float("-inf"), True, "1e999"]
)
def test_what_is_no_number_is_refused(amount: str | float) -> None:
    """No amount is guessed; the error does not repeat what was sent."""
    with pytest.raises(ValueError, match="an amount in EUR is no number"):
        money(amount, "EUR")


@pytest.mark.parametrize("amount", [10**9 + 1, "1000000000.01", -(10**10), "9e99"])
def test_no_stay_costs_a_billion(amount: str | int) -> None:
    """An amount of more than a billion is a fault."""
    with pytest.raises(ValueError, match="above 1000000000"):
        money(amount, "EUR")


@pytest.mark.parametrize("currency", ["JPY", "ISK", "KWD", "CLF"])
def test_a_currency_without_hundredths_is_refused(currency: str) -> None:
    """Cents of a currency that has none would be a hundred times too much or too little."""
    with pytest.raises(ValueError, match="has no hundredths"):
        money(1, currency)


@pytest.mark.parametrize("currency", ["eur", "", "EURO", "€"])
def test_a_currency_is_an_iso_code(currency: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="ISO 4217"):
        money(1, currency)
