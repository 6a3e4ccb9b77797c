"""Reservations as Cloudbeds tells them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.stay import Contact, ReservationState
from tests.contract.cloudbeds.scenes import asked, details, found, refuse, rooms
from tests.contract.vendors.benches import ANNA, CONTACT, STAY, Bench
from tests.contract.vendors.cloudbeds import CHANNEL, CloudbedsStandIn
from tests.contract.vendors.edited import Edit

pytestmark = pytest.mark.contract


def test_a_booking_that_the_desk_moved_is_found(bench: Bench) -> None:
    """A booking whose days or name the hotel changes before it is looked for is found among the newest."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.house.change(
        booked.code, arrival=STAY.arrival + timedelta(days=9), departure=STAY.departure + timedelta(days=9)
    )

    assert found(bench.pms, booked.code) == bench.pms.find(order)


def test_an_older_booking_is_found_by_its_day(bench: Bench) -> None:
    """A booking is found by its arrival however long ago it was made."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.clock.now += timedelta(days=20)

    looked = bench.pms.find(order)

    assert looked is not None
    assert looked.code == booked.code


def test_of_two_the_one_that_stands_is_found(bench: Bench) -> None:
    """Should a reference be booked twice, the reservation that stands is told."""
    order = bench.order()
    first, second = bench.pms.book(order), bench.pms.book(order)
    bench.keeper.move(first.code, "cancelled")

    looked = bench.pms.find(order)

    assert looked is not None
    assert looked.code == second.code


def test_a_channels_number_is_not_our_reference(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """What a channel calls its reservation is not told as a wish of ours."""
    kept = bench.house.book(
        room="double", rate="flexible", arrival=STAY.arrival, departure=STAY.departure, adults=2,
        first_name="Anna", last_name="Meier", reference="4567.890.123",
    )  # fmt: skip
    cloudbeds.sources[kept.id] = CHANNEL

    assert found(bench.pms, kept.code).reference is None


@pytest.mark.parametrize("source", ["ss-77-1", "ss-77", "ss-77-0"])
def test_our_source_is_known_with_and_without_its_suffix(
    bench: Bench, edited: Callable[..., None], source: str
) -> None:
    """Whether or not a reservation's source says who collects the payment, ours is ours."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(source={"sourceID": source}))

    assert found(bench.pms, booked.code).reference == "wish00000001"
    assert bench.pms.cancellation_fee(booked).cents == 0


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(details(guestList=[]), id="no guest"),
        pytest.param(details(guestList={}), id="an empty list"),
        pytest.param(details(rooms=[]), id="no room"),
        pytest.param(details(isDeleted=True), id="deleted"),
        pytest.param(details(status="in_progress"), id="unknown status"),
        pytest.param(details(propertyID="1"), id="another hotel's"),
        pytest.param(details(reservationID="1"), id="another one"),
        pytest.param(details(reservationCheckOut="2027-06-01 11:00:00"), id="too long"),
        pytest.param(rooms(adults="12"), id="a group"),
        pytest.param(rooms(adults=None), id="nobody knows how many"),
        pytest.param(lambda body: {**body, "data": [], "total": 0}, id="nothing"),
    ],
)
def test_what_is_no_stay_is_not_found(bench: Bench, edited: Callable[..., None], edit: Edit) -> None:
    """What cannot be told truly, or is not what was asked for, is not told."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", edit)

    assert bench.pms.reservation(booked.code) is None


@pytest.mark.parametrize("total", ["much", 1e12])
def test_an_amount_that_cannot_be_is_unreachable(bench: Bench, edited: Callable[..., None], total: object) -> None:
    """A reservation whose price is no number is not told as none and not as costing something."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(total=total))

    with pytest.raises(Unreachable):
        bench.pms.reservation(booked.code)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("confirmed", ReservationState.BOOKED),
        ("not_confirmed", ReservationState.BOOKED),
        ("canceled", ReservationState.CANCELLED),
        ("no_show", ReservationState.CANCELLED),
        ("checked_in", ReservationState.IN_HOUSE),
        ("checked_out", ReservationState.DEPARTED),
    ],
)
def test_every_status_is_known(bench: Bench, edited: Callable[..., None], status: str, state: ReservationState) -> None:
    """Each of the document's statuses has its meaning."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(status=status))

    assert found(bench.pms, booked.code).state is state


def test_a_search_tells_only_what_was_asked_for(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation that reads otherwise than the list has it, in name or arrival, is not told."""
    bench.pms.book(bench.order())
    assert len(bench.pms.search("Meier", STAY.arrival)) == 1

    edited("getReservationsWithRateDetails", details(reservationCheckIn="2026-12-31 15:00:00"))

    assert bench.pms.search("Meier", STAY.arrival) == []


