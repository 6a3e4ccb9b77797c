"""Cloudbeds' rates, restrictions, taxes and add-ons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from lambdas.shared.domain.errors import Unreachable
from tests.contract.cloudbeds.scenes import asked
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.cloudbeds_asked import PROPERTY
from tests.contract.vendors.edited import Edit
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract


def rates(edit: Callable[[dict[str, Any]], object], room: str = "420102") -> Edit:
    """Edits the rates of a room type, the double unless told otherwise."""

    def edit_all(body: Any) -> Any:
        for rate in body["data"]:
            if rate["roomTypeID"] == room:
                edit(rate)
        return body

    return edit_all


def night(number: int, **changed: object) -> Callable[[dict[str, Any]], object]:
    return lambda rate: rate["roomRateDetailed"][number].update(changed)


def leaving(rate: dict[str, Any]) -> None:
    last = rate["roomRateDetailed"][-1]
    rate["roomRateDetailed"].append({**last, "date": STAY.departure.isoformat(), "closedToDeparture": True})


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(night(0, closedToArrival=True), id="closed to arrival"),
        pytest.param(leaving, id="closed to departure"),
        pytest.param(night(1, blocked=True), id="blocked"),
        pytest.param(night(1, minLos=4), id="too short"),
        pytest.param(night(0, maxLos=2), id="too long"),
        pytest.param(night(2, roomsAvailable=0), id="full"),
        pytest.param(night(2, totalRate=0), id="no price"),
        pytest.param(night(2, totalRate=None), id="null"),
        pytest.param(night(2, totalRate="cheap"), id="no number"),
        pytest.param(night(2, totalRate=1e12), id="absurd"),
        pytest.param(lambda rate: rate["roomRateDetailed"].pop(), id="a night missing"),
        pytest.param(lambda rate: rate.update(promoCode="SECRET"), id="promotional"),
        pytest.param(lambda rate: rate.update(roomTypeID=None), id="of no room"),
    ],
)
def test_what_is_not_to_be_had_is_not_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """A rate that is closed, or whose price is not certain, for any night is left out; the others are offered."""
    edited("getRatePlans", rates(edit))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"suite"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(night(1, closedToArrival=True), id="only other arrivals are closed"),
        pytest.param(night(1, closedToDeparture=True), id="only other departures are closed"),
        pytest.param(night(0, minLos=3, maxLos=3), id="just as long"),
        pytest.param(night(0, totalRate="129.00"), id="an amount as text"),
        pytest.param(night(0, date="2026-12-30 00:00:00"), id="a moment for a day"),
        pytest.param(lambda rate: rate.update(roomTypeName=7), id="the document's slip"),
    ],
)
def test_what_is_to_be_had_is_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """Restrictions that are about other days or lengths do not hide a rate."""
    edited("getRatePlans", rates(edit))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"double", "suite"}


def test_only_what_cloudbeds_lists_as_free_is_offered(bench: Bench, edited: Callable[..., None]) -> None:
    """A rate that the list of free rooms leaves out is not offered, whatever its nights say."""

    def without_savers(body: Any) -> Any:
        rooms = body["data"][0]["propertyRooms"]
        body["data"][0]["propertyRooms"] = [room for room in rooms if room["ratePlanNamePublic"] != "Saver"]
        return body

    edited("getAvailableRoomTypes", without_savers)

    assert {offer.rate_plan for offer in bench.pms.offers(STAY)} == {"flexible"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda found: found.update(propertyCurrency=found["propertyCurrency"][0]), id="an object"),
        pytest.param(lambda found: found.pop("propertyID"), id="no id"),
        pytest.param(lambda found: found.update(propertyID=int(PROPERTY)), id="a number as id"),
    ],
)
def test_free_rooms_are_read_as_they_come(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """The currency as real hotels answer it, not as the document has it, and ids of any type are understood."""
    edited("getAvailableRoomTypes", lambda body: (edit(body["data"][0]), body)[1])

    assert len(bench.pms.offers(STAY)) == 4


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda found: found.update(propertyID="1"), id="another hotel's"),
        pytest.param(lambda found: found.pop("propertyCurrency"), id="no currency"),
        pytest.param(lambda found: found.update(propertyCurrency=[]), id="an empty currency"),
    ],
)
def test_rooms_of_an_unknown_price_are_not_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """Without the currency, or of another hotel, nothing is offered."""
    edited("getAvailableRoomTypes", lambda body: (edit(body["data"][0]), body)[1])

    assert bench.pms.offers(STAY) == []


def test_the_base_rate_is_named_base(bench: Bench) -> None:
    """The rate that every room has and that is no plan is mapped by that word; without it, it is not offered."""
    rates = {name: code for name, code in bench.hotel.pms.rates.items() if code != "base"}
    pms = bench.hotel.pms.model_copy(update={"rates": rates})
    bench.hotel = bench.hotel.model_copy(update={"pms": pms})

    assert bench.pms.describe().rates["base"]
    assert {offer.rate_plan for offer in bench.renewed().offers(STAY)} == {"saver"}


def test_a_price_with_everything_in_it_is_not_asked_for(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Where every tax stands in the rates already, three questions make all offers."""
    offers = bench.pms.offers(STAY)

    assert [offer.taxes for offer in offers] == [None] * 4
    assert len(cloudbeds.seen) == 3


