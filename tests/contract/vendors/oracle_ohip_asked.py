"""What is sent to the stand-in of OPERA Cloud, taken apart as strictly as OPERA does, and how it says no."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tests.contract.vendors.house import House
from tests.contract.vendors.stand_in import Codes

SYSTEM: Final = "BELLHOP"
MARKETS, SOURCES, GUARANTEES = {"LEIS"}, {"PHONE"}, {"6PM"}
"""Lists of values of the hotel's: what is in one of OPERA's lists must be in the hotel's."""
AVAILABILITY: Final = frozenset(
    {
        "roomStayStartDate",
        "roomStayEndDate",
        "roomStayQuantity",
        "adults",
        "children",
        "limit",
        "pagePointerKey",
        "roomType",
        "ratePlanCode",
        "hotelReservationId",
        "hotelReservationIdType",
        "roomTypeInfo",
        "ratePlanInfo",
    }
)
SEARCH: Final = frozenset(
    {
        "externalReferenceIds",
        "externalSystemCodes",
        "confirmationNumberList",
        "arrivalStartDate",
        "arrivalEndDate",
        "surname",
        "limit",
        "offset",
    }
)
READ: Final = frozenset({"fetchInstructions"})
POLICIES: Final = frozenset({"fetchCancellationPolicies", "fetchDepositPolicies"})
INSTRUCTIONS: Final = {"Reservation", "Comments", "ReservationPolicies", "TotalCostOfStay"}
"""Of `getReservation`'s, those that are needed here."""
CREATION: Final = frozenset(
    {
        "reservations",
        "fetchInstructions",
        "reservationsInstructionsType",
        "channelInformation",
        "reservationNotification",
        "externalDailyRates",
        "links",
        "warnings",
    }
)


class Problem(Exception):
    """An answer that is an `exceptionDetailType`."""

    def __init__(self, status: int, title: str, code: str) -> None:
        super().__init__(title)
        self.status, self.title, self.code = status, title, code


class Query:
    """The query of a request, whose lists are repeated names; a name that the document lacks is refused."""

    def __init__(self, request: Request, known: frozenset[str]) -> None:
        self._params = request.query_params
        if not known.issuperset(self._params):
            raise Problem(400, "Invalid value of: Query.", "OPERAWS-GEN01346")

    def all(self, name: str) -> list[str]:
        return self._params.getlist(name)

    def one(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def flag(self, name: str) -> bool:
        value = self.one(name)
        require(value in (None, "true", "false"), name)
        return value == "true"

    def number(self, name: str, otherwise: int) -> int:
        value = self.one(name)
        require(value is None or value.isdecimal(), name)
        return otherwise if value is None else int(value)

    def day(self, name: str) -> date:
        return day(self.one(name))


async def refused(_: Request, problem: Exception) -> Response:
    """`exceptionDetailType`."""
    assert isinstance(problem, Problem)
    body = {
        "type": f"https://httpwg.org/specs/rfc9110.html#status.{problem.status}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.title,
        "o:errorCode": problem.code,
    }
    return JSONResponse(body, status_code=problem.status)


async def json_of(request: Request, known: frozenset[str]) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Problem(400, "The body is no JSON.", "OPERAWS-GEN01242") from None
    if not isinstance(body, dict) or not known.issuperset(body):
        raise Problem(400, "Unknown property.", "OPERAWS-GEN01242")
    return body


def require(condition: bool, what: str) -> None:
    if not condition:
        raise Problem(400, f"Invalid {what}.", "OPERAWS-RSV90000")


def part(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name, {})
    require(isinstance(part, dict), name)
    return dict(part)


def entries(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    part = value.get(name, [])
    require(isinstance(part, list) and all(isinstance(entry, dict) for entry in part), name)
    return list(part)


def day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Problem(400, "Invalid date.", "OPERAWS-RSV90001") from None


def names(sent: Mapping[str, Any], id: str) -> bool:
    """Does what was sent name the reservation of the path?"""
    return {"id": id, "type": "Reservation"} in entries(sent, "reservationIdList")


def reference_sent(wanted: Mapping[str, Any]) -> str | None:
    """`hotelReservationType`: an external reference has at most 50 characters, its context at most 20."""
    references = entries(wanted, "externalReferences")
    for reference in references:
        id, context = reference.get("id"), reference.get("idContext")
        require(isinstance(id, str) and 0 < len(id) <= 50, "external reference")
        require(isinstance(context, str) and len(context) <= 20 and context == SYSTEM, "external system")
    return references[0]["id"] if references else None


def stay_sent(house: House, codes: Codes, stay: Mapping[str, Any]) -> dict[str, Any]:
    """What `roomStay` asks for, in the house's words."""
    arrival, departure = day(stay.get("arrivalDate")), day(stay.get("departureDate"))
    today = house.now().astimezone(ZoneInfo(house.timezone)).date()
    require(today <= arrival < departure, "dates")
    require(part(stay, "guarantee").get("guaranteeCode") in GUARANTEES, "guarantee code")
    rooms = entries(stay, "roomRates")
    require(len(rooms) == 1, "room rate")
    (rate,) = rooms
    room = codes.room_of(str(rate.get("roomType")))
    plan = codes.rate_of(str(rate.get("ratePlanCode")))
    require(room is not None, "room type")
    require(plan is not None, "rate code")
    require(rate.get("marketCode") in MARKETS, "market code")
    require(rate.get("sourceCode") in SOURCES, "source code")
    require(rate.get("numberOfUnits") == 1, "number of rooms")
    counts = part(stay, "guestCounts")
    adults, children = counts.get("adults"), counts.get("children", 0)
    require(isinstance(adults, int) and isinstance(children, int), "guest counts")
    assert room is not None
    assert plan is not None
    require(0 < adults + children <= house.rooms[room].sleeps, "occupancy")
    asked = {
        "room": room,
        "rate": plan,
        "arrival": arrival,
        "departure": departure,
        "adults": adults,
        "children": children,
    }
    if rate.get("fixedRate"):
        asked["night_cents"] = _nights_sent(house.currency, entries(part(rate, "rates"), "rate"), arrival, departure)
    return asked


def _nights_sent(currency: str, rates: Sequence[Mapping[str, Any]], arrival: date, departure: date) -> tuple[int, ...]:
    """A fixed rate's own amounts; every night needs exactly one."""
    nights = []
    for night in (arrival + timedelta(days=day) for day in range((departure - arrival).days)):
        found = [rate for rate in rates if day(rate.get("start")) <= night <= day(rate.get("end"))]
        require(len(found) == 1, "rates")
        base = part(found[0], "base")
        amount = base.get("amountBeforeTax")
        if not isinstance(amount, int | float) or base.get("currencyCode") != currency:
            raise Problem(400, "Invalid amount.", "OPERAWS-RSV90000")
        nights.append(round(amount * 100))
    return tuple(nights)
