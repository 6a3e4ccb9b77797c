"""The requests to Apaleo: signed, its lists read to their ends, its answers in its own words.

What is sent and read is in its OpenAPI documents, https://api.apaleo.com/swagger/booking-v1/swagger.json and its
neighbours, and in its guides, https://apaleo.dev.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from lambdas.shared.domain.errors import BellhopError, NotFound, NotPossible, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.pms.apaleo_models import (
    Booked,
    Listed,
    Offered,
    Offers,
    PropertyAnswer,
    RatePlan,
    RatePlans,
    Reservations,
    Services,
    Thing,
    UnitGroups,
)
from lambdas.shared.pms.credentials import ClientCredentials, Secret, TokenRequest, read_as
from lambdas.shared.pms.hotel_file import property_of
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

API: Final = "https://api.apaleo.com"
IDENTITY: Final = "https://identity.apaleo.com"
"""https://apaleo.dev/guides/oauth-connection/simple-client"""
PAGE: Final = 200
"""The most that a page may have: https://apaleo.dev/guides/api/pagination.html"""
MOST_PAGES: Final = 10
"""Pages of one question: more arrivals a day, or rate plans, has no hotel that we know of."""
RESERVATIONS: Final = "/booking/v1/reservations"

Row = TypeVar("Row")


class Key(BaseModel):
    """A hotel's secret: its own app at Apaleo."""

    client_id: str = Field(min_length=1)
    client_secret: str = Field(min_length=1)


@dataclass(frozen=True)
class Api:
    """One hotel's line to Apaleo; `property` is the hotel's id there. What only reads raises Unreachable."""

    http: VendorHttp
    property: str

    @classmethod
    def of(cls, hotel: Hotel, parts: Parts) -> Api:
        """Tokens come from Apaleo's identity server, or from the address that the hotel's file names.

        Raises HotelFileError when the hotel's file does not suffice.
        """
        asking = _asking(hotel.pms.url or IDENTITY, parts.secret_of(hotel))
        auth = ClientCredentials(parts.http(), asking, now=parts.now)
        return cls(parts.line(hotel, API, auth), property_of(hotel))

    def hotel(self) -> PropertyAnswer:
        path = f"/inventory/v1/properties/{quote(self.property, safe='')}"
        return _ok(self.http.read("the hotel", "GET", path)).read_as(PropertyAnswer)

    def rooms(self) -> list[Thing]:
        return list(self._rows("rooms", "/inventory/v1/unit-groups", {"propertyId": self.property}, UnitGroups))

    def rate_plans(self) -> list[RatePlan]:
        return list(self._rows("rates", "/rateplan/v1/rate-plans", {"propertyId": self.property}, RatePlans))

    def services(self) -> list[Thing]:
        return list(self._rows("extras", "/rateplan/v1/services", {"propertyId": self.property}, Services))

    def offers(self, stay: Mapping[str, str], rooms: Sequence[str], *, instead_of: str | None) -> tuple[Offered, ...]:
        """What can be had for a stay in these rooms, or in others too; `instead_of` is the id of the reservation that
        would become it, whose nights keep the price that they have at the same rate plan."""
        if instead_of is None:
            path, asked = "/booking/v1/offers", {"propertyId": self.property, **stay}
        else:
            path, asked = f"{_reservation(instead_of)}/offers", {**stay, "requote": "false"}
        answer = self.http.read("free rooms", "GET", path, params={**asked, "unitGroupIds": ",".join(rooms)})
        if answer.status == 422:
            # A room that the file maps and Apaleo lacks must not hide the others.
            answer = self.http.read("free rooms", "GET", path, params=asked)
        return () if answer.status == 204 else _ok(answer).read_as(Offers).offers

    def reservation(self, id: str) -> Booked | None:
        """The reservation of an id, of whichever of the account's properties; None when there is none."""
        expanded = {"expand": "booker,services,actions"}
        answer = self.http.read("a reservation", "GET", _reservation(id), params=expanded)
        if answer.status == 404:
            return None
        booked = _ok(answer).read_as(Booked)
        return booked if booked.id == id else None

    def reservations(self, what: str, asked: Mapping[str, str]) -> list[Booked]:
        """The hotel's reservations that a filter finds, in the order in which they were made: no page shifts while
        others are booked."""
        asked = {"propertyIds": self.property, **asked, "expand": "booker", "sort": "created:asc"}
        return list(self._rows(what, RESERVATIONS, asked, Reservations))

    def book(self, booking: Mapping[str, Any], *, key: str) -> Answer:
        """Makes a booking once for each key."""
        headers = {"Idempotency-Key": key}
        return self.http.write("a booking", "POST", "/booking/v1/bookings", json=booking, headers=headers)

    def amend(self, id: str, stay: Mapping[str, Any]) -> Answer:
        return self.http.write("a change", "PUT", f"{_action(id)}/amend", json=stay)

    def cancel(self, id: str) -> Answer:
        return self.http.write("a cancellation", "PUT", f"{_action(id)}/cancel")

    def comment(self, id: str, text: str, *, before: str) -> Answer:
        """Writes a reservation's comment for the staff, which guests do not see, in place of the one before."""
        patch = [{"op": "replace" if before else "add", "path": "/comment", "value": text}]
        return self.http.write("a note", "PATCH", _reservation(id), json=patch)

    def _rows(self, what: str, path: str, asked: Mapping[str, str], model: type[Listed[Row]]) -> Iterator[Row]:
        """A list, page after page; beyond the last there is none (204)."""
        seen = 0
        for number in range(1, MOST_PAGES + 1):
            params = {**asked, "pageNumber": str(number), "pageSize": str(PAGE)}
            answer = self.http.read(what, "GET", path, params=params)
            if answer.status == 204:
                return
            page = _ok(answer).read_as(model)
            yield from page.rows
            seen += len(page.rows)
            if seen >= page.count or not page.rows:
                return
        raise Unreachable(f"{what}: more pages than a hotel can have", vendor_code="pages")


def not_done(answer: Answer) -> BellhopError:
    """The error for a write that Apaleo answered with a status other than success: it has changed nothing.

    Why is told in prose, which is neither understood nor passed on.
    """
    code = str(answer.status)
    if answer.status == 404:
        return NotFound("the hotel's booking system does not have it", vendor_code=code)
    if answer.status in (400, 422):
        return NotPossible("the hotel's booking system does not allow it", vendor_code=code)
    return answer.unexpected()


def _asking(url: str, secret: Secret) -> Callable[[bool], TokenRequest]:
    def ask(fresh: bool) -> TokenRequest:
        key = read_as(secret, Key, fresh=fresh)
        return TokenRequest(
            url=f"{url}/connect/token",
            form={"grant_type": "client_credentials"},
            basic=(key.client_id, key.client_secret),
        )

    return ask


def _reservation(id: str) -> str:
    return f"{RESERVATIONS}/{quote(id, safe='')}"


def _action(id: str) -> str:
    return f"/booking/v1/reservation-actions/{quote(id, safe='')}"


def _ok(answer: Answer) -> Answer:
    if not answer.ok:
        raise answer.unexpected()
    return answer
