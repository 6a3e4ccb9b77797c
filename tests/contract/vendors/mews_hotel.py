"""A hotel as Mews tells it: its service, rooms, rates and rules, and what of it can be had."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.contract.vendors.house import House
from tests.contract.vendors.mews_asked import (
    ADULTS,
    CHAIN,
    CHILDREN,
    ENDS,
    ENTERPRISE,
    MOST_UNITS,
    SERVICE,
    STARTS,
    TAX,
    Body,
    Problem,
    id_of,
    ids_of,
    interval_of,
    list_of,
    moment,
    one_id,
    page,
    require_service,
    utc,
)
from tests.contract.vendors.stand_in import Codes


class MewsHotel:
    """The enterprise, and the service of it that is booked by the night."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.codes = Codes(
            rooms={code: id_of("room", code) for code in house.rooms},
            rates={code: id_of("rate", code) for code in house.rates},
            extras={code: id_of("product", code) for code in house.extras},
        )
        self.restrictions: list[dict[str, Any]] = []
        """`Conditions` and `Exceptions` of each."""
        self.rules: list[tuple[dict[str, Any], str, str]] = [
            ({"RateId": {"Value": self.codes.rates[rate.code], "ConditionType": "Equals"}}, "Add", extra)
            for rate in house.rates.values()
            for extra in rate.includes
        ]
        """`Conditions`, and which of the house's extras is then added or deleted."""
        self.categories: dict[str, dict[str, Any]] = {}
        """What of a room's category is otherwise than the house has it, by the house's code."""

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.house.timezone)

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
        return {"NowUtc": utc(self.house.now()), "Enterprise": enterprise, "Service": None}

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
        services = [found for found in (service, restaurant) if found["Id"] in ids_of(body, "ServiceIds", found["Id"])]
        return page(body, "Services", self._ours(body, services))

    def _ours(self, body: Body, found: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
        """What is the enterprise's, if that is asked for."""
        return found if ENTERPRISE in ids_of(body, "EnterpriseIds", ENTERPRISE) else []

    def _categories(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/resourcecategories."""
        require_service(ids_of(body, "ServiceIds"))
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
        return page(body, "ResourceCategories", self._ours(body, found))

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
        return page(body, "AgeCategories", self._ours(body, found))

    def _rates(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/rates."""
        require_service(ids_of(body, "ServiceIds"))
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
        return {**page(body, "Rates", self._ours(body, found)), "RateGroups": []}

    def _products(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/products."""
        require_service(ids_of(body, "ServiceIds"))
        found = [
            {"Id": self.codes.extras[code], "ServiceId": SERVICE, "IsActive": True, "Names": {"en-US": title}}
            for code, title in self.house.extras.items()
        ]
        return {**page(body, "Products", self._ours(body, found)), "CustomerProducts": []}

    def _rules(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/rules."""
        require_service(ids_of(body, "ServiceIds"))
        rules, actions = [], []
        for number, (conditions, action, extra) in enumerate(self.rules):
            names = ("RateId", "RateGroupId", "BusinessSegmentId", "ResourceCategoryId", "ResourceCategoryType",
                     "Origin", "TravelAgencyId", "MinimumTimeUnitCount", "MaximumTimeUnitCount")  # fmt: skip
            rules.append({"Id": id_of("rule", number), "Conditions": {**dict.fromkeys(names), **conditions}})
            value = {"ProductId": self.codes.extras[extra], "ActionType": action}
            data = {"Discriminator": "Product", "Value": value}
            actions.append({"Id": id_of("action", number), "RuleId": id_of("rule", number), "Data": data})
        told = page(body, "Rules", self._ours(body, rules))
        ids = {rule["Id"] for rule in told["Rules"]}
        wanted = body["Extent"].get("RuleActions")
        told["RuleActions"] = [action for action in actions if action["RuleId"] in ids] if wanted else None
        return told

    def _restrictions(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/restrictions: those of the interval and of others, for the client to tell apart."""
        require_service(ids_of(body, "ServiceIds"))
        interval_of(body, "CollidingUtc")
        found = [
            {"Id": id_of("restriction", number), "ServiceId": SERVICE, "Origin": "User", "Exceptions": None, **told}
            for number, told in enumerate(self.restrictions)
        ]
        return page(body, "Restrictions", self._ours(body, found))

    def _availability(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/services, `Get service availability`: only the begins of time units are permitted."""
        require_service([body["ServiceId"]])
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
        starts = [utc(datetime.combine(night, time(), self._zone)) for night in nights]
        return {"TimeUnitStartsUtc": starts, "CategoryAvailabilities": found}

    def _unit(self, written: Any) -> date:
        start = moment(written).astimezone(self._zone)
        if start.timetz().replace(tzinfo=None) != time():
            raise Problem(400, "Invalid time unit start.")
        return start.date()

    def _price(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Price reservations`: nothing is said of what is free."""
        require_service([body["ServiceId"]])
        prices = []
        for wanted in list_of(body, "Reservations"):
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
        room = self.codes.room_of(one_id(wanted.get("RequestedCategoryId")))
        rate = self.codes.rate_of(one_id(wanted.get("RateId")))
        if room is None:
            raise Problem(400, "Invalid RequestedCategoryId.")
        if rate is None:
            raise Problem(400, "Invalid RateId.")
        arrival = self._day(wanted.get("StartUtc"), STARTS)
        departure = self._day(wanted.get("EndUtc"), ENDS)
        if not arrival < departure:
            raise Problem(400, "Invalid interval.")
        counts: dict[str, int] = {}
        for people in list_of(wanted, "PersonCounts"):
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
        at = moment(written).astimezone(self._zone)
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
