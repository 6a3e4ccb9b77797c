"""Mews behind its Connector API, as strict as its documentation.

The documentation is https://docs.mews.com/connector-api (DOCS): its guidelines `requests`, `responses`, `pagination`,
`serialization`, `environments`, and of its operations those named at each method. Bodies have the properties that the
operations list and no others, as the OpenAPI document says (`additionalProperties` is false everywhere).

Not said in the documentation, and so decided here:

- That `ChannelNumbers` finds what was booked through this API: the filter is described for groups that come from a
  channel, while `ChannelNumber` can be given to `reservations/add`. `finds_channel_numbers` turns it off.
- That a second booking under one channel number is refused: nothing says so, so here it is a second booking.
- That `TotalAmount` of `reservations/price` has in it what the hotel's rules add, the city's tax among it. The Booking
  Engine API's operation of that name has (booking-engine-api/operations of https://github.com/MewsSystems/open-api-docs).
- That exceptions and conditions of restrictions are as in the application's help, and which of them `reservations/add`
  checks itself: here none.
- That a stay may begin at an hour of today that has passed.
- Messages, and which of 400 and 403 a refusal has: 400 here for what does not exist, 403 for what is not allowed.
- That `reservations/update` refuses an overbooking: its `CheckOverbooking` is deprecated and ignored.
- That a room is refused for more people than it sleeps, and that an order item keeps its amount when it is cancelled.
- That several policies of one reservation are alternatives, and a fixed and a relative fee are added.
"""

from __future__ import annotations

import json
import math
import threading
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.shared.domain.hotel import Hotel
from tests.contract.vendors.house import Full, House, Kept
from tests.contract.vendors.mews_asked import (
    COMMON,
    ENTERPRISE,
    OPERATIONS,
    ROOT,
    SERVICE,
    WHO,
    Body,
    Problem,
    id_of,
    ids_of,
    list_of,
    not_found,
    one_id,
    problem_told,
    require_service,
)
from tests.contract.vendors.mews_ledger import MewsLedger, Profile, customer
from tests.contract.vendors.stand_in import Codes, RateLimit, Recording, Seen, on_system


