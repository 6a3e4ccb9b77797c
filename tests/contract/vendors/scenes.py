"""What a connector is made to do while a vendor's document listens, whichever vendor it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import pytest

from lambdas.shared.domain.errors import BellhopError, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.stay import Contact, Guest, Stay
from tests.contract.overheard import Exchange, Overheard
from tests.contract.vendors.benches import ANNA, CONTACT, STAY, Bench, Workshop, moved
from tests.contract.vendors.house import House

Scene = Callable[[Bench], None]


def overheard(workshop: Workshop, connector: str, scene: Scene) -> list[Exchange]:
    """What was said on the line while that happened, in a house with a city tax."""
    bench = workshop.bench(connector, house=House(city_tax_cents=250))
    workshop.switch.app = line = Overheard(bench.vendor.app)
    scene(bench)
    return line.exchanges


def booked(bench: Bench, **order: Any) -> str:
    return bench.pms.book(bench.order(**order)).code


def refused_without(bench: Bench, option: str, code: str) -> None:
    """A booking with another code for one of the hotel's options, which the vendor refuses."""
    options = {**bench.hotel.pms.options, option: code}
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update={"options": options})})
    order = bench.order()
    with pytest.raises(NotPossible):
        replace(bench, hotel=hotel).renewed().book(order)


def ask_for_another_hotel(bench: Bench, property: str) -> None:
    pms = bench.hotel.pms.model_copy(update={"property": property})
    with pytest.raises(Unreachable):
        replace(bench, hotel=bench.hotel.model_copy(update={"pms": pms})).renewed().offers(STAY)


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
    vendor: Any = bench.vendor
    vendor.most_records = 1
    booked(bench)
    bench.keeper.walk_in("double", STAY, ANNA)
    assert len(bench.pms.search("Meier", STAY.arrival)) == 2


def change(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    offers = bench.pms.change_offers(kept, moved(STAY, 1), "suite")
    (wanted,) = [found for found in offers if found.rate_plan == "saver"]
    bench.pms.change(kept.code, wanted)


def change_to_what_is_gone(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    wanted = bench.pms.change_offers(kept, STAY, "suite")[0]
    bench.keeper.fill("suite", STAY.evenings)
    with pytest.raises(SoldOut):
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


def cancel_at_another_fee(bench: Bench) -> None:
    kept = bench.pms.reservation(booked(bench))
    assert kept
    with pytest.raises(PriceChanged):
        bench.pms.cancel(kept.code, kept.total)


def note(bench: Bench) -> None:
    bench.pms.add_note(booked(bench), "Comes late, with a dog. Größe XL; <b>ja</b>")


def ask_too_often(bench: Bench) -> None:
    vendor: Any = bench.vendor
    bench.pms.offers(STAY)
    vendor.limit.requests = 0
    with pytest.raises(BellhopError):
        bench.renewed(sleep=lambda _: None).offers(STAY)


SCENES: Final[tuple[Scene, ...]] = (
    describe,
    offer,
    offer_in_a_full_house,
    book_at_different_prices,
    book_with_a_contact,
    book_under_one_name,
    book_what_is_gone,
    look_up,
    look_for_what_was_not_booked,
    page_through_arrivals,
    change,
    change_to_what_is_gone,
    change_what_is_over,
    cancel,
    cancel_at_another_fee,
    note,
    ask_too_often,
)
