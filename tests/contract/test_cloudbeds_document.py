"""Cloudbeds' own document judges every request of the connector and every answer of the stand-in."""

from __future__ import annotations

from collections import Counter
from typing import Final, cast

import pytest

from lambdas.shared.domain.errors import PriceChanged, Unreachable
from tests.contract.vendor_documents import Document
from tests.contract.vendors import scenes
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.scenes import Scene, overheard

pytestmark = pytest.mark.contract

UNDOCUMENTED: Final = frozenset({400, 401, 429})
"""The document has 200 only; the others are told by https://developers.cloudbeds.com/docs/common-api-errors-in-progress
and https://developers.cloudbeds.com/docs/faq."""


@pytest.fixture(scope="module")
def document() -> Document:
    return Document.load("cloudbeds/pms-v1.3-openapi.yaml", undocumented=UNDOCUMENTED)


def vendor(bench: Bench) -> CloudbedsStandIn:
    return cast("CloudbedsStandIn", bench.vendor)


def book_what_is_refused(bench: Bench) -> None:
    scenes.refused_without(bench, "source", "ss-1234-1")


def book_at_another_price(bench: Bench) -> None:
    order = bench.order()
    vendor(bench).surcharge_cents = 100
    with pytest.raises(PriceChanged):
        bench.pms.book(order)


def page_through_rooms(bench: Bench) -> None:
    vendor(bench).most_records = 2
    assert len(bench.pms.describe().rooms) == 3


def ask_with_a_wrong_key(bench: Bench) -> None:
    vendor(bench).secret["api_key"] = "cbat_rotated"
    with pytest.raises(Unreachable):
        bench.renewed(secret=lambda *_: {"api_key": "cbat_old"}).offers(STAY)


def ask_for_another_hotel(bench: Bench) -> None:
    scenes.ask_for_another_hotel(bench, "1")


SCENES: Final[tuple[Scene, ...]] = (
    *scenes.SCENES,
    book_what_is_refused,
    book_at_another_price,
    page_through_rooms,
    ask_with_a_wrong_key,
    ask_for_another_hotel,
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_all_is_as_cloudbeds_documents_it(document: Document, workshop: Workshop, scene: Scene) -> None:
    """Every request and every answer is one that Cloudbeds' document describes, with no field that it does not name."""
    exchanges = overheard(workshop, "cloudbeds", scene)

    assert exchanges
    for exchange in exchanges:
        assert document.concerns(exchange)
        assert document.faults(exchange) == []


def test_every_operation_is_judged(document: Document, workshop: Workshop) -> None:
    """The scenes make the connector use all of Cloudbeds' operations that it knows, refused ones among them."""
    exchanges = [exchange for scene in SCENES for exchange in overheard(workshop, "cloudbeds", scene)]
    used = Counter((document.operation_of(exchange), exchange.status) for exchange in exchanges)

    assert {operation for operation, _ in used} == {
        "getHotels",
        "getRoomTypes",
        "getAvailableRoomTypes",
        "getRatePlans",
        "getTaxesAndFees",
        "getRoomsFeesAndTaxes",
        "getReservations",
        "getReservationsWithRateDetails",
        "postReservation",
        "putReservation",
        "postReservationNote",
    }
    assert {401, 429} <= {status for _, status in used}


def test_the_document_says_what_a_booking_needs(document: Document) -> None:
    """What the stand-in requires of a booking is what the document does not let be null, and no more."""
    operation = document.facts["paths"]["/postReservation"]["post"]
    schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
    while "$ref" in schema:
        schema = document.facts["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    required = {name for name, field in schema["properties"].items() if not field.get("nullable")}

    assert required == {
        "startDate",
        "endDate",
        "guestFirstName",
        "guestLastName",
        "guestCountry",
        "guestZip",
        "guestEmail",
        "rooms",
        "adults",
        "children",
        "paymentMethod",
    }
