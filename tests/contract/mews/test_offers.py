"""What is only Mews' of offers: its nights and prices, ages, rules, restrictions, and what is switched off."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from lambdas.shared.domain.errors import SoldOut, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from tests.contract.mews.scenes import ADD, asked, with_each
from tests.contract.vendors.benches import STAY, Bench, Workshop, moved
from tests.contract.vendors.edited import Edit
from tests.contract.vendors.house import House
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import ADULTS, CHILDREN, id_of

pytestmark = pytest.mark.contract


def test_what_changes_seldom_is_asked_seldom(bench: Bench, mews: MewsStandIn) -> None:
    """Rooms, rates, ages and rules are remembered for ten minutes; prices and what is free never are."""
    bench.pms.offers(STAY)
    bench.pms.offers(STAY)
    bench.clock.now += timedelta(minutes=11)
    bench.pms.offers(STAY)

    for operation in ("services", "resourceCategories", "rates", "ageCategories", "rules"):
        assert len(asked(mews, f"{operation}/getAll")) == 2
    assert len(asked(mews, "services/getAvailability")) == len(asked(mews, "reservations/price")) == 3


def test_all_prices_are_asked_at_once(bench: Bench, mews: MewsStandIn) -> None:
    """Every free room at every rate is priced in one question, for the moments at which the service begins and ends."""
    bench.pms.offers(STAY)

    ((sent,),) = ([body["Reservations"] for body in asked(mews, "reservations/price")],)
    assert len(sent) == 4
    assert {(each["StartUtc"], each["EndUtc"]) for each in sent} == {("2026-12-30T14:00:00Z", "2027-01-02T11:00:00Z")}


@pytest.mark.parametrize(
    ("arrival", "starts", "ends"),
    [
        (date(2027, 3, 27), "2027-03-26T23:00:00Z", "2027-03-27T23:00:00Z"),
        (date(2027, 10, 30), "2027-10-29T22:00:00Z", "2027-10-30T22:00:00Z"),
    ],
)
def test_time_units_begin_at_the_hotels_midnight(
    bench: Bench, mews: MewsStandIn, arrival: date, starts: str, ends: str
) -> None:
    """Nights are asked for by where they begin, also around a change of the clocks."""
    bench.pms.offers(Stay(arrival=arrival, departure=arrival + timedelta(days=2), adults=2))

    (sent,) = asked(mews, "services/getAvailability")
    assert (sent["FirstTimeUnitStartUtc"], sent["LastTimeUnitStartUtc"]) == (starts, ends)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body | {"TimeUnitStartsUtc": body["TimeUnitStartsUtc"][:-1]},
        lambda body: body | {"TimeUnitStartsUtc": ["2026-12-29T23:00:00Z"] * 3},
        with_each("CategoryAvailabilities", lambda room: room.update(Availabilities=[1])),
        lambda body: body | {"CategoryAvailabilities": None},
    ],
)
def test_nights_that_were_not_asked_for_are_a_fault(bench: Bench, edited: Callable[..., None], change: Edit) -> None:
    """An answer about other nights than those of the stay is not taken for one about them."""
    edited("services/getAvailability", change)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


@pytest.mark.parametrize(
    "answer", [{"ReservationPrices": []}, {"ReservationPrices": [{"Identifier": "99", "TotalAmount": None}]}, {}, []]
)
def test_a_price_that_is_missing_is_not_offered(bench: Bench, edited: Callable[..., None], answer: Any) -> None:
    """Without a price there is no offer, and never one at another's price."""
    edited("reservations/price", lambda _: answer)

    try:
        offers = bench.pms.offers(STAY)
    except Unreachable:
        return
    assert offers == []


@pytest.mark.parametrize("gross", ["NaN", -1e12, "387,00", {}])
def test_an_amount_that_is_none_is_left_out(bench: Bench, edited: Callable[..., None], gross: Any) -> None:
    """A price that is no number makes no offer, or is told as Mews' fault."""
    edited(
        "reservations/price",
        with_each("ReservationPrices", lambda price: price["TotalAmount"].update(GrossValue=gross)),
    )

    try:
        offers = bench.pms.offers(STAY)
    except Unreachable:
        return
    assert offers == []