@pytest.mark.parametrize("code", ["1001/../1002", "7721331001-1", "77.21", "null-1"])
def test_what_cannot_be_an_id_is_not_asked_for(bench: Bench, cloudbeds: CloudbedsStandIn, code: str) -> None:
    """An id has letters and digits only: nothing else goes into a question."""
    assert bench.pms.reservation(code) is None
    assert cloudbeds.seen == []


def test_the_main_guest_is_told(bench: Bench, edited: Callable[..., None]) -> None:
    """Of several guests the one the reservation names is told, else the one that says it is the main one."""
    booked = bench.pms.book(bench.order())

    def with_company(main: str | None) -> Edit:
        def edit(body: Any) -> Any:
            (told,) = body["data"]
            (anna,) = told["guestList"].values()
            bert = {**anna, "guestID": "1", "guestFirstName": "Bert", "guestLastName": "Brecht"}
            told["guestList"] = {"1": {**bert, "isMainGuest": False}, anna["guestID"]: anna}
            told["guestID"] = main or anna["guestID"]
            return body

        return edit

    edited("getReservationsWithRateDetails", with_company(None))
    assert found(bench.pms, booked.code).guest.name == "Anna Meier"
    edited("getReservationsWithRateDetails", with_company("9"))
    assert found(bench.pms, booked.code).guest.name == "Anna Meier"
    edited("getReservationsWithRateDetails", with_company("1"))
    assert found(bench.pms, booked.code).guest.name == "Bert Brecht"


def test_a_mobile_number_goes_first(bench: Bench, edited: Callable[..., None]) -> None:
    """A guest is reached by the mobile number, or by the other where that is none; neither is made up."""
    booked = bench.pms.book(replace(bench.order(), contact=CONTACT))

    def reached_by(**numbers: str) -> Edit:
        def edit(body: Any) -> Any:
            for guest in body["data"][0]["guestList"].values():
                guest.update(numbers)
            return body

        return edit

    edited("getReservationsWithRateDetails", reached_by(guestCellPhone="0049 171 5550101"))
    assert found(bench.pms, booked.code).contact.phone == "+491715550101"
    edited("getReservationsWithRateDetails", reached_by(guestCellPhone="see notes"))
    assert found(bench.pms, booked.code).contact.phone == CONTACT.phone
    edited("getReservationsWithRateDetails", reached_by(guestPhone="none", guestEmail="at work"))
    assert found(bench.pms, booked.code).contact == Contact()


def test_a_rates_plan_is_asked_for_once(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A reservation tells the rate's id only: which plan that is, is asked once in a process."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = bench.renewed()

    assert [found(pms, code).rate_plan for _ in range(3)] == ["flexible"] * 3
    (question,) = asked(cloudbeds, "getRatePlans")
    assert question["rateIDs"] == cloudbeds.rate_id("double", "flexible")


@pytest.mark.parametrize("edit", [lambda body: {**body, "data": []}, refuse("The rate was deleted")])
def test_a_rate_that_is_not_sold_any_more_is_told_by_its_name(
    bench: Bench, edited: Callable[..., None], edit: Edit
) -> None:
    """An old reservation at a rate that was deleted is found, at the name that it was booked under."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("getRatePlans", edit)

    told = found(bench.pms, code)

    assert (told.rate_plan, told.rate) == (None, "Flexible")


def test_more_pages_than_can_be_are_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that never ends is given up, and not taken for one that holds nothing more."""
    row = {"reservationID": "1", "thirdPartyIdentifier": ""}
    pages = iter(range(10_000))
    edited("getReservations", lambda _: {"success": True, "data": [{**row, "guestID": next(pages)}], "total": 999_999})

    with pytest.raises(Unreachable) as raised:
        bench.pms.find(bench.order())

    assert raised.value.vendor_code == "pages"
