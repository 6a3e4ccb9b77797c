"""Apaleo's core API v1 and its identity server, as strict as their documents.

What the documents are: the OpenAPI documents of the booking, inventory and rate plan APIs (SWAGGER), whose texts also
stand in clients that are generated from them, such as Apaleo's own https://github.com/apaleo/oss-traces
(src/Clients/Traces.ApaleoClients/Booking); the guides below https://apaleo.dev/guides/ (GUIDES); and what Apaleo's
people answer in https://github.com/apaleo/api/issues (ISSUES).

Not in any of them, and so made up here or taken from what projects with a real account have written down:

- The messages of refusals but those quoted below. They are prose, and a connector must not go by them.
- Which status a key has that is used again with another body; here it is 422, "a catch-all for client side errors"
  (GUIDES api/trouble-shooting). That a refusal is kept under its key like a success.
- That an unknown unit group in a filter is refused, and not ignored.
- That an id which is another property's is told to who may see both.
- That offers for a reservation count its own room as free, and that `requote=false` keeps the price of the nights that
  it has already at that rate plan: the document says "only additions should be calculated".
- That a price per night in an amendment is charged. The document has it; a project with a real account reports that it
  is ignored and the rate plan's price is taken: `ignores_amounts` does that.
- That a stay of more people than the room takes, or in the past, is refused, and that a booking without a guarantee
  has its rate plan's least.
- That a name the document lacks is refused: real servers of this kind ignore it. A comment that drops what stood there
  before is taken by Apaleo and refused here, since the house's notes only grow.
- Which fields personal data is held back from, when the app may not have it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

SWAGGER: Final = "https://api.apaleo.com/swagger/booking-v1/swagger.json"
GUIDES: Final = "https://apaleo.dev/guides/"
ISSUES: Final = "https://github.com/apaleo/api/issues/"
PROPERTY: Final = "AUR"
ROOMS: Final = {"single": "SGL", "double": "DBL", "suite": "JST"}
RATES: Final = {"flexible": "FLEX", "saver": "NONREF"}
EXTRAS: Final = {"breakfast": "AUR-BRKF"}
GUARANTEES: Final = ("PM6Hold", "CreditCard", "Prepayment")
"""The weaker first."""
CHANNELS: Final = frozenset({"Direct", "BookingCom", "Ibe", "ChannelManager", "Expedia", "Homelike"})
STATUSES: Final = {"booked": "Confirmed", "cancelled": "Canceled", "in_house": "InHouse", "departed": "CheckedOut"}
CHECK_IN, CHECK_OUT = clock_time(17), clock_time(11)
DEFAULT_PAGE, LARGEST_PAGE = 20, 200
"""GUIDES api/pagination.html: a larger page is rejected."""
KEYS_KEPT: Final = timedelta(hours=24)
"""SWAGGER, `Idempotency-Key`: the same answer for the same key, no other parameters under it, 24 hours long."""
LARGEST_ID: Final = 26**8
_SPREAD: Final = 98_765_432_149
"""Prime to 26, so that no two numbers have the same letters."""

Endpoint = Callable[[Request], Awaitable[Response]]


class Problem(Exception):
    """A refusal: `MessageItemCollection`."""

    def __init__(self, message: str, status: int = 422) -> None:
        super().__init__(message)
        self.message, self.status = message, status


class ApaleoStandIn:
    """One property, AUR, and the app of its hotel."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.named = lambda number: (f"{_letters(number)}-1", f"{_letters(number)}-1")
        self._rooms = {code: ROOMS.get(code, code.upper()) for code in house.rooms}
        self.codes = Codes(
            rooms={code: f"{PROPERTY}-{short}" for code, short in self._rooms.items()},
            rates={code: RATES.get(code, code.upper()) for code in house.rates},
            extras={code: EXTRAS.get(code, code.upper()) for code in house.extras},
        )
        self.secret: dict[str, str] = {"client_id": "AUR-SP-BELLHOP", "client_secret": "s3cret-of-the-hotels-app"}
        self.seen: list[Seen] = []
        self.token_seconds = 3600
        self.limit = RateLimit(200, 1.0)
        """GUIDES api/rate-limiting: bursts of 200 a second; 429 has `Retry-After`."""
        self.ignores_amounts = False
        self._tokens: dict[str, float] = {}
        self._keys: dict[str, tuple[datetime, str, int, bytes]] = {}
        reservations, actions = "/booking/v1/reservations", "/booking/v1/reservation-actions/{id}"
        routes = [
            Route("/connect/token", self._token, methods=["POST"]),
            Route("/inventory/v1/properties/{id}", self._guarded(self._property), methods=["GET"]),
            Route("/inventory/v1/unit-groups", self._guarded(self._unit_groups), methods=["GET"]),
            Route("/rateplan/v1/rate-plans", self._guarded(self._rate_plans), methods=["GET"]),
            Route("/rateplan/v1/services", self._guarded(self._services), methods=["GET"]),
            Route("/booking/v1/offers", self._guarded(self._offers), methods=["GET"]),
            Route("/booking/v1/bookings", self._guarded(self._book), methods=["POST"]),
            Route(reservations, self._guarded(self._list), methods=["GET"]),
            Route(f"{reservations}/{{id}}", self._guarded(self._read), methods=["GET"]),
            Route(f"{reservations}/{{id}}", self._guarded(self._patch), methods=["PATCH"]),
            Route(f"{reservations}/{{id}}/offers", self._guarded(self._own_offers), methods=["GET"]),
            Route(f"{actions}/amend", self._guarded(self._amend), methods=["PUT"]),
            Route(f"{actions}/cancel", self._guarded(self._cancel), methods=["PUT"]),
        ]
        self.app = Recording(Starlette(routes=routes, exception_handlers={Problem: _told}), self.seen)

    def hotel(self, base: Hotel, url: str) -> Hotel:
        return on_system(
            base,
            connector="apaleo",
            url=url,
            property=PROPERTY,
            codes=Codes(
                rooms={name: f"{PROPERTY}-{short}" for name, short in ROOMS.items()},
                rates=RATES,
                extras=self.codes.extras,
            ),
        )

    def forget_tokens(self) -> None:
        """No token that was given is good any more."""
        self._tokens.clear()

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            if wait := self.limit.enter():
                return Response(status_code=429, headers={"Retry-After": str(math.ceil(wait))})
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme != "Bearer" or self._tokens.get(token, 0.0) <= time.monotonic():
                return Response(status_code=401)
            if request.method in ("POST", "PUT", "PATCH") and "content-length" not in request.headers:
                return Response(status_code=411)  # ISSUES 6
            return await endpoint(request)

        return guarded

    async def _token(self, request: Request) -> Response:
        """GUIDES oauth-connection/simple-client: the app's id and secret by Basic, the grant in a form."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return JSONResponse({"error": "invalid_request"}, status_code=400)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        told = f"{self.secret['client_id']}:{self.secret['client_secret']}"
        if request.headers.get("authorization") != f"Basic {base64.b64encode(told.encode()).decode()}":
            return JSONResponse({"error": "invalid_client"}, status_code=400)
        if form.get("grant_type") != "client_credentials":
            return JSONResponse({"error": "unsupported_grant_type"}, status_code=400)
        token = secrets.token_urlsafe(30)
        self._tokens[token] = time.monotonic() + self.token_seconds
        return JSONResponse({"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"})

    # The hotel.

    async def _property(self, request: Request) -> Response:
        _Query(request, {"languages", "expand"})
        if request.path_params["id"] != PROPERTY:
            raise Problem("Property was not found.", 404)
        told = {
            "id": PROPERTY,
            "code": PROPERTY,
            "name": {"en": self.house.title},
            "timeZone": self.house.timezone,
            "currencyCode": self.house.currency,
            "status": "Live",
        }
        return JSONResponse(told)

    async def _unit_groups(self, request: Request) -> Response:
        asked = _Query(request, {"propertyId", "unitGroupTypes", "expand", "pageNumber", "pageSize"})
        rooms = [
            {**self._unit_group(room.code), "memberCount": room.count, "property": {"id": PROPERTY}}
            for room in self.house.rooms.values()
            if asked.one("propertyId") in (None, PROPERTY)
        ]
        return asked.page("unitGroups", rooms)

    async def _rate_plans(self, request: Request) -> Response:
        asked = _Query(request, {"propertyId", "channelCodes", "expand", "pageNumber", "pageSize"})
        plans = [
            {
                **self._rate_plan(rate, room),
                "property": {"id": PROPERTY},
                "unitGroup": {"id": self.codes.rooms[room]},
                "minGuaranteeType": self._least_guarantee(rate),
                "isBookable": True,
            }
            for room in self.house.rooms
            for rate in self.house.rates
            if asked.one("propertyId") in (None, PROPERTY)
        ]
        return asked.page("ratePlans", plans)

    async def _services(self, request: Request) -> Response:
        asked = _Query(request, {"propertyId", "onlySoldAsExtras", "expand", "pageNumber", "pageSize"})
        return asked.page("services", [self._service(code) for code in self.house.extras])

    def _unit_group(self, room: str) -> dict[str, Any]:
        kind, short = self.house.rooms[room], self._rooms[room]
        return {
            "id": self.codes.rooms[room],
            "code": short,
            "name": kind.title,
            "description": kind.title,
            "maxPersons": kind.sleeps,
            "type": "BedRoom",
        }

    def _rate_plan(self, rate: str, room: str) -> dict[str, Any]:
        """GUIDES business-cases/upsell/setup: a rate plan is connected to exactly one unit group."""
        code = self.codes.rates[rate]
        return {
            "id": f"{PROPERTY}-{code}-{self._rooms[room]}",
            "code": code,
            "name": self.house.rates[rate].title,
            "description": self.house.rates[rate].title,
            "isSubjectToCityTax": True,
        }

    def _service(self, extra: str) -> dict[str, Any]:
        id = self.codes.extras[extra]
        return {"id": id, "code": id.removeprefix(f"{PROPERTY}-"), "name": self.house.extras[extra], "description": ""}

    def _least_guarantee(self, rate: str) -> str:
        return "Prepayment" if self.house.rates[rate].cancellation == "saver" else "PM6Hold"

    def _planned(self, plan: Any) -> tuple[str, str]:
        """The house's rate and room of a rate plan's id."""
        for room in self.house.rooms:
            for rate in self.house.rates:
                if self._rate_plan(rate, room)["id"] == plan:
                    return rate, room
        raise Problem("The following rate plans with provided Ids do not exist.")

    # Offers.

    async def _offers(self, request: Request) -> Response:
        """`BookingOffersGet`."""
        asked = _Query(
            request,
            {
                "propertyId",
                "arrival",
                "departure",
                "adults",
                "childrenAges",
                "channelCode",
                "unitGroupIds",
                "timeSliceTemplate",
                "includeUnavailable",
                "promoCode",
                "corporateCode",
            },
        )
        if asked.needed("propertyId") != PROPERTY:
            raise Problem("The following properties with provided Ids do not exist.")
        arrival, departure = asked.day("arrival"), asked.day("departure")
        _in_order(arrival, departure)
        offers = []
        for rate, room, free in self._free(asked, arrival, departure, asked.people(None)):
            nights = self.house.night_cents(room, rate, arrival, departure)
            offer = self._offer(rate, room, arrival, nights, asked.adults(None), free)
            slices = [{**slice, "availableUnits": free} for slice in self._slices(rate, arrival, nights)]
            offers.append(
                {
                    **offer,
                    "unitGroup": self._unit_group(room),
                    "ratePlan": self._rate_plan(rate, room),
                    "timeSlices": slices,
                    "prePaymentAmount": self._money(0),
                }
            )
        return self._offered(offers)

    async def _own_offers(self, request: Request) -> Response:
        """`BookingReservationsByIdOffersGet`: rate plan and unit group are those of each night."""
        kept = self._kept(request)
        asked = _Query(
            request,
            {
                "arrival",
                "departure",
                "adults",
                "childrenAges",
                "channelCode",
                "unitGroupIds",
                "requote",
                "includeUnavailable",
                "promoCode",
                "corporateCode",
            },
        )
        arrival = asked.day("arrival") if asked.one("arrival") else kept.arrival
        departure = asked.day("departure") if asked.one("departure") else kept.departure
        _in_order(arrival, departure)
        requote, adults = asked.flag("requote"), asked.adults(kept)
        offers = []
        for rate, room, free in self._free(asked, arrival, departure, asked.people(kept), without=kept.id):
            nights = self._amended(kept, rate, room, arrival, departure, requote=requote)
            mine = {"ratePlan": self._rate_plan(rate, room), "unitGroup": self._unit_group(room)}
            slices = [{**slice, **mine} for slice in self._slices(rate, arrival, nights)]
            offers.append({**self._offer(rate, room, arrival, nights, adults, free), "timeSlices": slices})
        return self._offered(offers)

    def _free(
        self, asked: _Query, arrival: date, departure: date, people: int, *, without: str | None = None
    ) -> Iterable[tuple[str, str, int]]:
        """Each rate of each room that is asked for, free for all nights and large enough."""
        ids, known = asked.all("unitGroupIds"), set(self.codes.rooms.values())
        if not known.issuperset(ids):
            raise Problem("The following unit groups with provided Ids do not exist.")
        if (channel := asked.one("channelCode")) and channel not in CHANNELS:
            raise Problem("The value is not valid.", 400)
        for room in self.house.rooms.values():
            free = self.house.free(room.code, arrival, departure, without=without)
            if free > 0 and people <= room.sleeps and (not ids or self.codes.rooms[room.code] in ids):
                yield from ((rate, room.code, free) for rate in self.house.rates)

    def _amended(
        self, kept: Kept, rate: str, room: str, arrival: date, departure: date, *, requote: bool
    ) -> tuple[int, ...]:
        """What each night costs: those that it has already at that rate plan keep their price, unless re-quoted."""
        nights = self.house.night_cents(room, rate, arrival, departure)
        if requote or (kept.rate, kept.room) != (rate, room):
            return nights
        had = {kept.arrival + timedelta(days=day): cents for day, cents in enumerate(kept.night_cents)}
        return tuple(had.get(arrival + timedelta(days=day), cents) for day, cents in enumerate(nights))

    def _offered(self, offers: list[dict[str, Any]]) -> Response:
        if not offers:
            return Response(status_code=204)
        return JSONResponse({"property": {"id": PROPERTY, "name": self.house.title}, "offers": offers})

    def _offer(
        self, rate: str, room: str, arrival: date, nights: Sequence[int], adults: int, free: int
    ) -> dict[str, Any]:
        """What both kinds of offers have. City tax is on top of the total (ISSUES 373)."""
        gross, city = sum(nights), self.house.city_tax_for(adults, len(nights))
        departure = arrival + timedelta(days=len(nights))
        fee, due = self._policy(rate, arrival, nights, self.house.now())
        offer: dict[str, Any] = {
            "arrival": self._at(arrival, CHECK_IN),
            "departure": self._at(departure, CHECK_OUT),
            "minGuaranteeType": self._least_guarantee(rate),
            "availableUnits": free,
            "totalGrossAmount": self._money(gross),
            "cancellationFee": {"code": "POL", "name": "Policy", "dueDateTime": due, "fee": self._money(fee)},
            "noShowFee": {"code": "NOSHOW", "name": "No-show", "fee": self._money(gross)},
            "taxDetails": self._tax_details(gross),
            "isCorporate": False,
        }
        if city:
            offer["cityTaxes"] = [
                {"id": "AUR-CITY", "code": "CITY", "name": "City tax", "totalGrossAmount": self._money(city)}
            ]
        return offer

    def _slices(self, rate: str, arrival: date, nights: Sequence[int]) -> list[dict[str, Any]]:
        """A night each, with what the rate plan includes in its price."""
        included = [{"service": self._service(extra), "count": 1} for extra in self.house.rates[rate].includes]
        return [
            {
                "from": self._at(arrival + timedelta(days=day), CHECK_IN),
                "to": self._at(arrival + timedelta(days=day + 1), CHECK_OUT),
                "baseAmount": self._taxed(cents),
                "totalGrossAmount": self._money(cents),
                "includedServices": included,
            }
            for day, cents in enumerate(nights)
        ]

    def _policy(self, rate: str, arrival: date, nights: Sequence[int], booked_at: datetime) -> tuple[int, str]:
        """The fee and from when it is charged: the amount is told before it is due, too (ISSUES 168)."""
        zone = ZoneInfo(self.house.timezone)
        if self.house.rates[rate].cancellation == "saver":
            return sum(nights), booked_at.astimezone(zone).isoformat()
        due = datetime.combine(arrival - timedelta(days=1), clock_time(18), zone)
        return nights[0], due.isoformat()

    def _tax_details(self, gross: int) -> list[dict[str, Any]]:
        vat = self.house.tax_cents(gross)
        return [
            {
                "vatType": "Reduced",
                "vatPercent": self.house.vat_percent,
                "net": self._money(gross - vat),
                "tax": self._money(vat),
            }
        ]

    def _taxed(self, gross: int) -> dict[str, Any]:
        net = gross - self.house.tax_cents(gross)
        return {
            "grossAmount": gross / 100,
            "netAmount": net / 100,
            "vatType": "Reduced",
            "vatPercent": self.house.vat_percent,
            "currency": self.house.currency,
        }

    def _money(self, cents: int) -> dict[str, Any]:
        return {"amount": cents / 100, "currency": self.house.currency}

    def _at(self, day: date, hour: clock_time) -> str:
        return datetime.combine(day, hour, ZoneInfo(self.house.timezone)).isoformat()

    # Bookings.

    async def _book(self, request: Request) -> Response:
        """`BookingBookingsPost`, once for each key."""
        key, content = request.headers.get("idempotency-key"), await request.body()
        digest = hashlib.sha256(content).hexdigest()
        if key and (found := self._keys.get(key)) and self.house.now() < found[0] + KEYS_KEPT:
            _, before, status, answer = found
            if before != digest:
                raise Problem("The Idempotency-Key was used with other request parameters.")
            return Response(answer, status, media_type="application/json")
        try:
            response: Response = self._created(_json(content))
        except Problem as problem:
            response = await _told(request, problem)
        if key:
            self._keys[key] = (self.house.now(), digest, response.status_code, bytes(response.body))
        return response

    def _created(self, body: Any) -> JSONResponse:
        sent = _Body(body, {"booker", "reservations", "paymentAccount", "comment", "bookerComment"})
        self._person(sent.needed("booker"))
        reservations = sent.needed("reservations")
        if not isinstance(reservations, list) or len(reservations) != 1:
            raise Problem("The stand-in books one reservation at a time.")
        known = {
            "arrival",
            "departure",
            "adults",
            "childrenAges",
            "channelCode",
            "externalCode",
            "primaryGuest",
            "guaranteeType",
            "timeSlices",
            "comment",
            "guestComment",
        }
        wanted = _Body(reservations[0], known)
        if wanted.needed("channelCode") not in CHANNELS:
            raise Problem("Reservations[0].ChannelCode: The value is not valid.")
        stay = self._stay(wanted, "totalAmount")
        if stay["arrival"] < self.house.now().astimezone(ZoneInfo(self.house.timezone)).date():
            raise Problem("Arrival must not be in the past.")
        least = self._least_guarantee(stay["rate"])
        guarantee = wanted.get("guaranteeType") or least
        if guarantee in GUARANTEES and GUARANTEES.index(guarantee) < GUARANTEES.index(least):
            raise Problem("The guarantee is weaker than the minimum guarantee of the rate plan.")
        guest = wanted.get("primaryGuest")
        person = self._person(guest) if guest else self._person(sent.needed("booker"))
        try:
            kept = self.house.book(**stay, **person, reference=wanted.get("externalCode"))
        except Full as full:
            raise Problem("There are not enough units available.") from full
        told = {"id": kept.id.partition("-")[0], "reservationIds": [{"id": kept.id}]}
        return JSONResponse(told, status_code=201, headers={"Location": f"/booking/v1/bookings/{told['id']}"})

    def _person(self, told: Any) -> dict[str, Any]:
        """`GuestModel`, `BookerModel`: only the last name is needed."""
        person = _Body(told, {"lastName", "firstName", "email", "phone", "title", "middleInitial", "address"})
        return {
            "last_name": person.needed("lastName"),
            "first_name": person.get("firstName") or "",
            "email": person.get("email"),
            "phone": person.get("phone"),
        }

    def _stay(self, wanted: _Body, amount: str, *, kept: Kept | None = None) -> dict[str, Any]:
        """What a booking or an amendment asks for, in the house's words; `amount` is what a night's price is called."""
        arrival, departure = _day(wanted.needed("arrival")), _day(wanted.needed("departure"))
        _in_order(arrival, departure)
        adults, ages = wanted.needed("adults"), wanted.get("childrenAges") or []
        if not isinstance(adults, int) or adults < 1 or not all(isinstance(age, int) for age in ages):
            raise Problem("Adults: The value is not valid.")
        slices = wanted.needed("timeSlices")
        expected = (departure - arrival).days
        if not isinstance(slices, list) or len(slices) != expected:
            raise Problem(f"Expected {expected} time slices but {len(slices)} were provided")  # ISSUES 387
        nights = [_Body(slice, {"ratePlanId", amount}) for slice in slices]
        plans = {night.needed("ratePlanId") for night in nights}
        if len(plans) != 1:
            raise Problem("The stand-in has one rate plan for all nights.")
        rate, room = self._planned(plans.pop())
        if adults + len(ages) > self.house.rooms[room].sleeps:
            raise Problem("The occupancy exceeds the maximum number of persons.")
        requote = bool(wanted.get("requote"))
        usual = (
            self._amended(kept, rate, room, arrival, departure, requote=requote)
            if kept
            else self.house.night_cents(room, rate, arrival, departure)
        )
        priced = [self._cents(night.get(amount), cents) for night, cents in zip(nights, usual, strict=True)]
        return {
            "room": room,
            "rate": rate,
            "arrival": arrival,
            "departure": departure,
            "adults": adults,
            "children": len(ages),
            "night_cents": tuple(priced),
        }

    def _cents(self, told: Any, usual: int) -> int:
        """A night's own price (ISSUES 299), or the rate plan's."""
        if told is None:
            return usual
        value = _Body(told, {"amount", "currency"})
        amount = value.needed("amount")
        if not isinstance(amount, int | float) or value.needed("currency") != self.house.currency:
            raise Problem("The specified condition was not met for 'Amount'.")
        return usual if self.ignores_amounts else round(amount * 100)

    # Reservations.

    async def _list(self, request: Request) -> Response:
        """`BookingReservationsGet`: all there are, unless filtered; cancelled ones too."""
        asked = _Query(
            request,
            {"propertyIds", "externalCode", "dateFilter", "from", "to", "status", "textSearch", "sort", "expand"}
            | {"pageNumber", "pageSize", "bookingId"},
        )
        begin, end = asked.moment("from"), asked.moment("to")
        if asked.one("dateFilter") not in (None, "Arrival"):
            raise Problem("The stand-in filters by arrival only.")
        if asked.one("dateFilter") and not (begin or end):
            raise Problem("At least one of 'from' and 'to' has to be specified.")
        code, ids = asked.one("externalCode"), asked.all("propertyIds")
        zone = ZoneInfo(self.house.timezone)
        found = [
            kept
            for kept in self.house.reservations
            # "have an external code starting with the provided value"
            if code is None or (kept.reference or "").startswith(code)
            if begin is None or datetime.combine(kept.arrival, CHECK_IN, zone) >= begin
            if end is None or datetime.combine(kept.arrival, CHECK_IN, zone) < end
            if not ids or PROPERTY in ids
        ]
        return asked.page("reservations", [self._whole(kept, asked.all("expand")) for kept in found])

    async def _read(self, request: Request) -> Response:
        """`BookingReservationsByIdGet`."""
        asked = _Query(request, {"expand"})
        return JSONResponse(self._whole(self._kept(request), asked.all("expand")))

    def _whole(self, kept: Kept, expand: Iterable[str]) -> dict[str, Any]:
        """`ReservationModel`: what can be expanded is left out unless asked for."""
        fee, due = self._policy(kept.rate, kept.arrival, kept.night_cents, kept.booked_at)
        person = {"lastName": kept.last_name, "firstName": kept.first_name, "email": kept.email, "phone": kept.phone}
        person = {name: value for name, value in person.items() if value}
        whole: dict[str, Any] = {
            "id": kept.id,
            "bookingId": kept.id.partition("-")[0],
            "status": STATUSES[kept.state],
            "property": {"id": PROPERTY, "code": PROPERTY, "name": self.house.title},
            "ratePlan": self._rate_plan(kept.rate, kept.room),
            "unitGroup": self._unit_group(kept.room),
            "totalGrossAmount": self._money(kept.total_cents),
            "arrival": self._at(kept.arrival, CHECK_IN),
            "departure": self._at(kept.departure, CHECK_OUT),
            "created": kept.booked_at.isoformat(),
            "adults": kept.adults,
            "channelCode": "Direct",
            "primaryGuest": person,
            "guaranteeType": self._least_guarantee(kept.rate),
            "cancellationFee": {
                "id": "AUR-POL",
                "code": "POL",
                "name": "Policy",
                "description": "",
                "dueDateTime": due,
                "fee": self._money(fee),
            },
            "balance": self._money(0),
            "taxDetails": self._tax_details(kept.total_cents),
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
            whole["actions"] = [{"action": "Cancel", "isAllowed": self._can_cancel(kept)}]
        return whole

    def _can_cancel(self, kept: Kept) -> bool:
        """`BookingReservationActionsByIdCancelPut`: confirmed, with the time of arrival in the future."""
        arrival = datetime.combine(kept.arrival, CHECK_IN, ZoneInfo(self.house.timezone))
        return kept.state == "booked" and self.house.now() < arrival

    async def _amend(self, request: Request) -> Response:
        """`BookingReservationActionsByIdAmendPut`."""
        kept = self._kept(request)
        known = {"arrival", "departure", "adults", "childrenAges", "requote", "timeSlices"}
        wanted = _Body(_json(await request.body()), known)
        if kept.state != "booked":
            raise Problem("The reservation cannot be amended in its status.")
        stay = self._stay(wanted, "totalGrossAmount", kept=kept)
        try:
            self.house.change(kept.id, **stay)
        except Full as full:
            raise Problem("There are not enough units available.") from full
        return Response(status_code=204)

    async def _cancel(self, request: Request) -> Response:
        """`BookingReservationActionsByIdCancelPut`."""
        kept = self._kept(request)
        if not self._can_cancel(kept):
            raise Problem("The reservation cannot be canceled.")
        self.house.cancel(kept.id)
        return Response(status_code=204)

    async def _patch(self, request: Request) -> Response:
        """`BookingReservationsByIdPatch`: a JSON Patch that may add, replace and remove a comment."""
        kept = self._kept(request)
        patch = _json(await request.body())
        if not isinstance(patch, list) or len(patch) != 1:
            raise Problem("The stand-in takes one operation at a time.", 400)
        operation = _Body(patch[0], {"op", "path", "value"})
        if operation.needed("op") not in ("add", "replace") or operation.needed("path") != "/comment":
            raise Problem("The operation is not allowed.")
        before, after = "\n".join(kept.notes), operation.needed("value")
        if not isinstance(after, str) or not after.startswith(before):
            raise Problem("The comment drops what stood there.")
        if operation.needed("op") == "replace" and not before:
            raise Problem("There is no comment to replace.")
        self.house.note(kept.id, after.removeprefix(before).removeprefix("\n"))
        return Response(status_code=204)

    def _kept(self, request: Request) -> Kept:
        kept = self.house.find(request.path_params["id"])
        if kept is None:
            raise Problem("Reservation was not found.", 404)
        return kept


class _Query:
    """The query of a request: lists are written with commas and in no other way (ISSUES 246)."""

    def __init__(self, request: Request, known: set[str]) -> None:
        self._params = request.query_params
        unknown = set(self._params) - known
        repeated = [name for name in self._params if len(self._params.getlist(name)) > 1]
        if unknown or repeated:
            raise Problem(f"Not parameters of the document: {', '.join([*unknown, *repeated])}", 400)

    def one(self, name: str) -> str | None:
        return self._params.get(name)

    def all(self, name: str) -> list[str]:
        return [value for value in (self.one(name) or "").split(",") if value]

    def needed(self, name: str) -> str:
        value = self.one(name)
        if not value:
            raise Problem(f"{name}: The {name} field is required.", 400)
        return value

    def flag(self, name: str) -> bool:
        if self.one(name) not in (None, "true", "false"):
            raise Problem(f"{name}: The value is not valid.", 400)
        return self.one(name) == "true"

    def day(self, name: str) -> date:
        return _day(self.needed(name))

    def number(self, name: str, otherwise: int) -> int:
        value = self.one(name)
        if value is not None and not value.isdecimal():
            raise Problem(f"{name}: The value is not valid.", 400)
        return otherwise if value is None else int(value)

    def moment(self, name: str) -> datetime | None:
        """A date and time with its offset: a date alone is 400 (ISSUES 82)."""
        value = self.one(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Problem(f"{name}: The value is not valid.", 400) from None
        if "T" not in value or moment.tzinfo is None or moment.microsecond:
            raise Problem(f"{name}: The value is not valid.", 400)
        return moment

    def adults(self, kept: Kept | None) -> int:
        """Those of the reservation, unless others are asked for; without one they are needed."""
        if kept is None:
            self.needed("adults")
        adults = self.number("adults", kept.adults if kept else 0)
        if adults < 1:
            raise Problem("adults: The value is not valid.", 400)
        return adults

    def people(self, kept: Kept | None) -> int:
        ages = self.all("childrenAges")
        if not all(age.isdecimal() for age in ages):
            raise Problem("childrenAges: The value is not valid.", 400)
        return self.adults(kept) + len(ages)

    def page(self, name: str, rows: Sequence[Mapping[str, Any]]) -> Response:
        """`count` is that of all pages; a page without rows is 204."""
        size, number = self.number("pageSize", DEFAULT_PAGE), self.number("pageNumber", 1)
        if not 1 <= size <= LARGEST_PAGE or number < 1:
            raise Problem("pageSize: The value is not valid.")
        page = rows[(number - 1) * size : number * size]
        return JSONResponse({name: page, "count": len(rows)}) if page else Response(status_code=204)


class _Body:
    """An object of the document, which has these names and no others."""

    def __init__(self, told: Any, known: set[str]) -> None:
        if not isinstance(told, dict) or not known.issuperset(told):
            raise Problem("The request you passed in is not valid.", 400)
        self._told = told

    def get(self, name: str) -> Any:
        return self._told.get(name)

    def needed(self, name: str) -> Any:
        value = self._told.get(name)
        if value in (None, ""):
            field = name[:1].upper() + name[1:]
            raise Problem(f"{field}: The {field} field is required.")  # ISSUES 401
        return value


async def _told(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, Problem)
    return JSONResponse({"messages": [problem.message]}, status_code=problem.status)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        raise Problem("The request is no JSON.", 400) from None


def _day(value: Any) -> date:
    """A date, or the date of a moment with its offset."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise Problem("The value is not valid.") from None
    if "T" in value and moment.tzinfo is None:
        raise Problem("The value is not valid.")
    return moment.date()


def _in_order(arrival: date, departure: date) -> None:
    if not arrival < departure:
        raise Problem("Departure must be after arrival.")


def _letters(number: int) -> str:
    """A booking's id: eight letters that tell nothing."""
    rest, letters = number * _SPREAD % LARGEST_ID, ""
    for _ in range(8):
        rest, letter = divmod(rest, 26)
        letters += chr(ord("A") + letter)
    return letters
