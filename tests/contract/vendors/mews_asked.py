"""What Mews is asked, and how strictly it reads that."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

DOCS: Final = "https://docs.mews.com/connector-api"
ROOT: Final = "/api/connector/v1"
WHO: Final = frozenset({"ClientToken", "AccessToken", "Client"})
COMMON: Final = WHO | {"LanguageCode", "CultureCode"}
"""DOCS/guidelines/requests: in every body."""
LONGEST_FILTER: Final = timedelta(days=92)
"""`max length 3 months` of an interval."""
MOST_UNITS: Final = 367
"""Days, `services/getAvailability`."""
STATES: Final = {"booked": "Confirmed", "cancelled": "Canceled", "in_house": "Started", "departed": "Processed"}
STARTS, ENDS = timedelta(hours=15), timedelta(hours=12)
CHAIN: Final = "8ddea57b-6a5c-4eec-8c4c-24467dce118e"
TAX: Final = "DE-2020-1-L"

Body = Mapping[str, Any]


def id_of(kind: str, code: object) -> str:
    """The id of something of the house, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://aurora.example/{kind}/{code}"))


ENTERPRISE, SERVICE = id_of("enterprise", 1), id_of("service", 1)
ADULTS, CHILDREN = id_of("age", "adults"), id_of("age", "children")
OPERATIONS: Final = {
    "configuration/get": (
        "",
        "EnterpriseId",
    ),
    "services/getAll": (
        "Limitation",
        "EnterpriseIds ServiceIds ServiceType UpdatedUtc",
    ),
    "services/getAvailability": (
        "ServiceId FirstTimeUnitStartUtc LastTimeUnitStartUtc",
        "StartUtc EndUtc",
    ),
    "resourceCategories/getAll": (
        "ServiceIds Limitation",
        "EnterpriseIds ResourceCategoryIds UpdatedUtc ActivityStates",
    ),
    "ageCategories/getAll": (
        "Limitation",
        "EnterpriseIds AgeCategoryIds ServiceIds UpdatedUtc ActivityStates",
    ),
    "rates/getAll": (
        "ServiceIds Limitation",
        "EnterpriseIds Extent RateIds UpdatedUtc ExternalIdentifiers ActivityStates",
    ),
    "products/getAll": (
        "ServiceIds Limitation",
        "EnterpriseIds ProductIds UpdatedUtc IncludeDefault",
    ),
    "rules/getAll": (
        "ServiceIds Extent Limitation",
        "EnterpriseIds Ids UpdatedUtc",
    ),
    "restrictions/getAll": (
        "ServiceIds Limitation",
        "EnterpriseIds CollidingUtc CreatedUtc UpdatedUtc RestrictionIds ResourceCategoryIds "
        "RateIds ExactRateIds BaseRateIds Origin",
    ),
    "reservations/price": (
        "ServiceId Reservations",
        "EnterpriseId",
    ),
    "reservations/getAll/2023-06-06": (
        "Limitation",
        "EnterpriseIds ReservationIds ServiceIds ReservationGroupIds AccountIds PartnerCompanyIds "
        "TravelAgencyIds Numbers ChannelNumbers AssignedResourceIds AvailabilityBlockIds CreatedUtc "
        "UpdatedUtc CollidingUtc ScheduledStartUtc ActualStartUtc ActualEndUtc ScheduledEndUtc "
        "States",
    ),
    "reservations/add": (
        "ServiceId Reservations",
        "EnterpriseId GroupId GroupName CheckRateApplicability CheckOverbooking SendConfirmationEmail",
    ),
    "reservations/update": (
        "ReservationId ReservationUpdates",
        "EnterpriseId Reprice ApplyCancellationFee Reason CheckOverbooking CheckRateApplicability",
    ),
    "reservations/cancel": (
        "ReservationIds Notes",
        "EnterpriseId PostCancellationFee SendEmail ReservationId",
    ),
    "customers/getAll": (
        "Extent Limitation",
        "ChainIds CreatedUtc UpdatedUtc DeletedUtc ActivityStates CustomerIds CompanyIds Emails "
        "FirstNames LastNames LoyaltyCodes",
    ),
    "customers/add": (
        "LastName OverwriteExisting",
        "Title FirstName SecondLastName NationalityCode PreferredLanguageCode Sex BirthDate Email "
        "Phone LoyaltyCode Notes CompanyId Address Classifications Options ChainId",
    ),
    "orderItems/getAll": (
        "Limitation",
        "EnterpriseIds OrderItemIds AccountIds ServiceOrderIds ServiceIds BillIds CreatedUtc "
        "UpdatedUtc ConsumedUtc CanceledUtc ClosedUtc Currency AccountingStates Types",
    ),
    "cancellationPolicies/getByReservations": (
        "ReservationIds",
        "",
    ),
    "serviceOrderNotes/add": (
        "ServiceOrderNotes",
        "",
    ),
}
"""The operations that are stood in for: what a body must say, and what it may say."""


