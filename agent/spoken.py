"""Amounts, days and codes as a voice should say them, in each language that has prompts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from lambdas.shared.domain.money import Money


@dataclass(frozen=True)
class Currency:
    """The words for one unit, for several, and the same of its hundredth part."""

    one: str
    many: str
    hundredth: str
    hundredths: str


@dataclass(frozen=True)
class Forms:
    """How a language says days and amounts; `written` is filled with weekday, day and month."""

    weekdays: tuple[str, ...]
    months: tuple[str, ...]
    written: str
    conjunction: str
    currencies: dict[str, Currency]
    cent: Currency
    """Where the currency has no words here, its code stands for them, and these are its hundredth's."""

    def amount(self, money: Money) -> str:
        units, cents = divmod(money.cents, 100)
        code = money.currency
        words = self.currencies.get(code, Currency(code, code, self.cent.hundredth, self.cent.hundredths))
        whole = f"{units} {words.one if units == 1 else words.many}"
        if not cents:
            return whole
        return f"{whole} {self.conjunction} {cents} {words.hundredth if cents == 1 else words.hundredths}"

    def day(self, day: date) -> str:
        return self.written.format(weekday=self.weekdays[day.weekday()], day=day.day, month=self.months[day.month - 1])


_ENGLISH: Final = Forms(
    weekdays=("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    months=(
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
    ),
    # With the bare number: voices read "15th" worse than "15".
    written="{weekday}, {month} {day}",
    conjunction="and",
    currencies={
        "EUR": Currency("euro", "euros", "cent", "cents"),
        "GBP": Currency("pound", "pounds", "penny", "pence"),
        "CHF": Currency("franc", "francs", "centime", "centimes"),
    },
    cent=Currency("", "", "cent", "cents"),
)
_GERMAN: Final = Forms(
    weekdays=("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    months=(
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
    written="{weekday}, {day}. {month}",
    conjunction="und",
    currencies={
        "EUR": Currency("Euro", "Euro", "Cent", "Cent"),
        "GBP": Currency("Pfund", "Pfund", "Penny", "Pence"),
        "CHF": Currency("Franken", "Franken", "Rappen", "Rappen"),
    },
    cent=Currency("", "", "Cent", "Cent"),
)
FORMS: Final = {"en": _ENGLISH, "de": _GERMAN}
"""By the language's ISO 639-1 code."""


def spoken_money(money: Money, language: str) -> str:
    """258 euros; 258 Euro und 50 Cent."""
    return FORMS[language].amount(money)


def spoken_day(day: date, language: str) -> str:
    """Monday, March 15; Montag, 15. März."""
    return FORMS[language].day(day)


def spoken_code(code: str) -> str:
    """A booking code letter by letter: `A B 7`."""
    return " ".join(character for character in code.upper() if character.isalnum())
