"""What every connector promises of the hotel it describes and of the offers it makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from tests.contract.vendors.benches import STAY, Bench, moved
from tests.contract.vendors.house import STANDARD_RATES, STANDARD_ROOMS, House, RatePlanKind, RoomKind

pytestmark = pytest.mark.contract


CABIN = RoomKind("cabin", "Garden cabin", count=1, sleeps=2, night_cents=9900)
STAFF = RatePlanKind("staff", "Staff", factor_percent=10, cancellation="flexible")


def totals(bench: Bench, stay: Stay = STAY, room_type: str | None = None) -> list[tuple[str, str]]:
    """The offers at the full rate, in the order in which they are made."""
    offers = bench.pms.offers(stay, room_type)
    return [(offer.room_type, str(offer.total)) for offer in offers if offer.rate_plan in (None, "flexible")]


def test_the_hotel_is_described(vendor: Bench) -> None:
    """The system's own rooms and rates are told by code, with its words for them, to compare the hotel's file with."""
    found = vendor.pms.describe()

    assert found.title
    assert set(vendor.hotel.pms.rooms.values()) <= set(found.rooms)
    assert set(vendor.hotel.pms.rates.values()) <= set(found.rates)
    assert all([*found.rooms.values(), *found.rates.values()])
    assert found.currency in (None, "EUR")
    assert found.timezone in (None, "Europe/Berlin")


def test_the_description_tells_what_the_file_leaves_out(opened: Callable[..., Bench]) -> None:
    """A room or a rate that the file does not map is described all the same, so that it can be found missing."""
    bench = opened(house=House(rooms=(*STANDARD_ROOMS, CABIN), rates=(*STANDARD_RATES, STAFF)))

    found = bench.pms.describe()

    assert bench.vendor.codes.rooms["cabin"] in found.rooms
    assert bench.vendor.codes.rates["staff"] in found.rates


def test_free_rooms_are_offered_at_their_totals(bench: Bench) -> None:
    """Every room that sleeps the party is offered for all nights together, the cheapest first."""
    assert totals(bench) == [("double", "387.00 EUR"), ("suite", "657.00 EUR")]


def test_each_rate_is_an_offer_of_its_own(vendor: Bench) -> None:
    """A room at two rates is two offers, the cheapest first over all of them."""
    offers = vendor.pms.offers(STAY)

    assert [(offer.room_type, offer.rate_plan, offer.total.cents) for offer in offers] == [
        ("double", "saver", 34830),
        ("double", "flexible", 38700),
        ("suite", "saver", 59130),
        ("suite", "flexible", 65700),
    ]


def test_only_the_room_asked_for_is_offered(bench: Bench) -> None:
    """Whoever asks for a suite hears of suites."""
    assert totals(bench, room_type="suite") == [("suite", "657.00 EUR")]


def test_a_room_the_hotel_does_not_have_is_not_offered(bench: Bench) -> None:
    """A room type that the file does not map gives no offers, and no other room instead."""
    assert bench.pms.offers(STAY, "penthouse") == []


@pytest.mark.parametrize(
    ("adults", "children", "rooms"),
    [(1, 0, ["single", "double", "suite"]), (2, 0, ["double", "suite"]), (3, 0, ["suite"]), (5, 0, [])],
)
def test_a_party_is_offered_rooms_that_sleep_it(bench: Bench, adults: int, children: int, rooms: list[str]) -> None:
    """A room that sleeps fewer is not offered."""
    stay = STAY.model_copy(update={"adults": adults, "children": children})

    assert [room for room, _ in totals(bench, stay)] == rooms


@pytest.mark.parametrize(("adults", "children", "rooms"), [(1, 1, ["double", "suite"]), (2, 2, ["suite"]), (2, 3, [])])
def test_children_need_beds_too(bench: Bench, adults: int, children: int, rooms: list[str]) -> None:
    """Children count among those a room must sleep."""
    stay = STAY.model_copy(update={"adults": adults, "children": children})

    assert [room for room, _ in totals(bench, stay)] == rooms


def test_a_full_room_is_not_offered(bench: Bench) -> None:
    """Where every such room is taken, the others are still offered."""
    bench.keeper.fill("double", STAY.evenings)

    assert totals(bench) == [("suite", "657.00 EUR")]


def test_a_full_hotel_offers_nothing(bench: Bench) -> None:
    """A hotel without a free room gives an empty list and no error."""
    for room in ("single", "double", "suite"):
        bench.keeper.fill(room, STAY.evenings)

    assert bench.pms.offers(STAY) == []


@pytest.mark.parametrize("night", [0, 1, 2])
def test_one_full_night_is_enough(bench: Bench, night: int) -> None:
    """A stay needs a room on every night: the first, one in the middle, and the last."""
    bench.keeper.fill("suite", [STAY.evenings[night]])

    assert totals(bench, room_type="suite") == []


def test_nights_beside_a_full_one_are_free(bench: Bench) -> None:
    """A night that is full does not touch the one before and the one after."""
    bench.keeper.fill("suite", [date(2026, 12, 31)])
    before = Stay(arrival=date(2026, 12, 30), departure=date(2026, 12, 31), adults=2)
    after = Stay(arrival=date(2027, 1, 1), departure=date(2027, 1, 2), adults=2)

    assert totals(bench, before, "suite") == totals(bench, after, "suite") == [("suite", "219.00 EUR")]


def test_the_day_of_departure_is_no_night(bench: Bench) -> None:
    """A hotel that is full from the departure on still has the nights before it."""
    bench.keeper.fill("suite", [STAY.departure])

    assert totals(bench, room_type="suite") == [("suite", "657.00 EUR")]


def test_a_new_price_is_told_at_the_next_question(bench: Bench) -> None:
    """No price is remembered: what costs more since the last question is offered at that."""
    bench.pms.offers(STAY)
    bench.keeper.set_price("double", 15_050)

    assert totals(bench, room_type="double") == [("double", "451.50 EUR")]


def test_nights_at_different_prices_add_up(vendor: Bench) -> None:
    """A total is the sum of its nights to the cent, whatever each costs."""
    for evening, cents in zip(STAY.evenings, (10_001, 20_007, 33_333), strict=True):
        vendor.house.set_price("double", cents, night=evening)

    assert totals(vendor, room_type="double") == [("double", "633.41 EUR")]


@pytest.mark.parametrize("nights", [1, 30])
def test_short_and_long_stays_are_priced(bench: Bench, nights: int) -> None:
    """One night and the longest stay that is taken by phone have their totals."""
    stay = Stay(arrival=STAY.arrival, departure=STAY.arrival + timedelta(days=nights), adults=2)

    assert bench.offered(stay=stay).total == Money(cents=12_900 * nights, currency="EUR")


@pytest.mark.parametrize(
    ("arrival", "nights"), [(date(2027, 3, 27), 2), (date(2027, 10, 30), 2), (date(2028, 2, 28), 2)]
)
def test_nights_are_the_hotels_dates(bench: Bench, arrival: date, nights: int) -> None:
    """A stay over a change of the clocks or a leap day has its nights, no more and no fewer."""
    stay = Stay(arrival=arrival, departure=arrival + timedelta(days=nights), adults=2)
    bench.keeper.fill("suite", [arrival - timedelta(days=1), stay.departure])

    assert totals(bench, stay, "suite") == [("suite", f"{219 * nights}.00 EUR")]


def test_an_offer_is_for_the_stay_asked(bench: Bench) -> None:
    """Dates, adults and children of an offer are those that were asked for."""
    stay = Stay(arrival=date(2026, 12, 5), departure=date(2026, 12, 6), adults=1, children=1)

    assert {offer.stay for offer in bench.pms.offers(stay)} == {stay}


def test_offers_speak_the_files_words(bench: Bench) -> None:
    """Rooms and rates are called as the hotel's file calls them, not as the system does."""
    for offer in bench.pms.offers(STAY):
        assert offer.room == bench.hotel.rooms[offer.room_type].title
        assert offer.rate == (bench.hotel.rates[offer.rate_plan].title if offer.rate_plan else None)


