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
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

BASE: Final = "/api/v1.3"
PROPERTY: Final = "49705"
SOURCE: Final = "ss-77-1"
"""The hotel's own third-party source for the phone, whose payments the hotel collects."""
CHANNEL: Final = "ss-9-0"
PRIMARY: Final = "s-2"
HOUSE_ADDRESS: Final = "reception@aurora.example"
ROOMS: Final = {"single": "420101", "double": "420102", "suite": "420103"}
RATES: Final = {"flexible": "base", "saver": "35072"}
"""A room type's base rate has no `ratePlanID`; `base` is what a hotel's file calls it (DOCS
revenue-management-system-rms)."""
EXTRAS: Final = {"breakfast": "8801"}
STATUSES: Final = {"booked": "confirmed", "cancelled": "canceled", "in_house": "checked_in", "departed": "checked_out"}
ROOM_STATUSES: Final = {
    "booked": "not_checked_in",
    "cancelled": "cancelled",
    "in_house": "in_house",
    "departed": "checked_out",
}
PAYMENTS: Final = {"cash", "credit", "ebanking", "pay_pal"}
MOMENT: Final = "%Y-%m-%d %H:%M:%S"
"""DOCS ../reference/tech-specs."""

Endpoint = Callable[[Request], Awaitable[Response]]
Entry = TypeVar("Entry")


