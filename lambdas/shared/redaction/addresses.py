"""E-mail addresses and bank accounts, written or as a recogniser hears them."""

from __future__ import annotations

import re
from typing import Final

EMAIL: Final = "[email]"
IBAN: Final = "[iban]"

_WRITTEN: Final = re.compile(r"(?<![\w.+%-])[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)*")
_LINK: Final = r"(?:dot|punkt|point|punto|underscore|unterstrich|minus|dash|hyphen|bindestrich|plus)"
_DOT: Final = r"(?:\s(?:dot|punkt|point|punto)\s|\.)"
_SPOKEN: Final = re.compile(
    rf"(?<![\w.+'’-])(?:(?:\w|[\w.+-]{{1,40}}\s{_LINK})\s){{0,20}}[\w.+-]{{1,64}}\s(?:at|ät|arobase|chiocciola|arroba|apenstaartje)\s"
    rf"\w[\w-]*(?:\s(?:minus|dash|hyphen|bindestrich)\s\w+){{0,3}}(?:{_DOT}[\w-]+){{0,3}}{_DOT}[^\W\d_]{{2,}}(?!\w)",
    re.IGNORECASE,
)
_HEARD: Final = re.compile(r"\s(?:at|ät|arobase|chiocciola|arroba|apenstaartje)\s", re.IGNORECASE)

_LENGTHS: Final = {
    **{"AT": 20, "BE": 16, "BG": 22, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "EE": 20, "ES": 24, "FI": 18},
    **{"FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IS": 26, "IT": 27, "LI": 21, "LT": 20, "LU": 20},
    **{"LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25, "RO": 24, "SE": 24, "SI": 19, "SK": 24},
    **{"SM": 27},
}
"""How many characters an IBAN of a country has (SWIFT's registry)."""
_START: Final = re.compile(rf"(?<![^\W_])({'|'.join(_LENGTHS)})\s?\d\s?\d", re.IGNORECASE | re.ASCII)
_REST: Final = {
    length: re.compile(rf"(?:[\s-]?[0-9A-Za-z]){{{length - 4}}}(?![0-9A-Za-z])") for length in set(_LENGTHS.values())
}


def without_emails(text: str) -> str:
    """The text with [email] for e-mail addresses, also for "anna dot berg at example dot com"."""
    if "@" in text or "%40" in text:
        text = _WRITTEN.sub(EMAIL, text)
    return _SPOKEN.sub(EMAIL, text) if _HEARD.search(text) else text


def without_ibans(text: str) -> str:
    """The text with [iban] for account numbers: right ones, and wrong ones that are nothing else."""
    pieces, done = [], 0
    for start in _START.finditer(text):
        rest = _REST[_LENGTHS[start[1].upper()]].match(text, start.end())
        if start.start() >= done and rest and _is_account(re.sub(r"[\s-]", "", start[0] + rest[0]).upper()):
            pieces += [text[done : start.start()], IBAN]
            done = rest.end()
    return "".join((*pieces, text[done:]))


def _is_account(iban: str) -> bool:
    """Whether its check digits are right, or it is so full of digits that it was only misheard."""
    if iban[2:].isdecimal():
        return True
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
