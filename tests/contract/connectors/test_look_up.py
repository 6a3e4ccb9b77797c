"""What every connector promises of finding a reservation: the guest's own, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from lambdas.shared.domain.stay import Guest, ReservationState
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, moved
from tests.contract.vendors.house import STANDARD_ROOMS, House, RoomKind

pytestmark = pytest.mark.contract


def test_a_reservation_of_the_desk_is_found_by_its_code(bench: Bench) -> None:
    """What was not booked by us is found with its stay, room, guest, total and contact."""
    code = bench.keeper.walk_in("double", STAY, ANNA, CONTACT)

    found = bench.pms.reservation(code)

    assert found is not None
    assert (found.stay, found.room_type, found.room) == (STAY, "double", bench.hotel.rooms["double"].title)
    assert (found.guest.name, found.guest.surname) == ("Anna Meier", "Meier")
    assert (found.total.cents, found.total.currency, found.state) == (38_700, "EUR", ReservationState.BOOKED)
    assert found.contact == CONTACT


def test_a_code_is_understood_as_it_is_said(bench: Bench) -> None:
    """Small letters and blanks around a code, as a recogniser writes it, do not matter."""
    code = bench.keeper.walk_in("double", STAY, ANNA)

    found = [bench.pms.reservation(said) for said in (code.lower(), f" {code.upper()} ", f"{code}.")]

    assert [each and each.code for each in found] == [bench.pms.reservation(code).code] * 3  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "said",
    ["", " ", "0", "ZZZZZZ", "00000000-0000-0000-0000-000000000000", "A" * 300, "*", "%", "../zz", "1001/../1002",
     "1001?x=1", "1001 OR 1=1", "'", "🙂", "\n", "null", "1e3", "-1"],
)  # fmt: skip
def test_what_is_no_code_finds_nothing(bench: Bench, said: str) -> None:
    """A code that no reservation has, or that is no code at all, finds nothing and is no error."""
    bench.keeper.walk_in("double", STAY, ANNA)

    assert bench.pms.reservation(said) is None


def test_a_part_of_a_code_finds_nothing(bench: Bench) -> None:
    """A code is compared entirely: its beginning, or more than it, is another code."""
    code = bench.keeper.walk_in("double", STAY, ANNA)

    assert [bench.pms.reservation(said) for said in (code[:-1], f"{code}0", f"0{code}")] == [None] * 3


def test_a_reservation_is_found_by_surname_and_arrival(bench: Bench) -> None:
    """The surname's reservation of that day is found; other names and other days are not told."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    bench.keeper.walk_in("double", STAY, BERT)
    bench.keeper.walk_in("double", moved(STAY, 1), ANNA)

    found = bench.pms.search("Meier", STAY.arrival)

    assert [(each.code, each.guest.name) for each in found] == [(code, "Anna Meier")]
    assert bench.pms.search("Meier", STAY.arrival - timedelta(days=1)) == []


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ("Müller", "müller"),
        ("Müller", "MUELLER"),
        ("Müller", "Muller"),
        ("Mueller", "Müller"),
        ("Groß", "Gross"),
        ("García", "Garcia"),
        ("Garcia", "García"),
        ("Meier-Schmidt", "Meier Schmidt"),
        ("von der Tann", "Von der Tann"),
        ("O'Brien", "O'Brien"),
    ],
)
def test_a_surname_is_found_however_it_is_written(bench: Bench, kept: str, said: str) -> None:
    """Case, accents, umlauts and hyphens, which nobody hears, do not hide a reservation."""
    code = bench.keeper.walk_in("double", STAY, Guest(name=f"Anna {kept}", last_name=kept))

    assert [each.code for each in bench.pms.search(said, STAY.arrival)] == [code]


@pytest.mark.parametrize(
    "said", ["Mei", "eier", "Meiers", "Anna", "Anna Meier X", "*", "%", "_____", " ", "M?ier", ".*"]
)
def test_a_part_of_a_surname_finds_nobody(bench: Bench, said: str) -> None:
    """A surname is compared entirely; what a search engine takes for a pattern is a name like any other."""
    bench.keeper.walk_in("double", STAY, ANNA)

    assert bench.pms.search(said, STAY.arrival) == []


@pytest.mark.parametrize(
    "said", ["Meier' OR '1'='1", 'Meier"; x', "Meier&arrival=2026-01-01", "Meier\r\nX-Other: 1", "🙂"]
)
def test_a_hostile_surname_finds_nobody(bench: Bench, said: str) -> None:
    """What would be a query or a header elsewhere is a name that nobody has."""
    bench.keeper.walk_in("double", STAY, ANNA)

    assert bench.pms.search(said, STAY.arrival) == []


