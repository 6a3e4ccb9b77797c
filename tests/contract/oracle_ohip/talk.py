"""What tests of OPERA Cloud say to it and hear from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from lambdas.shared.domain.stay import Reservation
from lambdas.shared.pms import CONNECTORS, Pms
from tests.contract.vendors.benches import Bench
from tests.contract.vendors.edited import Edit
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn

UNKNOWN: Final = {"type": "about:blank", "title": "Not Found"}


def with_rooms(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of every room rate that is offered."""

    def edit(body: Any) -> Any:
        for segment in body["hotelAvailability"]:
            for stay in segment["roomStays"]:
                for room in stay["roomRates"]:
                    change(room)
        return body

    return edit


def with_reservation(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of a reservation that is read."""

    def edit(body: Any) -> Any:
        for reservation in body["reservations"]["reservation"]:
            change(reservation)
        return body

    return edit


def asked(opera: OracleOhipStandIn, method: str, end: str) -> list[Any]:
    """The bodies of such requests."""
    return [seen.body for seen in opera.seen if seen.method == method and seen.path.endswith(end)]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["oracle_ohip"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))
