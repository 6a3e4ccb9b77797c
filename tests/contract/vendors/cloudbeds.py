"""Cloudbeds' PMS API v1.3, as strict as its document.

What the document is: `src/pms-v1.3-openapi.yaml` of https://github.com/cloudbeds/openapi-specs (DOCUMENT), shown at
https://developers.cloudbeds.com/reference; and the articles below https://developers.cloudbeds.com/docs/ (DOCS). A
field that the document does not call nullable counts as required: it marks none otherwise, and public projects quote
`Parameter checkinDate is required` as the answer to one that is missing.

Not in any public document, and so made up here or taken from what projects with a real hotel have written down:

- The texts of refusals, but those of DOCS common-api-errors-in-progress. Which status goes with which is not written
  down either: here a wrong parameter is 400, as that article says, and what the hotel cannot do is 200 with
  `success: false`. A connector must not go by a text.
- The status 429: the limits are written down (DOCS faq: 5 requests a second for a hotel's own key), what is answered
  above them is not.
- That `getAvailableRoomTypes` lists a room type once per rate, and that its `roomRateID` is the `rateID` of
  `getRatePlans`: seen by projects with a real hotel.
- That `roomsAvailable` of a rate's night is told also when another night of the stay is full.
- That `getReservations` and `getReservationsWithRateDetails` list cancelled reservations too, the latter having a
  parameter to leave statuses out; that without a `status` all are meant.
- That a reservation of a primary source keeps no `thirdPartyIdentifier`: the document says that it is empty where no
  channel has sent it.
- That `putReservation` prices every night anew when it is given rooms and `adjustPrice`.
- What a reservation's `sourceID` looks like, with or without the suffix that says who collects the payment.
- How `lastName` compares: so it is not asked for.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.cloudbeds_asked import PROPERTY, Form, Query, Refusal, day_of
from tests.contract.vendors.cloudbeds_told import PRIMARY, STATUSES, Telling
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

BASE: Final = "/api/v1.3"
SOURCE: Final = "ss-77-1"
"""The hotel's own third-party source for the phone, whose payments the hotel collects."""
CHANNEL: Final = "ss-9-0"
HOUSE_ADDRESS: Final = "reception@aurora.example"
ROOMS: Final = {"single": "420101", "double": "420102", "suite": "420103"}
RATES: Final = {"flexible": "base", "saver": "35072"}
"""A room type's base rate has no `ratePlanID`; `base` is what a hotel's file calls it (DOCS
revenue-management-system-rms)."""
EXTRAS: Final = {"breakfast": "8801"}
PAYMENTS: Final = {"cash", "credit", "ebanking", "pay_pal"}

Endpoint = Callable[[Request], Awaitable[Response]]


