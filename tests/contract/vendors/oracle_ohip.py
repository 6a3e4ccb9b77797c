"""Oracle OPERA Cloud behind the Oracle Hospitality Integration Platform, as strict as its documents.

What the documents are: `par`, `rsv` and `oauth` of https://github.com/oracle/hospitality-api-docs (release 25.5), and
the OHIP user guide below https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/ (GUIDE).

Not in any public document, and so made up here or taken from what projects with a real environment have written down:

- The numbers of business errors. Their register is for customers only (GUIDE c_common_error_messages.htm), so those
  from RSV90000 on are ours, and a connector must not know them. `GEN01242`, `GEN01244`, `GEN01278`, `GEN01346` and
  `RSV11046` are real: public projects on real environments quote them.
- That a search finds cancelled reservations too, unless it asks for a type: public projects rely on it.
- That `hotelReservationId` at the availability lets that reservation's own room count as free.
- That the external system of a reservation's reference must exist: written down for a guest's reference only.
- That a second booking under the same external reference is refused: nothing says so, so here it is a second booking.
"""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.oracle_ohip_asked import (
    AVAILABILITY,
    CREATION,
    INSTRUCTIONS,
    POLICIES,
    READ,
    SEARCH,
    SYSTEM,
    Problem,
    Query,
    entries,
    json_of,
    names,
    part,
    reference_sent,
    refused,
    require,
    stay_sent,
)
from tests.contract.vendors.oracle_ohip_told import HOTEL, Telling, ids
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system

GUIDE: Final = "https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/"
LONGEST_SPAN: Final = 90
"""Days, `getHotelAvailability` in `par`."""
ROOMS: Final = {"single": "SGLS", "double": "DBLS", "suite": "JRST"}
RATES: Final = {"flexible": "FLEX", "saver": "SAVER"}
EXTRAS: Final = {"breakfast": "BKFST"}
PAYMENTS, REASONS, NOTE_TYPES = {"CASH"}, {"GUEST"}, {"GEN"}

Endpoint = Callable[[Request], Awaitable[Response]]