def test_two_of_one_name_are_both_found(bench: Bench) -> None:
    """Two guests of one surname who arrive on one day are two reservations."""
    codes = {bench.keeper.walk_in("double", STAY, Guest(name=f"{first} Meier")) for first in ("Anna", "Bert")}

    assert {each.code for each in bench.pms.search("Meier", STAY.arrival)} == codes


def test_a_surname_is_found_in_a_full_house(opened: Callable[..., Bench]) -> None:
    """However many arrive on that day, the surname is found: every page is read."""
    bench = opened(house=House(rooms=(RoomKind("double", "Double room", count=300, sleeps=2, night_cents=12_900),)))
    for number in range(115):
        bench.keeper.walk_in("double", STAY, Guest(name=f"Bert Brecht{number}"))
    code = bench.keeper.walk_in("double", STAY, ANNA)
    for number in range(115):
        bench.keeper.walk_in("double", STAY, Guest(name=f"Bert Brechtx{number}"))

    assert [each.code for each in bench.pms.search("Meier", STAY.arrival)] == [code]


def test_a_booking_of_ours_is_found_by_surname(bench: Bench) -> None:
    """What we booked is found like any other, with the wish it came from."""
    booked = bench.pms.book(bench.order())

    assert [each.model_dump() for each in bench.pms.search("meier", STAY.arrival)] == [booked.model_dump()]


@pytest.mark.parametrize("last_name", ["X", "<b>Brecht</b>", "B" * 150, "", "{}", "Bre\tcht"])
def test_a_name_we_would_not_take_hides_nobody(vendor: Bench, last_name: str) -> None:
    """Whatever the front desk has typed into one reservation, the other guests of the day are found."""
    vendor.house.book(
        room="double", rate="flexible", arrival=STAY.arrival, departure=STAY.departure, last_name=last_name
    )
    order = vendor.order()
    booked = vendor.pms.book(order)
    code = vendor.keeper.walk_in("double", moved(STAY, 1), ANNA)

    assert [each.code for each in vendor.pms.search("Meier", STAY.arrival)] == [booked.code]
    assert [each.code for each in vendor.pms.search("Meier", STAY.arrival + timedelta(days=1))] == [code]
    found = vendor.pms.find(order)
    assert found is not None
    assert found.code == booked.code


def test_a_cancelled_reservation_is_told_as_such(bench: Bench) -> None:
    """What was cancelled at the desk is never told as booked."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    bench.keeper.move(code, "cancelled")

    found = bench.pms.reservation(code)

    assert found is not None
    assert found.state is ReservationState.CANCELLED
    assert {each.state for each in bench.pms.search("Meier", STAY.arrival)} <= {ReservationState.CANCELLED}


@pytest.mark.parametrize("state", [ReservationState.IN_HOUSE, ReservationState.DEPARTED])
def test_a_guest_who_has_arrived_is_told_as_such(bench: Bench, state: ReservationState) -> None:
    """Who is in the house, and who has left it, is known."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    bench.keeper.move(code, state)

    found = bench.pms.reservation(code)

    assert found is not None
    assert found.state is state


def test_a_reservation_in_a_room_that_is_not_mapped_is_found(opened: Callable[..., Bench]) -> None:
    """A guest whose room the hotel's file does not map still finds the reservation, by the system's own words."""
    cabin = RoomKind("cabin", "Garden cabin", count=1, sleeps=2, night_cents=9_900)
    bench = opened(house=House(rooms=(*STANDARD_ROOMS, cabin)))
    code = bench.keeper.walk_in("cabin", STAY, ANNA)

    found = bench.pms.reservation(code)

    assert found is not None
    assert (found.room_type, found.stay, found.total.cents) == ("other", STAY, 29_700)
    assert found.room


def test_a_reservation_at_a_price_of_its_own_is_told_at_that(vendor: Bench) -> None:
    """A reservation costs what was agreed when it was made, whatever a night costs by now."""
    code = vendor.keeper.walk_in("double", STAY, ANNA)
    vendor.house.set_price("double", 99_900)

    found = vendor.pms.reservation(code)

    assert found is not None
    assert found.total.cents == 38_700


def test_looking_changes_nothing(bench: Bench) -> None:
    """Finding reservations, in whatever way, leaves all as it is."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    before = bench.keeper.stays()

    bench.pms.reservation(code)
    bench.pms.search("Meier", STAY.arrival)
    bench.pms.find(bench.order())

    assert bench.keeper.stays() == before
