"""What the tests of Mews alone have in common."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from lambdas.shared.domain.stay import Reservation
from lambdas.shared.pms import CONNECTORS, Pms
from tests.contract.vendors.benches import Bench
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.mews import MewsStandIn

ADD: Final = "reservations/add"
GET_ALL: Final = "reservations/getAll/2023-06-06"
LATE: Final = datetime.fromisoformat("2026-12-29T17:01:00Z")
"""After 18:00 in Berlin on the day before the arrival, when cancelling costs the first night."""


def refusing(mews: MewsStandIn, end: str, status: int) -> Edited:
    """A Mews that refuses an operation, with a guest's name in its words."""
    words = {"Message": "Meier", "RequestId": "b1-7"}
    return Edited(mews.app, end, lambda _: words, method="POST", status=status, instead=True)


def asked(mews: MewsStandIn, operation: str) -> list[Any]:
    """The bodies of such requests."""
    return [seen.body for seen in mews.seen if seen.path == f"/api/connector/v1/{operation}"]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["mews"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))


def with_each(name: str, change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of everything in a list."""

    def edit(body: Any) -> Any:
        for each in body[name]:
            change(each)
        return body

    return edit
