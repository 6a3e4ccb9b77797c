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
import math
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.apaleo_asked import Body, Problem, Query, in_order, json_of, refused
from tests.contract.vendors.apaleo_told import CHECK_IN, PROPERTY, Telling
from tests.contract.vendors.apaleo_wanted import CHANNELS, Wanted
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

SWAGGER: Final = "https://api.apaleo.com/swagger/booking-v1/swagger.json"
GUIDES: Final = "https://apaleo.dev/guides/"
ISSUES: Final = "https://github.com/apaleo/api/issues/"
ROOMS: Final = {"single": "SGL", "double": "DBL", "suite": "JST"}
RATES: Final = {"flexible": "FLEX", "saver": "NONREF"}
EXTRAS: Final = {"breakfast": "AUR-BRKF"}
GUARANTEES: Final = ("PM6Hold", "CreditCard", "Prepayment")
"""The weaker first."""
STAY: Final = {"arrival", "departure", "adults", "childrenAges", "channelCode", "unitGroupIds"}
"""Of `BookingOffersGet` and `BookingReservationsByIdOffersGet`, those that are heeded here; others are refused."""
PAGES: Final = {"pageNumber", "pageSize"}
SEARCH: Final = {"propertyIds", "externalCode", "dateFilter", "from", "to", "sort", "expand"}
RESERVATION: Final = {
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
"""Of `CreateReservationModel`."""
KEYS_KEPT: Final = timedelta(hours=24)
"""SWAGGER, `Idempotency-Key`: the same answer for the same key, no other parameters under it, 24 hours long."""
LARGEST_ID: Final = 26**8
_SPREAD: Final = 98_765_432_149
"""Prime to 26, so that no two numbers have the same letters."""

Endpoint = Callable[[Request], Awaitable[Response]]


class ApaleoStandIn:
    """One property, AUR, and the app of its hotel."""

    def __init__(self, house: House) -> None:
        self.house = house
        house.named = lambda number: (f"{_letters(number)}-1", f"{_letters(number)}-1")
        self.codes = Codes(
            rooms={code: f"{PROPERTY}-{ROOMS.get(code, code.upper())}" for code in house.rooms},
            rates={code: RATES.get(code, code.upper()) for code in house.rates},
            extras={code: EXTRAS.get(code, code.upper()) for code in house.extras},
        )
        self.told = Telling(house, self.codes)
        self.wanted = Wanted(self.told)
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
        self.app = Recording(Starlette(routes=routes, exception_handlers={Problem: refused}), self.seen)

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
        Query(request, set())
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
        asked = Query(request, {"propertyId"} | PAGES)
        rooms = [
            {**self.told.unit_group(room.code), "memberCount": room.count, "property": {"id": PROPERTY}}
            for room in self.house.rooms.values()
            if asked.one("propertyId") in (None, PROPERTY)
        ]
        return asked.page("unitGroups", rooms)

    async def _rate_plans(self, request: Request) -> Response:
        asked = Query(request, {"propertyId"} | PAGES)
        plans = [
            {
                **self.told.rate_plan(rate, room),
                "property": {"id": PROPERTY},
                "unitGroup": {"id": self.codes.rooms[room]},
                "minGuaranteeType": self.told.least_guarantee(rate),
                "isBookable": True,
            }
            for room in self.house.rooms
            for rate in self.house.rates
            if asked.one("propertyId") in (None, PROPERTY)
        ]
        return asked.page("ratePlans", plans)

    async def _services(self, request: Request) -> Response:
        asked = Query(request, {"propertyId"} | PAGES)
        return asked.page("services", [self.told.service(code) for code in self.house.extras])

    # Offers.

    async def _offers(self, request: Request) -> Response:
        """`BookingOffersGet`."""
        asked = Query(request, STAY | {"propertyId"})
        if asked.needed("propertyId") != PROPERTY:
            raise Problem("The following properties with provided Ids do not exist.")
        arrival, departure = asked.day("arrival"), asked.day("departure")
        in_order(arrival, departure)
        offers = []
        for rate, room, free in self.wanted.free(asked, arrival, departure, asked.people(None)):
            nights = self.house.night_cents(room, rate, arrival, departure)
            offer = self.told.offer(rate, room, arrival, nights, asked.adults(None), free)
            slices = [{**slice, "availableUnits": free} for slice in self.told.slices(rate, arrival, nights)]
            offers.append(
                {
                    **offer,
                    "unitGroup": self.told.unit_group(room),
                    "ratePlan": self.told.rate_plan(rate, room),
                    "timeSlices": slices,
                    "prePaymentAmount": self.told.money(0),
                }
            )
        return self._offered(offers)

    async def _own_offers(self, request: Request) -> Response:
        """`BookingReservationsByIdOffersGet`: rate plan and unit group are those of each night."""
        kept = self._kept(request)
        asked = Query(request, STAY | {"requote"})
        arrival = asked.day("arrival") if asked.one("arrival") else kept.arrival
        departure = asked.day("departure") if asked.one("departure") else kept.departure
        in_order(arrival, departure)
        requote, adults = asked.flag("requote"), asked.adults(kept)
        offers = []
        for rate, room, free in self.wanted.free(asked, arrival, departure, asked.people(kept), without=kept.id):
            nights = self.wanted.amended(kept, rate, room, arrival, departure, requote=requote)
            mine = {"ratePlan": self.told.rate_plan(rate, room), "unitGroup": self.told.unit_group(room)}
            slices = [{**slice, **mine} for slice in self.told.slices(rate, arrival, nights)]
            offers.append({**self.told.offer(rate, room, arrival, nights, adults, free), "timeSlices": slices})
        return self._offered(offers)

    def _offered(self, offers: list[dict[str, Any]]) -> Response:
        if not offers:
            return Response(status_code=204)
        return JSONResponse({"property": {"id": PROPERTY, "name": self.house.title}, "offers": offers})

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
            response: Response = self._created(json_of(content))
        except Problem as problem:
            response = await refused(request, problem)
        if key:
            self._keys[key] = (self.house.now(), digest, response.status_code, bytes(response.body))
        return response

    def _created(self, body: Any) -> JSONResponse:
        sent = Body(body, {"booker", "reservations", "paymentAccount", "comment", "bookerComment"})
        self.wanted.person(sent.needed("booker"))
        reservations = sent.needed("reservations")
        if not isinstance(reservations, list) or len(reservations) != 1:
            raise Problem("The stand-in books one reservation at a time.")
        wanted = Body(reservations[0], RESERVATION)
        if wanted.needed("channelCode") not in CHANNELS:
            raise Problem("Reservations[0].ChannelCode: The value is not valid.")
        stay = self.wanted.stay(wanted, "totalAmount", ignoring=self.ignores_amounts)
        if stay["arrival"] < self.house.now().astimezone(self.told.zone).date():
            raise Problem("Arrival must not be in the past.")
        least = self.told.least_guarantee(stay["rate"])
        guarantee = wanted.get("guaranteeType") or least
        if guarantee in GUARANTEES and GUARANTEES.index(guarantee) < GUARANTEES.index(least):
            raise Problem("The guarantee is weaker than the minimum guarantee of the rate plan.")
        guest = wanted.get("primaryGuest")
        person = self.wanted.person(guest) if guest else self.wanted.person(sent.needed("booker"))
        try:
            kept = self.house.book(**stay, **person, reference=wanted.get("externalCode"))
        except Full as full:
            raise Problem("There are not enough units available.") from full
        told = {"id": kept.id.partition("-")[0], "reservationIds": [{"id": kept.id}]}
        return JSONResponse(told, status_code=201, headers={"Location": f"/booking/v1/bookings/{told['id']}"})

    # Reservations.

    async def _list(self, request: Request) -> Response:
        """`BookingReservationsGet`: all there are, unless filtered; cancelled ones too."""
        asked = Query(request, SEARCH | PAGES)
        begin, end = asked.moment("from"), asked.moment("to")
        if asked.one("dateFilter") not in (None, "Arrival"):
            raise Problem("The stand-in filters by arrival only.")
        if asked.one("dateFilter") and not (begin or end):
            raise Problem("At least one of 'from' and 'to' has to be specified.")
        code, ids = asked.one("externalCode"), asked.all("propertyIds")
        found = [
            kept
            for kept in self.house.reservations
            # "have an external code starting with the provided value"
            if code is None or (kept.reference or "").startswith(code)
            if begin is None or datetime.combine(kept.arrival, CHECK_IN, self.told.zone) >= begin
            if end is None or datetime.combine(kept.arrival, CHECK_IN, self.told.zone) < end
            if not ids or PROPERTY in ids
        ]
        return asked.page("reservations", [self.told.whole(kept, asked.all("expand")) for kept in found])

    async def _read(self, request: Request) -> Response:
        """`BookingReservationsByIdGet`."""
        asked = Query(request, {"expand"})
        return JSONResponse(self.told.whole(self._kept(request), asked.all("expand")))

    async def _amend(self, request: Request) -> Response:
        """`BookingReservationActionsByIdAmendPut`."""
        kept = self._kept(request)
        known = {"arrival", "departure", "adults", "childrenAges", "requote", "timeSlices"}
        wanted = Body(json_of(await request.body()), known)
        if kept.state != "booked":
            raise Problem("The reservation cannot be amended in its status.")
        stay = self.wanted.stay(wanted, "totalGrossAmount", kept=kept, ignoring=self.ignores_amounts)
        try:
            self.house.change(kept.id, **stay)
        except Full as full:
            raise Problem("There are not enough units available.") from full
        return Response(status_code=204)

    async def _cancel(self, request: Request) -> Response:
        """`BookingReservationActionsByIdCancelPut`."""
        kept = self._kept(request)
        if not self.told.can_cancel(kept):
            raise Problem("The reservation cannot be canceled.")
        self.house.cancel(kept.id)
        return Response(status_code=204)

    async def _patch(self, request: Request) -> Response:
        """`BookingReservationsByIdPatch`: a JSON Patch that may add, replace and remove a comment."""
        kept = self._kept(request)
        patch = json_of(await request.body())
        if not isinstance(patch, list) or len(patch) != 1:
            raise Problem("The stand-in takes one operation at a time.", 400)
        operation = Body(patch[0], {"op", "path", "value"})
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


def _letters(number: int) -> str:
    """A booking's id: eight letters that tell nothing."""
    rest, letters = number * _SPREAD % LARGEST_ID, ""
    for _ in range(8):
        rest, letter = divmod(rest, 26)
        letters += chr(ord("A") + letter)
    return letters
