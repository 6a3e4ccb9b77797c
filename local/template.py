"""Sentences filled from a tool's answer, in the form in which they are spoken."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from agent import spoken
from local.script import ANSWER_PATH, PLACEHOLDER

UNITS: Final = {
    "en": {"EUR": "euros", "GBP": "pounds", "USD": "dollars", "CHF": "francs"},
    "de": {"EUR": "Euro", "GBP": "Pfund", "USD": "Dollar", "CHF": "Franken"},
}


def fill(template: str, answer: Mapping[str, Any], language: str) -> str | None:
    """The template with its places filled from the answer, as the language has it; None when one of them is not there
    to be spoken."""
    values = {place: _value(place, answer, language) for place in PLACEHOLDER.findall(template)}
    if None in values.values():
        return None
    return PLACEHOLDER.sub(lambda found: str(values[found[1]]), template)


def _value(place: str, answer: Mapping[str, Any], language: str) -> str | None:
    asked = ANSWER_PATH.match(place)
    if asked is None:
        return None
    value: Any = answer
    for part in re.findall(r"\w+", asked["path"]):
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, ValueError, TypeError):
            return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return FORMS[asked["form"] or ""](str(value), language)


def plain(text: str, _: str) -> str:
    """The text as it is."""
    return text


def money(text: str, language: str) -> str:
    """ "258.00 EUR" as it is said: "258 euros", "258 euros 50", "258 Euro"."""
    amount = re.match(r"^(\d+)\.(\d\d) ([A-Z]{3})$", text)
    if amount is None:
        return text
    unit = UNITS[language].get(amount[3], amount[3])
    return f"{amount[1]} {unit}" + ("" if amount[2] == "00" else f" {int(amount[2])}")


def day(text: str, language: str) -> str:
    """ "2027-03-12" as it is said: "March 12th", "12. März"."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return text
    if language == "de":
        return f"{found.day}. {spoken.FORMS['de'].months[found.month - 1]}"
    ending = "th" if 10 < found.day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(found.day % 10, "th")
    return f"{found:%B} {found.day}{ending}"


def spell(text: str, _: str) -> str:
    """ "A7-K2" letter by letter: "A, 7, K, 2"."""
    return ", ".join(re.sub(r"\W", "", text))


FORMS: Final[Mapping[str, Callable[[str, str], str]]] = {"": plain, "money": money, "day": day, "spell": spell}
