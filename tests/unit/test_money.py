"""Amounts are exact and never mix currencies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lambdas.shared.domain.money import Money

pytestmark = pytest.mark.unit

amounts = st.integers(-(10**9), 10**9).map(lambda cents: Money(cents=cents, currency="EUR"))


@given(one=amounts, other=amounts, times=st.integers(0, 30))
def test_sums_are_exact(one: Money, other: Money, times: int) -> None:
    """Many nights cost as much as each of them added up."""
    total = (one + other) * times

    assert total == sum((one + other for _ in range(times)), Money(cents=0, currency="EUR"))


def test_currencies_do_not_mix() -> None:
    """Euros and francs are not added, and the error says which was which."""
    with pytest.raises(ValueError, match="cannot add CHF to EUR"):
        Money(cents=1, currency="EUR") + Money(cents=1, currency="CHF")


@pytest.mark.parametrize(
    ("cents", "written"),
    [(25800, "258.00 EUR"), (5, "0.05 EUR"), (-1250, "-12.50 EUR"), (-5, "-0.05 EUR"), (0, "0.00 EUR")],
)
def test_an_amount_is_written_with_two_decimals(cents: int, written: str) -> None:
    """Cents below ten keep their zero, and a sign stands once."""
    assert str(Money(cents=cents, currency="EUR")) == written


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", ""])
def test_a_currency_is_its_iso_code(currency: str) -> None:
    """Anything but three capitals is refused."""
    with pytest.raises(ValidationError):
        Money(cents=1, currency=currency)


def test_half_a_cent_does_not_exist() -> None:
    """An amount that is not whole cents is refused, not rounded."""
    with pytest.raises(ValidationError):
        Money.model_validate({"cents": 0.5, "currency": "EUR"})
