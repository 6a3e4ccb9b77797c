"""German words for days, counts, names and consent, read as the English words for them.

What a guest said in German is searched for facts by the rules for English, once the words that facts are made of are
English: "am zwölften März, bis zum vierzehnten" becomes "am 12th march, until 14th". The rest stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_ONES: Final = (
    "null",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
)
_TENS: Final = {"zwanzig": 20, "dreißig": 30, "vierzig": 40, "fünfzig": 50}
_NUMBERS: Final = (
    {word: value for value, word in enumerate(_ONES) if value != 1}
    | {"eins": 1, "zwo": 2}
    | {f"{_ONES[ones]}und{tens}" if ones else tens: value + ones for tens, value in _TENS.items() for ones in range(10)}
)
# "Ein" alone is an article more often than a number.
_IRREGULAR: Final = {"erst": 1, "dritt": 3, "siebt": 7, "siebent": 7, "acht": 8}
_ORDINALS: Final = _IRREGULAR | {
    f"{word}{'t' if value < 20 else 'st'}": value
    for word, value in _NUMBERS.items()
    if 1 < value < 32 and value not in (3, 7, 8)
}
_MONTHS: Final = {
    "januar": "january",
    "jänner": "january",
    "februar": "february",
    "märz": "march",
    "mai": "may",
    "juni": "june",
    "juli": "july",
    "oktober": "october",
    "dezember": "december",
}
_EVERY_MONTH: Final = "|".join((*_MONTHS, "april", "august", "september", "november"))
_WEEKDAY: Final = r"(?:(?:montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag),? )?"


def _any_of(words: dict[str, int]) -> str:
    return "|".join(sorted(words, key=len, reverse=True))


_RULES: Final[tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = (
    (rf"\bbis (?:zum |zu dem |am )?{_WEEKDAY}(?:den |dem )?", "until "),
    (r"\babreise(?:n)?(?: ist| wäre)? am ", "leaving on "),
    (rf"\b(\d{{1,2}})\. ?(?=(?:{_EVERY_MONTH})\b)", r"\1th "),
    (rf"\b({_any_of(_ORDINALS)})e[nrms]?\b", lambda found: f"{_ORDINALS[found[1].lower()]}th"),
    (rf"\b({_any_of(_NUMBERS)})\b", lambda found: str(_NUMBERS[found[1].lower()])),
    (r"\beine?[nr]? (?=(?:einzige )?(?:nacht|woche|person|erwachsene|kind)\b)", "1 "),
    (rf"\b({'|'.join(_MONTHS)})\b", lambda found: _MONTHS[found[1].lower()]),
    (r"\bübermorgen\b", "the day after tomorrow"),
    (r"(?<!guten )(?<!am )\bmorgen\b", "tomorrow"),
    (r"\bheute\b", "today"),
    (r"\b(?:über)?nacht\b", "night"),
    (r"\b(?:nächten?|übernachtungen)\b", "nights"),
    (r"\bwoche\b", "week"),
    (r"\bwochen\b", "weeks"),
    (r"\bzu zweit\b", "2 people"),
    (r"\bzu dritt\b", "3 people"),
    (r"\b(?:person|personen|leute)\b", "people"),
    (r"\berwachsenen?r?\b", "adults"),
    (r"\b(?:gast|gäste|gästen)\b", "guests"),
    (r"(?<=\d )kind\b", "child"),
    (r"\bkindern?\b", "children"),
    (r"\b(?:ja|jawohl|sehr gerne?|einverstanden|in ordnung|natürlich|genau|richtig|passt)\b", "yes"),
    (r"\b(?:nein|nicht|keine?[nms]?|lieber|falsch)\b", "no"),
    (r"\b(?:mein name ist|der name ist|ich (?:heiße|heisse)|auf den namen|unter dem namen)\b", "my name is"),
    (r"\bich bin\b", "i am"),
    (r"\b(?:herr|frau)\b", "mr"),
)
_COMPILED: Final = tuple((re.compile(pattern, re.IGNORECASE), english) for pattern, english in _RULES)


def in_english(text: str) -> str:
    """The text with its German words for facts in English; English text comes back as it was."""
    for pattern, english in _COMPILED:
        text = pattern.sub(english, text)
    return text
