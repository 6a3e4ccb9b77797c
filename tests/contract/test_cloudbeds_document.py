"""Cloudbeds' own document judges every request of the connector and every answer of the stand-in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, cast

import pytest

from lambdas.shared.domain.errors import BellhopError, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.stay import Contact, Guest, Stay
from tests.contract.vendor_documents import Document, Exchange, Overheard
from tests.contract.vendors.benches import ANNA, CONTACT, STAY, Bench, Workshop, moved
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract

UNDOCUMENTED: Final = frozenset({400, 401, 429})
"""The document has 200 only; the others are told by https://developers.cloudbeds.com/docs/common-api-errors-in-progress
and https://developers.cloudbeds.com/docs/faq."""


@pytest.fixture(scope="module")
def document() -> Document:
    return Document.load("cloudbeds/pms-v1.3-openapi.yaml", undocumented=UNDOCUMENTED)


def booked(bench: Bench, **order: Any) -> str:
    return bench.pms.book(bench.order(**order)).code


def vendor(bench: Bench) -> CloudbedsStandIn:
    return cast("CloudbedsStandIn", bench.vendor)


def describe(bench: Bench) -> None:
    bench.pms.describe()


def offer(bench: Bench) -> None:
    bench.pms.offers(STAY)
    bench.pms.offers(STAY.model_copy(update={"children": 2}), "suite")
    bench.pms.offers(Stay(arrival=STAY.arrival, departure=STAY.arrival + timedelta(days=30)))


def offer_in_a_full_house(bench: Bench) -> None:
    for room in ("single", "double", "suite"):
        bench.keeper.fill(room, STAY.evenings)
    assert bench.pms.offers(STAY) == []


def book_at_different_prices(bench: Bench) -> None:
    bench.house.set_price("double", 10_001, night=STAY.evenings[1])
    booked(bench)


def book_with_a_contact(bench: Bench) -> None:
    order = replace(bench.order(), contact=Contact(email="anna.meier@example.org", phone="+4930123456"))
    bench.pms.book(order)
    assert bench.pms.find(order)


def book_under_one_name(bench: Bench) -> None:
    booked(bench, guest=Guest(name="Sukarno"))


def book_what_is_gone(bench: Bench) -> None:
    order = bench.order(room_type="suite")
    bench.keeper.walk_in("suite", STAY, ANNA)
    with pytest.raises(SoldOut):
        bench.pms.book(order)


def book_what_is_refused(bench: Bench) -> None:
    options = {**bench.hotel.pms.options, "source": "ss-1234-1"}
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update={"options": options})})
    order = bench.order()
    with pytest.raises(NotPossible):
        replace(bench, hotel=hotel).renewed().book(order)


def book_at_another_price(bench: Bench) -> None:
    order = bench.order()
    vendor(bench).surcharge_cents = 100
    with pytest.raises(PriceChanged):
        bench.pms.book(order)


def look_up(bench: Bench) -> None:
    code = booked(bench)
    bench.keeper.walk_in("single", STAY.model_copy(update={"adults": 1}), Guest(name="Bert Brecht"), CONTACT)
    assert bench.pms.reservation(code)
    assert bench.renewed().reservation(code)
    assert bench.pms.reservation("588999999") is None
    assert bench.pms.search("meier", STAY.arrival)
    assert bench.pms.search("meier", date(2027, 5, 1)) == []


def look_for_what_was_not_booked(bench: Bench) -> None:
    assert bench.pms.find(bench.order()) is None


def page_through_arrivals(bench: Bench) -> None:
    vendor(bench).most_records = 1
    booked(bench)
    bench.keeper.walk_in("double", STAY, ANNA)
    assert len(bench.pms.search("Meier", STAY.arrival)) == 2


def change(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    offers = bench.pms.change_offers(kept, moved(STAY, 1), "suite")
    (wanted,) = [found for found in offers if found.rate_plan == "saver"]
    bench.pms.change(kept.code, wanted)


def change_what_is_over(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    wanted = bench.pms.change_offers(kept, STAY, "suite")[0]
    bench.keeper.move(kept.code, "in_house")
    with pytest.raises(NotPossible):
        bench.pms.change(kept.code, wanted)


def cancel(bench: Bench) -> None:
    for rate in ("flexible", "saver"):
        kept = bench.pms.reservation(booked(bench, reference=f"wish-{rate}", rate=rate))
        assert kept
        bench.pms.cancel(kept.code, bench.pms.cancellation_fee(kept))


def note(bench: Bench) -> None:
    bench.pms.add_note(booked(bench), "Comes late, with a dog. Größe XL; <b>ja</b>")


def page_through_rooms(bench: Bench) -> None:
    vendor(bench).most_records = 2
    assert len(bench.pms.describe().rooms) == 3


def ask_with_a_wrong_key(bench: Bench) -> None:
    vendor(bench).secret["api_key"] = "cbat_rotated"
    with pytest.raises(Unreachable):
        bench.renewed(secret=lambda *_: {"api_key": "cbat_old"}).offers(STAY)


def ask_for_another_hotel(bench: Bench) -> None:
    pms = bench.hotel.pms.model_copy(update={"property": "1"})
    with pytest.raises(Unreachable):
        replace(bench, hotel=bench.hotel.model_copy(update={"pms": pms})).renewed().offers(STAY)


def ask_too_often(bench: Bench) -> None:
    vendor(bench).limit.requests = 0
    with pytest.raises(BellhopError):
        bench.renewed(sleep=lambda _: None).offers(STAY)


SCENES: Final[tuple[Callable[[Bench], None], ...]] = (
    describe,
    offer,
    offer_in_a_full_house,
    book_at_different_prices,
    book_with_a_contact,
    book_under_one_name,
    book_what_is_gone,
    book_what_is_refused,
    book_at_another_price,
    look_up,
    look_for_what_was_not_booked,
    page_through_arrivals,
    change,
    change_what_is_over,
    cancel,
    note,
    page_through_rooms,
    ask_with_a_wrong_key,
    ask_for_another_hotel,
    ask_too_often,
)


def overheard(workshop: Workshop, scene: Callable[[Bench], None]) -> list[Exchange]:
    """What was said on the line while that happened, in a house with a city tax."""
    bench = workshop.bench("cloudbeds", house=House(city_tax_cents=250))
    workshop.switch.app = line = Overheard(bench.vendor.app)
    scene(bench)
    return line.exchanges


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_all_is_as_cloudbeds_documents_it(
    document: Document, workshop: Workshop, scene: Callable[[Bench], None]
) -> None:
    """Every request and every answer is one that Cloudbeds' document describes, with no field that it does not name."""
    exchanges = overheard(workshop, scene)

    assert exchanges
    for exchange in exchanges:
        assert document.concerns(exchange)
        assert document.faults(exchange) == []


def test_every_operation_is_judged(document: Document, workshop: Workshop) -> None:
    """The scenes make the connector use all of Cloudbeds' operations that it knows, refused ones among them."""
    exchanges = [exchange for scene in SCENES for exchange in overheard(workshop, scene)]
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
