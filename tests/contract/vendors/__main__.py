"""A vendor's stand-in as a server of its own: `python -m tests.contract.vendors oracle_ohip --port 8900`.

Beside the vendor's API it says what only the hotel's staff know:

    GET /_house/hotel         the demo hotel's file, with its booking system here
    GET /_house/secret        what the hotel's secret holds
    GET /_house/reservations  everything that is kept, cancelled stays too, in our terms
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, Stay
from local.service import log_json, serve_http
from tests.contract.vendors.benches import AURORA, VENDORS, stand_in_of
from tests.contract.vendors.house import House, Kept
from tests.contract.vendors.stand_in import StandIn

if TYPE_CHECKING:
    from starlette.types import ASGIApp

RESERVATIONS: Final = TypeAdapter(list[Reservation])


def build_app(stand_in: StandIn, url: str) -> ASGIApp:
    """The vendor, served at `url`, with the house behind it."""

    def hotel(_: Request) -> Response:
        return JSONResponse(stand_in.hotel(AURORA, url).model_dump(mode="json", exclude_none=True))

    def secret(_: Request) -> Response:
        return JSONResponse({**stand_in.secret})

    def reservations(_: Request) -> Response:
        kept = [_told(stand_in.house, one) for one in stand_in.house.reservations]
        return Response(RESERVATIONS.dump_json(kept), media_type="application/json")

    house = [Route("/hotel", hotel), Route("/secret", secret), Route("/reservations", reservations)]
    return Starlette(routes=[Mount("/_house", routes=house), Mount("/", app=stand_in.app)])


def _told(house: House, kept: Kept) -> Reservation:
    return Reservation.model_validate(
        {
            "code": kept.code,
            "stay": Stay(arrival=kept.arrival, departure=kept.departure, adults=kept.adults, children=kept.children),
            "room_type": kept.room,
            "room": house.rooms[kept.room].title,
            "guest": Guest(name=f"{kept.first_name} {kept.last_name}".strip()),
            "total": Money(cents=kept.total_cents, currency=house.currency),
            "state": kept.state,
            "rate_plan": kept.rate,
            "reference": kept.reference,
        }
    )


def main() -> None:
    """Serve a vendor's stand-in on loopback until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m tests.contract.vendors", description=main.__doc__)
    parser.add_argument("connector", choices=VENDORS)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    log_json()
    stand_in = stand_in_of(options.connector)(House())
    serve_http(build_app(stand_in, f"http://127.0.0.1:{options.port}"), options.port)


if __name__ == "__main__":
    main()
