"""How the stand-in of OPERA Cloud tells what its house has, as Oracle's documents have it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

from tests.contract.vendors.house import House, Kept
from tests.contract.vendors.oracle_ohip_asked import SYSTEM
from tests.contract.vendors.stand_in import Codes

HOTEL: Final = "AURORA"
STATUSES: Final = {"booked": "Reserved", "cancelled": "Cancelled", "in_house": "InHouse", "departed": "CheckedOut"}


class Telling:
    """A house in OPERA's words."""

    def __init__(self, house: House, codes: Codes) -> None:
        self.house, self.codes = house, codes

    def hotel_info(self) -> dict[str, Any]:
        return {
            "hotelId": HOTEL,
            "hotelName": self.house.title,
            "propertyControls": {
                "currencyFormatting": {"currencyCode": self.house.currency},
                "dateTimeFormatting": {"timeZoneRegion": self.house.timezone},
            },
        }

    def room_rate(self, room: str, rate: str, arrival: date, departure: date, adults: int, free: int) -> dict[str, Any]:
        """`roomRateType` of `par`: a total without and with every tax, and nightly amounts that have the tax inside
        where the rate has it.
        """
        nights = self.house.night_cents(room, rate, arrival, departure)
        gross, vat = sum(nights), self.house.tax_cents(sum(nights))
        city = self.house.city_tax_for(adults, len(nights))
        return {
            "roomType": self.codes.rooms[room],
            "ratePlanCode": self.codes.rates[rate],
            "start": arrival.isoformat(),
            "end": (departure - timedelta(days=1)).isoformat(),
            "availability": "Available",
            "suppressRate": False,
            "taxIncluded": True,
            "marketCode": "LEIS",
            "sourceCode": "PHONE",
            "numberOfUnits": free,
            "total": {
                "amountBeforeTax": (gross - vat) / 100,
                "amountAfterTax": (gross + city) / 100,
                "currencyCode": self.house.currency,
                "taxes": self._taxes(vat, city),
            },
            "rates": {"rate": self._spans(arrival, nights)},
            "packages": [
                {"packageCode": self.codes.extras[extra], "includedInRate": True, "quantity": 1}
                for extra in self.house.rates[rate].includes
            ],
        }

    def summary(self, kept: Kept) -> dict[str, Any]:
        return {
            "hotelId": HOTEL,
            "reservationIdList": ids(kept),
            "reservationStatus": STATUSES[kept.state],
            "reservationGuest": {"surname": kept.last_name, "givenName": kept.first_name},
            "roomStay": {
                "arrivalDate": kept.arrival.isoformat(),
                "departureDate": kept.departure.isoformat(),
                "adultCount": kept.adults,
                "childCount": kept.children,
                "roomType": self.codes.rooms[kept.room],
                "ratePlanCode": self.codes.rates[kept.rate],
            },
        }

    def whole(self, kept: Kept, instructions: Iterable[str]) -> dict[str, Any]:
        """`hotelReservationType`: a total before tax has the taxes inside it that are `Inclusive`."""
        gross, vat = kept.total_cents, self.house.tax_cents(kept.total_cents)
        city = self.house.city_tax_for(kept.adults, kept.nights)
        currency, counts = self.house.currency, {"adults": kept.adults, "children": kept.children}
        profile: dict[str, Any] = {
            "profileType": "Guest",
            "customer": {
                "personName": [
                    {"givenName": kept.first_name, "surname": kept.last_name, "nameType": "Primary"},
                    {"nameType": "External"},
                ]
            },
        }
        if kept.email:
            profile["emails"] = {"emailInfo": [{"email": {"emailAddress": kept.email, "type": "EMAIL"}}]}
        if kept.phone:
            profile["telephones"] = {"telephoneInfo": [{"telephone": {"phoneNumber": kept.phone}}]}
        whole: dict[str, Any] = {
            "hotelId": HOTEL,
            "reservationIdList": ids(kept),
            "reservationStatus": STATUSES[kept.state],
            "roomStayReservation": True,
            "roomStay": {
                "arrivalDate": kept.arrival.isoformat(),
                "departureDate": kept.departure.isoformat(),
                "guestCounts": counts,
                "guarantee": {"guaranteeCode": "6PM"},
                "roomRates": [
                    {
                        "roomType": self.codes.rooms[kept.room],
                        "ratePlanCode": self.codes.rates[kept.rate],
                        "start": kept.arrival.isoformat(),
                        "end": (kept.departure - timedelta(days=1)).isoformat(),
                        "numberOfUnits": 1,
                        "guestCounts": counts,
                        "rates": {"rate": self._spans(kept.arrival, kept.night_cents)},
                        "marketCode": "LEIS",
                        "sourceCode": "PHONE",
                    }
                ],
                "total": {
                    "amountBeforeTax": gross / 100,
                    "amountAfterTax": (gross + city) / 100,
                    "currencyCode": currency,
                    "taxes": self._taxes(vat, city),
                },
            },
            "reservationGuests": [{"profileInfo": {"profile": profile}, "primary": True}],
        }
        if kept.reference:
            whole["externalReferences"] = [{"id": kept.reference, "idContext": SYSTEM}]
        if "TotalCostOfStay" in instructions:
            whole["rateSummary"] = {"gross": (gross - vat) / 100, "net": (gross + city) / 100, "currencyCode": currency}
        if "Comments" in instructions:
            whole["comments"] = [{"comment": {"text": {"value": note}, "type": "GEN"}} for note in kept.notes]
        return whole

    def policy(self, kept: Kept) -> dict[str, Any]:
        """A deadline is in the hotel's time; `effective` says that the penalty applies now."""
        until = self.house.free_until(kept)
        terms: dict[str, Any] = {"currencyCode": self.house.currency}
        if until is None:
            terms |= {"basisType": "FullAmount", "percent": 100, "amount": kept.total_cents / 100}
            return {"policyCode": "NONREF", "amountPercent": terms, "nonRefundable": True, "effective": True}
        terms |= {"basisType": "Nights", "nights": 1, "amount": kept.night_cents[0] / 100}
        return {
            "policyCode": "18H1N",
            "amountPercent": terms,
            "deadline": {"absoluteDeadline": until.replace(tzinfo=None).isoformat()},
            "nonRefundable": False,
            "effective": self.house.now() >= until,
        }

    def _taxes(self, vat: int, city: int) -> dict[str, Any]:
        currency = self.house.currency
        taxes = [{"code": "VAT", "type": "Inclusive", "amount": vat / 100, "currencyCode": currency}]
        if city:
            taxes.append({"code": "CITY", "type": "Exclusive", "amount": city / 100, "currencyCode": currency})
        return {"tax": taxes, "amount": (vat + city) / 100, "currencyCode": currency}

    def _spans(self, arrival: date, nights: Sequence[int]) -> list[dict[str, Any]]:
        """Nights at one price are one entry, as in the documents' examples."""
        spans, first = [], arrival
        for cents, run in groupby(nights):
            last = first + timedelta(days=len(list(run)) - 1)
            base = {"amountBeforeTax": cents / 100, "currencyCode": self.house.currency}
            spans.append({"base": base, "start": first.isoformat(), "end": last.isoformat()})
            first = last + timedelta(days=1)
        return spans


def ids(kept: Kept) -> list[dict[str, str]]:
    return [{"id": kept.id, "type": "Reservation"}, {"id": kept.code, "type": "Confirmation"}]
