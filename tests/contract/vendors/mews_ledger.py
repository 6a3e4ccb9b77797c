"""Who is booked in a hotel on Mews, under which profile, and what that costs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from tests.contract.vendors.house import House, Kept
from tests.contract.vendors.mews_asked import (
    ADULTS,
    CHAIN,
    CHILDREN,
    ENDS,
    ENTERPRISE,
    SERVICE,
    STARTS,
    STATES,
    Body,
    Problem,
    id_of,
    ids_of,
    interval_of,
    moment,
    page,
    require_service,
    strings_of,
    utc,
)
from tests.contract.vendors.mews_hotel import MewsHotel


@dataclass(frozen=True)
class Profile:
    """A customer."""

    id: str
    first_name: str
    last_name: str
    email: str | None = None
    phone: str | None = None
    created_at: datetime = field(default=datetime(2026, 1, 1, tzinfo=UTC))


class MewsLedger(MewsHotel):
    """The hotel with its reservations, customers and order items."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        # DOCS/operations/reservations: the id is a key, the number is what a guest is told.
        house.named = lambda number: (id_of("reservation", number), str(number))
        self.finds_channel_numbers = True
        self.policies: Sequence[Mapping[str, Any]] | None = None
        """What every reservation's policies are, instead of the house's."""
        self.assigned: dict[str, tuple[str, bool]] = {}
        """By a reservation's id, the room that it has been given, and whether it is locked to it."""
        self.ordered: dict[str, list[tuple[str, str, int]]] = {}
        """By a reservation's id, what it costs beside its nights: type, the house's extra, cents."""
        self.profiles: dict[str, Profile] = {}
        self.company_owned: set[str] = set()
        """Reservations that belong to a company."""
        self._owners: dict[str, str] = {}
        self._origins: dict[str, str] = {}
        self._channel_numbers: dict[str, str] = {}

    def came_from(self, kept: Kept, origin: str, channel_number: str) -> None:
        """That reservation came from a channel, which has its own number for it."""
        self._origins[kept.id] = origin
        self._channel_numbers[kept.id] = channel_number

    def _reservations(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Get all reservations (ver 2023-06-06)`."""
        ids, numbers = ids_of(body, "ReservationIds"), strings_of(body, "Numbers", 1000)
        channel_numbers, states = strings_of(body, "ChannelNumbers", 100), strings_of(body, "States", 7)
        accounts = ids_of(body, "AccountIds")
        starts = interval_of(body, "ScheduledStartUtc")
        if unknown := set(states) - {*STATES.values(), "Inquired", "Optional", "Requested"}:
            raise Problem(400, f"Invalid States: {unknown.pop()}.")
        if "ServiceIds" in body:
            require_service(ids_of(body, "ServiceIds"))
        found = [
            told
            for kept in reversed(self.house.reservations)
            if (told := self._reservation(kept))
            if not ids or told["Id"] in ids
            if not numbers or told["Number"] in numbers
            if not accounts or told["AccountId"] in accounts
            if not states or told["State"] in states
            if not channel_numbers or (self.finds_channel_numbers and told["ChannelNumber"] in channel_numbers)
            if starts is None or starts[0] <= moment(told["ScheduledStartUtc"]) < starts[1]
        ]
        return page(body, "Reservations", self._ours(body, found))

    def _reservation(self, kept: Kept) -> dict[str, Any]:
        room, locked = self.assigned.get(kept.id, (None, False))
        start = utc(datetime.combine(kept.arrival, time(), self._zone) + STARTS)
        end = utc(datetime.combine(kept.departure, time(), self._zone) + ENDS)
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
            "CreatedUtc": utc(kept.booked_at),
            "UpdatedUtc": utc(kept.booked_at),
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
        ids, emails = ids_of(body, "CustomerIds"), strings_of(body, "Emails", 1000)
        names = strings_of(body, "LastNames", 1000)
        if not (ids or emails or names):
            raise Problem(400, "Invalid CustomerIds: a filter is required.")
        found = [
            customer(profile)
            for profile in self._everybody()
            if not ids or profile.id in ids
            if not emails or (profile.email or "").casefold() in {email.casefold() for email in emails}
            if not names or profile.last_name in names
        ]
        if not body["Extent"].get("Customers"):
            found = []
        return page(body, "Customers", found)

    def _items(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/orderitems: some filter must be given."""
        orders = ids_of(body, "ServiceOrderIds")
        if not orders:
            raise Problem(400, "Invalid ServiceOrderIds: a filter is required.")
        found = [
            item for kept in reversed(self.house.reservations) if kept.id in orders for item in self._items_of(kept)
        ]
        return page(body, "OrderItems", self._ours(body, found))

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
            "CreatedUtc": utc(kept.booked_at),
            "UpdatedUtc": utc(kept.booked_at),
            "ConsumedUtc": utc(night + timedelta(hours=24)),
            "CanceledUtc": utc(self.house.now()) if cancelled else None,
            "ClosedUtc": None,
            "StartUtc": utc(night),
            "AccountingState": "Canceled" if cancelled else "Open",
            "Type": kind,
            "Options": {"CanceledWithReservation": cancelled},
            "Data": None,
        }

    def _policies(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/cancellationpolicies, `Get cancellation policies by reservations`, a restricted one."""
        found = [
            {"ReservationId": kept.id, "Policies": [self._policy(kept)] if self.policies is None else self.policies}
            for kept in self.house.reservations
            if kept.id in ids_of(body, "ReservationIds", most=100)
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


def customer(profile: Profile) -> dict[str, Any]:
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
        "CreatedUtc": utc(profile.created_at),
        "UpdatedUtc": utc(profile.created_at),
        "Classifications": [],
        "Options": [],
        "IsActive": True,
        "PreferredSpaceFeatures": [],
    }