def test_what_comes_on_top_is_asked_for_each_price(workshop: Workshop) -> None:
    """Where a tax comes on top, every different price is asked for once, with the people it counts."""
    bench = workshop.bench("cloudbeds", house=House(city_tax_cents=250))
    cloudbeds = cast("CloudbedsStandIn", bench.vendor)

    offers = bench.pms.offers(STAY)

    assert [offer.total.cents for offer in offers] == [36_330, 40_200, 60_630, 67_200]
    assert [offer.taxes and offer.taxes.cents for offer in offers] == [3_779, 4_032, 5_368, 5_798]
    questions = asked(cloudbeds, "getRoomsFeesAndTaxes")
    assert {question["roomsTotal"] for question in questions} == {"348.30", "387.00", "591.30", "657.00"}
    assert {(question["adultsPerRoom"], question["childrenPerRoom"]) for question in questions} == {("2", "0")}


def test_a_tax_that_was_deleted_is_not_on_top(bench: Bench, edited: Callable[..., None]) -> None:
    """What the hotel does not levy any more costs no question."""

    def deleted(body: Any) -> Any:
        return {**body, "data": [{**body["data"][0], "inclusiveOrExclusive": "exclusive", "isDeleted": True}]}

    edited("getTaxesAndFees", deleted)

    assert {offer.taxes for offer in bench.pms.offers(STAY)} == {None}


@pytest.mark.parametrize("total", ["much", 1e12, None])
def test_a_price_that_is_none_is_not_told(
    workshop: Workshop, bench: Bench, edited: Callable[..., None], total: object
) -> None:
    """A total that cannot be is no price."""
    bench.house.city_tax_cents = 250
    edited("getRoomsFeesAndTaxes", lambda body: {**body, "data": {**body["data"], "grandTotal": total}})

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def test_add_ons_are_what_a_rate_includes(bench: Bench) -> None:
    """A rate with breakfast is offered with it, by the hotel's word."""
    offers = bench.pms.offers(STAY, "double")

    assert {offer.rate_plan: offer.includes for offer in offers} == {"flexible": ("breakfast",), "saver": ()}
    assert bench.pms.describe().extras == {"8801": "Breakfast"}


def test_rooms_are_described_to_the_last_page(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A list that does not tell its length is read until nothing new comes."""
    cloudbeds.most_records = 2

    assert len(bench.pms.describe().rooms) == 3


def test_a_list_that_turns_no_page_ends(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that repeats its first page is not read for ever."""
    rooms = [{"roomTypeID": "1", "roomTypeName": "Attic"}]
    edited("getRoomTypes", lambda body: {**body, "data": rooms})

    assert bench.pms.describe().rooms == {"1": "Attic"}
