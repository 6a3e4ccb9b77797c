"""What Apaleo's stand-in tells: rooms, rate plans, offers and reservations, as the documents have them.

GUIDES and ISSUES are those of apaleo.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.contract.vendors.house import House, Kept
from tests.contract.vendors.stand_in import Codes

PROPERTY: Final = "AUR"
STATUSES: Final = {"booked": "Confirmed", "cancelled": "Canceled", "in_house": "InHouse", "departed": "CheckedOut"}
CHECK_IN, CHECK_OUT = clock_time(17), clock_time(11)


@dataclass(frozen=True)
class Telling:
    """A house in Apaleo's words."""

    house: House
    codes: Codes

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.house.timezone)

    def short(self, room: str) -> str:
        """A room's own code, without the property's."""
        return self.codes.rooms[room].removeprefix(f"{PROPERTY}-")

    def unit_group(self, room: str) -> dict[str, Any]:
        kind = self.house.rooms[room]
        return {
            "id": self.codes.rooms[room],
            "code": self.short(room),
            "name": kind.title,
            "description": kind.title,
            "maxPersons": kind.sleeps,
            "type": "BedRoom",
        }

    def rate_plan(self, rate: str, room: str) -> dict[str, Any]:
        """GUIDES business-cases/upsell/setup: a rate plan is connected to exactly one unit group."""
        code = self.codes.rates[rate]
        return {
            "id": f"{PROPERTY}-{code}-{self.short(room)}",
            "code": code,
            "name": self.house.rates[rate].title,
            "description": self.house.rates[rate].title,
            "isSubjectToCityTax": True,
        }

    def service(self, extra: str) -> dict[str, Any]:
        id = self.codes.extras[extra]
        return {"id": id, "code": id.removeprefix(f"{PROPERTY}-"), "name": self.house.extras[extra], "description": ""}

    def least_guarantee(self, rate: str) -> str:
        return "Prepayment" if self.house.rates[rate].cancellation == "saver" else "PM6Hold"

    def offer(
        self, rate: str, room: str, arrival: date, nights: Sequence[int], adults: int, free: int
    ) -> dict[str, Any]:
        """What both kinds of offers have. City tax is on top of the total (ISSUES 373)."""
        gross, city = sum(nights), self.house.city_tax_for(adults, len(nights))
        departure = arrival + timedelta(days=len(nights))
        fee, due = self.policy(rate, arrival, nights, self.house.now())
        offer: dict[str, Any] = {
            "arrival": self.at(arrival, CHECK_IN),
            "departure": self.at(departure, CHECK_OUT),
            "minGuaranteeType": self.least_guarantee(rate),
            "availableUnits": free,
            "totalGrossAmount": self.money(gross),
            "cancellationFee": {"code": "POL", "name": "Policy", "dueDateTime": due, "fee": self.money(fee)},
            "noShowFee": {"code": "NOSHOW", "name": "No-show", "fee": self.money(gross)},
            "taxDetails": self.tax_details(gross),
            "isCorporate": False,
        }
        if city:
            offer["cityTaxes"] = [
                {"id": "AUR-CITY", "code": "CITY", "name": "City tax", "totalGrossAmount": self.money(city)}
            ]
        return offer

    def slices(self, rate: str, arrival: date, nights: Sequence[int]) -> list[dict[str, Any]]:
        """A night each, with what the rate plan includes in its price."""
        included = [{"service": self.service(extra), "count": 1} for extra in self.house.rates[rate].includes]
        return [
            {
                "from": self.at(arrival + timedelta(days=day), CHECK_IN),
                "to": self.at(arrival + timedelta(days=day + 1), CHECK_OUT),
                "baseAmount": self.taxed(cents),
                "totalGrossAmount": self.money(cents),
                "includedServices": included,
            }
            for day, cents in enumerate(nights)
        ]

    def policy(self, rate: str, arrival: date, nights: Sequence[int], booked_at: datetime) -> tuple[int, str]:
        """The fee and from when it is charged: the amount is told before it is due, too (ISSUES 168)."""
        if self.house.rates[rate].cancellation == "saver":
            return sum(nights), booked_at.astimezone(self.zone).isoformat()
        due = datetime.combine(arrival - timedelta(days=1), clock_time(18), self.zone)
        return nights[0], due.isoformat()

    def tax_details(self, gross: int) -> list[dict[str, Any]]:
        vat = self.house.tax_cents(gross)
        return [
            {
                "vatType": "Reduced",
                "vatPercent": self.house.vat_percent,
                "net": self.money(gross - vat),
                "tax": self.money(vat),
            }
        ]

    def taxed(self, gross: int) -> dict[str, Any]:
        net = gross - self.house.tax_cents(gross)
        return {
            "grossAmount": gross / 100,
            "netAmount": net / 100,
            "vatType": "Reduced",
            "vatPercent": self.house.vat_percent,
            "currency": self.house.currency,
        }

    def money(self, cents: int) -> dict[str, Any]:
        return {"amount": cents / 100, "currency": self.house.currency}

    def at(self, day: date, hour: clock_time) -> str:
        return datetime.combine(day, hour, self.zone).isoformat()

    def whole(self, kept: Kept, expand: Iterable[str]) -> dict[str, Any]:
        """`ReservationModel`: what can be expanded is left out unless asked for."""
        fee, due = self.policy(kept.rate, kept.arrival, kept.night_cents, kept.booked_at)
        person = {"lastName": kept.last_name, "firstName": kept.first_name, "email": kept.email, "phone": kept.phone}
        person = {name: value for name, value in person.items() if value}
        whole: dict[str, Any] = {
            "id": kept.id,
            "bookingId": kept.id.partition("-")[0],
            "status": STATUSES[kept.state],
            "property": {"id": PROPERTY, "code": PROPERTY, "name": self.house.title},
            "ratePlan": self.rate_plan(kept.rate, kept.room),
            "unitGroup": self.unit_group(kept.room),
            "totalGrossAmount": self.money(kept.total_cents),
            "arrival": self.at(kept.arrival, CHECK_IN),
            "departure": self.at(kept.departure, CHECK_OUT),
            "created": kept.booked_at.isoformat(),
            "adults": kept.adults,
            "channelCode": "Direct",
            "primaryGuest": person,
            "guaranteeType": self.least_guarantee(kept.rate),
            "cancellationFee": {
                "id": "AUR-POL",
                "code": "POL",
                "name": "Policy",
                "description": "",
                "dueDateTime": due,
                "fee": self.money(fee),
            },
            "balance": self.money(0),
            "taxDetails": self.tax_details(kept.total_cents),
            "hasCityTax": False,
        }
        if kept.children:
            whole["childrenAges"] = [10] * kept.children
        if kept.notes:
            whole["comment"] = "\n".join(kept.notes)
        if kept.reference:
            whole["externalCode"] = kept.reference
        if "booker" in expand:
            whole["booker"] = person
        if "services" in expand:
            whole["services"] = []
        if "actions" in expand:
            whole["actions"] = [{"action": "Cancel", "isAllowed": self.can_cancel(kept)}]
        return whole

    def can_cancel(self, kept: Kept) -> bool:
        """`BookingReservationActionsByIdCancelPut`: confirmed, with the time of arrival in the future."""
        arrival = datetime.combine(kept.arrival, CHECK_IN, self.zone)
        return kept.state == "booked" and self.house.now() < arrival
