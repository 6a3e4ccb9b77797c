"""Durations as Mews writes them: https://docs.mews.com/connector-api/guidelines/serialization."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import datetime, timedelta
from typing import Final

_PART: Final = r"(?:(?P<{}>[+-]?\d+(?:\.\d+)?){})?"
_DURATION: Final = re.compile(
    r"(?P<sign>[+-]?)P"
    + "".join(_PART.format(name, name[0].upper()) for name in ("years", "months", "weeks", "days"))
    + "(?:T"
    + "".join(_PART.format(name, name[0].upper()) for name in ("hours", "minutes", "seconds"))
    + ")?",
    re.ASCII,
)


def after(at: datetime, written: str) -> datetime:
    """That long after a moment, by the clock on the wall. The last day of a month stays one where there is no such day.

    `written` is an ISO 8601 duration whose parts may each be negative, such as `P0M-1DT18H0M0S`. Raises ValueError for
    anything else.
    """
    found = _DURATION.fullmatch(written)
    named = found.groupdict() if found else {}
    parts = {name: float(part) for name, part in named.items() if part and name != "sign"}
    if not parts or any(not part.is_integer() for name, part in parts.items() if name in ("years", "months")):
        raise ValueError(f"{written[:40]!r} is no duration")
    sign = -1 if named["sign"] == "-" else 1
    months = sign * int(12 * parts.pop("years", 0) + parts.pop("months", 0)) + at.month - 1
    try:
        year, month = at.year + months // 12, months % 12 + 1
        return at.replace(year=year, month=month, day=min(at.day, monthrange(year, month)[1])) + sign * timedelta(
            **parts
        )
    except (OverflowError, ValueError):
        raise ValueError(f"{written[:40]!r} is too long") from None