def test_asking_changes_nothing(bench: Bench) -> None:
    """Offers are asked for as often as one likes: they stay the same and nothing is kept of it."""
    assert bench.pms.offers(STAY) == bench.pms.offers(STAY)
    assert bench.keeper.stays() == []


def test_taxes_are_a_part_of_the_total(bench: Bench) -> None:
    """Where the system tells the tax, it is the part of the total that is tax, and the total stays whole."""
    for offer in bench.pms.offers(STAY):
        assert offer.taxes is None or 0 <= offer.taxes.cents < offer.total.cents
        if offer.taxes and offer.taxes.cents:
            assert abs(offer.taxes.cents - offer.total.cents * 7 / 107) <= STAY.nights


def test_city_tax_is_told_apart_or_included(opened: Callable[..., Bench]) -> None:
    """What the city takes is on top and named, or inside the total: never left out, never counted twice."""
    bench = opened(house=House(city_tax_cents=250))

    offer = bench.offered()

    city = 250 * STAY.adults * STAY.nights
    assert (offer.total.cents, offer.city_tax and offer.city_tax.cents) in [
        (38_700, city),
        (38_700 + city, None),
        (38_700 + city, 0),
    ]


def test_only_mapped_extras_are_named(opened: Callable[..., Bench]) -> None:
    """What a rate includes is told in the file's words; what the file does not map is not told."""
    bench = opened()
    unmapped = opened(extras={})

    assert {included for offer in bench.pms.offers(STAY) for included in offer.includes} <= {"breakfast"}
    assert {included for offer in unmapped.pms.offers(STAY) for included in offer.includes} == set()


def test_only_mapped_rooms_and_rates_are_offered(opened: Callable[..., Bench]) -> None:
    """A room that the hotel's file does not map is never offered, nor a rate, such as one for its own staff."""
    bench = opened(house=House(rooms=(*STANDARD_ROOMS, CABIN), rates=(*STANDARD_RATES, STAFF)))

    offers = bench.pms.offers(STAY)

    assert {offer.room_type for offer in offers} == {"double", "suite"}
    assert {offer.rate_plan for offer in offers} == {"flexible", "saver"}
    assert bench.pms.offers(STAY, "cabin") == []


def test_a_code_the_system_lacks_hides_nothing(opened: Callable[..., Bench]) -> None:
    """A mapped room that the system does not know is not described and not offered; the others are."""
    whole = opened()
    known = next(iter(whole.hotel.pms.rooms.values()))
    wrong = "0" * len(known) if known.isdigit() else known[:-1] + ("0" if known[-1] != "0" else "1")

    bench = opened(rooms={**whole.hotel.pms.rooms, "single": wrong})

    assert wrong not in bench.pms.describe().rooms
    assert [room for room, _ in totals(bench)] == ["double", "suite"]


def test_another_currency_is_not_offered(opened: Callable[..., Bench]) -> None:
    """Prices in a currency that is not the hotel's are not told as if they were."""
    bench = opened(house=House(currency="CHF"))

    assert bench.pms.offers(STAY) == []


def test_what_others_take_is_gone(bench: Bench) -> None:
    """A room taken at the front desk is not offered any more, for its nights and no others."""
    bench.keeper.walk_in("suite", STAY, bench.order().guest)

    assert totals(bench, room_type="suite") == []
    assert totals(bench, moved(STAY, STAY.nights), "suite") == [("suite", "657.00 EUR")]
