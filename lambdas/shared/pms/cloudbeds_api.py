"""What is asked of Cloudbeds and sent to it, by the names of its document; what it answers is judged by others.

Most refusals have the status 200 and `success: false`, with a text and no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeVar

from pydantic import BaseModel

from lambdas.shared.domain.errors import BellhopError, NotPossible, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.cloudbeds_models import (
    Availability,
    Booked,
    Charges,
    Found,
    Hotel,
    Hotels,
    Levies,
    Page,
    Rate,
    Rates,
    RoomType,
    Verdict,
)
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

URL: Final = "https://api.cloudbeds.com/api/v1.3"
PAGE: Final = 100
"""The most that getReservations gives at once."""
MOST_PAGES: Final = 20
"""Pages of one list: more arrivals a day has no hotel that we know of."""
Params = Mapping[str, str]
Row = TypeVar("Row", bound=BaseModel)


@dataclass(frozen=True)
class Api:
    """One hotel's line to Cloudbeds. Reads raise Unreachable also for what is refused; writes give the answer."""

    http: VendorHttp
    property_id: str

    def hotel(self) -> Hotel:
        """The hotel; without a name where Cloudbeds does not list it."""
        hotels = self._read("the hotel", "getHotels", {"propertyIDs": self.property_id}).read_as(Hotels).data
        return next((found for found in hotels if found.property_id == self.property_id), Hotel())

    def room_types(self) -> Iterator[RoomType]:
        """Every room type."""
        return self._pages("the room types", "getRoomTypes", {"propertyIDs": self.property_id}, Page[RoomType])

    def free(self, stay: Stay) -> tuple[str, frozenset[tuple[str, str]]]:
        """The currency, and which room types at which rates have a room for the whole stay."""
        asked = {"propertyIDs": self.property_id, **_dates(stay.arrival, stay.departure), **_people(stay), "rooms": "1"}
        answer = self._read("free rooms", "getAvailableRoomTypes", asked)
        return answer.read_as(Availability).of(self.property_id)

    def rates(self, stay: Stay) -> Sequence[Rate]:
        """Every room type's rates without a promotional code, by night."""
        asked = {
            "propertyIDs": self.property_id,
            **_dates(stay.arrival, stay.departure),
            **_people(stay),
            "detailedRates": "true",
        }
        return self._read("the rates", "getRatePlans", asked).read_as(Rates).data

    def rate(self, rate_id: str, arrival: date, departure: date) -> Rate | None:
        """The rate of an id; None for one that is not sold any more."""
        asked = {
            "propertyIDs": self.property_id,
            "rateIDs": rate_id,
            **_dates(arrival, departure),
            "includePromoCode": "true",
        }
        answer = self.http.read("a rate", "GET", "/getRatePlans", params=asked)
        refusal = refused(answer)
        if isinstance(refusal, NotPossible):
            return None
        if refusal:
            raise refusal
        return next((found for found in answer.read_as(Rates).data if found.rate_id == rate_id), None)

    def anything_on_top(self) -> bool:
        """Does a tax or fee come on top of a rate?"""
        asked = {"propertyID": self.property_id, "availableFor": "rate"}
        levies = self._read("taxes and fees", "getTaxesAndFees", asked).read_as(Levies).data
        return any(levy.inclusive_or_exclusive != "inclusive" for levy in levies if not levy.is_deleted)

    def price(self, stay: Stay, rooms_total: Money) -> tuple[Money, Money | None]:
        """What the rooms' total becomes with all taxes and fees, and the tax in it, if any is told."""
        asked = {
            "propertyID": self.property_id,
            **_dates(stay.arrival, stay.departure),
            "roomsTotal": f"{rooms_total.cents // 100}.{rooms_total.cents % 100:02d}",
            "roomsCount": "1",
            "adultsPerRoom": str(stay.adults),
            "childrenPerRoom": str(stay.children),
        }
        answer = self._read("a price", "getRoomsFeesAndTaxes", asked)
        charges, currency = answer.read_as(Charges).data, rooms_total.currency
        try:
            taxes = sum(money(tax.fee_value, currency).cents for tax in charges.taxes)
            price = money(charges.grand_total, currency)
        except ValueError:
            raise answer.unexpected("amount") from None
        return price, Money(cents=taxes, currency=currency) if charges.taxes else None

    def arriving(self, what: str, day: date, *, guests: bool = False) -> Iterator[Found]:
        """The reservations that arrive on that day."""
        asked = {"checkInFrom": day.isoformat(), "checkInTo": day.isoformat(), "datesQueryMode": "booking"}
        return self._found(what, {**asked, "includeGuestsDetails": "true"} if guests else asked)

    def booked_since(self, what: str, moment: str) -> Iterator[Found]:
        """The reservations made since then."""
        return self._found(what, {"resultsFrom": moment})

    def reservations(self, what: str, ids: Sequence[str]) -> Iterator[Booked]:
        """The hotel's reservations of these ids, with their rates and guests."""
        for begin in range(0, len(ids), PAGE):
            asked = {
                "propertyID": self.property_id,
                "reservationID": ",".join(ids[begin : begin + PAGE]),
                "includeGuestsDetails": "true",
            }
            for booked in self._pages(what, "getReservationsWithRateDetails", asked, Page[Booked]):
                if booked.reservation_id in ids and booked.property_id in ("", self.property_id):
                    yield booked

    def book(self, form: Params) -> Answer:
        return self._write("a booking", "POST", "postReservation", form)

    def change(self, id: str, room: Params) -> Answer:
        return self._write("a change", "PUT", "putReservation", {"reservationID": id, **room})

    def cancel(self, id: str) -> Answer:
        return self._write("a cancellation", "PUT", "putReservation", {"reservationID": id, "status": "canceled"})

    def note(self, id: str, text: str) -> Answer:
        return self._write("a note", "POST", "postReservationNote", {"reservationID": id, "reservationNote": text})

    def _found(self, what: str, asked: Params) -> Iterator[Found]:
        return self._pages(what, "getReservations", {"propertyID": self.property_id, **asked}, Page[Found])

    def _pages(self, what: str, method: str, asked: Params, model: type[Page[Row]]) -> Iterator[Row]:
        """The entries of a list, page after page: to its total or, where none is told, until nothing new comes."""
        seen, before = 0, tuple[Row, ...]()
        for number in range(1, MOST_PAGES + 1):
            params = {**asked, "pageNumber": str(number), "pageSize": str(PAGE)}
            page = self._read(what, method, params).read_as(model)
            if not page.data or page.data == before:
                return
            yield from page.data
            seen, before = seen + len(page.data), page.data
            if page.total is not None and seen >= page.total:
                return
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")

    def _read(self, what: str, method: str, asked: Params) -> Answer:
        answer = self.http.read(what, "GET", f"/{method}", params=asked)
        if refusal := refused(answer):
            raise Unreachable(f"{what}: refused", vendor_code=refusal.vendor_code)
        return answer

    def _write(self, what: str, verb: str, method: str, form: Params) -> Answer:
        return self.http.write(what, verb, f"/{method}", data={"propertyID": self.property_id, **form})


def refused(answer: Answer) -> BellhopError | None:
    """The error for an answer that says that nothing was done, or is not one of Cloudbeds'; None for success."""
    if not answer.ok and answer.status != 400:
        return answer.unexpected()
    try:
        verdict = Verdict.model_validate(answer.body)
    except ValueError:
        return answer.unexpected()
    if verdict.success and answer.ok:
        return None
    if verdict.connection_fault:
        return Unreachable(f"{answer.what}: the hotel's connection is refused", vendor_code=verdict.code)
    return NotPossible("the hotel's booking system does not allow it", vendor_code=verdict.code)


def _dates(arrival: date, departure: date) -> Params:
    return {"startDate": arrival.isoformat(), "endDate": departure.isoformat()}


def _people(stay: Stay) -> Params:
    return {"adults": str(stay.adults), "children": str(stay.children)}
