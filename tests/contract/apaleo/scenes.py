"""What the tests of Apaleo's connector do again and again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Offer, Reservation, Stay
from lambdas.shared.pms import CONNECTORS, Pms
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import STAY, Bench
from tests.contract.vendors.edited import Edit

FREE: Final = Money(cents=0, currency="EUR")
BOOKINGS, RESERVATIONS, OFFERS = "/booking/v1/bookings", "/booking/v1/reservations", "/booking/v1/offers"
LONGER: Final = STAY.model_copy(update={"departure": STAY.departure + timedelta(days=1)})


def with_offers(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of every offer."""

    def edit(body: Any) -> Any:
        for offer in body["offers"]:
            change(offer)
        return body

    return edit


def changed(**parts: Any) -> Edit:
    """An edit of what a body says."""
    return lambda body: {**body, **parts}


def asked(apaleo: ApaleoStandIn, method: str, end: str) -> list[Any]:
    """The bodies of such requests, or what they ask for."""
    found = [seen for seen in apaleo.seen if seen.method == method and seen.path.endswith(end)]
    return [seen.query if method == "GET" else seen.body for seen in found]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["apaleo"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))


def found(bench: Bench, code: str) -> Reservation:
    reservation = bench.pms.reservation(code)
    assert reservation is not None
    return reservation


def change_offered(bench: Bench, told: Reservation, stay: Stay) -> Offer:
    offers = bench.pms.change_offers(told, stay, told.room_type)
    return next(offer for offer in offers if offer.rate_plan == told.rate_plan)
