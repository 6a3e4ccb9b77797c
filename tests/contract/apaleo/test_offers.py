"""Apaleo's offers: its rate plans for each room, its nights, taxes and fees, and what is no price."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.money import Money
from tests.contract.apaleo.scenes import BOOKINGS, OFFERS, asked, connected, with_offers
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.apaleo_told import PROPERTY
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.edited import Edited
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract


def test_a_stay_is_asked_for_as_apaleo_writes_it(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Lists are written with commas, rooms too small are not asked for, and no ages without children."""
    bench.pms.offers(STAY)

    assert asked(apaleo, "GET", OFFERS) == [
        {
            "propertyId": PROPERTY,
            "arrival": "2026-12-30",
            "departure": "2027-01-02",
            "adults": "2",
            "channelCode": "Direct",
            "unitGroupIds": "AUR-DBL,AUR-JST",
        }
    ]


@pytest.mark.parametrize(("options", "ages"), [({}, "10,10"), ({"child_age": "4"}, "4,4")])
def test_children_count_as_old_as_the_file_says(
    bench: Bench, apaleo: ApaleoStandIn, options: dict[str, str], ages: str
) -> None:
    """Apaleo prices children by age: all count as ten, or as old as the hotel's file says."""
    pms = connected(bench, options=options)

    assert pms.offers(STAY.model_copy(update={"children": 2}))
    assert [query["childrenAges"] for query in asked(apaleo, "GET", OFFERS)] == [ages]


def test_a_channel_is_the_files(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Rates are those of the channel as which the hotel sells by phone, in offers and bookings."""
    pms = connected(bench, options={"channel": "Ibe"})
    offer = next(offer for offer in pms.offers(STAY, "double") if offer.rate_plan == "flexible")
    pms.book(replace(bench.order(), offer=offer))

    assert {query["channelCode"] for query in asked(apaleo, "GET", OFFERS)} >= {"Ibe"}
    assert asked(apaleo, "POST", BOOKINGS)[0]["reservations"][0]["channelCode"] == "Ibe"


def test_a_room_that_apaleo_lacks_hides_no_other(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A filter that Apaleo refuses is left away, once."""
    pms = connected(bench, rooms={**bench.hotel.pms.rooms, "suite": "AUR-NONE"})

    assert {offer.room_type for offer in pms.offers(STAY)} == {"double"}
    assert ["unitGroupIds" in query for query in asked(apaleo, "GET", OFFERS)] == [True, False]


def test_what_apaleo_refuses_to_offer_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A question that is refused with and without a filter is a fault, not a full hotel."""
    edited(OFFERS, lambda _: {"messages": ["no"]}, status=422, instead=True)

    with pytest.raises(Unreachable) as refused:
        bench.pms.offers(STAY)

    assert refused.value.vendor_code == "422"
    assert "no" not in str(refused.value).split()


@pytest.mark.parametrize(
    "plan",
    [
        {"id": "AUR-FLEX_{room}", "code": "FLEX_{room}"},
        {"id": "AUR-FLEX-{room}", "code": "FLEX-{room}"},
        {"id": "AUR-FLEX-{room}"},
        {"id": "AUR-FLEX_{room}", "code": None},
    ],
)
def test_a_rate_is_known_by_its_code_for_every_room(
    bench: Bench, edited: Callable[..., None], plan: dict[str, str | None]
) -> None:
    """A rate has a plan for each room: whether or not the plan's code ends with the room's, it is the file's rate."""

    def written(offer: dict[str, Any]) -> None:
        if offer["ratePlan"]["code"] == "FLEX":
            room = offer["unitGroup"]["code"]
            offer["ratePlan"] = {name: text and text.format(room=room) for name, text in plan.items()}

    edited(OFFERS, with_offers(written))

    rates = [(offer.room_type, offer.rate_plan) for offer in bench.pms.offers(STAY)]
    assert set(rates) == {(room, rate) for room in ("double", "suite") for rate in ("flexible", "saver")}


def test_a_file_may_map_a_plans_whole_code(bench: Bench, edited: Callable[..., None]) -> None:
    """A plan whose code the file has as it stands is that rate, though it looks like another's for this room."""
    pms = connected(bench, rates={"flexible": "FLEX", "saver": "FLEX_DBL"})

    def written(offer: dict[str, Any]) -> None:
        if offer["ratePlan"]["code"] == "NONREF":
            offer["ratePlan"] |= {"code": f"FLEX_{offer['unitGroup']['code']}"}

    edited(OFFERS, with_offers(written))

    assert {offer.rate_plan for offer in pms.offers(STAY, "double")} == {"flexible", "saver"}


def test_a_room_at_a_rate_is_offered_once(bench: Bench, edited: Callable[..., None]) -> None:
    """Of two plans that are the same rate to the hotel's file, the cheaper one is told."""

    def same(offer: dict[str, Any]) -> None:
        offer["ratePlan"]["code"] = "FLEX"

    edited(OFFERS, with_offers(same))

    assert [(offer.rate_plan, offer.total.cents) for offer in bench.pms.offers(STAY, "double")] == [
        ("flexible", 34_830)
    ]


def test_what_is_included_is_told_once(bench: Bench) -> None:
    """An extra that each night includes is named once."""
    assert bench.offered().includes == ("breakfast",)
    assert bench.offered(rate="saver").includes == ()


def _service(offer: dict[str, Any]) -> None:
    offer["services"] = [{"totalAmount": {"grossAmount": 30.0, "netAmount": 25.21, "currency": "EUR"}}]
    offer["totalGrossAmount"]["amount"] += 30


def _no_fee(offer: dict[str, Any]) -> None:
    offer["fees"] = [{"id": "F", "totalAmount": {"grossAmount": 0, "currency": "EUR"}}]


def _nulls(offer: dict[str, Any]) -> None:
    offer |= {"services": None, "fees": None, "validationMessages": None, "cityTaxes": None}


def _texts(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] = str(offer["totalGrossAmount"]["amount"])


@pytest.mark.parametrize(("change", "more"), [(_service, 3_000), (_no_fee, 0), (_nulls, 0), (_texts, 0)])
def test_a_price_with_all_its_parts_is_told(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None], more: int
) -> None:
    """Services that cannot be left out are in the total; what is null or nothing changes nothing."""
    edited(OFFERS, with_offers(change))

    assert bench.offered().total.cents == 38_700 + more


