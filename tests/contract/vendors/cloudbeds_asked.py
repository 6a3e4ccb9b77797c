"""What is sent to the stand-in of Cloudbeds, taken apart as strictly as its document has it, and how it says no."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import Request

PROPERTY: Final = "49705"
Entry = TypeVar("Entry")


class Refusal(Exception):
    """An answer that says that the request could not be completed."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class Query:
    """The query of a request; lists are comma-separated."""

    def __init__(self, request: Request) -> None:
        self._params = request.query_params

    def one(self, name: str) -> str | None:
        return self._params.get(name)

    def all(self, name: str) -> list[str]:
        return [value for value in self._params.get(name, "").split(",") if value]

    def require(self, name: str) -> str:
        value = self.one(name)
        if not value:
            raise Refusal(f"Parameter {name} is required", 400)
        return value

    def require_property(self, name: str) -> None:
        """It may be left out: a key of one hotel's knows which."""
        if self.all(name) not in ([], [PROPERTY]):
            # https://developers.cloudbeds.com/docs/common-api-errors-in-progress
            raise Refusal("None of the included property id's match the access_token user's property id")

    def stay(self) -> tuple[date, date]:
        arrival, departure = day_of("startDate", self.require("startDate")), day_of("endDate", self.require("endDate"))
        if arrival >= departure:
            raise Refusal("Parameter endDate is invalid", 400)
        return arrival, departure

    def flag(self, name: str) -> bool:
        value = self.one(name) or "false"
        if value not in ("true", "false"):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return value == "true"

    def number(self, name: str, otherwise: int | None = None) -> int:
        value = self.require(name) if otherwise is None else self.one(name)
        if value is not None and not value.isdecimal():
            raise Refusal(f"Parameter {name} is invalid", 400)
        return int(value) if value is not None else otherwise or 0

    def cents(self, name: str) -> int:
        value = self.require(name)
        if not re.fullmatch(r"\d+(\.\d{1,2})?", value):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return round(float(value) * 100)

    def moment(self, name: str) -> str:
        """As text, which sorts as its times do; long ago where it is not given."""
        value = self.one(name) or "0000-00-00 00:00:00"
        if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return value

    def covers(self, begin: str, end: str, day: date) -> bool:
        """Is the day between the two, each of which may be open?"""
        first, last = self.one(begin), self.one(end)
        return (first is None or day_of(begin, first) <= day) and (last is None or day <= day_of(end, last))

    def page(self, entries: Sequence[Entry], most: int) -> Sequence[Entry]:
        number, size = self.number("pageNumber", 1), min(self.number("pageSize", most), most)
        if number < 1 or size < 1:
            raise Refusal("Parameter pageNumber is invalid", 400)
        return entries[(number - 1) * size : number * size]


class Form:
    """A form whose lists are written as PHP writes them: `rooms[0][roomTypeID]`."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = dict(pairs)

    @classmethod
    async def of(cls, request: Request) -> Form:
        """The document knows no other type for these bodies."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refusal("Parameter propertyID is required", 400)
        form = cls(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if form.get("propertyID") not in (None, PROPERTY):
            raise Refusal("None of the included property id's match the access_token user's property id")
        return form

    def get(self, name: str) -> str | None:
        return self._pairs.get(name)

    def require(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise Refusal(f"Parameter {name} is required", 400)
        return value

    def rows(self, name: str, *, optional: bool = False) -> list[dict[str, str]]:
        rows: dict[int, dict[str, str]] = {}
        for path, value in self._pairs.items():
            if match := re.fullmatch(rf"{name}\[(\d+)\]\[(\w+)\]", path):
                rows.setdefault(int(match[1]), {})[match[2]] = value
        if not rows and not optional:
            raise Refusal(f"Parameter {name} is required", 400)
        if len(rows) > 1:
            raise Refusal(f"Parameter {name} is invalid", 400)
        return [row for _, row in sorted(rows.items())]


def day_of(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Refusal(f"Parameter {name} is invalid", 400) from None
