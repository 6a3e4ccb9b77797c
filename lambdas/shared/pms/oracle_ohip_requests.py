"""What is asked of OPERA Cloud through OHIP, request by request, and who asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlsplit

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import BellhopError, NotFound, NotPossible, Unreachable
from lambdas.shared.domain.stay import Stay
from lambdas.shared.pms.credentials import Secret, TokenRequest, read_as
from lambdas.shared.pms.oracle_ohip_models import (
    Availability,
    Booked,
    Created,
    Found,
    Penalty,
    Policies,
    Reservations,
    Search,
    Segment,
    fault_code,
    id_of,
)
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

PAGE: Final = 200
MOST_PAGES: Final = 10
"""Pages of one question: more arrivals a day, or rates for a stay, has no hotel that we know of."""
_IN_ADDRESS: Final = re.compile(r"/reservations/([^/]+)$")
Asked = Sequence[tuple[str, str]]
"""A query; what is a list there is a name that is given more than once."""


class Key(BaseModel):
    """A hotel's secret, as the developer portal shows its environment and our application."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)
    scope: str = Field(min_length=1)
    enterprise_id: str = Field(pattern=r"^[A-Z0-9]{1,8}$")
    app_key: str = Field(pattern=r"^[a-f0-9]{8}-[a-f0-9]{4}-4[a-f0-9]{3}-[89aAbB][a-f0-9]{3}-[a-f0-9]{12}$")


def asking(url: str, hotel_id: str, secret: Secret) -> Callable[[bool], TokenRequest]:
    """How a token is asked for: https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/
    c_authenticating_to_oracle_hospitality_property_apis_ocim.htm.
    """

    def ask(fresh: bool) -> TokenRequest:
        key = read_as(secret, Key, fresh=fresh)
        return TokenRequest(
            url=f"{url}/oauth/v1/tokens",
            form={"grant_type": "client_credentials", "scope": key.scope},
            basic=(key.client_id, key.client_secret),
            headers={"x-app-key": key.app_key, "enterpriseId": key.enterprise_id},
            carried={"x-app-key": key.app_key, "x-hotelid": hotel_id},
        )

    return ask


class Opera:
    """One hotel's OPERA. What reads raises Unreachable; what writes answers, whatever OPERA says below 500."""

    def __init__(self, http: VendorHttp, hotel_id: str) -> None:
        self.hotel_id = hotel_id
        self._http = http
        self._availability = f"/par/v1/hotels/{quote(hotel_id, safe='')}/availability"
        self._reservations = f"/rsv/v1/hotels/{quote(hotel_id, safe='')}/reservations"

    def available(self, stay: Stay, asked: Asked) -> Iterator[Segment]:
        """What is free for a stay, page after page."""
        question = [
            ("roomStayStartDate", stay.arrival.isoformat()),
            ("roomStayEndDate", stay.departure.isoformat()),
            ("roomStayQuantity", "1"),
            ("adults", str(stay.adults)),
            ("children", str(stay.children)),
            ("limit", str(PAGE)),
            *asked,
        ]
        key: str | None = None
        for _ in range(MOST_PAGES):
            page = [("pagePointerKey", key)] if key else []
            answer = self._read("free rooms", self._availability, [*question, *page])
            if answer is None:
                return
            found = answer.read_as(Availability).hotel_availability
            yield from found
            key = next((part.paging_key for part in found if part.has_more and part.paging_key), None)
            if key is None:
                return
        raise Unreachable("free rooms: more pages than a hotel can have", vendor_code="pages")

    def search(self, what: str, asked: Asked) -> Iterator[Found]:
        """The reservations that are like what is asked, cancelled or not, page after page."""
        offset = 0
        for _ in range(MOST_PAGES):
            page = [("limit", str(PAGE)), ("offset", str(offset))]
            answer = self._read(what, self._reservations, [*asked, *page])
            if answer is None:
                return
            found = answer.read_as(Search).reservations
            yield from found.reservation_info
            offset += len(found.reservation_info)
            if not found.has_more or not found.reservation_info:
                return
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")

    def reservation(self, id: str) -> Booked | None:
        """The reservation of OPERA's own key, if it is this hotel's."""
        asked = [("fetchInstructions", "Reservation"), ("fetchInstructions", "TotalCostOfStay")]
        answer = self._read("a reservation", self._at(id), asked, none=(204, 404))
        told = answer.read_as(Reservations).reservations.reservation if answer else ()
        ours = (booked for booked in told if booked.hotel_id in ("", self.hotel_id))
        return next((booked for booked in ours if id_of(booked.reservation_id_list, "Reservation") == id), None)

    def penalties(self, id: str) -> list[Penalty]:
        """What cancelling the reservation costs from when."""
        answer = self._read(
            "a cancellation policy", f"{self._at(id)}/policies", [("fetchCancellationPolicies", "true")]
        )
        return [found.policy for found in answer.read_as(Policies).cancellation_policies] if answer else []

    def create(self, reservation: Mapping[str, Any]) -> Answer:
        """A new reservation."""
        body = {"reservations": {"reservation": [{"hotelId": self.hotel_id, **reservation}]}}
        return self._http.write("a booking", "POST", self._reservations, json=body)

    def change(self, what: str, id: str, changed: Mapping[str, Any]) -> Answer:
        """The reservation with what is named instead; the rest of it stays."""
        return self._http.write(what, "PUT", self._at(id), json={"reservations": [{**self._named(id), **changed}]})

    def cancel(self, id: str, reason: str) -> Answer:
        """The reservation, cancelled for a reason of the hotel's list."""
        # Without a description the reason counts as missing.
        why = {"code": reason, "description": "Cancelled by the guest by phone"}
        body = {"reason": why, "reservations": [self._named(id)]}
        return self._http.write("a cancellation", "POST", f"{self._at(id)}/cancellations", json=body)

    def _read(
        self, what: str, path: str, asked: Iterable[tuple[str, str]], *, none: Sequence[int] = (204,)
    ) -> Answer | None:
        """None for the statuses by which OPERA says that there is none."""
        answer = self._http.read(what, "GET", path, params=list(asked))
        if answer.status in none:
            return None
        if not answer.ok:
            raise answer.unexpected(fault_code(answer.body, answer.status))
        return answer

    def _at(self, id: str) -> str:
        return f"{self._reservations}/{quote(id, safe='')}"

    def _named(self, id: str) -> dict[str, Any]:
        return {"hotelId": self.hotel_id, "reservationIdList": [{"id": id, "type": "Reservation"}]}


def created(answer: Answer) -> str | None:
    """The id of a new reservation, from its address."""
    found = _IN_ADDRESS.search(urlsplit(answer.headers.get("location", "")).path)
    if found is None:
        paths = (urlsplit(link.href).path for link in answer.read_as(Created).links)
        found = next(filter(None, map(_IN_ADDRESS.search, paths)), None)
    return found[1] if found else None


def not_done(answer: Answer) -> BellhopError:
    """The error for a write that OPERA answered with a status other than success: it has changed nothing."""
    code = fault_code(answer.body, answer.status)
    if answer.status == 404:
        return NotFound("no such reservation", vendor_code=code)
    if answer.status == 400:
        return NotPossible("the hotel's booking system does not allow it", vendor_code=code)
    return answer.unexpected(code)
