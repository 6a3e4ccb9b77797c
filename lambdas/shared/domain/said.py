"""What a guest says and a clerk has typed, compared as people compare it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

LONGEST_CODE: Final = 60
_LETTERS: Final = str.maketrans({"ø": "o", "æ": "a", "œ": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
_SPELT_OUT: Final = {"ae": "a", "oe": "o", "ue": "u", "aa": "a"}


def normal_code(code: str) -> str:
    """A reservation's code however it is said or typed: capitals, no spaces, no punctuation at its ends.

    "k7 f2 x9." and "K7F2X9" are one. Punctuation between letters stays, since some systems' codes have it. Raises
    ValueError for what cannot be a code.
    """
    told = unicodedata.normalize("NFKC", code)
    told = re.sub(r"\s+", "", told).upper()
    told = re.sub(r"^[\W_]+|[\W_]+$", "", told)
    if not re.fullmatch(r"[A-Z0-9](?:[A-Z0-9._/-]*[A-Z0-9])?", told) or len(told) > LONGEST_CODE:
        raise ValueError("this cannot be a reservation's code")
    return told


def surname_key(surname: str) -> str:
    """What two spellings of one surname have in common: no accents, ä as ae or a, ß as ss, a hyphen as a space."""
    folded = unicodedata.normalize("NFKD", surname.casefold())
    letters = "".join(letter for letter in folded if not unicodedata.combining(letter)).translate(_LETTERS)
    words = re.sub(r"[^\w]|_", " ", re.sub(r"['’`.]", "", letters)).split()
    return re.sub("|".join(_SPELT_OUT), lambda found: _SPELT_OUT[found[0]], " ".join(words))


def same_surname(one: str, other: str) -> bool:
    """May the two be one person's surname? "Müller", "MUELLER" and "Muller" are; an empty name is nobody's."""
    key = surname_key(one)
    return bool(key) and key == surname_key(other)
