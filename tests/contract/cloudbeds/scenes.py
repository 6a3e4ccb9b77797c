"""What the tests of Cloudbeds ask and edit."""

from __future__ import annotations

from typing import Any

from lambdas.shared.domain.stay import Offer, Reservation, Stay
from lambdas.shared.pms import CONNECTORS, Pms
from tests.contract.vendors.benches import Bench
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.edited import Edit


def on_options(bench: Bench, **options: str | None) -> Pms:
    """The connector of a hotel whose file says otherwise; None leaves an option out."""
    told = {name: value for name, value in {**bench.hotel.pms.options, **options}.items() if value is not None}
    pms = bench.hotel.pms.model_copy(update={"options": told})
    return CONNECTORS["cloudbeds"](bench.hotel.model_copy(update={"pms": pms}), bench.parts)


def asked(cloudbeds: CloudbedsStandIn, method: str) -> list[Any]:
    """The requests of that method, a write's form or a read's query."""
    return [seen.body or seen.query for seen in cloudbeds.seen if seen.path.endswith(f"/{method}")]


def found(pms: Pms, code: str) -> Reservation:
    reservation = pms.reservation(code)
    assert reservation is not None
    return reservation


def change_offer(bench: Bench, booked: Reservation, stay: Stay) -> Offer:
    offers = bench.pms.change_offers(booked, stay, booked.room_type)
    return next(offer for offer in offers if offer.rate_plan == booked.rate_plan)


def refuse(message: str) -> Edit:
    return lambda _: {"success": False, "message": message}


def details(**changed: object) -> Edit:
    """Edits every reservation that is read."""
    return lambda body: {**body, "data": [{**told, **changed} for told in body["data"]]}


def rooms(count: int = 1, **changed: object) -> Edit:
    """Edits the rooms of every reservation that is read."""

    def edit(body: Any) -> Any:
        for told in body["data"]:
            told["rooms"] = [{**told["rooms"][0], **changed}] * count
        return body

    return edit