def _fee(offer: dict[str, Any]) -> None:
    offer["fees"] = [{"id": "F", "totalAmount": {"grossAmount": 15.0, "currency": "EUR"}}]


def _other_sum(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] += 1


def _a_night_less(offer: dict[str, Any]) -> None:
    offer["timeSlices"].pop()


def _two_nights_in_one(offer: dict[str, Any]) -> None:
    last = offer["timeSlices"].pop()
    offer["timeSlices"][-1]["totalGrossAmount"]["amount"] += last["totalGrossAmount"]["amount"]


def _no_amount(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] = "free"


def _dollars(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["currency"] = "USD"


def _city_in_dollars(offer: dict[str, Any]) -> None:
    offer["cityTaxes"] = [{"totalGrossAmount": {"amount": 5, "currency": "USD"}}]


def _not_bookable(offer: dict[str, Any]) -> None:
    offer["validationMessages"] = [{"category": "OfferNotAvailable", "code": "RatePlanRestrictionsViolated"}]


def _none_left(offer: dict[str, Any]) -> None:
    offer["availableUnits"] = 0


@pytest.mark.parametrize(
    "change",
    [
        _fee,
        _other_sum,
        _a_night_less,
        _two_nights_in_one,
        _no_amount,
        _dollars,
        _city_in_dollars,
        _not_bookable,
        _none_left,
    ],
)
def test_what_cannot_be_booked_as_told_is_not_offered(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """An offer whose price is not certain, or that cannot be booked, is left out, and no other with it."""

    def of_doubles(offer: dict[str, Any]) -> None:
        if offer["unitGroup"]["code"] == "DBL":
            change(offer)

    edited(OFFERS, with_offers(of_doubles))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"suite"}


def test_the_city_tax_is_told_apart_in_both_forms(workshop: Workshop) -> None:
    """What the city takes is on top, whether Apaleo tells it by tax or, as it used to, in one amount."""
    bench = workshop.bench("apaleo", house=House(city_tax_cents=250))
    stand_in = cast("ApaleoStandIn", bench.vendor)
    by_tax = bench.offered()

    def in_one(offer: dict[str, Any]) -> None:
        offer.pop("cityTaxes")
        offer["cityTax"] = {"grossAmount": 15.0, "netAmount": 14.02, "vatType": "Reduced", "currency": "EUR"}

    workshop.switch.app = Edited(stand_in.app, OFFERS, with_offers(in_one))

    assert (by_tax.total.cents, by_tax.city_tax) == (38_700, Money(cents=1_500, currency="EUR"))
    assert bench.offered() == by_tax


@pytest.mark.parametrize("details", [[], [{"tax": {"amount": 1, "currency": "USD"}}], None])
def test_taxes_that_are_not_told_are_not_made_up(bench: Bench, edited: Callable[..., None], details: Any) -> None:
    """Where Apaleo breaks no tax down, the total stands alone."""
    edited(OFFERS, with_offers(lambda offer: offer.update(taxDetails=details)))

    offer = bench.offered()
    assert (offer.total.cents, offer.taxes) == (38_700, None)


@pytest.mark.parametrize("body", [{"offers": [{"totalGrossAmount": 5}]}, {"offers": {}}, [], "closed", 5])
def test_an_answer_of_another_shape_is_no_offer(bench: Bench, edited: Callable[..., None], body: Any) -> None:
    """What is not as Apaleo documents it is a fault of the system, never a price."""
    edited(OFFERS, lambda _: body)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)