class MewsStandIn(MewsLedger):
    """One hotel in the production environment, with a token of its own."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.secret: dict[str, str] = {
            "client_token": "1A2B3C4D5E6F47089A0B1C2D3E4F5061-72839AB4C5D6E7F8091A2B3C4D5E6F7",
            "access_token": "0F1E2D3C4B5A46978899AABBCCDDEEFF-102132435465768798A9BACBDCEDFE0",
        }
        self.seen: list[Seen] = []
        self.limit = RateLimit(200, 30.0)
        """DOCS/guidelines/environments: 200 requests for a token in 30 seconds."""
        self.forbidden: set[str] = set()
        """Operations that the client may not use: 401, like a wrong token."""
        self._lock = threading.Lock()
        doing: dict[str, Callable[[Body], dict[str, Any]]] = {
            "configuration/get": self._configuration,
            "services/getAll": self._services,
            "services/getAvailability": self._availability,
            "resourceCategories/getAll": self._categories,
            "ageCategories/getAll": self._ages,
            "rates/getAll": self._rates,
            "products/getAll": self._products,
            "rules/getAll": self._rules,
            "restrictions/getAll": self._restrictions,
            "reservations/price": self._price,
            "reservations/getAll/2023-06-06": self._reservations,
            "reservations/add": self._add,
            "reservations/update": self._update,
            "reservations/cancel": self._cancel,
            "customers/getAll": self._customers,
            "customers/add": self._add_customer,
            "orderItems/getAll": self._items,
            "cancellationPolicies/getByReservations": self._policies,
            "serviceOrderNotes/add": self._note,
        }
        routes = [Route(f"{ROOT}/{name}", self._serving(name, do), methods=["POST"]) for name, do in doing.items()]
        handlers = {Problem: problem_told, HTTPException: not_found}
        served = Starlette(routes=routes, exception_handlers=handlers)
        served.router.redirect_slashes = False
        self.app = Recording(served, self.seen)

    def hotel(self, base: Hotel, url: str) -> Hotel:
        """The hotel on this Mews."""
        return on_system(
            base,
            connector="mews",
            url=url,
            codes=Codes(
                rooms={code: id_of("room", code) for code in ("single", "double", "suite")},
                rates={code: id_of("rate", code) for code in ("flexible", "saver")},
                extras=self.codes.extras,
            ),
            property=ENTERPRISE,
            options={"service": SERVICE},
        )

    def _serving(self, name: str, do: Callable[[Body], dict[str, Any]]) -> Callable[[Request], Awaitable[Response]]:
        required, optional = (set(names.split()) for names in OPERATIONS[name])
        needed, known = WHO | required, COMMON | required | optional

        async def serve(request: Request) -> Response:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise Problem(400, "Invalid content type.")
            try:
                body = json.loads(await request.body())
            except ValueError:
                raise Problem(400, "Invalid JSON.") from None
            if not isinstance(body, dict):
                raise Problem(400, "Invalid JSON.")
            if missing := [part for part in sorted(needed) if body.get(part) in (None, "", [])]:
                raise Problem(400, f"Invalid {missing[0]}.")
            if unknown := sorted(body.keys() - known):
                raise Problem(400, f"Invalid JSON: {unknown[0]}.")
            if wait := self.limit.enter():
                raise Problem(429, "Too many requests.", retry_after=math.ceil(wait))
            given = body["ClientToken"], body["AccessToken"]
            if given != (self.secret["client_token"], self.secret["access_token"]) or name in self.forbidden:
                raise Problem(401, "Invalid ClientToken, AccessToken or permission.")
            with self._lock:
                return JSONResponse(do(body), headers={"Request-Id": str(uuid.uuid4())})

        return serve

    def _add_customer(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/customers, `Add customer`: an address has one profile, which may be overwritten."""
        if not isinstance(body["OverwriteExisting"], bool):
            raise Problem(400, "Invalid OverwriteExisting.")
        email = body.get("Email")
        known = next((each for each in self._everybody() if email and each.email == email), None)
        if known and not body["OverwriteExisting"]:
            raise Problem(403, "A customer with this email already exists.")
        id = known.id if known else str(uuid.uuid4())
        profile = Profile(id, body.get("FirstName") or "", body["LastName"], email, body.get("Phone"), self.house.now())
        self.profiles[id] = profile
        return customer(profile)

    def _add(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Add reservations`: one group, of which all or none are made."""
        require_service([body["ServiceId"]])
        wanted = list_of(body, "Reservations")
        if len(wanted) != 1:
            raise Problem(400, "Invalid Reservations: groups are not stood in for.")
        asked = self._stay_sent(wanted[0])
        owner = next((each for each in self._everybody() if each.id == one_id(wanted[0].get("CustomerId"))), None)
        if owner is None:
            raise Problem(400, "Invalid CustomerId.")
        if asked["arrival"] < self.house.now().astimezone(self._zone).date():
            raise Problem(403, "The reservation would begin in the past.")
        # The default of `CheckOverbooking` is true; what books over is of no use to a hotel's guest on the phone.
        if body.get("CheckOverbooking") is False:
            raise Problem(403, "Overbooking is not stood in for.")
        notes = [wanted[0]["Notes"]] if wanted[0].get("Notes") else []
        try:
            kept = self.house.book(
                **asked,
                first_name=owner.first_name,
                last_name=owner.last_name,
                email=owner.email,
                phone=owner.phone,
                reference=wanted[0].get("ChannelNumber"),
                notes=notes,
            )
        except Full:
            raise Problem(403, "There are not enough spaces available.") from None
        self._owners[kept.id] = owner.id
        self._origins[kept.id] = "Connector"
        self.profiles.setdefault(owner.id, owner)
        told = {"Identifier": wanted[0].get("Identifier"), "Reservation": self._old_reservation(kept)}
        return {"Reservations": [told]}

    def _update(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Update reservations`: what is not named stays."""
        kept = self._kept(body["ReservationId"])
        updates = list_of(body, "ReservationUpdates")
        names = {"ReservationId", "ChannelNumber", "StartUtc", "EndUtc", "PersonCounts", "AssignedResourceId",
                 "RequestedCategoryId", "RateId", "TimeUnitPrices", "AssignedResourceLocked"}  # fmt: skip
        if len(updates) != 1 or updates[0].get("ReservationId") != kept.id or updates[0].keys() - names:
            raise Problem(400, "Invalid ReservationUpdates.")
        reprice = body.get("Reprice", True)
        if reprice and not body.get("Reason"):
            raise Problem(403, "Reason is required.")
        if kept.state != "booked":
            raise Problem(403, "The reservation cannot be updated in its state.")
        if body.get("ApplyCancellationFee", True) and self.house.cancellation_fee_cents(kept):
            raise Problem(403, "Fees for nights given up are not stood in for.")
        told = self._reservation(kept)
        before = {
            "StartUtc": told["ScheduledStartUtc"],
            "EndUtc": told["ScheduledEndUtc"],
            "PersonCounts": told["PersonCounts"],
            "RequestedCategoryId": told["RequestedResourceCategoryId"],
            "RateId": told["RateId"],
        }
        changed = {name: part["Value"] for name, part in updates[0].items() if isinstance(part, dict)}
        assigned = changed.pop("AssignedResourceId", "")
        wanted = {**before, **changed}
        room, locked = self.assigned.get(kept.id, (None, False))
        moves = wanted["RequestedCategoryId"] != before["RequestedCategoryId"]
        if moves and room is not None and (locked or assigned is not None):
            raise Problem(403, "The assigned space is of another category.")
        asked = self._stay_sent(wanted)
        try:
            kept = self.house.change(kept.id, **asked, night_cents=None if reprice else kept.night_cents)
        except Full:
            raise Problem(403, "There are not enough spaces available.") from None
        if assigned is None:
            self.assigned.pop(kept.id, None)
        return {"Reservations": [self._old_reservation(kept)]}

    def _cancel(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/reservations, `Cancel reservation`: it succeeds only if all can be cancelled."""
        ids = ids_of(body, "ReservationIds")
        kept = [self._kept(id) for id in ids]
        if any(each.state != "booked" for each in kept):
            raise Problem(403, "The reservation cannot be canceled in its state.")
        for each in kept:
            self.house.cancel(each.id, fee_cents=None if body.get("PostCancellationFee") else 0)
        return {"ReservationIds": ids}

    def _note(self, body: Body) -> dict[str, Any]:
        """DOCS/operations/serviceordernotes, `Add service order notes`."""
        told = []
        for note in list_of(body, "ServiceOrderNotes"):
            kept = self._kept(note.get("ServiceOrderId"))
            if not isinstance(note.get("Text"), str) or not note["Text"]:
                raise Problem(400, "Invalid Text.")
            self.house.note(kept.id, note["Text"])
            told.append({"Id": str(uuid.uuid4()), "ServiceOrderId": kept.id, "Text": note["Text"], "Type": "General"})
        return {"ServiceOrderNotes": told}

    def _kept(self, id: Any) -> Kept:
        kept = self.house.find(one_id(id))
        if kept is None:
            raise Problem(400, "Invalid ReservationId.")
        return kept