class Problem(Exception):
    """An answer with a `Message`: DOCS/guidelines/responses."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


def page(body: Body, name: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """DOCS/guidelines/pagination: so many after the cursor, which is the id of the last one that was answered."""
    limitation = body["Limitation"]
    count = limitation.get("Count") if isinstance(limitation, dict) else None
    if not isinstance(count, int) or not 1 <= count <= 1000:
        raise Problem(400, "Invalid Limitation.")
    begin = 0
    if cursor := limitation.get("Cursor"):
        ids = [each["Id"] for each in found]
        if one_id(cursor) not in ids:
            raise Problem(400, "Invalid Cursor.")
        begin = ids.index(cursor) + 1
    page = list(found[begin : begin + count])
    return {name: page, "Cursor": page[-1]["Id"] if page else None}


def ids_of(body: Body, name: str, *otherwise: str, most: int = 1000) -> list[str]:
    """A list of ids; `otherwise` stands for it where it is not given."""
    return [one_id(id) for id in strings_of(body, name, most)] or list(otherwise)


def strings_of(body: Body, name: str, most: int) -> list[str]:
    values = body.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Problem(400, f"Invalid {name}.")
    if not 1 <= len(values) <= most:
        raise Problem(400, f"Invalid {name}: 1 to {most} are allowed.")
    return values


def list_of(body: Body, name: str) -> list[dict[str, Any]]:
    values = body.get(name)
    if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
        raise Problem(400, f"Invalid {name}.")
    return values


def one_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        raise Problem(400, "Invalid identifier.")
    return value


def require_service(ids: Sequence[Any]) -> None:
    if list(ids) != [SERVICE]:
        raise Problem(400, "Invalid ServiceId.")


def interval_of(body: Body, name: str) -> tuple[datetime, datetime] | None:
    """DOCS/operations/_objects, `Time interval`: its end is not in it."""
    if body.get(name) is None:
        return None
    start, end = (moment(body[name].get(part)) for part in ("StartUtc", "EndUtc"))
    if not timedelta(0) < end - start <= LONGEST_FILTER:
        raise Problem(400, f"Invalid {name}.")
    return start, end


def moment(value: Any) -> datetime:
    """DOCS/guidelines/serialization: a moment is in UTC."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
        raise Problem(400, "Invalid date and time.")
    return datetime.fromisoformat(value)


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


async def problem_told(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    id = str(uuid.uuid4())
    headers = {"Request-Id": id}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return JSONResponse({"Message": problem.message, "RequestId": id}, status_code=problem.status, headers=headers)


async def not_found(_: Request, error: Exception) -> Response:
    """DOCS/guidelines/requests: an address must match exactly, and only POST is accepted."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"Message": "Not found."}, status_code=404 if error.status_code == 405 else error.status_code)
