"""Mews behind its Connector API, as strict as its documentation.

The documentation is https://docs.mews.com/connector-api (DOCS): its guidelines `requests`, `responses`, `pagination`,
`serialization`, `environments`, and of its operations those named at each method. Bodies have the properties that the
operations list and no others, as the OpenAPI document says (`additionalProperties` is false everywhere).

Not said in the documentation, and so decided here:

- That `ChannelNumbers` finds what was booked through this API: the filter is described for groups that come from a
  channel, while `ChannelNumber` can be given to `reservations/add`. `finds_channel_numbers` turns it off.
- That a second booking under one channel number is refused: nothing says so, so here it is a second booking.
- That `TotalAmount` of `reservations/price` has in it what the hotel's rules add, the city's tax among it. The Booking
  Engine API's operation of that name has (booking-engine-api/operations of https://github.com/MewsSystems/open-api-docs).
- That exceptions and conditions of restrictions are as in the application's help, and which of them `reservations/add`
  checks itself: here none.
- That a stay may begin at an hour of today that has passed.
- Messages, and which of 400 and 403 a refusal has: 400 here for what does not exist, 403 for what is not allowed.
- That `reservations/update` refuses an overbooking: its `CheckOverbooking` is deprecated and ignored.
- That a room is refused for more people than it sleeps, and that an order item keeps its amount when it is cancelled.
- That several policies of one reservation are alternatives, and a fixed and a relative fee are added.
"""

from __future__ import annotations

import json
import math
import re
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

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


class Problem(Exception):
    """An answer with a `Message`: DOCS/guidelines/responses."""

    def __init__(self, status: int, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.retry_after = status, message, retry_after


@dataclass(frozen=True)
class Profile:
    """A customer."""

    id: str
    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    created_at: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))


