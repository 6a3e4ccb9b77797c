"""How the stand-in of Cloudbeds tells what its house has, as Cloudbeds' document has it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from tests.contract.vendors.cloudbeds_asked import PROPERTY
from tests.contract.vendors.house import House, Kept
from tests.contract.vendors.stand_in import Codes

PRIMARY: Final = "s-2"
"""A source that every hotel has."""
STATUSES: Final = {"booked": "confirmed", "cancelled": "canceled", "in_house": "checked_in", "departed": "checked_out"}
ROOM_STATUSES: Final = {
    "booked": "not_checked_in",
    "cancelled": "cancelled",
    "in_house": "in_house",
    "departed": "checked_out",
}
MOMENT: Final = "%Y-%m-%d %H:%M:%S"
"""https://developers.cloudbeds.com/reference/tech-specs."""


class Telling:
    """A house in Cloudbeds' words."""

    def __init__(self, house: House, codes: Codes) -> None:
        self.house, self.codes = house, codes
        self.sources: dict[str, str] = {}
        """Where a reservation came from, by its id; unless told otherwise, it was made at the hotel."""
        self.rates = {
            f"19{room:02d}{rate:02d}": (room_code, rate_code)
            for room, room_code in enumerate(house.rooms)
            for rate, rate_code in enumerate(house.rates)
        }
        """Room and rate by a rate's id, which belongs to one room type."""

    def rate_id(self, room: str, rate: str) -> str:
        """The id of a room type's rate."""
        return next(id for id, sold in self.rates.items() if sold == (room, rate))

    def hotel(self) -> dict[str, Any]:
        return {
            "propertyID": PROPERTY,
            "propertyName": self.house.title,
            "propertyTimezone": self.house.timezone,
            "propertyCurrency": [self.currency()],
        }

    def room_types(self) -> list[dict[str, Any]]:
        return [
            {
                "roomTypeID": self.codes.rooms[room.code],
                "propertyID": PROPERTY,
                "roomTypeName": room.title,
                "isPrivate": True,
                "maxGuests": room.sleeps,
                "adultsIncluded": room.sleeps,
                "childrenIncluded": 0,
            }
            for room in self.house.rooms.values()
        ]

    def available(self, arrival: date, departure: date, *, guests: int, wanted: int) -> list[dict[str, Any]]:
        """Each room type once a rate."""
        return [
            {
                "roomTypeID": self.codes.rooms[room],
                "roomTypeName": self.house.rooms[room].title,
                "maxGuests": self.house.rooms[room].sleeps,
                "adultsIncluded": self.house.rooms[room].sleeps,
                "childrenIncluded": 0,
                "roomRate": self.house.price_cents(room, rate, arrival, departure) / 100,
                "roomRateID": id,
                "ratePlanNamePublic": self.house.rates[rate].title,
                "ratePlanNamePrivate": self.house.rates[rate].title,
                "roomsAvailable": free,
                "adultsExtraCharge": None,
                "childrenExtraCharge": None,
            }
            for id, (room, rate) in self.rates.items()
            if self.house.rooms[room].sleeps >= guests
            if (free := self.house.free(room, arrival, departure)) >= wanted
        ]

    def taxes(self) -> list[dict[str, Any]]:
        """Value added tax stands in a rate, the city's tax comes on top."""
        common = {"type": "tax", "availableFor": ["rate"], "isDeleted": False, "feesCharged": [], "taxesCharged": []}
        taxes = [
            {
                **common,
                "taxID": "501",
                "name": "VAT",
                "code": "VAT",
                "kind": "vat",
                "amount": str(self.house.vat_percent),
                "amountType": "percentage",
                "inclusiveOrExclusive": "inclusive",
            }
        ]
        if self.house.city_tax_cents:
            taxes.append(
                {
                    **common,
                    "taxID": "502",
                    "name": "City tax",
                    "code": "CITY",
                    "kind": "municipal_tax",
                    "amount": "0",
                    "amountAdult": f"{self.house.city_tax_cents / 100:.2f}",
                    "amountChild": "0",
                    "amountType": "fixed_per_person",
                    "inclusiveOrExclusive": "exclusive",
                }
            )
        return taxes

    def charges(self, gross: int, adults: int, nights: int) -> dict[str, Any]:
        """What is charged by person is nothing where no persons are told."""
        vat = self.house.tax_cents(gross)
        city = self.house.city_tax_for(adults, nights)
        levied = [("VAT", vat), *([("City tax", city)] if city else [])]
        return {
            "fees": [],
            "taxes": [
                {"feeName": name, "feeValue": f"{cents / 100:.2f}", "totalTaxes": cents / 100} for name, cents in levied
            ],
            "roomsTotalWithoutTaxes": (gross - vat) / 100,
            "grandTotal": (gross + city) / 100,
        }

    def booked(self, kept: Kept) -> dict[str, Any]:
        """The answer to a booking."""
        return {
            "success": True,
            "reservationID": kept.id,
            "status": "confirmed",
            "guestID": f"5{kept.id}",
            "guestFirstName": kept.first_name,
            "guestLastName": kept.last_name,
            "guestGender": "N/A",
            "guestEmail": kept.email,
            "startDate": kept.arrival.isoformat(),
            "endDate": kept.departure.isoformat(),
            "dateCreated": self.made(kept),
            "grandTotal": self.total(kept),
            "unassigned": [
                {
                    "subReservationID": f"{kept.id}-1",
                    "roomTypeName": self.house.rooms[kept.room].title,
                    "roomTypeID": self.codes.rooms[kept.room],
                    "adults": kept.adults,
                    "children": kept.children,
                    "dailyRates": [{"date": day, "rate": rate} for day, rate in self.nights(kept).items()],
                    "roomTotal": kept.total_cents / 100,
                }
            ],
        }

    def rate(
        self, id: str, room: str, rate: str, arrival: date, departure: date, guests: int, *, detailed: bool
    ) -> dict[str, Any]:
        sleeps = self.house.rooms[room].sleeps >= guests
        total = self.house.price_cents(room, rate, arrival, departure) / 100
        told: dict[str, Any] = {
            "rateID": id,
            "isDerived": False,
            "roomRate": total,
            "totalRate": total,
            "roomsAvailable": self.house.free(room, arrival, departure) if sleeps else 0,
            "roomTypeID": self.codes.rooms[room],
            "propertyID": PROPERTY,
            "addOns": [
                {"addOnID": self.codes.extras[extra], "addOnName": self.house.extras[extra]}
                for extra in self.house.rates[rate].includes
            ],
        }
        if self.codes.rates[rate] != "base":
            title = self.house.rates[rate].title
            told |= {
                "ratePlanID": self.codes.rates[rate],
                "ratePlanNamePublic": title,
                "ratePlanNamePrivate": title,
            }
        if detailed:
            nights = self.house.night_cents(room, rate, arrival, departure)
            days = [arrival + timedelta(days=day) for day in range(len(nights))]
            told["roomRateDetailed"] = [
                {
                    "date": day.isoformat(),
                    "rateBase": cents / 100,
                    "totalRate": cents / 100,
                    "roomsAvailable": self.house.free(room, day, day + timedelta(days=1)) if sleeps else 0,
                    "closedToArrival": False,
                    "closedToDeparture": False,
                    "blocked": False,
                    "minLos": 1,
                    "maxLos": 0,
                }
                for day, cents in zip(days, nights, strict=True)
            ]
        return told

    def row(self, kept: Kept, *, guests: bool) -> dict[str, Any]:
        row: dict[str, Any] = {
            "propertyID": PROPERTY,
            "reservationID": kept.id,
            "dateCreated": self.made(kept),
            "dateModified": self.made(kept),
            "status": STATUSES[kept.state],
            "guestID": f"5{kept.id}",
            "guestName": f"{kept.first_name} {kept.last_name}".strip(),
            "startDate": kept.arrival.isoformat(),
            "endDate": kept.departure.isoformat(),
            "adults": str(kept.adults),
            "children": str(kept.children),
            "balance": self.total(kept),
            "sourceName": "Phone",
            "sourceID": self.source(kept),
            "thirdPartyIdentifier": kept.reference or "",
        }
        return {**row, "guestList": self.guests(kept)} if guests else row

    def whole(self, kept: Kept, *, guests: bool) -> dict[str, Any]:
        nights = self.nights(kept)
        rooms, total = kept.total_cents / 100, self.total(kept)
        whole: dict[str, Any] = {
            "propertyID": PROPERTY,
            "reservationID": kept.id,
            "isDeleted": False,
            "dateCreated": self.made(kept),
            "dateModified": self.made(kept),
            "status": STATUSES[kept.state],
            "reservationCheckIn": f"{kept.arrival} 15:00:00",
            "reservationCheckOut": f"{kept.departure} 11:00:00",
            "guestID": f"5{kept.id}",
            "guestCountry": "DE",
            "sourceName": "Phone",
            "source": {
                "name": "Phone",
                "paymentCollect": "hotel",
                "sourceID": self.source(kept),
                "category": "direct",
            },
            "propertyCurrency": self.house.currency,
            "balanceDetailed": {
                "suggestedDeposit": "0.00",
                "subTotal": rooms,
                "additionalItems": 0,
                "taxesFees": round(total - rooms, 2),
                "grandTotal": total,
                "paid": 0,
            },
            "detailedRates": nights,
            "rooms": [
                {
                    "roomTypeID": self.codes.rooms[kept.room],
                    "roomTypeIsVirtual": False,
                    "roomTypeName": self.house.rooms[kept.room].title,
                    "subReservationID": f"{kept.id}-1",
                    "isRoomLocked": False,
                    "guestID": f"5{kept.id}",
                    "guestName": f"{kept.first_name} {kept.last_name}".strip(),
                    "rateID": self.rate_id(kept.room, kept.rate),
                    "rateName": self.house.rates[kept.rate].title,
                    "adults": str(kept.adults),
                    "children": str(kept.children),
                    "reservationRoomID": f"6{kept.id}",
                    "roomName": None,
                    "roomCheckIn": kept.arrival.isoformat(),
                    "roomCheckOut": kept.departure.isoformat(),
                    "roomStatus": ROOM_STATUSES[kept.state],
                    "detailedRoomRates": nights,
                }
            ],
            "thirdPartyIdentifier": kept.reference or "",
            "total": total,
            "balance": total,
        }
        return {**whole, "guestList": self.guests(kept)} if guests else whole

    def guests(self, kept: Kept) -> dict[str, Any]:
        id = f"5{kept.id}"
        guest = {
            "guestID": id,
            "guestName": f"{kept.first_name} {kept.last_name}".strip(),
            "guestFirstName": kept.first_name,
            "guestLastName": kept.last_name,
            "guestEmail": kept.email or "",
            "guestPhone": kept.phone or "",
            "guestCellPhone": "",
            "isMainGuest": True,
            "assignedRoom": False,
            "rooms": [],
        }
        return {id: guest}

    def total(self, kept: Kept) -> float:
        return (kept.total_cents + self.house.city_tax_for(kept.adults, kept.nights)) / 100

    def nights(self, kept: Kept) -> dict[str, float]:
        days = [(kept.arrival + timedelta(days=day)).isoformat() for day in range(kept.nights)]
        return {day: cents / 100 for day, cents in zip(days, kept.night_cents, strict=True)}

    def source(self, kept: Kept) -> str:
        return self.sources.get(kept.id, PRIMARY)

    def made(self, kept: Kept) -> str:
        return kept.booked_at.astimezone(ZoneInfo(self.house.timezone)).strftime(MOMENT)

    def currency(self) -> dict[str, str]:
        return {"currencyCode": self.house.currency, "currencySymbol": self.house.currency, "currencyPosition": "after"}