def test_prices_are_told_with_their_tax(bench: Bench) -> None:
    """The gross value is the total, and the sum of its taxes the part of it that is tax."""
    offer = bench.offered()

    assert (offer.total.cents, offer.taxes) == (38_700, Money(cents=2_532, currency="EUR"))


def test_the_citys_tax_is_in_the_total_throughout(workshop: Workshop) -> None:
    """What rules add is in an offer's price, in the reservation's and in what it is found at: all the same."""
    bench = workshop.bench("mews", house=House(city_tax_cents=250))
    order = bench.order()

    booked = bench.pms.book(order)

    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert order.offer.total.cents == booked.total.cents == found.total.cents == 38_700 + 250 * 2 * 3
    assert (order.offer.city_tax, booked.city_tax) == (None, None)


def test_what_a_rate_includes_is_told(bench: Bench) -> None:
    """A product that a rule adds to a rate is named in the words of the hotel's file."""
    told = {(offer.rate_plan, offer.includes) for offer in bench.pms.offers(STAY)}

    assert told == {("flexible", ("breakfast",)), ("saver", ())}


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"Origin": ("Connector", "Equals")}, True),
        ({"Origin": ("Connector", "NotEquals")}, False),
        ({"Origin": ("Distributor", "Equals")}, False),
        ({"RateGroupId": (id_of("group", "flexible"), "Equals")}, True),
        ({"RateGroupId": (id_of("group", "saver"), "Equals")}, False),
        ({"ResourceCategoryId": (id_of("room", "double"), "Equals")}, True),
        ({"ResourceCategoryId": (id_of("room", "double"), "NotEquals")}, False),
        ({"ResourceCategoryType": ("Room", "Equals")}, True),
        ({"ResourceCategoryType": ("Dorm", "Equals")}, False),
        ({"TravelAgencyId": (id_of("company", 1), "Equals")}, False),
        ({"TravelAgencyId": (id_of("company", 1), "NotEquals")}, True),
        ({"BusinessSegmentId": (id_of("segment", 1), "Equals")}, False),
        ({"MinimumTimeUnitCount": 3}, True),
        ({"MinimumTimeUnitCount": 4}, False),
        ({"MaximumTimeUnitCount": 3}, True),
        ({"MaximumTimeUnitCount": 2}, False),
        ({"Origin": ("Connector", "Equals"), "MaximumTimeUnitCount": 2}, False),
    ],
)
def test_a_rule_holds_where_all_its_conditions_do(
    bench: Bench, mews: MewsStandIn, conditions: dict[str, Any], holds: bool
) -> None:
    """A product comes with a stay only where every condition of a rule that adds it is met."""
    told = {
        name: {"Value": part[0], "ConditionType": part[1]} if isinstance(part, tuple) else part
        for name, part in conditions.items()
    }
    mews.rules = [(told, "Add", "breakfast")]

    assert bench.offered().includes == (("breakfast",) if holds else ())


def test_what_a_rule_deletes_is_not_included(bench: Bench, mews: MewsStandIn) -> None:
    """A product that one rule adds and another takes away again is not promised."""
    mews.rules.append(({"MinimumTimeUnitCount": 3}, "Delete", "breakfast"))

    assert bench.offered().includes == ()


def test_what_is_closed_is_not_offered(bench: Bench, mews: MewsStandIn) -> None:
    """A rate that is closed for arrivals on a day, and a room that is closed for a night, are not offered then."""
    day = {"StartUtc": "2026-12-29T23:00:00Z", "EndUtc": "2026-12-29T23:00:00Z"}
    mews.restrictions = [
        {"Conditions": {"Type": "Start", "ExactRateId": id_of("rate", "saver"), **day}},
        {"Conditions": {"Type": "Stay", "ResourceCategoryId": id_of("room", "suite"), **day}},
    ]

    assert [(offer.room_type, offer.rate_plan) for offer in bench.pms.offers(STAY)] == [("double", "flexible")]
    assert len(bench.pms.offers(moved(STAY, 1))) == 4
    assert len(bench.pms.offers(moved(STAY, -1))) == 2
    assert asked(mews, "restrictions/getAll")[0]["CollidingUtc"] == {
        "StartUtc": "2026-12-29T23:00:00Z",
        "EndUtc": "2027-01-02T23:00:00Z",
    }