class MewsStandIn:
    """One hotel in the production environment, with a token of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        # DOCS/operations/reservations: the id is a key, the number is what a guest is told.
        house.named = lambda number: (id_of("reservation", number), str(number))
        self.codes = Codes(
            rooms={code: id_of("room", code) for code in house.rooms},
            rates={code: id_of("rate", code) for code in house.rates},
            extras={code: id_of("product", code) for code in house.extras},
        )
        self.secret: dict[str, str] = {
            "client_token": "1A2B3C4D5E6F47089A0B1C2D3E4F5061-72839AB4C5D6E7F8091A2B3C4D5E6F7",
            "access_token": "0F1E2D3C4B5A46978899AABBCCDDEEFF-102132435465768798A9BACBDCEDFE0",
        }
        self.seen: list[Seen] = []
        self.limit = RateLimit(200, 30.0)
        """DOCS/guidelines/environments: 200 requests for a token in 30 seconds."""
        self.forbidden: set[str] = set()
        """Operations that the client may not use: 401, like a wrong token."""
        self.finds_channel_numbers = True
        self.policies: Sequence[Mapping[str, Any]] | None = None
        """What every reservation's policies are, instead of the house's."""
        self.restrictions: list[dict[str, Any]] = []
        """`Conditions` and `Exceptions` of each."""
        self.rules: list[tuple[dict[str, Any], str, str]] = [
            ({"RateId": {"Value": self.codes.rates[rate.code], "ConditionType": "Equals"}}, "Add", extra)
            for rate in house.rates.values()
            for extra in rate.includes
        ]
        """`Conditions`, and which of the house's extras is then added or deleted."""
        self.assigned: dict[str, tuple[str, bool]] = {}
        """By a reservation's id, the room that it has been given, and whether it is locked to it."""
        self.ordered: dict[str, list[tuple[str, str, int]]] = {}
        """By a reservation's id, what it costs beside its nights: type, the house's extra, cents."""
        self.categories: dict[str, dict[str, Any]] = {}
        """What of a room's category is otherwise than the house has it, by the house's code."""
        self.profiles: dict[str, Profile] = {}
        self.company_owned: set[str] = set()
        """Reservations that belong to a company."""
        self._owners: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._channel_numbers: dict[str, str] = {}
        self._lock = threading.Lock()
        operations: dict[str, tuple[Callable[[Body], dict[str, Any]], str, str]] = {
            "configuration/get": (self._configuration, "", "EnterpriseId"),
            "services/getAll": (
                self._services,
                "Limitation",
                "EnterpriseIds ServiceIds ServiceType UpdatedUtc",
            ),
            "services/getAvailability": (
                self._availability,
                "ServiceId FirstTimeUnitStartUtc LastTimeUnitStartUtc",
                "StartUtc EndUtc",
            ),
            "resourceCategories/getAll": (
                self._categories,
                "ServiceIds Limitation",
                "EnterpriseIds ResourceCategoryIds UpdatedUtc ActivityStates",
            ),
            "ageCategories/getAll": (
                self._ages,
                "Limitation",
                "EnterpriseIds AgeCategoryIds ServiceIds UpdatedUtc ActivityStates",
            ),
            "rates/getAll": (
                self._rates,
                "ServiceIds Limitation",
                "EnterpriseIds Extent RateIds UpdatedUtc ExternalIdentifiers ActivityStates",
            ),
            "products/getAll": (
                self._products,
                "ServiceIds Limitation",
                "EnterpriseIds ProductIds UpdatedUtc IncludeDefault",
            ),
            "rules/getAll": (
                self._rules,
                "ServiceIds Extent Limitation",
                "EnterpriseIds Ids UpdatedUtc",
            ),
            "restrictions/getAll": (
                self._restrictions,
                "ServiceIds Limitation",
                "EnterpriseIds CollidingUtc CreatedUtc UpdatedUtc RestrictionIds ResourceCategoryIds RateIds "
                "ExactRateIds BaseRateIds Origin",
            ),
            "reservations/price": (self._price, "ServiceId Reservations", "EnterpriseId"),
            "reservations/getAll/2023-06-06": (
                self._reservations,
                "Limitation",
                "EnterpriseIds ReservationIds ServiceIds ReservationGroupIds AccountIds PartnerCompanyIds "
                "TravelAgencyIds Numbers ChannelNumbers AssignedResourceIds AvailabilityBlockIds CreatedUtc "
                "UpdatedUtc CollidingUtc ScheduledStartUtc ActualStartUtc ActualEndUtc ScheduledEndUtc States",
            ),
            "reservations/add": (
                self._add,
                "ServiceId Reservations",
                "EnterpriseId GroupId GroupName CheckRateApplicability CheckOverbooking SendConfirmationEmail",
            ),
            "reservations/update": (
                self._update,
                "ReservationId ReservationUpdates",
                "EnterpriseId Reprice ApplyCancellationFee Reason CheckOverbooking CheckRateApplicability",
            ),
            "reservations/cancel": (
                self._cancel,
                "ReservationIds Notes",
                "EnterpriseId PostCancellationFee SendEmail ReservationId",
            ),
            "customers/getAll": (
                self._customers,
                "Extent Limitation",
                "ChainIds CreatedUtc UpdatedUtc DeletedUtc ActivityStates CustomerIds CompanyIds Emails FirstNames "
                "LastNames LoyaltyCodes",
            ),
            "customers/add": (
                self._add_customer,
                "LastName OverwriteExisting",
                "Title FirstName SecondLastName NationalityCode PreferredLanguageCode Sex BirthDate Email Phone "
                "LoyaltyCode Notes CompanyId Address Classifications Options ChainId",
            ),
            "orderItems/getAll": (
                self._items,
                "Limitation",
                "EnterpriseIds OrderItemIds AccountIds ServiceOrderIds ServiceIds BillIds CreatedUtc UpdatedUtc "
                "ConsumedUtc CanceledUtc ClosedUtc Currency AccountingStates Types",
            ),
            "cancellationPolicies/getByReservations": (self._policies, "ReservationIds", ""),
            "serviceOrderNotes/add": (self._note, "ServiceOrderNotes", ""),
        }
        routes = [
            Route(f"{ROOT}/{name}", self._serving(name, do, required.split(), optional.split()), methods=["POST"])
            for name, (do, required, optional) in operations.items()
        ]
        handlers = {Problem: _told, HTTPException: _not_found}
        self.app = Recording(Starlette(routes=routes, exception_handlers=handlers), self.seen)

    def hotel(self, base: Hotel, url: str) -> Hotel:
        """The hotel on this Mews."""
        return on_system(
            base,
            connector="mews",
            url=url,
            codes=Codes(
                rooms={code: id_of("room", code) for code in ("single", "double", "suite")},
                rates={code: id_of("rate", code) for code in ("flexible", "saver")},
                extras=self.codes.extras,
            ),
            property=ENTERPRISE,
            options={"service": SERVICE},
        )

    def came_from(self, kept: Kept, origin: str, channel_number: str) -> None:
        """That reservation came from a channel, which has its own number for it."""
        self._origins[kept.id] = origin
        self._channel_numbers[kept.id] = channel_number

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.house.timezone)

    def _serving(
        self, name: str, do: Callable[[Body], dict[str, Any]], required: Iterable[str], optional: Iterable[str]
    ) -> Callable[[Request], Awaitable[Response]]:
        needed, known = WHO | set(required), COMMON | set(required) | set(optional)

        async def serve(request: Request) -> Response:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise Problem(400, "Invalid content type.")
            try:
                body = json.loads(await request.body())
            except ValueError:
                raise Problem(400, "Invalid JSON.") from None
            if not isinstance(body, dict):
                raise Problem(400, "Invalid JSON.")
            if missing := [part for part in sorted(needed) if body.get(part) in (None, "", [])]:
                raise Problem(400, f"Invalid {missing[0]}.")
            if unknown := sorted(body.keys() - known):
                raise Problem(400, f"Invalid JSON: {unknown[0]}.")
            if wait := self.limit.enter():
                raise Problem(429, "Too many requests.", retry_after=math.ceil(wait))
            given = body["ClientToken"], body["AccessToken"]
            if given != (self.secret["client_token"], self.secret["access_token"]) or name in self.forbidden:
                raise Problem(401, "Invalid ClientToken, AccessToken or permission.")
            with self._lock:
                return JSONResponse(do(body), headers={"Request-Id": str(uuid.uuid4())})

        return serve

    # What the hotel is.

    def _configuration(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/configuration."""
        enterprise = {
            "Id": ENTERPRISE,
            "ChainId": CHAIN,
            "ChainName": "Aurora",
            "Name": self.house.title,
            "TimeZoneIdentifier": self.house.timezone,
            "LegalEnvironmentCode": "DE",
            "DefaultLanguageCode": "de-DE",
            "Pricing": "Gross",
            "Currencies": [{"Currency": self.house.currency, "IsDefault": True, "IsEnabled": True}],
        }
        return {"NowUtc": _utc(self.house.now()), "Enterprise": enterprise, "Service": None}

    def _services(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/services; how offsets count is in DOCS/concepts/time-units."""
        value = {
            "StartOffset": "P0M0DT15H0M0S",
            "EndOffset": "P0M0DT12H0M0S",
            "OccupancyStartOffset": "P0M0DT15H0M0S",
            "OccupancyEndOffset": "P0M0DT12H0M0S",
            "TimeUnitPeriod": "Day",
        }
        service: dict[str, Any] = {
            "Id": SERVICE,
            "EnterpriseId": ENTERPRISE,
            "IsActive": True,
            "Name": "Stay",
            "Names": {"en-GB": "Stay"},
            "Options": {"BillAsPackage": True},
            "Data": {"Discriminator": "Bookable", "Value": value},
        }
        restaurant = {
            **service,
            "Id": id_of("service", 2),
            "Name": "Restaurant",
            "Data": {"Discriminator": "Additional", "Value": {"Promotions": None}},
        }
        services = [found for found in (service, restaurant) if found["Id"] in _ids(body, "ServiceIds", found["Id"])]
        return _page(body, "Services", self._ours(body, services))

    def _ours(self, body: Body, found: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """What is the enterprise's, if that is asked for."""
        return found if ENTERPRISE in _ids(body, "EnterpriseIds", ENTERPRISE) else []

    def _categories(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/resourcecategories."""
        _require_service(_ids(body, "ServiceIds"))
        found = [
            {
                "Id": self.codes.rooms[room.code],
                "EnterpriseId": ENTERPRISE,
                "ServiceId": SERVICE,
                "IsActive": True,
                "Type": "Room",
                "Names": {"de-DE": f"{room.title} (de)", "en-US": room.title},
                "ShortNames": {"en-US": room.code[:3].upper()},
                "Descriptions": {},
                "Ordering": order,
                "Capacity": room.sleeps,
                "ExtraCapacity": 0,
                "ExternalIdentifier": None,
                **self.categories.get(room.code, {}),
            }
            for order, room in enumerate(self.house.rooms.values())
        ]
        return _page(body, "ResourceCategories", self._ours(body, found))

    def _ages(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/agecategories."""
        ages = [(ADULTS, "Adult", 18, None), (CHILDREN, "Child", 3, 17), (id_of("age", "babies"), "Child", 0, 2)]
        found = [
            {
                "Id": id,
                "ServiceId": SERVICE,
                "MinimalAge": least,
                "MaximalAge": most,
                "Names": {"en-GB": kind},
                "ShortNames": None,
                "Classification": kind,
                "IsActive": True,
            }
            for id, kind, least, most in ages
        ]
        return _page(body, "AgeCategories", self._ours(body, found))

    def _rates(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/rates."""
        _require_service(_ids(body, "ServiceIds"))
        found = [
            {
                "Id": self.codes.rates[rate.code],
                "GroupId": id_of("group", rate.cancellation),
                "ServiceId": SERVICE,
                "BaseRateId": None,
                "IsBaseRate": True,
                "IsActive": True,
                "IsEnabled": True,
                "IsPublic": True,
                "Type": "Public",
                "Name": rate.title,
                "Names": {"en-US": rate.title},
                "ShortName": rate.code[:3].upper(),
                "ExternalNames": {},
            }
            for rate in self.house.rates.values()
        ]
        return {**_page(body, "Rates", self._ours(body, found)), "RateGroups": []}

    def _products(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/products."""
        _require_service(_ids(body, "ServiceIds"))
        found = [
            {"Id": self.codes.extras[code], "ServiceId": SERVICE, "IsActive": True, "Names": {"en-US": title}}
            for code, title in self.house.extras.items()
        ]
        return {**_page(body, "Products", self._ours(body, found)), "CustomerProducts": []}

    def _rules(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/rules."""
        _require_service(_ids(body, "ServiceIds"))
        rules, actions = [], []
        for number, (conditions, action, extra) in enumerate(self.rules):
            names = ("RateId", "RateGroupId", "BusinessSegmentId", "ResourceCategoryId", "ResourceCategoryType",
                     "Origin", "TravelAgencyId", "MinimumTimeUnitCount", "MaximumTimeUnitCount")  # fmt: skip
            rules.append({"Id": id_of("rule", number), "Conditions": {**dict.fromkeys(names), **conditions}})
            value = {"ProductId": self.codes.extras[extra], "ActionType": action}
            data = {"Discriminator": "Product", "Value": value}
            actions.append({"Id": id_of("action", number), "RuleId": id_of("rule", number), "Data": data})
        page = _page(body, "Rules", self._ours(body, rules))
        ids = {rule["Id"] for rule in page["Rules"]}
        wanted = body["Extent"].get("RuleActions")
        page["RuleActions"] = [action for action in actions if action["RuleId"] in ids] if wanted else None
        return page

    def _restrictions(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/restrictions: those of the interval and of others, for the client to tell apart."""
        _require_service(_ids(body, "ServiceIds"))
        _interval(body, "CollidingUtc")
        found = [
            {"Id": id_of("restriction", number), "ServiceId": SERVICE, "Origin": "User", "Exceptions": None, **told}
            for number, told in enumerate(self.restrictions)
        ]
        return _page(body, "Restrictions", self._ours(body, found))

    # What can be had.

    def _availability(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/services, `Get service availability`: only the begins of time units are permitted."""
        _require_service([body["ServiceId"]])
        first, last = (self._unit(body[name]) for name in ("FirstTimeUnitStartUtc", "LastTimeUnitStartUtc"))
        if not timedelta(0) <= last - first < timedelta(days=MOST_UNITS):
            raise Problem(400, "Invalid interval.")
        nights = [first + timedelta(days=day) for day in range((last - first).days + 1)]
        found = [
            {
                "CategoryId": self.codes.rooms[code],
                "Availabilities": [self.house.free(code, night, night + timedelta(days=1)) for night in nights],
                "Adjustments": [0 for _ in nights],
            }
            for code in self.house.rooms
        ]
        starts = [_utc(datetime.combine(night, time(), self._zone)) for night in nights]
        return {"TimeUnitStartsUtc": starts, "CategoryAvailabilities": found}

    def _unit(self, written: Any) -> date:
        start = _moment(written).astimezone(self._zone)
        if start.timetz().replace(tzinfo=None) != time():
            raise Problem(400, "Invalid time unit start.")
        return start.date()

    def _price(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Price reservations`: nothing is said of what is free."""
        _require_service([body["ServiceId"]])
        prices = []
        for wanted in _list(body, "Reservations"):
            asked = self._stay_sent(wanted, capacity=False)
            people = asked.pop("adults"), asked.pop("children")
            nights = self.house.night_cents(**asked)
            total = self._amount(sum(nights), self.house.city_tax_for(people[0], len(nights)))
            prices.append({"Identifier": wanted.get("Identifier"), "TotalAmount": total, "Total": total})
        return {"ReservationPrices": prices}

    def _stay_sent(self, wanted: Body, *, capacity: bool = True) -> dict[str, Any]:
        """`Reservation parameters`, in the house's words."""
        names = {
            "Identifier", "ChannelNumber", "State", "StartUtc", "EndUtc", "ReleasedUtc", "PersonCounts", "CustomerId",
            "BookerId", "RequestedCategoryId", "AssignedResourceId", "AssignedResourceLocked", "RateId", "VoucherCode",
            "CreditCardId", "TravelAgencyId", "CompanyId", "BusinessSegmentId", "Notes", "TimeUnitAmount",
            "TimeUnitPrices", "ProductOrders", "AvailabilityBlockId",
        }  # fmt: skip
        if unknown := sorted(wanted.keys() - names):
            raise Problem(400, f"Invalid JSON: {unknown[0]}.")
        if wanted.get("State", "Confirmed") not in ("Confirmed", "Optional", "Enquired"):
            raise Problem(400, "Invalid State.")
        asked = self._stay_of(wanted)
        if capacity and asked["adults"] + asked["children"] > self.house.rooms[asked["room"]].sleeps:
            raise Problem(403, "The space category does not have such a capacity.")
        return asked

    def _stay_of(self, wanted: Body) -> dict[str, Any]:
        room = self.codes.room_of(_id(wanted.get("RequestedCategoryId")))
        rate = self.codes.rate_of(_id(wanted.get("RateId")))
        if room is None:
            raise Problem(400, "Invalid RequestedCategoryId.")
        if rate is None:
            raise Problem(400, "Invalid RateId.")
        arrival = self._day(wanted.get("StartUtc"), STARTS)
        departure = self._day(wanted.get("EndUtc"), ENDS)
        if not arrival < departure:
            raise Problem(400, "Invalid interval.")
        counts: dict[str, int] = {}
        for people in _list(wanted, "PersonCounts"):
            count = people.get("Count")
            if people.get("AgeCategoryId") not in (ADULTS, CHILDREN, id_of("age", "babies")):
                raise Problem(400, "Invalid AgeCategoryId.")
            # `Age category parameters`: only a positive value is accepted.
            if not isinstance(count, int) or count < 1:
                raise Problem(400, "Invalid Count.")
            counts[people["AgeCategoryId"]] = count
        adults = counts.pop(ADULTS, 0)
        return {
            "room": room,
            "rate": rate,
            "arrival": arrival,
            "departure": departure,
            "adults": adults,
            "children": sum(counts.values()),
        }

    def _day(self, written: Any, after: timedelta) -> date:
        """The day of a moment at which the service begins or ends. Other times would be early or late stays."""
        at = _moment(written).astimezone(self._zone)
        if datetime.combine(at.date(), time(), self._zone) + after != at:
            raise Problem(403, "The reservation does not begin and end with the service.")
        return at.date()

    def _amount(self, gross: int, untaxed: int = 0) -> dict[str, Any]:
        """`Amount`: cents as a number, with and without tax."""
        tax = self.house.tax_cents(gross)
        whole = {"TaxRateCode": TAX, "NetValue": (gross - tax) / 100, "TaxValue": tax / 100}
        return {
            "Currency": self.house.currency,
            "NetValue": (gross - tax + untaxed) / 100,
            "GrossValue": (gross + untaxed) / 100,
            "TaxValues": [{"Code": TAX, "Value": tax / 100}],
            "Breakdown": {"Items": [whole]},
        }

    # Who is booked.

    def _reservations(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Get all reservations (ver 2023-06-06)`."""
        ids, numbers = _ids(body, "ReservationIds"), _strings(body, "Numbers", 1000)
        channel_numbers, states = _strings(body, "ChannelNumbers", 100), _strings(body, "States", 7)
        accounts = _ids(body, "AccountIds")
        starts = _interval(body, "ScheduledStartUtc")
        if unknown := set(states) - {*STATES.values(), "Inquired", "Optional", "Requested"}:
            raise Problem(400, f"Invalid States: {unknown.pop()}.")
        if "ServiceIds" in body:
            _require_service(_ids(body, "ServiceIds"))
        found = [
            told
            for kept in reversed(self.house.reservations)
            if (told := self._reservation(kept))
            if not ids or told["Id"] in ids
            if not numbers or told["Number"] in numbers
            if not accounts or told["AccountId"] in accounts
            if not states or told["State"] in states
            if not channel_numbers or (self.finds_channel_numbers and told["ChannelNumber"] in channel_numbers)
            if starts is None or starts[0] <= _moment(told["ScheduledStartUtc"]) < starts[1]
        ]
        return _page(body, "Reservations", self._ours(body, found))

    def _reservation(self, kept: Kept) -> dict[str, Any]:
        room, locked = self.assigned.get(kept.id, (None, False))
        start = _utc(datetime.combine(kept.arrival, time(), self._zone) + STARTS)
        end = _utc(datetime.combine(kept.departure, time(), self._zone) + ENDS)
        people = [(ADULTS, kept.adults), (CHILDREN, kept.children)]
        return {
            "Id": kept.id,
            "ServiceId": SERVICE,
            "AccountId": id_of("company", kept.id) if kept.id in self.company_owned else self._owner(kept).id,
            "AccountType": "Company" if kept.id in self.company_owned else "Customer",
            "CreatorProfileId": id_of("profile", 1),
            "UpdaterProfileId": id_of("profile", 1),
            "BookerId": None,
            "Number": kept.code,
            "State": STATES[kept.state],
            "Origin": self._origins.get(kept.id, "Commander"),
            "CommanderOrigin": None,
            "CreatedUtc": _utc(kept.booked_at),
            "UpdatedUtc": _utc(kept.booked_at),
            "CancelledUtc": None,
            "RateId": self.codes.rates[kept.rate],
            "GroupId": id_of("group", kept.id),
            "RequestedResourceCategoryId": self.codes.rooms[kept.room],
            "AssignedResourceId": room,
            "AssignedResourceLocked": locked,
            "ChannelNumber": self._channel_numbers.get(kept.id, kept.reference),
            "ChannelManagerNumber": None,
            "StartUtc": start,
            "EndUtc": end,
            "ScheduledStartUtc": start,
            "ActualStartUtc": None,
            "ScheduledEndUtc": end,
            "ActualEndUtc": None,
            "Purpose": None,
            "Options": {"OwnerCheckedIn": False, "AllCompanionsCheckedIn": False, "AnyCompanionCheckedIn": False},
            "PersonCounts": [{"AgeCategoryId": id, "Count": count} for id, count in people if count],
        }

    def _owner(self, kept: Kept) -> Profile:
        """The customer of a reservation; what the front desk made has one of its own."""
        known = self.profiles.get(self._owners.get(kept.id, ""))
        return known or Profile(
            id_of("customer", kept.id), kept.first_name, kept.last_name, kept.email, kept.phone, kept.booked_at
        )

    def _everybody(self) -> list[Profile]:
        everybody = {**self.profiles}
        for kept in self.house.reservations:
            everybody.setdefault(self._owner(kept).id, self._owner(kept))
        return sorted(everybody.values(), key=lambda profile: (profile.created_at, profile.id), reverse=True)

    def _customers(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/customers, `Get all customers`: some filter must be given."""
        ids, emails = _ids(body, "CustomerIds"), _strings(body, "Emails", 1000)
        names = _strings(body, "LastNames", 1000)
        if not (ids or emails or names):
            raise Problem(400, "Invalid CustomerIds: a filter is required.")
        found = [
            _customer(profile)
            for profile in self._everybody()
            if not ids or profile.id in ids
            if not emails or (profile.email or "").casefold() in {email.casefold() for email in emails}
            if not names or profile.last_name in names
        ]
        if not body["Extent"].get("Customers"):
            found = []
        return _page(body, "Customers", found)

    def _add_customer(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/customers, `Add customer`: an address has one profile, which may be overwritten."""
        if not isinstance(body["OverwriteExisting"], bool):
            raise Problem(400, "Invalid OverwriteExisting.")
        email = body.get("Email")
        known = next((each for each in self._everybody() if email and each.email == email), None)
        if known and not body["OverwriteExisting"]:
            raise Problem(403, "A customer with this email already exists.")
        id = known.id if known else str(uuid.uuid4())
        profile = Profile(id, body.get("FirstName") or "", body["LastName"], email, body.get("Phone"), self.house.now())
        self.profiles[id] = profile
        return _customer(profile)

    def _items(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/orderitems: some filter must be given."""
        orders = _ids(body, "ServiceOrderIds")
        if not orders:
            raise Problem(400, "Invalid ServiceOrderIds: a filter is required.")
        found = [
            item for kept in reversed(self.house.reservations) if kept.id in orders for item in self._items_of(kept)
        ]
        return _page(body, "OrderItems", self._ours(body, found))

    def _items_of(self, kept: Kept) -> list[dict[str, Any]]:
        """A night each, the city's tax of each night, and the fee of a cancellation."""
        cancelled = kept.state == "cancelled"
        items = []
        for number, cents in enumerate(kept.night_cents):
            night = datetime.combine(kept.arrival + timedelta(days=number), time(), self._zone)
            items.append(self._item(kept, "SpaceOrder", night, self._amount(cents), cancelled=cancelled))
            if city := self.house.city_tax_for(kept.adults, 1):
                items.append(self._item(kept, "CityTax", night, self._amount(0, city), cancelled=cancelled))
        for kind, extra, cents in self.ordered.get(kept.id, []):
            night = datetime.combine(kept.arrival, time(), self._zone)
            item = self._item(kept, kind, night, self._amount(cents), cancelled=cancelled)
            product = {"ProductId": self.codes.extras.get(extra, id_of("product", extra)), "AgeCategoryId": None}
            items.append({**item, "Data": {"Discriminator": "Product", "Rebate": None, "Product": product}})
        if kept.fee_cents:
            night = datetime.combine(kept.arrival, time(), self._zone)
            items.append(self._item(kept, "CancellationFee", night, self._amount(kept.fee_cents), cancelled=False))
        return items

    def _item(
        self, kept: Kept, kind: str, night: datetime, amount: dict[str, Any], *, cancelled: bool
    ) -> dict[str, Any]:
        return {
            "Id": id_of("item", f"{kept.id}/{kind}/{night.isoformat()}"),
            "EnterpriseId": ENTERPRISE,
            "AccountId": self._owner(kept).id,
            "AccountType": "Customer",
            "ServiceId": SERVICE,
            "ServiceOrderId": kept.id,
            "UnitCount": 1,
            "UnitAmount": amount,
            "Amount": amount,
            "OriginalAmount": amount,
            "RevenueType": "Service",
            "CreatedUtc": _utc(kept.booked_at),
            "UpdatedUtc": _utc(kept.booked_at),
            "ConsumedUtc": _utc(night + timedelta(hours=24)),
            "CanceledUtc": _utc(self.house.now()) if cancelled else None,
            "ClosedUtc": None,
            "StartUtc": _utc(night),
            "AccountingState": "Canceled" if cancelled else "Open",
            "Type": kind,
            "Options": {"CanceledWithReservation": cancelled},
            "Data": None,
        }

    # What can be done.

    def _add(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Add reservations`: one group, of which all or none are made."""
        _require_service([body["ServiceId"]])
        wanted = _list(body, "Reservations")
        if len(wanted) != 1:
            raise Problem(400, "Invalid Reservations: groups are not stood in for.")
        asked = self._stay_sent(wanted[0])
        owner = next((each for each in self._everybody() if each.id == _id(wanted[0].get("CustomerId"))), None)
        if owner is None:
            raise Problem(400, "Invalid CustomerId.")
        if asked["arrival"] < self.house.now().astimezone(self._zone).date():
            raise Problem(403, "The reservation would begin in the past.")
        # The default of `CheckOverbooking` is true; what books over is of no use to a hotel's guest on the phone.
        if body.get("CheckOverbooking") is False:
            raise Problem(403, "Overbooking is not stood in for.")
        notes = [wanted[0]["Notes"]] if wanted[0].get("Notes") else []
        try:
            kept = self.house.book(
                **asked,
                first_name=owner.first_name,
                last_name=owner.last_name,
                email=owner.email,
                phone=owner.phone,
                reference=wanted[0].get("ChannelNumber"),
                notes=notes,
            )
        except Full:
            raise Problem(403, "There are not enough spaces available.") from None
        self._owners[kept.id] = owner.id
        self._origins[kept.id] = "Connector"
        self.profiles.setdefault(owner.id, owner)
        told = {"Identifier": wanted[0].get("Identifier"), "Reservation": self._old_reservation(kept)}
        return {"Reservations": [told]}

    def _old_reservation(self, kept: Kept) -> dict[str, Any]:
        """`Reservation (ver 2017-04-12)`, as writes answer it."""
        told = self._reservation(kept)
        kept_names = ("Id", "ServiceId", "GroupId", "Number", "ChannelNumber", "State", "Origin", "StartUtc", "EndUtc",
                      "RateId", "PersonCounts", "CreatedUtc", "UpdatedUtc")  # fmt: skip
        return {
            **{name: told[name] for name in kept_names},
            "RequestedCategoryId": told["RequestedResourceCategoryId"],
            "OwnerId": told["AccountId"],
        }

    def _update(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Update reservations`: what is not named stays."""
        kept = self._kept(body["ReservationId"])
        updates = _list(body, "ReservationUpdates")
        names = {"ReservationId", "ChannelNumber", "StartUtc", "EndUtc", "PersonCounts", "AssignedResourceId",
                 "RequestedCategoryId", "RateId", "TimeUnitPrices", "AssignedResourceLocked"}  # fmt: skip
        if len(updates) != 1 or updates[0].get("ReservationId") != kept.id or updates[0].keys() - names:
            raise Problem(400, "Invalid ReservationUpdates.")
        reprice = body.get("Reprice", True)
        if reprice and not body.get("Reason"):
            raise Problem(403, "Reason is required.")
        if kept.state != "booked":
            raise Problem(403, "The reservation cannot be updated in its state.")
        if body.get("ApplyCancellationFee", True) and self.house.cancellation_fee_cents(kept):
            raise Problem(403, "Fees for nights given up are not stood in for.")
        told = self._reservation(kept)
        before = {
            "StartUtc": told["ScheduledStartUtc"],
            "EndUtc": told["ScheduledEndUtc"],
            "PersonCounts": told["PersonCounts"],
            "RequestedCategoryId": told["RequestedResourceCategoryId"],
            "RateId": told["RateId"],
        }
        changed = {name: part["Value"] for name, part in updates[0].items() if isinstance(part, dict)}
        assigned = changed.pop("AssignedResourceId", "")
        wanted = {**before, **changed}
        room, locked = self.assigned.get(kept.id, (None, False))
        moves = wanted["RequestedCategoryId"] != before["RequestedCategoryId"]
        if moves and room is not None and (locked or assigned is not None):
            raise Problem(403, "The assigned space is of another category.")
        asked = self._stay_sent(wanted)
        try:
            kept = self.house.change(kept.id, **asked, night_cents=None if reprice else kept.night_cents)
        except Full:
            raise Problem(403, "There are not enough spaces available.") from None
        if assigned is None:
            self.assigned.pop(kept.id, None)
        return {"Reservations": [self._old_reservation(kept)]}

    def _policies(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/cancellationpolicies, `Get cancellation policies by reservations`, a restricted one."""
        found = [
            {"ReservationId": kept.id, "Policies": [self._policy(kept)] if self.policies is None else self.policies}
            for kept in self.house.reservations
            if kept.id in _ids(body, "ReservationIds", most=100)
        ]
        return {"CancellationPolicies": found}

    def _policy(self, kept: Kept) -> dict[str, Any]:
        policy: dict[str, Any] = {
            "FeeExtents": ["TimeUnits"],
            "AbsoluteFee": {"Currency": self.house.currency, "Value": 0},
            "RelativeFee": 1,
        }
        if self.house.free_until(kept) is None:
            offset: dict[str, Any] = {"Applicability": "Creation", "ApplicabilityOffset": "P0M0DT0H0M0S"}
            return {**policy, **offset, "FeeMaximumTimeUnits": None, "FeeExtents": ["TimeUnits", "Products"]}
        offset = {"Applicability": "StartDate", "ApplicabilityOffset": "P0M-1DT18H0M0S"}
        return {**policy, **offset, "FeeMaximumTimeUnits": 1}

    def _cancel(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Cancel reservation`: it succeeds only if all can be cancelled."""
        ids = _ids(body, "ReservationIds")
        kept = [self._kept(id) for id in ids]
        if any(each.state != "booked" for each in kept):
            raise Problem(403, "The reservation cannot be canceled in its state.")
        for each in kept:
            self.house.cancel(each.id, fee_cents=None if body.get("PostCancellationFee") else 0)
        return {"ReservationIds": ids}

    def _note(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/serviceordernotes, `Add service order notes`."""
        told = []
        for note in _list(body, "ServiceOrderNotes"):
            kept = self._kept(note.get("ServiceOrderId"))
            if not isinstance(note.get("Text"), str) or not note["Text"]:
                raise Problem(400, "Invalid Text.")
            self.house.note(kept.id, note["Text"])
            told.append({"Id": str(uuid.uuid4()), "ServiceOrderId": kept.id, "Text": note["Text"], "Type": "General"})
        return {"ServiceOrderNotes": told}

    def _kept(self, id: Any) -> Kept:
        kept = self.house.find(_id(id))
        if kept is None:
            raise Problem(400, "Invalid ReservationId.")
        return kept


def _customer(profile: Profile) -> dict[str, Any]:
    return {
        "Id": profile.id,
        "ChainId": CHAIN,
        "Number": str(uuid.UUID(profile.id).int % 10**9),
        "FirstName": profile.first_name or None,
        "LastName": profile.last_name,
        "SecondLastName": None,
        "Email": profile.email,
        "HasOtaEmail": False,
        "Phone": profile.phone,
        "CreatedUtc": _utc(profile.created_at),
        "UpdatedUtc": _utc(profile.created_at),
        "Classifications": [],
        "Options": [],
        "IsActive": True,
        "PreferredSpaceFeatures": [],
    }


def _page(body: Body, name: str, found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """DOCS/guidelines/pagination: so many after the cursor, which is the id of the last one that was answered."""
    limitation = body["Limitation"]
    count = limitation.get("Count") if isinstance(limitation, dict) else None
    if not isinstance(count, int) or not 1 <= count <= 1000:
        raise Problem(400, "Invalid Limitation.")
    begin = 0
    if cursor := limitation.get("Cursor"):
        ids = [each["Id"] for each in found]
        if _id(cursor) not in ids:
            raise Problem(400, "Invalid Cursor.")
        begin = ids.index(cursor) + 1
    page = list(found[begin : begin + count])
    return {name: page, "Cursor": page[-1]["Id"] if page else None}


def _ids(body: Body, name: str, *otherwise: str, most: int = 1000) -> list[str]:
    """A list of ids; `otherwise` stands for it where it is not given."""
    return [_id(id) for id in _strings(body, name, most)] or list(otherwise)


def _strings(body: Body, name: str, most: int) -> list[str]:
    values = body.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise Problem(400, f"Invalid {name}.")
    if not 1 <= len(values) <= most:
        raise Problem(400, f"Invalid {name}: 1 to {most} are allowed.")
    return values


def _list(body: Body, name: str) -> list[dict[str, Any]]:
    values = body.get(name)
    if not isinstance(values, list) or not values or not all(isinstance(value, dict) for value in values):
        raise Problem(400, f"Invalid {name}.")
    return values


def _id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
        raise Problem(400, "Invalid identifier.")
    return value


def _require_service(ids: Sequence[Any]) -> None:
    if list(ids) != [SERVICE]:
        raise Problem(400, "Invalid ServiceId.")


def _interval(body: Body, name: str) -> tuple[datetime, datetime] | None:
    """DOCS/operations/_objects, `Time interval`: its end is not in it."""
    if body.get(name) is None:
        return None
    start, end = (_moment(body[name].get(part)) for part in ("StartUtc", "EndUtc"))
    if not timedelta(0) < end - start <= LONGEST_FILTER:
        raise Problem(400, f"Invalid {name}.")
    return start, end


def _moment(value: Any) -> datetime:
    """DOCS/guidelines/serialization: a moment is in UTC."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value):
        raise Problem(400, "Invalid date and time.")
    return datetime.fromisoformat(value)


def _utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


async def _told(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    id = str(uuid.uuid4())
    headers = {"Request-Id": id}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return JSONResponse({"Message": problem.message, "RequestId": id}, status_code=problem.status, headers=headers)


async def _not_found(_: Request, error: Exception) -> Response:
    """DOCS/guidelines/requests: an address must match exactly, and only POST is accepted."""
    assert isinstance(error, HTTPException)
    return JSONResponse({"Message": "Not found."}, status_code=404 if error.status_code == 405 else error.status_code)
