"""What is asked of Apaleo's stand-in: queries and bodies, read as strictly as the documents have them.

GUIDES and ISSUES are those of apaleo.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.contract.vendors.house import Kept

DEFAULT_PAGE, LARGEST_PAGE = 20, 200
"""GUIDES api/pagination.html: a larger page is rejected."""


class Problem(Exception):
    """A refusal: `MessageItemCollection`."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class Query:
    """The query of a request: lists are written with commas and in no other way (ISSUES 246)."""

    def __init__(self, request: Request, known: set[str]) -> None:
        self._params = request.query_params
        unknown = set(self._params) - known
        repeated = [name for name in self._params if len(self._params.getlist(name)) > 1]
        if unknown or repeated:
            raise Problem(f"Not parameters that are known: {', '.join([*unknown, *repeated])}", 400)

    def one(self, name: str) -> str | None:
        return self._params.get(name)

    def all(self, name: str) -> list[str]:
        return [value for value in (self.one(name) or "").split(",") if value]

    def needed(self, name: str) -> str:
        value = self.one(name)
        if not value:
            raise Problem(f"{name}: The {name} field is required.", 400)
        return value

    def flag(self, name: str) -> bool:
        if self.one(name) not in (None, "true", "false"):
            raise Problem(f"{name}: The value is not valid.", 400)
        return self.one(name) == "true"

    def day(self, name: str) -> date:
        return day_of(self.needed(name))

    def number(self, name: str, otherwise: int) -> int:
        value = self.one(name)
        if value is not None and not value.isdecimal():
            raise Problem(f"{name}: The value is not valid.", 400)
        return otherwise if value is None else int(value)

    def moment(self, name: str) -> datetime | None:
        """A date and time with its offset: a date alone is 400 (ISSUES 82)."""
        value = self.one(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Problem(f"{name}: The value is not valid.", 400) from None
        if "T" not in value or moment.tzinfo is None or moment.microsecond:
            raise Problem(f"{name}: The value is not valid.", 400)
        return moment

    def adults(self, kept: Kept | None) -> int:
        """Those of the reservation, unless others are asked for; without one they are needed."""
        if kept is None:
            self.needed("adults")
        adults = self.number("adults", kept.adults if kept else 0)
        if adults < 1:
            raise Problem("adults: The value is not valid.", 400)
        return adults

    def people(self, kept: Kept | None) -> int:
        ages = self.all("childrenAges")
        if not all(age.isdecimal() for age in ages):
            raise Problem("childrenAges: The value is not valid.", 400)
        return self.adults(kept) + len(ages)

    def page(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Response:
        """`count` is that of all pages; a page without rows is 204."""
        size, number = self.number("pageSize", DEFAULT_PAGE), self.number("pageNumber", 1)
        if not 1 <= size <= LARGEST_PAGE or number < 1:
            raise Problem("pageSize: The value is not valid.")
        page = rows[(number - 1) * size : number * size]
        return JSONResponse({name: page, "count": len(rows)}) if page else Response(status_code=204)


class Body:
    """An object of the document, which has these names and no others."""

    def __init__(self, told: Any, known: set[str]) -> None:
        if not isinstance(told, dict) or not known.issuperset(told):
            raise Problem("The request you passed in is not valid.", 400)
        self._told = told

    def get(self, name: str) -> Any:
        return self._told.get(name)

    def needed(self, name: str) -> Any:
        value = self._told.get(name)
        if value in (None, ""):
            field = name[:1].upper() + name[1:]
            raise Problem(f"{field}: The {field} field is required.")  # ISSUES 401
        return value


async def refused(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return JSONResponse({"messages": [problem.message]}, status_code=problem.status)


def json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise Problem("The request is no JSON.", 400) from None


def day_of(value: Any) -> date:
    """A date, or the date of a moment with its offset."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Problem("The value is not valid.") from None
    if "T" in value and moment.tzinfo is None:
        raise Problem("The value is not valid.")
    return moment.date()


def in_order(arrival: date, departure: date) -> None:
    if not arrival < departure:
        raise Problem("Departure must be after arrival.")
