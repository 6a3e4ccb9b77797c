"""OPERA's offers: only what can be booked as it is told, at a price that is certain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, Final

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from tests.contract.oracle_ohip.talk import booked, connected, with_rooms
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.house import House
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn

pytestmark = pytest.mark.contract


def test_offers_come_in_pages(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Rooms and rates on further pages are offered too."""
    opera.most_records = 1

    assert len(bench.pms.offers(STAY)) == 4


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """An answer that always has one page more is not followed for ever."""

    def endless(body: Any) -> Any:
        body["hotelAvailability"][0] |= {"hasMore": True, "pagingKey": "0"}
        return body

    edited("/availability", endless)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def _suppressed(room: dict[str, Any]) -> None:
    room["suppressRate"] = True


def _restricted(room: dict[str, Any]) -> None:
    room["availability"] = "RestrictedDueToInventory"


def _none_left(room: dict[str, Any]) -> None:
    room["numberOfUnits"] = 0


def _without_tax(room: dict[str, Any]) -> None:
    room["taxIncluded"] = False
    room["total"].pop("amountAfterTax")


def _other_sum(room: dict[str, Any]) -> None:
    room["rates"]["rate"][0]["base"]["amountBeforeTax"] += 1


def _gap(room: dict[str, Any]) -> None:
    room["rates"]["rate"][0]["end"] = "2026-12-31"


def _no_amount(room: dict[str, Any]) -> None:
    room["total"]["amountAfterTax"] = "free"


def _no_nights(room: dict[str, Any]) -> None:
    room.pop("rates")


@pytest.mark.parametrize(
    "change", [_suppressed, _restricted, _none_left, _without_tax, _other_sum, _gap, _no_amount, _no_nights]
)
def test_what_cannot_be_booked_as_told_is_not_offered(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """A rate that is closed or secret, or whose price with tax or by night is not certain, is left out."""
    edited("/availability", with_rooms(change))

    assert bench.pms.offers(STAY) == []


def test_a_price_with_the_tax_inside_is_the_price(bench: Bench, edited: Callable[..., None]) -> None:
    """Where OPERA tells no total after tax, a rate that has the tax in it still has its price."""
    edited("/availability", with_rooms(lambda room: room.update(total={"currencyCode": "EUR"})))

    assert [offer.total.cents for offer in bench.pms.offers(STAY, "double")] == [34_830, 38_700]


def test_a_tax_on_top_is_in_the_total(bench: Bench, edited: Callable[..., None]) -> None:
    """A tax that is not inside the rate is added where OPERA tells no total after tax: the guest hears what is paid."""
    on_top = {"code": "RESORT", "type": "Exclusive", "amount": 30, "currencyCode": "EUR"}
    edited(
        "/availability",
        with_rooms(lambda room: room.update(total={"currencyCode": "EUR", "taxes": {"tax": [on_top]}})),
    )

    assert [offer.total.cents for offer in bench.pms.offers(STAY, "double")] == [37_830, 41_700]


def test_nights_that_are_told_to_the_morning_after_are_understood(bench: Bench, edited: Callable[..., None]) -> None:
    """Spans of nights may end on their last evening or the morning after; Oracle's examples have both."""
    bench.house.set_price("double", 20_000, night=date(2026, 12, 31))

    def to_the_morning(room: dict[str, Any]) -> None:
        for span in room["rates"]["rate"]:
            span["end"] = (date.fromisoformat(span["end"]) + timedelta(days=1)).isoformat()

    edited("/availability", with_rooms(to_the_morning))

    told = booked(bench)

    assert told.total.cents == 12_900 + 20_000 + 12_900
    assert bench.house.reservations[0].night_cents == (12_900, 20_000, 12_900)


def test_prices_of_thirds_add_up(bench: Bench, edited: Callable[..., None]) -> None:
    """Nightly amounts with more than two decimals are summed before they are rounded."""

    def thirds(room: dict[str, Any]) -> None:
        room["total"] |= {"amountAfterTax": 350.0, "taxes": {"tax": []}}
        for span in room["rates"]["rate"]:
            span["base"]["amountBeforeTax"] = 116.66667

    edited("/availability", with_rooms(thirds))

    assert {offer.total.cents for offer in bench.pms.offers(STAY)} == {35_000}


def test_the_city_tax_is_a_code_of_the_hotels(workshop: Workshop) -> None:
    """The tax that the file names is told apart and on top; without that it is a part of the price."""
    bench = workshop.bench("oracle_ohip", house=House(city_tax_cents=250))
    plain = {name: code for name, code in bench.hotel.pms.options.items() if name != "city_tax"}

    apart = bench.offered()
    inside = next(
        offer for offer in connected(bench, options=plain).offers(STAY, "double") if offer.rate_plan == "flexible"
    )

    assert (apart.total.cents, apart.city_tax) == (38_700, Money(cents=1_500, currency="EUR"))
    assert (inside.total.cents, inside.city_tax) == (40_200, None)


OTHERWISE: Final[list[Any]] = [
    {"hotelAvailability": [{"roomStays": [{"roomRates": [{"total": 5}]}]}]},
    {"hotelAvailability": {}},
    [],
    "closed",
    5,
]


@pytest.mark.parametrize("body", OTHERWISE)
def test_an_answer_of_another_shape_is_no_offer(bench: Bench, edited: Callable[..., None], body: Any) -> None:
    """What is not as Oracle documents it is a fault of the system, never a price."""
    edited("/availability", lambda _: body)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def test_a_stay_of_thirty_nights_is_one_question(bench: Bench, opera: OracleOhipStandIn) -> None:
    """The longest stay by phone is inside the ninety days that OPERA answers at once."""
    stay = Stay(arrival=STAY.arrival, departure=STAY.arrival + timedelta(days=30), adults=2)

    assert bench.pms.offers(stay)
    assert len([seen for seen in opera.seen if seen.path.endswith("/availability")]) == 1
