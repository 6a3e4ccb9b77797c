"""What is only Mews' of reservations that are there: how they are found, in which pages, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, ReservationState
from tests.contract.mews.scenes import GET_ALL, LATE, asked, booked, connected, with_each
from tests.contract.vendors.benches import ANNA, BERT, STAY, Bench, Workshop
from tests.contract.vendors.house import House
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import SERVICE, id_of

pytestmark = pytest.mark.contract


def test_the_reference_is_found_by_the_channel_number(bench: Bench, mews: MewsStandIn) -> None:
    """One question by the channel number finds the reservation, in every state that a stay has."""
    order = bench.order()
    told = bench.pms.book(order)
    mews.seen.clear()

    assert bench.pms.find(order) == told
    (sent,) = asked(mews, GET_ALL)
    assert (sent["ChannelNumbers"], sent["ServiceIds"]) == (["wish00000001"], [SERVICE])
    assert set(sent["States"]) == {"Confirmed", "Started", "Processed", "Canceled"}


def test_the_reference_is_found_among_the_arrivals(bench: Bench, mews: MewsStandIn) -> None:
    """Should the filter know only groups of channels, the reservation is found among those of its first day."""
    order = bench.order()
    told = bench.pms.book(order)
    bench.keeper.walk_in("double", STAY, ANNA)
    mews.finds_channel_numbers = False

    assert bench.pms.find(order) == told
    assert bench.pms.find(replace(order, reference="wish00000002")) is None


def test_a_channels_number_is_no_reference(bench: Bench, mews: MewsStandIn) -> None:
    """What a channel calls its reservation is not told as a wish of ours."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    mews.came_from(bench.house.reservations[0], "ChannelManager", "TW48ZP")

    found = bench.pms.reservation(code)

    assert found is not None
    assert found.reference is None


def test_a_reservation_of_a_company_is_not_told(bench: Bench, mews: MewsStandIn) -> None:
    """A reservation that belongs to a company has no guest's name to verify a caller by."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    mews.company_owned.add(bench.house.reservations[0].id)

    assert bench.pms.reservation(code) is None
    assert bench.pms.search("Meier", STAY.arrival) == []


@pytest.mark.parametrize("state", ["Inquired", "Optional", "Requested"])
def test_what_is_not_confirmed_is_no_stay(bench: Bench, edited: Callable[..., None], state: str) -> None:
    """An inquiry, a held room and a place on the waiting list are not told as reservations."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited(GET_ALL, with_each("Reservations", lambda each: each.update(State=state)))

    assert bench.pms.reservation(code) is None


def test_a_search_reads_prices_of_that_name_only(bench: Bench, mews: MewsStandIn) -> None:
    """Of the other arrivals nothing but the list and the names is read."""
    for guest in (BERT, ANNA, BERT):
        bench.keeper.walk_in("double", STAY, guest)

    (found,) = bench.pms.search("Meier", STAY.arrival)

    assert found.guest.surname == "Meier"
    assert [len(body["ServiceOrderIds"]) for body in asked(mews, "orderItems/getAll")] == [1]
    (sent,) = asked(mews, GET_ALL)
    assert sent["ScheduledStartUtc"] == {"StartUtc": "2026-12-29T23:00:00Z", "EndUtc": "2026-12-30T23:00:00Z"}


def test_pages_follow_the_cursor(bench: Bench, mews: MewsStandIn, workshop: Workshop) -> None:
    """A list is read from where its last page ended, and no further than it goes."""
    rooms = replace(bench.house.rooms["double"], count=300)
    bench = workshop.bench("mews", house=House(rooms=(rooms,)))
    mews = cast("MewsStandIn", bench.vendor)
    for number in range(150):
        bench.keeper.walk_in("double", STAY, Guest(name=f"Bert Brecht{number}"))

    bench.pms.search("Meier", STAY.arrival)

    first, second = (body["Limitation"] for body in asked(mews, GET_ALL))
    assert (first, second["Count"]) == ({"Count": 100}, 100)
    assert bench.house.find(second["Cursor"]) is not None


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that always has one page more is not followed for ever."""

    def endless(body: Any) -> Any:
        return {"Reservations": body["Reservations"] * 100, "Cursor": body["Reservations"][0]["Id"]}

    bench.keeper.walk_in("double", STAY, ANNA)
    edited(GET_ALL, endless)

    with pytest.raises(Unreachable):
        bench.pms.search("Meier", STAY.arrival)


def test_items_of_a_stay_are_what_it_costs(bench: Bench, edited: Callable[..., None]) -> None:
    """What was given back counts, and what was cancelled apart from the stay, paid or charged for leaving does not."""
    code = bench.keeper.walk_in("double", STAY, ANNA)

    def more(body: Any) -> Any:
        night = body["OrderItems"][0]

        def item(kind: str, gross: float, **other: Any) -> dict[str, Any]:
            return {**night, "Id": kind, "Type": kind, "Amount": {**night["Amount"], "GrossValue": gross}, **other}

        body["OrderItems"] += [
            item("NightRebate", -20),
            item("ProductOrder", 15, AccountingState="Canceled", Options={"CanceledWithReservation": False}),
            item("Deposit", 100),
            item("CancellationFee", 50),
            item("ProductOrder", 8.5),
        ]
        return body

    edited("orderItems/getAll", more)

    found = bench.pms.reservation(code)
    assert found is not None
    assert found.total.cents == 38_700 - 2_000 + 850


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item["Amount"].update(GrossValue=1e12),
        lambda item: item["Amount"].update(Currency="Euro"),
        lambda item: item.update(ConsumedUtc="yesterday", StartUtc="yesterday"),
    ],
)
def test_a_reservation_whose_price_is_none_is_a_fault(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """Amounts that cannot be are Mews' fault, and no price is told."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("orderItems/getAll", with_each("OrderItems", change))

    with pytest.raises(Unreachable):
        bench.pms.reservation(code)


def test_a_stay_without_end_is_not_told(bench: Bench, edited: Callable[..., None]) -> None:
    """The last moment that can be written has no date at the hotel: whoever stays so long is a human's."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    forever = {"ScheduledEndUtc": "9999-12-31T23:59:59Z"}
    edited("reservations/getAll/2023-06-06", with_each("Reservations", lambda told: told.update(forever)))

    assert bench.pms.reservation(code) is None


def test_a_cancelled_reservation_keeps_its_price(bench: Bench) -> None:
    """What was cancelled with the reservation is still told as what it cost, and the fee is not a part of it."""
    told = booked(bench)
    bench.clock.now = LATE

    cancelled = bench.pms.cancel(told.code, Money(cents=12_900, currency="EUR"))

    assert (cancelled.total, cancelled.state) == (told.total, ReservationState.CANCELLED)


def test_a_room_is_told_in_the_hotels_language(bench: Bench, edited: Callable[..., None]) -> None:
    """A room that the file does not map is told by Mews' name for it, in a language of the hotel if there is one."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = connected(bench, rooms={"suite": id_of("room", "suite")})

    found = pms.reservation(code)
    assert found is not None
    assert (found.room_type, found.room) == ("other", "Double room")
    assert pms.describe().rooms[id_of("room", "suite")] == "Suite"
