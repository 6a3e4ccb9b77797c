"""Amounts of money, exactly."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", description="ISO 4217 code")]


class Money(BaseModel):
    """An amount in integer hundredths of a currency unit; amounts of two currencies do not mix.

    Only currencies with two decimals are served: every European hotel's is one.
    """

    model_config = ConfigDict(frozen=True)

    cents: int
    currency: Currency

    def __add__(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(cents=self.cents + other.cents, currency=self.currency)

    def __mul__(self, times: int) -> Money:
        return Money(cents=self.cents * times, currency=self.currency)

    def __str__(self) -> str:
        """As a program and a log write it: `258.00 EUR`."""
        sign = "-" if self.cents < 0 else ""
        units, cents = divmod(abs(self.cents), 100)
        return f"{sign}{units}.{cents:02d} {self.currency}"
