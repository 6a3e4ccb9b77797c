"""Phone and card numbers in any notation: grouped, read out digit by digit, or spelled in words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PHONE: Final = "[phone]"
CARD: Final = "[card]"
LONGEST_PHONE: Final = 15
"""How many digits E.164 allows."""

_SAFE: Final = re.compile(
    r"""
    \bcall_(?:\+|%2[Bb]|\\u002[Bb])?\d{3,20}_\w+                                                   # a call's id
  | (?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])            # a UUID
  | \b(?:19|20)\d\d-[01]\d-[0-3]\d(?:[T\ ][012]\d:[0-5]\d(?::[0-5]\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)
  | (?<![\d+])[0-3]?\d(?P<sep>[./-])[0-3]?\d(?P=sep)(?:19|20)\d\d(?!\d|[./-]\d)                    # 10.12.2026
  | (?<![\d+])[0-3]?\d\.(?:\s?[01]?\d\.)?\s?[-–]\s?[0-3]?\d\.\s?[01]?\d\.(?:20\d\d)?(?!\d)         # 10.-12.12.
  | (?<![\d.+])(?:0|[1-9]\d?|1\d\d|2[0-5]\d)(?:\.(?:0|[1-9]\d?|1\d\d|2[0-5]\d)){3}(?![\d.])        # 127.0.0.1
  | (?<![\d.+/)-])(?<!\d[ ])(?<!-[ ])(?:0|[1-9]\d{0,5}|1[6-9]\d{8})\.\d+(?![\d./-]|[ ]\d)         # a measured value
  | (?<=":)[ ]?-?(?:0|[1-9]\d{0,9}|1[6-9]\d{11}|1[6-9]\d{14}|1[6-9]\d{17})(?=[],}\s]|$)            # JSON's own number
    """,
    re.VERBOSE,
)
"""What is long and full of digits, and no guest's."""

_TOKEN: Final = re.compile(r"%2[Bb]|\\u002[Bb]|\+|[^\W_]+")
_BETWEEN: Final = re.compile(r"[\s.\-–/()]{0,4}")
_BETWEEN_WITH_COMMA: Final = re.compile(r"[\s.\-–/(),;]{0,4}")
_GLUED: Final = re.compile(r"(?![a-f]+\d)[^\W\d_]+(?=\d{9,}$)")
"""Letters that run straight into a long number (`sip491…`); hexadecimal ids in lower case are none."""
_CUE: Final = re.compile(
    r"(?:number|phone|mobile|cell|call me|reach me|nummer|telefon|handy|erreich|numéro|téléphone|numero|telefono"
    r"|teléfono|nummer|telefoon)[^\d]{0,30}$",
    re.IGNORECASE,
)

_PLUS: Final = frozenset({"+", "%2b", "\\u002b", "plus", "più", "más"})
_TIMES: Final = {"double": 2, "triple": 3, "doppel": 2, "doppelt": 2, "dreifach": 3}
_AND: Final = frozenset({"et", "y", "e"})
_UNITS: Final = (
    "zero oh o null nul zéro cero",
    "one eins ein un une uno één een",
    "two zwei zwo deux due dos twee",
    "three drei trois tre tres drie",
    "four vier quatre quattro cuatro",
    "five fünf cinq cinque cinco vijf",
    "six sechs sei seis zes",
    "seven sieben sept sette siete zeven",
    "eight acht huit otto ocho",
    "nine neun neuf nove nueve negen",
)
_TEENS: Final = (
    "ten zehn dix dieci diez tien",
    "eleven elf onze undici once",
    "twelve zwölf douze dodici doce twaalf",
    "thirteen dreizehn treize tredici trece dertien",
    "fourteen vierzehn quatorze quattordici catorce veertien",
    "fifteen fünfzehn quinze quindici quince vijftien",
    "sixteen sechzehn seize sedici dieciséis zestien",
    "seventeen siebzehn diciassette diecisiete zeventien",
    "eighteen achtzehn diciotto dieciocho achttien",
    "nineteen neunzehn diciannove diecinueve negentien",
)
_TENS: Final = (
    "twenty zwanzig vingt venti veinte twintig",
    "thirty dreißig dreissig trente trenta treinta dertig",
    "forty vierzig quarante quaranta cuarenta veertig",
    "fifty fünfzig cinquante cinquanta cincuenta vijftig",
    "sixty sechzig soixante sessanta sesenta zestig",
    "seventy siebzig settanta setenta zeventig",
    "eighty achtzig ottanta ochenta tachtig",
    "ninety neunzig novanta noventa negentig",
)


def _vocabulary() -> dict[str, str]:
    words = {word: str(digit) for digit, row in enumerate(_UNITS) for word in row.split()}
    words |= {word: str(10 + number) for number, row in enumerate(_TEENS) for word in row.split()}
    tens = {word: str(ten) for ten, row in enumerate(_TENS, start=2) for word in row.split()}
    words |= {word: f"{ten}0" for word, ten in tens.items()}
    for word, digit in [(word, digit) for word, digit in words.items() if len(digit) == 1 and digit != "0"]:
        for ten_word, ten in tens.items():
            # The languages of a hotel write forty-nine as "neunundvierzig", "negenenveertig", "quarantanove".
            words |= {f"{word}und{ten_word}": ten + digit, f"{word}en{ten_word}": ten + digit}
            words |= {f"{word}ën{ten_word}": ten + digit, f"{ten_word}{word}": ten + digit}
            words |= {f"{ten_word[:-1]}{word}": ten + digit}
    return words


_WORDS: Final = _vocabulary()


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def is_word(self) -> bool:
        return not self.text.isdecimal() and self.text not in _PLUS


def without_numbers(text: str) -> str:
    """The text with [phone] and [card] for phone and card numbers."""
    pieces, done = [], 0
    for run in _runs(text):
        mark = _mark(run, text[max(0, run[0].start - 50) : run[0].start])
        if mark:
            pieces += [text[done : run[0].start], mark]
            done = run[-1].end
    return "".join((*pieces, text[done:]))


def _runs(text: str) -> Iterator[Sequence[_Token]]:
    """What may be one number: digits, pluses and number words with next to nothing between them."""
    run: list[_Token] = []
    safe = _Spans(_SAFE.finditer(text))
    for found in _TOKEN.finditer(text):
        token = _token(found)
        # What looks like a date may be the middle of a number that has begun, but only while such a number can go on.
        safe_here = safe.cover(found.start()) and not (
            token and run and run[0].text in _PLUS and len(_digits(run)) + len(token.text) <= LONGEST_PHONE
        )
        joins = run and token and not safe_here and _joins(run, token, text[run[-1].end : token.start])
        if run and not joins:
            yield run
            run = []
        if token and not safe_here and (run or token.text not in _AND):
            run.append(token)
    if run:
        yield run


class _Spans:
    """Stretches of a text, asked about from its start to its end."""

    def __init__(self, found: Iterator[re.Match[str]]) -> None:
        self._found = found
        self._start, self._end = 0, 0

    def cover(self, position: int) -> bool:
        while self._end <= position:
            following = next(self._found, None)
            if following is None:
                return False
            self._start, self._end = following.span()
        return self._start <= position


def _token(found: re.Match[str]) -> _Token | None:
    word, start = found[0].lower(), found.start()
    if glued := _GLUED.match(found[0]):
        word, start = word[glued.end() :], start + glued.end()
    if word.isdecimal() or word in _WORDS or word in _PLUS or word in _TIMES or word in _AND:
        return _Token(word, start, found.end())
    return None


def _joins(run: Sequence[_Token], token: _Token, between: str) -> bool:
    if token.text in _PLUS:
        return False
    first = run[0].text
    listed = first in _PLUS or _WORDS.get(first, first)[0] == "0" or token.is_word or run[-1].is_word
    return bool((_BETWEEN_WITH_COMMA if listed else _BETWEEN).fullmatch(between))


def _mark(run: Sequence[_Token], before: str) -> str | None:
    digits = _digits(run)
    length = len(digits)
    if length < 6:
        return None
    if run[0].text in _PLUS:
        return PHONE
    if length >= 16 or (length >= 13 and _is_card(digits)):
        return CARD
    spoken = sum(token.is_word for token in run) >= 3
    if length >= 9 or digits.startswith("0") or (spoken and length >= 7) or _CUE.search(before):
        return PHONE
    return None


def _digits(run: Sequence[_Token]) -> str:
    """The digits a run stands for: "forty nine double seven" is 4977."""
    digits, times, ten = "", 1, False
    for token in run:
        if token.text in _TIMES:
            times = _TIMES[token.text]
            continue
        if token.text in _AND or token.text in _PLUS:
            continue
        value = _WORDS.get(token.text, token.text)
        if ten and token.is_word and len(value) == 1 and value != "0":
            digits = digits[:-1]
        digits += value * times if len(value) == 1 else value
        times, ten = 1, token.is_word and len(value) == 2 and value[0] > "1" and value[1] == "0"
    return digits


def _is_card(digits: str) -> bool:
    """Whether the last digit is the one that Luhn's sum asks for."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(map(int, digits[::-2]))) % 10 == 0
