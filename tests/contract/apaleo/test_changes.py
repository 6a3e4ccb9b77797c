"""Amendments at Apaleo: nights that keep their price, and what is not as it was wished."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotFound, NotPossible, SoldOut, Unreachable
from tests.contract.apaleo.scenes import FREE, LONGER, asked, booked, change_offered, changed
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import STAY, Bench

pytestmark = pytest.mark.contract


def test_a_change_is_sent_with_its_nights_and_hours(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Each night goes with the price that was offered; the arrival that stays keeps its hour."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)

    bench.pms.change(told.code, offer)

    night = {"ratePlanId": "AUR-FLEX-DBL", "totalGrossAmount": {"amount": 129.0, "currency": "EUR"}}
    assert asked(apaleo, "PUT", "/amend") == [
        {
            "arrival": "2026-12-30T17:00:00+01:00",
            "departure": "2027-01-03",
            "adults": 2,
            "childrenAges": [],
            "requote": False,
            "timeSlices": [night] * 4,
        }
    ]


def test_nights_that_were_booked_keep_their_price(bench: Bench) -> None:
    """A guest who stays longer pays today's price for the new night only."""
    told = booked(bench)
    bench.keeper.set_price("double", 20_000)

    offer = change_offered(bench, told, LONGER)

    assert offer.total.cents == 3 * 12_900 + 20_000
    assert bench.pms.change(told.code, offer).total == offer.total
    assert bench.house.reservations[0].night_cents == (12_900, 12_900, 12_900, 20_000)


def test_children_keep_their_ages(bench: Bench, apaleo: ApaleoStandIn, edited: Callable[..., None]) -> None:
    """A change asks and pays for the children who were booked, not for others of the age that is assumed."""
    stay = STAY.model_copy(update={"children": 1})
    told = booked(bench, room_type="suite", stay=stay)
    edited(told.code, changed(childrenAges=[3]))

    bench.pms.change(told.code, change_offered(bench, told, stay.model_copy(update={"departure": date(2027, 1, 3)})))

    assert [body["childrenAges"] for body in asked(apaleo, "PUT", "/amend")] == [[3]]
    assert {query["childrenAges"] for query in asked(apaleo, "GET", f"{told.code}/offers")} == {"3"}


def test_an_apaleo_that_keeps_its_own_price_is_told_as_offered(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Where a night's price in an amendment is ignored, the price offered is the one that Apaleo takes anyway."""
    apaleo.ignores_amounts = True
    told = booked(bench)
    bench.keeper.set_price("double", 20_000)
    offer = change_offered(bench, told, LONGER)

    assert bench.pms.change(told.code, offer).total == offer.total


def test_a_change_at_another_price_is_in_doubt(
    bench: Bench, apaleo: ApaleoStandIn, edited: Callable[..., None]
) -> None:
    """A change that was done at a price that nobody was told is a human's."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    apaleo.ignores_amounts = True

    def dearer(body: Any) -> Any:
        bench.keeper.set_price("double", 20_000)
        return body

    edited("/offers", dearer)

    with pytest.raises(InDoubt):
        bench.pms.change(told.code, offer)


def test_extras_are_changed_by_a_human(bench: Bench, edited: Callable[..., None]) -> None:
    """Extras have days and prices of their own: such a stay is told and cancelled, and not moved by phone."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited(told.code, changed(services=[{"service": {"id": "AUR-PARK"}}]))

    with pytest.raises(NotPossible):
        bench.pms.change_offers(told, LONGER)
    with pytest.raises(NotPossible):
        bench.pms.change(told.code, offer)

    assert bench.house.reservations[0].departure == STAY.departure
    assert bench.pms.cancellation_fee(told) == FREE


def test_a_night_that_is_gone_meanwhile_is_sold_out(bench: Bench, edited: Callable[..., None]) -> None:
    """A change that is refused because the night went to somebody else is sold out, and the stay stands."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)

    def take(body: Any) -> Any:
        bench.keeper.fill("double", [STAY.departure])
        return body

    edited("/offers", take)

    with pytest.raises(SoldOut) as refused:
        bench.pms.change(told.code, offer)

    assert refused.value.vendor_code == "422"
    assert bench.house.reservations[0].departure == STAY.departure


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (422, NotPossible), (403, Unreachable)])
def test_what_apaleo_does_not_change_stays(
    bench: Bench, edited: Callable[..., None], status: int, error: type[Exception]
) -> None:
    """A change that is refused although it was offered has changed nothing, and is told for what it is."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited("/amend", lambda _: {"messages": ["no"]}, method="PUT", status=status, instead=True)

    with pytest.raises(error):
        bench.pms.change(told.code, offer)

    assert bench.house.reservations[0].departure == STAY.departure


def test_a_change_that_is_not_what_was_wished_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Apaleo says that it is done and tells the old stay: nobody is told that it worked."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited("/amend", lambda _: None, method="PUT", status=204, instead=True)

    with pytest.raises(InDoubt):
        bench.pms.change(told.code, offer)
