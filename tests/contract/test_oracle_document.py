"""Oracle's own documents judge every request of the connector and every answer of the stand-in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import httpx
import pytest

from lambdas.shared.domain.errors import BellhopError, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.stay import Contact, Guest, Stay
from lambdas.shared.pms.parts import open_http
from tests.contract.vendor_documents import Document, Exchange, Overheard
from tests.contract.vendors.benches import ANNA, STAY, Bench, Switch, Workshop, moved
from tests.contract.vendors.house import House
from tests.contract.vendors.line import served_in_thread
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn
from tests.tables import database

pytestmark = pytest.mark.contract

DOCUMENTS: Final = ("oracle/oauth.json", "oracle/par.json", "oracle/rsv.json")
THROTTLED: Final = frozenset({429})
"""Told by the guide: https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/c_limits.htm"""


def amend(schema: dict[str, Any]) -> None:
    """`par` limits days to eight characters, which no day of its examples has: they have ten, as ISO 8601 has."""
    if schema.get("format") == "date":
        schema.pop("maxLength", None)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [Document.load(name, undocumented=THROTTLED, amend=amend) for name in DOCUMENTS]


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    switch = Switch()
    http: httpx.Client = open_http.__wrapped__()
    with database() as client, served_in_thread(switch) as url, http:
        yield Workshop(client, http, switch, url)


def booked(bench: Bench, **order: Any) -> str:
    return bench.pms.book(bench.order(**order)).code


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


def offer_at_different_prices(bench: Bench) -> None:
    bench.house.set_price("double", 10_001, night=STAY.evenings[1])
    booked(bench)


def page_through_offers(bench: Bench) -> None:
    assert isinstance(bench.stand_in, OracleOhipStandIn)
    bench.stand_in.most_records = 1
    assert len(bench.pms.offers(STAY)) == 4


def book_with_a_contact(bench: Bench) -> None:
    contact = Contact(email="anna.meier@example.org", phone="+4930123456")
    order = replace(bench.order(), contact=contact)
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
    options = {**bench.hotel.pms.options, "guarantee": "NONE"}
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update={"options": options})})
    order = bench.order()
    with pytest.raises(NotPossible):
        replace(bench, hotel=hotel).renewed().book(order)


def look_up(bench: Bench) -> None:
    code = booked(bench)
    bench.keeper.walk_in("single", STAY.model_copy(update={"adults": 1}), Guest(name="Bert Brecht"))
    assert bench.pms.reservation(code)
    assert bench.pms.reservation("588999999") is None
    assert bench.pms.search("meier", STAY.arrival)
    assert bench.pms.search("meier", date(2027, 5, 1)) == []


def page_through_arrivals(bench: Bench) -> None:
    assert isinstance(bench.stand_in, OracleOhipStandIn)
    bench.stand_in.most_records = 1
    booked(bench)
    bench.keeper.walk_in("double", STAY, ANNA)
    assert len(bench.pms.search("Meier", STAY.arrival)) == 2


def change(bench: Bench) -> None:
    code = booked(bench)
    kept = bench.pms.reservation(code)
    assert kept
    (wanted,) = [
        found for found in bench.pms.change_offers(kept, moved(STAY, 1), "suite") if found.rate_plan == "saver"
    ]
    bench.pms.change(code, wanted)


def change_to_what_is_gone(bench: Bench) -> None:
    code = booked(bench)
    kept = bench.pms.reservation(code)
    assert kept
    wanted = bench.pms.change_offers(kept, STAY, "suite")[0]
    bench.keeper.fill("suite", STAY.evenings)
    with pytest.raises(SoldOut):
        bench.pms.change(code, wanted)


def cancel(bench: Bench) -> None:
    for rate in ("flexible", "saver"):
        kept = bench.pms.reservation(booked(bench, reference=f"wish-{rate}", rate=rate))
        assert kept
        bench.pms.cancel(kept.code, bench.pms.cancellation_fee(kept))


def cancel_at_another_fee(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    with pytest.raises(PriceChanged):
        bench.pms.cancel(kept.code, kept.total)


def note(bench: Bench) -> None:
    bench.pms.add_note(booked(bench), "Comes late, with a dog. Größe XL; <b>ja</b>")


def note_on_a_cancelled_stay(bench: Bench) -> None:
    code = booked(bench)
    bench.keeper.move(code, "cancelled")
    with pytest.raises(BellhopError):
        bench.pms.add_note(code, "Comes late")


def ask_with_a_token_that_ended(bench: Bench) -> None:
    assert isinstance(bench.stand_in, OracleOhipStandIn)
    bench.pms.offers(STAY)
    bench.stand_in.forget_tokens()
    bench.pms.offers(STAY)


def ask_with_a_wrong_secret(bench: Bench) -> None:
    assert isinstance(bench.stand_in, OracleOhipStandIn)
    bench.stand_in.secret["client_secret"] = "rotated"
    old = {**bench.stand_in.secret, "client_secret": "old"}
    with pytest.raises(Unreachable):
        bench.renewed(secret=lambda *_: old).offers(STAY)


def ask_for_another_hotel(bench: Bench) -> None:
    pms = bench.hotel.pms.model_copy(update={"property": "OTHER"})
    with pytest.raises(Unreachable):
        replace(bench, hotel=bench.hotel.model_copy(update={"pms": pms})).renewed().offers(STAY)


def ask_too_often(bench: Bench) -> None:
    assert isinstance(bench.stand_in, OracleOhipStandIn)
    bench.pms.offers(STAY)
    bench.stand_in.limit.requests = 0
    with pytest.raises(Unreachable):
        bench.renewed(sleep=lambda _: None).offers(STAY)


SCENES: Final[tuple[Callable[[Bench], None], ...]] = (
    describe,
    offer,
    offer_in_a_full_house,
    offer_at_different_prices,
    page_through_offers,
    book_with_a_contact,
    book_under_one_name,
    book_what_is_gone,
    book_what_is_refused,
    look_up,
    page_through_arrivals,
    change,
    change_to_what_is_gone,
    cancel,
    cancel_at_another_fee,
    note,
    note_on_a_cancelled_stay,
    ask_with_a_token_that_ended,
    ask_with_a_wrong_secret,
    ask_for_another_hotel,
    ask_too_often,
)


def overheard(workshop: Workshop, scene: Callable[[Bench], None]) -> list[Exchange]:
    """What was said on the line while that happened, in a house with a city tax."""
    bench = workshop.bench("oracle_ohip", house=House(city_tax_cents=250))
    workshop.switch.app = line = Overheard(bench.vendor.app)
    scene(bench)
    return line.exchanges


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_all_is_as_oracle_documents_it(
    documents: list[Document], workshop: Workshop, scene: Callable[[Bench], None]
) -> None:
    """Every request and every answer is one that Oracle's documents describe, with no field that they do not name."""
    exchanges = overheard(workshop, scene)

    assert exchanges
    for exchange in exchanges:
        (document,) = (found for found in documents if found.concerns(exchange))
        assert document.faults(exchange) == []


def test_every_operation_is_judged(documents: list[Document], workshop: Workshop) -> None:
    """The scenes make the connector use all of Oracle's operations that it knows, refused writes among them."""
    exchanges = [exchange for scene in SCENES for exchange in overheard(workshop, scene)]
    used = Counter(
        (document.operation_of(exchange), exchange.status)
        for exchange in exchanges
        for document in documents
        if document.concerns(exchange)
    )

    assert {operation for operation, _ in used} == {
        "getToken",
        "getHotelAvailability",
        "getHotelReservations",
        "getReservation",
        "getReservationPolicies",
        "postReservation",
        "putReservation",
        "postCancelReservation",
    }
    assert {("postReservation", 201), ("postReservation", 400), ("putReservation", 400)} <= set(used)