class Refusal(Exception):
    """An answer that says that the request could not be completed."""

    def __init__(self, message: str, status: int = 200) -> None:
        super().__init__(message)
        self.message, self.status = message, status


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
        self.sources: dict[str, str] = {}
        """Where a reservation came from, by its id; unless told otherwise, it was made at the hotel."""
        self._rates = {
            f"19{room:02d}{rate:02d}": (room_code, rate_code)
            for room, room_code in enumerate(house.rooms)
            for rate, rate_code in enumerate(house.rates)
        }
        """A rate's id belongs to one room type."""
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

    def rate_id(self, room: str, rate: str) -> str:
        """The id of a room type's rate."""
        return next(id for id, sold in self._rates.items() if sold == (room, rate))

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
        _Query(request).require_property("propertyIDs")
        hotel = {
            "propertyID": PROPERTY,
            "propertyName": self.house.title,
            "propertyTimezone": self.house.timezone,
            "propertyCurrency": [self._currency()],
        }
        return _answer({"success": True, "data": [hotel], "count": 1, "total": 1})

    async def _room_types(self, request: Request) -> Response:
        asked = _Query(request)
        asked.require_property("propertyIDs")
        rooms = [
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
        return _answer({"success": True, "data": asked.page(rooms, self.most_records)})

    async def _available(self, request: Request) -> Response:
        asked = _Query(request)
        asked.require_property("propertyIDs")
        arrival, departure = asked.stay()
        guests = asked.number("adults") + asked.number("children")
        wanted = asked.number("rooms")
        rooms = [
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
            for id, (room, rate) in self._rates.items()
            if self.house.rooms[room].sleeps >= guests
            if (free := self.house.free(room, arrival, departure)) >= wanted
        ]
        found = {"propertyID": PROPERTY, "propertyCurrency": [self._currency()], "propertyRooms": rooms}
        data = [found] if rooms else []
        counts = {"roomCount": len(rooms), "count": len(data), "total": len(data)}
        return _answer({"success": True, "data": data, **counts})

    async def _rate_plans(self, request: Request) -> Response:
        """A rate that does not apply to what is asked is listed all the same, with nothing free (DOCS
        reservation-faqs)."""
        asked = _Query(request)
        asked.require_property("propertyIDs")
        arrival, departure = asked.stay()
        guests = (asked.number("adults", 1), asked.number("children", 0))
        ids = asked.all("rateIDs")
        rates = [
            self._rate(id, room, rate, arrival, departure, sum(guests), detailed=asked.flag("detailedRates"))
            for id, (room, rate) in self._rates.items()
            if not ids or id in ids
        ]
        return _answer({"success": True, "data": rates})

    def _rate(
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

    async def _taxes_and_fees(self, request: Request) -> Response:
        """Value added tax stands in a rate, the city's tax comes on top."""
        asked = _Query(request)
        asked.require_property("propertyID")
        if asked.one("availableFor") not in (None, "product", "rate", "fee", "tax", "custom_item", "payment"):
            raise Refusal("Parameter availableFor is invalid", 400)
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
        return _answer({"success": True, "data": taxes, "total": len(taxes)})

    async def _fees_and_taxes(self, request: Request) -> Response:
        """What is charged by person is nothing where no persons are told."""
        asked = _Query(request)
        asked.require_property("propertyID")
        arrival, departure = asked.stay()
        if asked.number("roomsCount") != 1:
            raise Refusal("Parameter roomsCount is invalid", 400)
        gross = asked.cents("roomsTotal")
        vat = self.house.tax_cents(gross)
        city = self.house.city_tax_for(asked.number("adultsPerRoom", 0), (departure - arrival).days)
        levied = [("VAT", vat), *([("City tax", city)] if city else [])]
        data = {
            "fees": [],
            "taxes": [
                {"feeName": name, "feeValue": f"{cents / 100:.2f}", "totalTaxes": cents / 100} for name, cents in levied
            ],
            "roomsTotalWithoutTaxes": (gross - vat) / 100,
            "grandTotal": (gross + city) / 100,
        }
        return _answer({"success": True, "data": data})

    async def _reservations(self, request: Request) -> Response:
        asked = _Query(request)
        asked.require_property("propertyID")
        if asked.one("datesQueryMode") not in (None, "booking", "rooms"):
            raise Refusal("Parameter datesQueryMode is invalid", 400)
        found = [
            kept
            for kept in self.house.reservations
            if asked.covers("checkInFrom", "checkInTo", kept.arrival)
            if asked.covers("checkOutFrom", "checkOutTo", kept.departure)
            if self._made(kept) >= asked.moment("resultsFrom")
            if asked.one("status") in (None, STATUSES[kept.state])
        ]
        page = asked.page(found, self.most_records)
        rows = [self._row(kept, guests=asked.flag("includeGuestsDetails")) for kept in page]
        return _answer({"success": True, "data": rows, "count": len(rows), "total": len(found)})

    def _row(self, kept: Kept, *, guests: bool) -> dict[str, Any]:
        row: dict[str, Any] = {
            "propertyID": PROPERTY,
            "reservationID": kept.id,
            "dateCreated": self._made(kept),
            "dateModified": self._made(kept),
            "status": STATUSES[kept.state],
            "guestID": f"5{kept.id}",
            "guestName": f"{kept.first_name} {kept.last_name}".strip(),
            "startDate": kept.arrival.isoformat(),
            "endDate": kept.departure.isoformat(),
            "adults": str(kept.adults),
            "children": str(kept.children),
            "balance": self._total(kept),
            "sourceName": "Phone",
            "sourceID": self._source(kept),
            "thirdPartyIdentifier": kept.reference or "",
        }
        return {**row, "guestList": self._guests(kept)} if guests else row

    async def _with_rate_details(self, request: Request) -> Response:
        asked = _Query(request)
        asked.require_property("propertyID")
        ids = asked.all("reservationID")
        found = [
            kept
            for kept in self.house.reservations
            if not ids or kept.id in ids
            if self._made(kept) >= asked.moment("resultsFrom")
        ]
        page = asked.page(found, self.most_records)
        rows = [self._whole(kept, guests=asked.flag("includeGuestsDetails")) for kept in page]
        return _answer({"success": True, "data": rows, "count": len(rows), "total": len(found)})

    def _whole(self, kept: Kept, *, guests: bool) -> dict[str, Any]:
        nights = self._nights(kept)
        rooms, total = kept.total_cents / 100, self._total(kept)
        whole: dict[str, Any] = {
            "propertyID": PROPERTY,
            "reservationID": kept.id,
            "isDeleted": False,
            "dateCreated": self._made(kept),
            "dateModified": self._made(kept),
            "status": STATUSES[kept.state],
            "reservationCheckIn": f"{kept.arrival} 15:00:00",
            "reservationCheckOut": f"{kept.departure} 11:00:00",
            "guestID": f"5{kept.id}",
            "guestCountry": "DE",
            "sourceName": "Phone",
            "source": {
                "name": "Phone",
                "paymentCollect": "hotel",
                "sourceID": self._source(kept),
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
        return {**whole, "guestList": self._guests(kept)} if guests else whole

    def _guests(self, kept: Kept) -> dict[str, Any]:
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

    async def _book(self, request: Request) -> Response:
        """A room type may be booked at any of its rates; no price is taken."""
        form = await _Form.of(request)
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
        booked = {
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
            "dateCreated": self._made(kept),
            "grandTotal": self._total(kept),
            "unassigned": [
                {
                    "subReservationID": f"{kept.id}-1",
                    "roomTypeName": self.house.rooms[kept.room].title,
                    "roomTypeID": self.codes.rooms[kept.room],
                    "adults": kept.adults,
                    "children": kept.children,
                    "dailyRates": [{"date": day, "rate": rate} for day, rate in self._nights(kept).items()],
                    "roomTotal": kept.total_cents / 100,
                }
            ],
        }
        return _answer(booked)

    async def _put(self, request: Request) -> Response:
        """Changes what is named: the status, or the rooms, each of which then needs type, dates and people."""
        form = await _Form.of(request)
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
        return _answer({"success": True, "data": {**data, "total": self._total(told)}})

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
        form = await _Form.of(request)
        kept = self.house.note(self._kept(form.require("reservationID")).id, form.require("reservationNote"))
        return _answer({"success": True, "reservationNoteID": f"3{kept.id}{len(kept.notes)}"})

    def _stay_sent(
        self, room_code: str | None, rate_id: str | None, start: str, end: str, *, rate: str | None = None
    ) -> dict[str, Any]:
        """What is asked for, in the house's words; without a rate's id it is the base rate, or that of before."""
        room = self.codes.room_of(room_code or "")
        if room is None:
            raise Refusal("Invalid room type")
        sold = self._rates.get(rate_id) if rate_id else (room, rate or next(iter(self.house.rates)))
        if sold is None or sold[0] != room:
            raise Refusal("Invalid rate")
        arrival, departure = _day("startDate", start), _day("endDate", end)
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

    def _total(self, kept: Kept) -> float:
        return (kept.total_cents + self.house.city_tax_for(kept.adults, kept.nights)) / 100

    def _nights(self, kept: Kept) -> dict[str, float]:
        days = [(kept.arrival + timedelta(days=day)).isoformat() for day in range(kept.nights)]
        return {day: cents / 100 for day, cents in zip(days, kept.night_cents, strict=True)}

    def _source(self, kept: Kept) -> str:
        return self.sources.get(kept.id, PRIMARY)

    def _made(self, kept: Kept) -> str:
        return kept.booked_at.astimezone(ZoneInfo(self.house.timezone)).strftime(MOMENT)

    def _currency(self) -> dict[str, str]:
        return {"currencyCode": self.house.currency, "currencySymbol": self.house.currency, "currencyPosition": "after"}


class _Query:
    """The query of a request; lists are comma-separated."""

    def __init__(self, request: Request) -> None:
        self._params = request.query_params

    def one(self, name: str) -> str | None:
        return self._params.get(name)

    def all(self, name: str) -> list[str]:
        return [value for value in self._params.get(name, "").split(",") if value]

    def require(self, name: str) -> str:
        value = self.one(name)
        if not value:
            raise Refusal(f"Parameter {name} is required", 400)
        return value

    def require_property(self, name: str) -> None:
        """It may be left out: a key of one hotel's knows which."""
        if self.all(name) not in ([], [PROPERTY]):
            # DOCS common-api-errors-in-progress.
            raise Refusal("None of the included property id's match the access_token user's property id")

    def stay(self) -> tuple[date, date]:
        arrival, departure = _day("startDate", self.require("startDate")), _day("endDate", self.require("endDate"))
        if arrival >= departure:
            raise Refusal("Parameter endDate is invalid", 400)
        return arrival, departure

    def flag(self, name: str) -> bool:
        value = self.one(name) or "false"
        if value not in ("true", "false"):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return value == "true"

    def number(self, name: str, otherwise: int | None = None) -> int:
        value = self.require(name) if otherwise is None else self.one(name)
        if value is not None and not value.isdecimal():
            raise Refusal(f"Parameter {name} is invalid", 400)
        return int(value) if value is not None else otherwise or 0

    def cents(self, name: str) -> int:
        value = self.require(name)
        if not re.fullmatch(r"\d+(\.\d{1,2})?", value):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return round(float(value) * 100)

    def moment(self, name: str) -> str:
        """As text, which sorts as its times do; long ago where it is not given."""
        value = self.one(name) or "0000-00-00 00:00:00"
        if not re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value):
            raise Refusal(f"Parameter {name} is invalid", 400)
        return value

    def covers(self, begin: str, end: str, day: date) -> bool:
        """Is the day between the two, each of which may be open?"""
        first, last = self.one(begin), self.one(end)
        return (first is None or _day(begin, first) <= day) and (last is None or day <= _day(end, last))

    def page(self, entries: Sequence[Entry], most: int) -> Sequence[Entry]:
        number, size = self.number("pageNumber", 1), min(self.number("pageSize", most), most)
        if number < 1 or size < 1:
            raise Refusal("Parameter pageNumber is invalid", 400)
        return entries[(number - 1) * size : number * size]


class _Form:
    """A form whose lists are written as PHP writes them: `rooms[0][roomTypeID]`."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = dict(pairs)

    @classmethod
    async def of(cls, request: Request) -> _Form:
        """The document knows no other type for these bodies."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            raise Refusal("Parameter propertyID is required", 400)
        form = cls(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        if form.get("propertyID") not in (None, PROPERTY):
            raise Refusal("None of the included property id's match the access_token user's property id")
        return form

    def get(self, name: str) -> str | None:
        return self._pairs.get(name)

    def require(self, name: str) -> str:
        value = self.get(name)
        if not value:
            raise Refusal(f"Parameter {name} is required", 400)
        return value

    def rows(self, name: str, *, optional: bool = False) -> list[dict[str, str]]:
        rows: dict[int, dict[str, str]] = {}
        for path, value in self._pairs.items():
            if match := re.fullmatch(rf"{name}\[(\d+)\]\[(\w+)\]", path):
                rows.setdefault(int(match[1]), {})[match[2]] = value
        if not rows and not optional:
            raise Refusal(f"Parameter {name} is required", 400)
        if len(rows) > 1:
            raise Refusal(f"Parameter {name} is invalid", 400)
        return [row for _, row in sorted(rows.items())]


def _answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """Every answer bears an id (DOCUMENT, info)."""
    return JSONResponse(body, status_code=status, headers={"x-request-id": uuid.uuid4().hex})


async def _refused(_: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return _answer({"success": False, "message": refusal.message}, refusal.status)


async def _unknown_method(_: Request, __: Exception) -> Response:
    """A path, or a path with another verb, that does not exist."""
    return _answer({"error": "Unknown method.", "status": False}, status=404)


def _day(name: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise Refusal(f"Parameter {name} is invalid", 400) from None