class CloudbedsStandIn:
    """One hotel with a key of its own."""

    def __init__(self, house: House) -> None:
        self.house = house
        # One number is the key and what guests are told.
        house.named = lambda number: (str(7_721_330_000 + number), str(7_721_330_000 + number))
        self.codes = Codes(
            rooms={code: ROOMS.get(code, str(420_110 + n)) for n, code in enumerate(house.rooms)},
            rates={code: RATES.get(code, str(35_080 + n)) for n, code in enumerate(house.rates)},
            extras={code: EXTRAS.get(code, str(8_810 + n)) for n, code in enumerate(house.extras)},
        )
        self.secret: dict[str, str] = {"api_key": "cbat_2f9c41d7a0b84be39dd5"}
        self.seen: list[Seen] = []
        self.limit = RateLimit(1000, 1.0)
        """DOCS faq: 5 a second for a hotel's own key, with a margin. So few only where a test says so: the suite's
        clock stands still while its requests do not."""
        self.most_records = 100
        """The largest page of a list, whatever is asked for: a hundred is written down for `getReservations`."""
        self.surcharge_cents = 0
        """How much dearer each night is by the time at which a booking or change is priced."""
        self._telling = Telling(house, self.codes)
        self.sources = self._telling.sources
        self.rate_id = self._telling.rate_id
        reads = {
            "getHotels": self._hotels,
            "getRoomTypes": self._room_types,
            "getAvailableRoomTypes": self._available,
            "getRatePlans": self._rate_plans,
            "getTaxesAndFees": self._taxes_and_fees,
            "getRoomsFeesAndTaxes": self._fees_and_taxes,
            "getReservations": self._reservations,
            "getReservationsWithRateDetails": self._with_rate_details,
        }
        routes = [Route(f"{BASE}/{name}", self._guarded(endpoint), methods=["GET"]) for name, endpoint in reads.items()]
        routes += [
            Route(f"{BASE}/postReservation", self._guarded(self._book), methods=["POST"]),
            Route(f"{BASE}/putReservation", self._guarded(self._put), methods=["PUT"]),
            Route(f"{BASE}/postReservationNote", self._guarded(self._note), methods=["POST"]),
        ]
        handlers: Mapping[Any, Any] = {Refusal: _refused, HTTPException: _unknown_method}
        self.app = Recording(Starlette(routes=routes, exception_handlers=handlers), self.seen)

    def hotel(self, base: Hotel, url: str) -> Hotel:
        """The hotel on this Cloudbeds, with the house's own policy told in its file."""
        return on_system(
            base,
            connector="cloudbeds",
            url=f"{url}{BASE}",
            codes=Codes(rooms=ROOMS, rates=RATES, extras=self.codes.extras),
            property=PROPERTY,
            options={
                "source": SOURCE,
                "country": "DE",
                "zip": "10115",
                "email": HOUSE_ADDRESS,
                "free_until": "1d 18:00",
                "late_fee": "first_night",
                "non_refundable": "saver",
            },
        )

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """A key in `x-api-key`, and the hotel's own property, are required everywhere."""

        async def guarded(request: Request) -> Response:
            if self.limit.enter():
                return _answer({"success": False, "message": "Too many requests"}, status=429)
            if request.headers.get("x-api-key") != self.secret["api_key"]:
                # DOCS common-api-errors-in-progress.
                message = "The resource owner or authorization server denied the request."
                return _answer({"error": "access_denied", "message": message}, status=401)
            return await endpoint(request)

        return guarded

    async def _hotels(self, request: Request) -> Response:
        Query(request).require_property("propertyIDs")
        return _answer({"success": True, "data": [self._telling.hotel()], "count": 1, "total": 1})

    async def _room_types(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyIDs")
        return _answer({"success": True, "data": asked.page(self._telling.room_types(), self.most_records)})

    async def _available(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyIDs")
        arrival, departure = asked.stay()
        guests = asked.number("adults") + asked.number("children")
        rooms = self._telling.available(arrival, departure, guests=guests, wanted=asked.number("rooms"))
        found = {"propertyID": PROPERTY, "propertyCurrency": [self._telling.currency()], "propertyRooms": rooms}
        data = [found] if rooms else []
        counts = {"roomCount": len(rooms), "count": len(data), "total": len(data)}
        return _answer({"success": True, "data": data, **counts})

    async def _rate_plans(self, request: Request) -> Response:
        """A rate that does not apply to what is asked is listed all the same, with nothing free (DOCS
        reservation-faqs)."""
        asked = Query(request)
        asked.require_property("propertyIDs")
        arrival, departure = asked.stay()
        guests = (asked.number("adults", 1), asked.number("children", 0))
        ids = asked.all("rateIDs")
        rates = [
            self._telling.rate(id, room, rate, arrival, departure, sum(guests), detailed=asked.flag("detailedRates"))
            for id, (room, rate) in self._telling.rates.items()
            if not ids or id in ids
        ]
        return _answer({"success": True, "data": rates})

    async def _taxes_and_fees(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyID")
        if asked.one("availableFor") not in (None, "product", "rate", "fee", "tax", "custom_item", "payment"):
            raise Refusal("Parameter availableFor is invalid", 400)
        taxes = self._telling.taxes()
        return _answer({"success": True, "data": taxes, "total": len(taxes)})

    async def _fees_and_taxes(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyID")
        arrival, departure = asked.stay()
        if asked.number("roomsCount") != 1:
            raise Refusal("Parameter roomsCount is invalid", 400)
        gross = asked.cents("roomsTotal")
        data = self._telling.charges(gross, asked.number("adultsPerRoom", 0), (departure - arrival).days)
        return _answer({"success": True, "data": data})

    async def _reservations(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyID")
        if asked.one("datesQueryMode") not in (None, "booking", "rooms"):
            raise Refusal("Parameter datesQueryMode is invalid", 400)
        found = [
            kept
            for kept in self.house.reservations
            if asked.covers("checkInFrom", "checkInTo", kept.arrival)
            if asked.covers("checkOutFrom", "checkOutTo", kept.departure)
            if self._telling.made(kept) >= asked.moment("resultsFrom")
            if asked.one("status") in (None, STATUSES[kept.state])
        ]
        page = asked.page(found, self.most_records)
        rows = [self._telling.row(kept, guests=asked.flag("includeGuestsDetails")) for kept in page]
        return _answer({"success": True, "data": rows, "count": len(rows), "total": len(found)})

    async def _with_rate_details(self, request: Request) -> Response:
        asked = Query(request)
        asked.require_property("propertyID")
        ids = asked.all("reservationID")
        found = [
            kept
            for kept in self.house.reservations
            if not ids or kept.id in ids
            if self._telling.made(kept) >= asked.moment("resultsFrom")
        ]
        page = asked.page(found, self.most_records)
        rows = [self._telling.whole(kept, guests=asked.flag("includeGuestsDetails")) for kept in page]
        return _answer({"success": True, "data": rows, "count": len(rows), "total": len(found)})

    async def _book(self, request: Request) -> Response:
        """A room type may be booked at any of its rates; no price is taken."""
        form = await Form.of(request)
        for name in ("startDate", "endDate", "guestFirstName", "guestLastName", "guestZip", "guestEmail"):
            form.require(name)
        if not re.fullmatch(r"[A-Z]{2}", form.require("guestCountry")):
            raise Refusal("Parameter guestCountry is invalid", 400)
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", form.require("guestEmail")):
            raise Refusal("Parameter guestEmail is invalid", 400)
        if form.require("paymentMethod") not in PAYMENTS:
            raise Refusal("Parameter paymentMethod is invalid", 400)
        source = form.get("sourceID") or PRIMARY
        if source not in (SOURCE, CHANNEL, PRIMARY):
            raise Refusal("Invalid source")
        (room,), (adults,), (children,) = form.rows("rooms"), form.rows("adults"), form.rows("children")
        if {adults.get("roomTypeID"), children.get("roomTypeID")} != {room.get("roomTypeID")}:
            raise Refusal("Parameter adults is invalid", 400)
        if room.get("quantity") != "1":
            raise Refusal("Parameter rooms is invalid", 400)
        stay = self._stay_sent(
            room.get("roomTypeID"), room.get("roomRateID"), form.require("startDate"), form.require("endDate")
        )
        people = self._people(stay["room"], adults.get("quantity"), children.get("quantity"))
        try:
            kept = self.house.book(
                **stay,
                **people,
                night_cents=self._priced(stay),
                first_name=form.require("guestFirstName"),
                last_name=form.require("guestLastName"),
                email=form.require("guestEmail"),
                phone=form.get("guestPhone"),
                reference=form.get("thirdPartyIdentifier") if source.startswith("ss-") else None,
            )
        except Full as full:
            raise Refusal("The room type is not available for the dates") from full
        self.sources[kept.id] = source
        return _answer(self._telling.booked(kept))

    async def _put(self, request: Request) -> Response:
        """Changes what is named: the status, or the rooms, each of which then needs type, dates and people."""
        form = await Form.of(request)
        kept = self._kept(form.require("reservationID"))
        status, rooms = form.get("status"), form.rows("rooms", optional=True)
        if status not in (None, *STATUSES.values(), "not_confirmed", "no_show"):
            raise Refusal("Parameter status is invalid", 400)
        if kept.state != "booked":
            raise Refusal("Reservation cannot be changed in its status")
        if rooms:
            self._change(kept, rooms)
        if status == "canceled":
            self.house.cancel(kept.id)
        elif status is not None:
            raise Refusal("Parameter status is invalid", 400)
        told = self._kept(kept.id)
        data = {"propertyID": PROPERTY, "reservationID": told.id, "status": STATUSES[told.state]}
        return _answer({"success": True, "data": {**data, "total": self._telling.total(told)}})

    def _change(self, kept: Kept, rooms: Sequence[Mapping[str, str]]) -> None:
        if len(rooms) != 1 or rooms[0].get("subReservationID", f"{kept.id}-1") != f"{kept.id}-1":
            raise Refusal("Parameter rooms is invalid", 400)
        (room,) = rooms
        for name in ("roomTypeID", "checkinDate", "checkoutDate", "adults", "children"):
            if not room.get(name):
                raise Refusal(f"Parameter {name} is required", 400)
        if room.get("adjustPrice", "true") != "true":
            raise Refusal("Parameter adjustPrice is invalid", 400)
        stay = self._stay_sent(
            room["roomTypeID"], room.get("rateID"), room["checkinDate"], room["checkoutDate"], rate=kept.rate
        )
        people = self._people(stay["room"], room["adults"], room["children"])
        try:
            self.house.change(kept.id, **stay, **people, night_cents=self._priced(stay))
        except Full as full:
            raise Refusal("The room type is not available for the dates") from full

    async def _note(self, request: Request) -> Response:
        form = await Form.of(request)
        kept = self.house.note(self._kept(form.require("reservationID")).id, form.require("reservationNote"))
        return _answer({"success": True, "reservationNoteID": f"3{kept.id}{len(kept.notes)}"})

    def _stay_sent(
        self, room_code: str | None, rate_id: str | None, start: str, end: str, *, rate: str | None = None
    ) -> dict[str, Any]:
        """What is asked for, in the house's words; without a rate's id it is the base rate, or that of before."""
        room = self.codes.room_of(room_code or "")
        if room is None:
            raise Refusal("Invalid room type")
        sold = self._telling.rates.get(rate_id) if rate_id else (room, rate or next(iter(self.house.rates)))
        if sold is None or sold[0] != room:
            raise Refusal("Invalid rate")
        arrival, departure = day_of("startDate", start), day_of("endDate", end)
        today = self.house.now().astimezone(ZoneInfo(self.house.timezone)).date()
        if not today <= arrival < departure:
            raise Refusal("Invalid dates")
        return {"room": room, "rate": sold[1], "arrival": arrival, "departure": departure}

    def _people(self, room: str, adults: str | None, children: str | None) -> dict[str, Any]:
        counts = {"adults": adults or "", "children": children or ""}
        for name, count in counts.items():
            if not count.isdecimal():
                raise Refusal(f"Parameter {name} is invalid", 400)
        people = {name: int(count) for name, count in counts.items()}
        if not 0 < people["adults"] <= sum(people.values()) <= self.house.rooms[room].sleeps:
            raise Refusal("The room type does not take so many guests")
        return people

    def _priced(self, stay: Mapping[str, Any]) -> list[int]:
        nights = self.house.night_cents(stay["room"], stay["rate"], stay["arrival"], stay["departure"])
        return [cents + self.surcharge_cents for cents in nights]

    def _kept(self, id: str) -> Kept:
        kept = self.house.find(id)
        if kept is None:
            raise Refusal("Reservation not found")
        return kept


def _answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """Every answer bears an id (DOCUMENT, info)."""
    return JSONResponse(body, status_code=status, headers={"x-request-id": uuid.uuid4().hex})


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return _answer({"success": False, "message": refusal.message}, refusal.status)


async def _unknown_method(_: Request, __: Exception) -> Response:
    """A path, or a path with another verb, that does not exist."""
    return _answer({"error": "Unknown method.", "status": False}, status=404)
