"""Amounts of money and shares of them as vendors write them, exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.money import Money

MOST: Final = Decimal(10**9)
"""No stay costs as much: an amount above is a fault, not a price."""
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?", re.ASCII)
_NO_HUNDREDTHS: Final = re.compile(
    "BIF|CLP|DJF|GNF|ISK|JPY|KMF|KRW|PYG|RWF|UGX|UYI|VND|VUV|XAF|XOF|XPF|BHD|IQD|JOD|KWD|LYD|OMR|TND|CLF|UYW"
)
"""ISO 4217's currencies whose minor unit is not a hundredth."""


def money(amount: str | int | float | Decimal, currency: str) -> Money:
    """A vendor's amount, exactly: `"129.90"`, `129.9` and `Decimal("129.90")` are 12990 cents.

    A float is taken as the shortest decimal that it is written as, which is what the vendor sent. More than two
    decimals occur where a vendor computes (a tax, a share of a package) and are rounded half up, away from zero.
    Raises ValueError for what is no number, more than a billion, or in a currency without hundredths.
    """
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise ValueError(f"{currency[:10]!r} is not a currency's ISO 4217 code")
    if _NO_HUNDREDTHS.fullmatch(currency):
        raise ValueError(f"{currency} has no hundredths")
    written = exact(amount, f"an amount in {currency}")
    if abs(written) > MOST:
        raise ValueError(f"an amount in {currency} is above {MOST}")
    return Money(cents=int((written * 100).quantize(Decimal(1), ROUND_HALF_UP)), currency=currency)


def exact(number: str | int | float | Decimal, what: str) -> Decimal:
    """A vendor's number as it was sent; raises ValueError that names it, and shows nothing of it, for what is none."""
    if isinstance(number, bool) or not _NUMBER.fullmatch(str(number)):
        raise ValueError(f"{what} is no number")
    return Decimal(str(number))


@contextmanager
def amounts_of(what: str) -> Iterator[None]:
    """Turns the ValueError of an amount that cannot be into Unreachable: then what it stands in cannot be told."""
    try:
        yield
    except ValueError:
        raise Unreachable(f"{what}: an amount is none", vendor_code="amount") from None
