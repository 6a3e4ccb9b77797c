"""Amounts and days as a voice should say them."""

from __future__ import annotations

from datetime import date
from typing import Final

from lambdas.shared.domain.money import Money

_CURRENCIES: Final = {
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
    "CHF": ("franc", "francs", "centime", "centimes"),
}
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def spoken_money(money: Money) -> str:
    """258 euros; 258 euros and 50 cents."""
    units, cents = divmod(money.cents, 100)
    one, many, hundredth, hundredths = _CURRENCIES.get(
        money.currency, (money.currency, money.currency, "cent", "cents")
    )
    whole = f"{units} {one if units == 1 else many}"
    return f"{whole} and {cents} {hundredth if cents == 1 else hundredths}" if cents else whole


def spoken_day(day: date) -> str:
    """Monday, March 15. Written with the bare number: voices read "15th" worse than "15"."""
    return f"{_DAYS[day.weekday()]}, {_MONTHS[day.month - 1]} {day.day}"


def spoken_code(code: str) -> str:
    """A booking code letter by letter: `A B 7`."""
    return " ".join(character for character in code.upper() if character.isalnum())