def test_a_booking_that_was_closed_meanwhile_is_not_sent(bench: Bench, mews: MewsStandIn) -> None:
    """What the hotel has closed since the offer is sold out, and Mews is not asked to book it."""
    order = bench.order()
    mews.restrictions = [{"Conditions": {"Type": "Stay"}}]

    with pytest.raises(SoldOut):
        bench.pms.book(order)

    assert asked(mews, ADD) == []


def test_children_are_the_oldest_of_the_hotels(bench: Bench, mews: MewsStandIn) -> None:
    """How old a child is is not asked: of the hotel's ages the oldest is sent, and only ages that somebody has."""
    bench.pms.offers(STAY, "suite")
    bench.pms.offers(STAY.model_copy(update={"children": 1}), "suite")

    counts = [body["Reservations"][0]["PersonCounts"] for body in asked(mews, "reservations/price")]
    assert counts == [
        [{"AgeCategoryId": ADULTS, "Count": 2}],
        [{"AgeCategoryId": ADULTS, "Count": 2}, {"AgeCategoryId": CHILDREN, "Count": 1}],
    ]


def test_a_hotel_without_children_counts_adults(bench: Bench, mews: MewsStandIn, edited: Callable[..., None]) -> None:
    """Where Mews knows no children, a child is a guest like any other."""
    edited("ageCategories/getAll", lambda body: body | {"AgeCategories": body["AgeCategories"][:1]})

    bench.pms.offers(STAY.model_copy(update={"children": 1}), "suite")

    (sent,) = asked(mews, "reservations/price")
    assert sent["Reservations"][0]["PersonCounts"] == [{"AgeCategoryId": ADULTS, "Count": 3}]


@pytest.mark.parametrize(
    ("end", "change"),
    [
        ("services/getAll", with_each("Services", lambda one: one["Data"]["Value"].update(TimeUnitPeriod="Month"))),
        ("services/getAll", with_each("Services", lambda one: one["Data"]["Value"].update(StartOffset="noon"))),
        ("services/getAll", lambda body: body | {"Services": []}),
        ("ageCategories/getAll", lambda body: body | {"AgeCategories": []}),
    ],
)
def test_a_service_that_is_no_hotel_is_told(bench: Bench, edited: Callable[..., None], end: str, change: Edit) -> None:
    """A service that is not booked by the night, is not the enterprise's or has no adults offers nothing."""
    edited(end, change)

    with pytest.raises(Unreachable) as refused:
        bench.pms.offers(STAY)

    assert refused.value.vendor_code == "service"


@pytest.mark.parametrize(
    ("end", "change"),
    [
        ("rates/getAll", with_each("Rates", lambda rate: rate.update(IsEnabled=False))),
        ("rates/getAll", with_each("Rates", lambda rate: rate.update(IsActive=False))),
        ("resourceCategories/getAll", with_each("ResourceCategories", lambda room: room.update(IsActive=False))),
        ("resourceCategories/getAll", with_each("ResourceCategories", lambda room: room.update(Capacity=1))),
    ],
)
def test_what_is_switched_off_is_not_offered(bench: Bench, edited: Callable[..., None], end: str, change: Edit) -> None:
    """A rate or a room that the hotel has switched off, or that is too small, is not offered although it is mapped."""
    edited(end, change)

    assert bench.pms.offers(STAY) == []


def test_extra_beds_count(bench: Bench, mews: MewsStandIn) -> None:
    """A room sleeps as many as it has beds and extra beds, as far as the hotel's file lets it."""
    mews.categories["double"] = {"Capacity": 1, "ExtraCapacity": 1}

    assert bench.offered("double")
