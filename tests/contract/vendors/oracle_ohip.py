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
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
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

GUIDE: Final = "https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/"
HOTEL: Final = "AURORA"
SYSTEM: Final = "BELLHOP"
LONGEST_SPAN: Final = 90
"""Days, `getHotelAvailability` in `par`."""
ROOMS: Final = {"single": "SGLS", "double": "DBLS", "suite": "JRST"}
RATES: Final = {"flexible": "FLEX", "saver": "SAVER"}
EXTRAS: Final = {"breakfast": "BKFST"}
MARKETS, SOURCES, GUARANTEES, PAYMENTS = {"LEIS"}, {"PHONE"}, {"6PM"}, {"CASH"}
REASONS, NOTE_TYPES = {"GUEST"}, {"GEN"}
STATUSES: Final = {"booked": "Reserved", "cancelled": "Cancelled", "in_house": "InHouse", "departed": "CheckedOut"}
AVAILABILITY: Final = frozenset(
    {
        "roomStayStartDate",
        "roomStayEndDate",
        "roomStayQuantity",
        "adults",
        "children",
        "limit",
        "pagePointerKey",
        "roomType",
        "ratePlanCode",
        "hotelReservationId",
        "hotelReservationIdType",
        "roomTypeInfo",
        "ratePlanInfo",
    }
)
SEARCH: Final = frozenset(
    {
        "externalReferenceIds",
        "externalSystemCodes",
        "confirmationNumberList",
        "arrivalStartDate",
        "arrivalEndDate",
        "surname",
        "limit",
        "offset",
    }
)
READ: Final = frozenset({"fetchInstructions"})
POLICIES: Final = frozenset({"fetchCancellationPolicies", "fetchDepositPolicies"})
INSTRUCTIONS: Final = {"Reservation", "Comments", "ReservationPolicies", "TotalCostOfStay"}
"""Of `getReservation`'s, those that are needed here."""
CREATION: Final = frozenset(
    {
        "reservations",
        "fetchInstructions",
        "reservationsInstructionsType",
        "channelInformation",
        "reservationNotification",
        "externalDailyRates",
        "links",
        "warnings",
    }
)

Endpoint = Callable[[Request], Awaitable[Response]]