class OracleOhipStandIn:
    """One hotel, AURORA, in an environment with client credentials."""

    def __init__(self, house: House) -> None:
        self.house = house
        # The key of a reservation and the number a guest is told are not the same: `reservationIdList` has both.
        house.named = lambda number: (str(660_000 + number), str(588_000_000 + number))
        self.codes = Codes(
            rooms={code: ROOMS.get(code, code.upper()) for code in house.rooms},
            rates={code: RATES.get(code, code.upper()) for code in house.rates},
            extras={code: EXTRAS.get(code, code.upper()) for code in house.extras},
        )
        self._telling = Telling(house, self.codes)
        self.secret: dict[str, str] = {
            "client_id": "aurora_client",
            "client_secret": "aurora_secret",
            "scope": "urn:opc:hgbu:ws:aurora",
            "enterprise_id": "AURORAE",
            "app_key": "41ecd082-8997-4c69-af34-2f72b83645ff",
        }
        self.seen: list[Seen] = []
        self.token_seconds = 3600
        """`oauth`: typically sixty minutes."""
        self.limit = RateLimit(100, 1.0)
        """GUIDE c_api_throttling_ssd.htm and c_limits.htm: above the burst of a hundred a second 429 is answered; no
        header that says when to come again is documented."""
        self.most_records = 200
        """So many records an answer has, whatever `limit` says."""
        self._tokens: dict[str, float] = {}
        hotel = "/{hotel}"
        routes = [
            Route("/oauth/v1/tokens", self._token, methods=["POST"]),
            Route(f"/par/v1/hotels{hotel}/availability", self._guarded(self._available), methods=["GET"]),
            Route(f"/rsv/v1/hotels{hotel}/reservations", self._guarded(self._found), methods=["GET"]),
            Route(f"/rsv/v1/hotels{hotel}/reservations", self._guarded(self._create), methods=["POST"]),
            Route(f"/rsv/v1/hotels{hotel}/reservations/{{id}}", self._guarded(self._read), methods=["GET"]),
            Route(f"/rsv/v1/hotels{hotel}/reservations/{{id}}", self._guarded(self._change), methods=["PUT"]),
            Route(f"/rsv/v1/hotels{hotel}/reservations/{{id}}/policies", self._guarded(self._policies)),
            Route(
                f"/rsv/v1/hotels{hotel}/reservations/{{id}}/cancellations",
                self._guarded(self._cancel),
                methods=["POST"],
            ),
        ]
        self.app = Recording(Starlette(routes=routes, exception_handlers={Problem: refused}), self.seen)

    def hotel(self, base: Hotel, url: str) -> Hotel:
        """The hotel on this OPERA, with the codes that its administrator would have set up for us."""
        return on_system(
            base,
            connector="oracle_ohip",
            url=url,
            codes=Codes(rooms=ROOMS, rates=RATES, extras=self.codes.extras),
            property=HOTEL,
            options={
                "external_system": SYSTEM,
                "guarantee": "6PM",
                "payment_method": "CASH",
                "cancellation_reason": "GUEST",
                "city_tax": "CITY",
            },
        )

    def forget_tokens(self) -> None:
        """No token that was given is good any more."""
        self._tokens.clear()

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        """Who asks, and for which hotel: `x-app-key`, `authorization` and `x-hotelid` are required everywhere."""

        async def guarded(request: Request) -> Response:
            if self.limit.enter():
                return Response(status_code=429)
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            good = self._tokens.get(token, 0.0) > time.monotonic()
            if scheme != "Bearer" or not good or request.headers.get("x-app-key") != self.secret["app_key"]:
                return Response(status_code=401)  # GUIDE c_common_error_messages.htm: without a body.
            if {request.headers.get("x-hotelid"), request.path_params["hotel"]} != {HOTEL}:
                raise Problem(403, "User is not authorized for this hotel.", "OPERAWS-GEN01244")
            return await endpoint(request)

        return guarded

    async def _token(self, request: Request) -> Response:
        """`getToken` in `oauth`, and GUIDE c_authenticating_to_oracle_hospitality_property_apis_ocim.htm."""
        if self.limit.enter():
            return Response(status_code=429)
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return Response(status_code=400)
        if form.get("grant_type") != "client_credentials" or "scope" not in form:
            return Response(status_code=400)
        basic = base64.b64encode(f"{self.secret['client_id']}:{self.secret['client_secret']}".encode()).decode()
        if (
            request.headers.get("authorization") != f"Basic {basic}"
            or request.headers.get("x-app-key") != self.secret["app_key"]
            or request.headers.get("enterpriseid") != self.secret["enterprise_id"]
            or form["scope"] != self.secret["scope"]
        ):
            return Response(status_code=401)
        token = secrets.token_urlsafe(30)
        self._tokens[token] = time.monotonic() + self.token_seconds
        return JSONResponse({"access_token": token, "expires_in": self.token_seconds, "token_type": "Bearer"})

    async def _available(self, request: Request) -> Response:
        """`getHotelAvailability`."""
        asked = Query(request, AVAILABILITY)
        arrival, departure = asked.day("roomStayStartDate"), asked.day("roomStayEndDate")
        if not arrival < departure <= arrival + timedelta(days=LONGEST_SPAN):
            raise Problem(400, "Invalid dates.", "OPERAWS-RSV90001")
        adults, children = asked.number("adults", 1), asked.number("children", 0)
        without = asked.one("hotelReservationId") if asked.one("hotelReservationIdType") == "Reservation" else None
        rooms, rates = asked.all("roomType"), asked.all("ratePlanCode")
        found = [
            self._telling.room_rate(room.code, rate, arrival, departure, adults, free)
            for room in self.house.rooms.values()
            for rate in self.house.rates
            if not rooms or self.codes.rooms[room.code] in rooms
            if not rates or self.codes.rates[rate] in rates
            if room.sleeps >= adults + children
            if (free := self.house.free(room.code, arrival, departure, without=without)) > 0
        ]
        if not found:
            return Response(status_code=204)
        first = asked.number("pagePointerKey", 0)
        page = found[first : first + min(asked.number("limit", 20), self.most_records)]
        more = first + len(page) < len(found)
        segment: dict[str, Any] = {
            "roomStays": [{"roomRates": page}],
            "hotelInfo": self._telling.hotel_info(),
            "hotelId": HOTEL,
            "hasMore": more,
            "totalResults": len(found),
            "count": len(page),
        }
        if more:
            segment["pagingKey"] = str(first + len(page))
        sold, planned = {rate["roomType"] for rate in page}, {rate["ratePlanCode"] for rate in page}
        master: dict[str, Any] = {}
        if asked.flag("roomTypeInfo"):
            types = [(self.codes.rooms[room.code], room.title) for room in self.house.rooms.values()]
            told = [{"roomType": code, "description": title} for code, title in types if code in sold]
            master["roomTypes"] = {"roomType": told, "hotelId": HOTEL}
        if asked.flag("ratePlanInfo"):
            plans = [(self.codes.rates[rate.code], rate.title) for rate in self.house.rates.values()]
            told = [{"ratePlanCode": code, "description": title} for code, title in plans if code in planned]
            master["ratePlans"] = {"ratePlan": told, "hotelId": HOTEL}
        if master:
            segment["masterInfo"] = master
        return JSONResponse({"hotelAvailability": [segment]})

    async def _found(self, request: Request) -> Response:
        """`getHotelReservations`: summaries, a page at a time; beyond the last page there is no data."""
        asked = Query(request, SEARCH)
        references, systems = asked.all("externalReferenceIds"), asked.all("externalSystemCodes") or ["External"]
        codes, surname = asked.all("confirmationNumberList"), asked.one("surname")
        first_day, last_day = asked.one("arrivalStartDate"), asked.one("arrivalEndDate")
        if not (references or codes or first_day or surname):
            raise Problem(400, "Minimum search criteria not met.", "OPERAWS-GEN01346")
        found = [
            kept
            for kept in self.house.reservations
            if not references or (kept.reference in references and SYSTEM in systems)
            if not codes or kept.code in codes
            if surname is None or kept.last_name.casefold().startswith(surname.casefold())
            if first_day is None or kept.arrival >= asked.day("arrivalStartDate")
            if last_day is None or kept.arrival <= asked.day("arrivalEndDate")
        ]
        offset, limit = asked.number("offset", 0), min(asked.number("limit", 20), self.most_records)
        page = found[offset : offset + limit]
        if not page:
            return Response(status_code=204)
        told = {
            "reservationInfo": list(map(self._telling.summary, page)),
            "offset": offset,
            "limit": limit,
            "hasMore": offset + len(page) < len(found),
            "totalResults": len(found),
            "count": len(page),
        }
        return JSONResponse({"reservations": told})

    async def _read(self, request: Request) -> Response:
        """`getReservation`."""
        asked = Query(request, READ)
        instructions = asked.all("fetchInstructions")
        if not INSTRUCTIONS.issuperset(instructions):
            raise Problem(400, "Invalid value of: Query.", "OPERAWS-GEN01346")
        kept = self._kept(request)
        return JSONResponse({"reservations": {"reservation": [self._telling.whole(kept, instructions)]}})

    async def _create(self, request: Request) -> Response:
        """`postReservation`: what is in lists of values must be in the hotel's."""
        body = await json_of(request, CREATION)
        sent = entries(part(body, "reservations"), "reservation")
        if len(sent) != 1:
            raise Problem(400, "Exactly one reservation is expected.", "OPERAWS-RSV90002")
        (wanted,) = sent
        stay = stay_sent(self.house, self.codes, part(wanted, "roomStay"))
        payments = entries(wanted, "reservationPaymentMethods")
        require(bool(payments) and payments[0].get("paymentMethod") in PAYMENTS, "payment method")
        guests = [guest for guest in entries(wanted, "reservationGuests") if guest.get("primary")]
        require(len(guests) == 1, "primary guest")
        profile = part(part(guests[0], "profileInfo"), "profile")
        name = next(iter(entries(part(profile, "customer"), "personName")), {})
        require(bool(name.get("surname")), "surname")
        emails, phones = (
            entries(part(profile, "emails"), "emailInfo"),
            entries(part(profile, "telephones"), "telephoneInfo"),
        )
        try:
            kept = self.house.book(
                **stay,
                last_name=name["surname"],
                first_name=name.get("givenName", ""),
                email=part(emails[0], "email").get("emailAddress") if emails else None,
                phone=part(phones[0], "telephone").get("phoneNumber") if phones else None,
                reference=reference_sent(wanted),
            )
        except Full as full:
            raise Problem(400, "Room type is not available.", "OPERAWS-RSV90003") from full
        here = f"{request.url.scheme}://{request.url.netloc}/rsv/v1/hotels/{HOTEL}/reservations"
        links = [
            {"href": f"{here}/{kept.id}", "rel": "self", "method": "GET", "operationId": "getReservation"},
            {"href": f"{here}?confirmationNumberList={kept.code}", "rel": "describedby", "method": "GET"},
        ]
        return JSONResponse({"links": links}, status_code=201, headers={"location": links[0]["href"]})

    async def _change(self, request: Request) -> Response:
        """`putReservation`: changes what it names and leaves the rest."""
        kept = self._kept(request)
        body = await json_of(request, frozenset({"reservations", "reservationNotification", "links", "warnings"}))
        sent = body.get("reservations")
        if not isinstance(sent, list):
            raise Problem(400, "Unknown property: reservations.", "OPERAWS-GEN01242")
        require(len(sent) == 1 and names(sent[0], kept.id), "reservation id")
        if kept.state == "cancelled":
            raise Problem(400, "Reservation is cancelled.", "OPERAWS-RSV90004")
        if "roomStay" in sent[0]:
            if kept.state != "booked":
                raise Problem(400, "Reservation cannot be changed in its status.", "OPERAWS-RSV90005")
            try:
                self.house.change(kept.id, **stay_sent(self.house, self.codes, sent[0]["roomStay"]))
            except Full as full:
                raise Problem(400, "Room type is not available.", "OPERAWS-RSV90003") from full
        comments = [part(info, "comment") for info in entries(sent[0], "comments")]
        for comment in comments:
            text = part(comment, "text").get("value")
            require(bool(text) and comment.get("type") in NOTE_TYPES, "comment")
            self.house.note(kept.id, str(text))
        return JSONResponse({"links": []})

    async def _policies(self, request: Request) -> Response:
        """`getReservationPolicies`."""
        asked = Query(request, POLICIES)
        kept = self._kept(request)
        if not asked.flag("fetchCancellationPolicies"):
            return Response(status_code=204)
        policy = self._telling.policy(kept)
        return JSONResponse({"cancellationPolicies": [{"revenueType": "Rooms", "policy": policy}]})

    async def _cancel(self, request: Request) -> Response:
        """`postCancelReservation`: a reason has a code of the hotel's list and a description."""
        kept = self._kept(request)
        body = await json_of(request, frozenset({"reason", "reservations", "verificationOnly", "links", "warnings"}))
        reason = part(body, "reason")
        if not reason.get("description"):
            raise Problem(400, "Cancellation reason cannot be empty.", "OPERAWS-RSV11046")
        require(reason.get("code") in REASONS, "cancellation reason")
        sent = entries(body, "reservations")
        require(len(sent) == 1 and names(sent[0], kept.id), "reservation id")
        if kept.state != "booked":
            raise Problem(400, "Reservation cannot be cancelled in its status.", "OPERAWS-RSV90006")
        if not body.get("verificationOnly"):
            kept = self.house.cancel(kept.id)
        number = {"id": f"9{kept.id}", "type": "CancellationNumber"}
        log = {"reason": reason, "cxlDate": self.house.now().date().isoformat(), "cancellationIdList": [number]}
        told = {"hotelId": HOTEL, "reservationIdList": [*ids(kept), number]}
        return JSONResponse({"cxlActivityLog": [log], "reservations": [told]}, status_code=201)

    def _kept(self, request: Request) -> Kept:
        id = request.path_params["id"]
        if not id.isdecimal():
            raise Problem(400, "Please enter a valid number.", "OPERAWS-GEN01278")
        kept = self.house.find(id)
        if kept is None:
            raise Problem(404, "Reservation not found.", "OPERAWS-RSV90007")
        return kept