class Problem(Exception):
    """An answer that is an `exceptionDetailType`."""

    def __init__(self, status: int, title: str, code: str) -> None:
        super().__init__(title)
        self.status, self.title, self.code = status, title, code


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
        self.app = Recording(Starlette(routes=routes, exception_handlers={Problem: _told}), self.seen)

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
        asked = _Query(request, AVAILABILITY)
        arrival, departure = asked.day("roomStayStartDate"), asked.day("roomStayEndDate")
        if not arrival < departure <= arrival + timedelta(days=LONGEST_SPAN):
            raise Problem(400, "Invalid dates.", "OPERAWS-RSV90001")
        adults, children = asked.number("adults", 1), asked.number("children", 0)
        without = asked.one("hotelReservationId") if asked.one("hotelReservationIdType") == "Reservation" else None
        rooms, rates = asked.all("roomType"), asked.all("ratePlanCode")
        found = [
            self._room_rate(room.code, rate, arrival, departure, adults, free)
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
            "hotelInfo": self._hotel_info(),
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

    def _room_rate(
        self, room: str, rate: str, arrival: date, departure: date, adults: int, free: int
    ) -> dict[str, Any]:
        """`roomRateType` of `par`: a total without and with every tax, and nightly amounts in which the tax is if the
        rate has it inside ("If TaxInclusive is set to True, then taxes are included in the base amount")."""
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

    def _hotel_info(self) -> dict[str, Any]:
        return {
            "hotelId": HOTEL,
            "hotelName": self.house.title,
            "propertyControls": {
                "currencyFormatting": {"currencyCode": self.house.currency},
                "dateTimeFormatting": {"timeZoneRegion": self.house.timezone},
            },
        }

    async def _found(self, request: Request) -> Response:
        """`getHotelReservations`: summaries, a page at a time; beyond the last page there is no data."""
        asked = _Query(request, SEARCH)
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
            "reservationInfo": list(map(self._summary, page)),
            "offset": offset,
            "limit": limit,
            "hasMore": offset + len(page) < len(found),
            "totalResults": len(found),
            "count": len(page),
        }
        return JSONResponse({"reservations": told})

    def _summary(self, kept: Kept) -> dict[str, Any]:
        return {
            "hotelId": HOTEL,
            "reservationIdList": _ids(kept),
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

    async def _read(self, request: Request) -> Response:
        """`getReservation`."""
        asked = _Query(request, READ)
        instructions = asked.all("fetchInstructions")
        if not INSTRUCTIONS.issuperset(instructions):
            raise Problem(400, "Invalid value of: Query.", "OPERAWS-GEN01346")
        kept = self._kept(request)
        return JSONResponse({"reservations": {"reservation": [self._whole(kept, instructions)]}})

    def _whole(self, kept: Kept, instructions: Iterable[str]) -> dict[str, Any]:
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
            "reservationIdList": _ids(kept),
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

    async def _create(self, request: Request) -> Response:
        """`postReservation`: what is in lists of values must be in the hotel's."""
        body = await _json(request, CREATION)
        sent = _list(_dict(body, "reservations"), "reservation")
        if len(sent) != 1:
            raise Problem(400, "Exactly one reservation is expected.", "OPERAWS-RSV90002")
        (wanted,) = sent
        stay = self._stay_sent(_dict(wanted, "roomStay"))
        payments = _list(wanted, "reservationPaymentMethods")
        _require(bool(payments) and payments[0].get("paymentMethod") in PAYMENTS, "payment method")
        guests = [guest for guest in _list(wanted, "reservationGuests") if guest.get("primary")]
        _require(len(guests) == 1, "primary guest")
        profile = _dict(_dict(guests[0], "profileInfo"), "profile")
        name = next(iter(_list(_dict(profile, "customer"), "personName")), {})
        _require(bool(name.get("surname")), "surname")
        emails, phones = (
            _list(_dict(profile, "emails"), "emailInfo"),
            _list(_dict(profile, "telephones"), "telephoneInfo"),
        )
        try:
            kept = self.house.book(
                **stay,
                last_name=name["surname"],
                first_name=name.get("givenName", ""),
                email=_dict(emails[0], "email").get("emailAddress") if emails else None,
                phone=_dict(phones[0], "telephone").get("phoneNumber") if phones else None,
                reference=_reference(wanted),
            )
        except Full as full:
            raise Problem(400, "Room type is not available.", "OPERAWS-RSV90003") from full
        here = f"{request.url.scheme}://{request.url.netloc}/rsv/v1/hotels/{HOTEL}/reservations"
        links = [
            {"href": f"{here}/{kept.id}", "rel": "self", "method": "GET", "operationId": "getReservation"},
            {"href": f"{here}?confirmationNumberList={kept.code}", "rel": "describedby", "method": "GET"},
        ]
        return JSONResponse({"links": links}, status_code=201, headers={"location": links[0]["href"]})

    def _stay_sent(self, stay: Mapping[str, Any]) -> dict[str, Any]:
        """What `roomStay` asks for, in the house's words."""
        arrival, departure = _day(stay.get("arrivalDate")), _day(stay.get("departureDate"))
        today = self.house.now().astimezone(ZoneInfo(self.house.timezone)).date()
        _require(today <= arrival < departure, "dates")
        _require(_dict(stay, "guarantee").get("guaranteeCode") in GUARANTEES, "guarantee code")
        rooms = _list(stay, "roomRates")
        _require(len(rooms) == 1, "room rate")
        (rate,) = rooms
        room = self.codes.room_of(str(rate.get("roomType")))
        plan = self.codes.rate_of(str(rate.get("ratePlanCode")))
        _require(room is not None, "room type")
        _require(plan is not None, "rate code")
        _require(rate.get("marketCode") in MARKETS, "market code")
        _require(rate.get("sourceCode") in SOURCES, "source code")
        _require(rate.get("numberOfUnits") == 1, "number of rooms")
        counts = _dict(stay, "guestCounts")
        adults, children = counts.get("adults"), counts.get("children", 0)
        _require(isinstance(adults, int) and isinstance(children, int), "guest counts")
        assert room is not None
        assert plan is not None
        _require(0 < adults + children <= self.house.rooms[room].sleeps, "occupancy")
        asked = {
            "room": room,
            "rate": plan,
            "arrival": arrival,
            "departure": departure,
            "adults": adults,
            "children": children,
        }
        if rate.get("fixedRate"):
            asked["night_cents"] = self._nights_sent(_list(_dict(rate, "rates"), "rate"), arrival, departure)
        return asked

    def _nights_sent(self, rates: Sequence[Mapping[str, Any]], arrival: date, departure: date) -> tuple[int, ...]:
        """A fixed rate's own amounts; every night needs exactly one."""
        nights = []
        for night in (arrival + timedelta(days=day) for day in range((departure - arrival).days)):
            found = [rate for rate in rates if _day(rate.get("start")) <= night <= _day(rate.get("end"))]
            _require(len(found) == 1, "rates")
            base = _dict(found[0], "base")
            amount = base.get("amountBeforeTax")
            if not isinstance(amount, int | float) or base.get("currencyCode") != self.house.currency:
                raise Problem(400, "Invalid amount.", "OPERAWS-RSV90000")
            nights.append(round(amount * 100))
        return tuple(nights)

    async def _change(self, request: Request) -> Response:
        """`putReservation`: changes what it names and leaves the rest."""
        kept = self._kept(request)
        body = await _json(request, frozenset({"reservations", "reservationNotification", "links", "warnings"}))
        sent = body.get("reservations")
        if not isinstance(sent, list):
            raise Problem(400, "Unknown property: reservations.", "OPERAWS-GEN01242")
        _require(len(sent) == 1 and _names(sent[0], kept.id), "reservation id")
        if kept.state == "cancelled":
            raise Problem(400, "Reservation is cancelled.", "OPERAWS-RSV90004")
        if "roomStay" in sent[0]:
            if kept.state != "booked":
                raise Problem(400, "Reservation cannot be changed in its status.", "OPERAWS-RSV90005")
            try:
                self.house.change(kept.id, **self._stay_sent(sent[0]["roomStay"]))
            except Full as full:
                raise Problem(400, "Room type is not available.", "OPERAWS-RSV90003") from full
        comments = [_dict(info, "comment") for info in _list(sent[0], "comments")]
        for comment in comments:
            text = _dict(comment, "text").get("value")
            _require(bool(text) and comment.get("type") in NOTE_TYPES, "comment")
            self.house.note(kept.id, str(text))
        return JSONResponse({"links": []})

    async def _policies(self, request: Request) -> Response:
        """`getReservationPolicies`: a deadline is in the hotel's time, `effective` says that the penalty applies."""
        asked = _Query(request, POLICIES)
        kept = self._kept(request)
        if not asked.flag("fetchCancellationPolicies"):
            return Response(status_code=204)
        until = self.house.free_until(kept)
        fee = self.house.cancellation_fee_cents(kept)
        terms: dict[str, Any] = {"currencyCode": self.house.currency}
        if until is None:
            terms |= {"basisType": "FullAmount", "percent": 100, "amount": fee / 100}
            policy = {"policyCode": "NONREF", "amountPercent": terms, "nonRefundable": True, "effective": True}
        else:
            terms |= {"basisType": "Nights", "nights": 1, "amount": kept.night_cents[0] / 100}
            policy = {
                "policyCode": "18H1N",
                "amountPercent": terms,
                "deadline": {"absoluteDeadline": until.replace(tzinfo=None).isoformat()},
                "nonRefundable": False,
                "effective": self.house.now() >= until,
            }
        return JSONResponse({"cancellationPolicies": [{"revenueType": "Rooms", "policy": policy}]})

    async def _cancel(self, request: Request) -> Response:
        """`postCancelReservation`: a reason has a code of the hotel's list and a description."""
        kept = self._kept(request)
        body = await _json(request, frozenset({"reason", "reservations", "verificationOnly", "links", "warnings"}))
        reason = _dict(body, "reason")
        if not reason.get("description"):
            raise Problem(400, "Cancellation reason cannot be empty.", "OPERAWS-RSV11046")
        _require(reason.get("code") in REASONS, "cancellation reason")
        sent = _list(body, "reservations")
        _require(len(sent) == 1 and _names(sent[0], kept.id), "reservation id")
        if kept.state != "booked":
            raise Problem(400, "Reservation cannot be cancelled in its status.", "OPERAWS-RSV90006")
        if not body.get("verificationOnly"):
            kept = self.house.cancel(kept.id)
        number = {"id": f"9{kept.id}", "type": "CancellationNumber"}
        log = {"reason": reason, "cxlDate": self.house.now().date().isoformat(), "cancellationIdList": [number]}
        told = {"hotelId": HOTEL, "reservationIdList": [*_ids(kept), number]}
        return JSONResponse({"cxlActivityLog": [log], "reservations": [told]}, status_code=201)

    def _kept(self, request: Request) -> Kept:
        id = request.path_params["id"]
        if not id.isdecimal():
            raise Problem(400, "Please enter a valid number.", "OPERAWS-GEN01278")
        kept = self.house.find(id)
        if kept is None:
            raise Problem(404, "Reservation not found.", "OPERAWS-RSV90007")
        return kept


class _Query:
    """The query of a request, whose lists are repeated names; a name that the document lacks is refused."""

    def __init__(self, request: Request, known: frozenset[str]) -> None:
        self._params = request.query_params
        if not known.issuperset(self._params):
            raise Problem(400, "Invalid value of: Query.", "OPERAWS-GEN01346")

    def all(self, name: str) -> list[str]:
        return self._params.getlist(name)

    def one(self, name: str) -> str | None:
        values = self.all(name)
        return values[0] if values else None

    def flag(self, name: str) -> bool:
        value = self.one(name)
        _require(value in (None, "true", "false"), name)
        return value == "true"

    def number(self, name: str, otherwise: int) -> int:
        value = self.one(name)
        _require(value is None or value.isdecimal(), name)
        return otherwise if value is None else int(value)

    def day(self, name: str) -> date:
        return _day(self.one(name))


async def _told(_: Request, problem: Exception) -> Response:
    """`exceptionDetailType`."""
    assert isinstance(problem, Problem)
    body = {
        "type": f"https://httpwg.org/specs/rfc9110.html#status.{problem.status}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.title,
        "o:errorCode": problem.code,
    }
    return JSONResponse(body, status_code=problem.status)


async def _json(request: Request, known: frozenset[str]) -> dict[str, Any]:
    try:
        body = json.loads(await request.body())
    except ValueError:
        raise Problem(400, "The body is no JSON.", "OPERAWS-GEN01242") from None
    if not isinstance(body, dict) or not known.issuperset(body):
        raise Problem(400, "Unknown property.", "OPERAWS-GEN01242")
    return body


def _require(condition: bool, what: str) -> None:
    if not condition:
        raise Problem(400, f"Invalid {what}.", "OPERAWS-RSV90000")


def _dict(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = value.get(name, {})
    _require(isinstance(part, dict), name)
    return dict(part)


def _list(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    part = value.get(name, [])
    _require(isinstance(part, list) and all(isinstance(entry, dict) for entry in part), name)
    return list(part)


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise Problem(400, "Invalid date.", "OPERAWS-RSV90001") from None


def _ids(kept: Kept) -> list[dict[str, str]]:
    return [{"id": kept.id, "type": "Reservation"}, {"id": kept.code, "type": "Confirmation"}]


def _names(sent: Mapping[str, Any], id: str) -> bool:
    """Does what was sent name the reservation of the path?"""
    return {"id": id, "type": "Reservation"} in _list(sent, "reservationIdList")


def _reference(wanted: Mapping[str, Any]) -> str | None:
    """`hotelReservationType`: an external reference has at most 50 characters, its context at most 20."""
    references = _list(wanted, "externalReferences")
    for reference in references:
        id, context = reference.get("id"), reference.get("idContext")
        _require(isinstance(id, str) and 0 < len(id) <= 50, "external reference")
        _require(isinstance(context, str) and len(context) <= 20 and context == SYSTEM, "external system")
    return references[0]["id"] if references else None
