"""OPERA's reservations, however oddly they are told, and how a guest's is found among them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lambdas.shared.domain.stay import Contact, ReservationState
from tests.contract.oracle_ohip.talk import UNKNOWN, booked, with_reservation
from tests.contract.vendors.benches import ANNA, BERT, STAY, Bench
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn

pytestmark = pytest.mark.contract


def test_arrivals_come_in_pages(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A guest is found among a day's arrivals on whichever page."""
    opera.most_records = 2
    for guest in (BERT, BERT, BERT, BERT, ANNA):
        bench.keeper.walk_in("double", STAY, guest)

    (found,) = bench.pms.search("Meier", STAY.arrival)

    assert found.guest.surname == "Meier"


def test_a_search_fetches_only_those_of_the_name(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Of the other arrivals nothing but the list is read."""
    for guest in (BERT, ANNA, BERT):
        bench.keeper.walk_in("double", STAY, guest)

    bench.pms.search("Meier", STAY.arrival)

    assert len([seen for seen in opera.seen if "/reservations/" in seen.path]) == 1


def test_two_bookings_of_one_reference_are_told_apart(bench: Bench) -> None:
    """OPERA bears a reference twice: of two, the one that still stands is found."""
    order = bench.order()
    first, second = bench.pms.book(order), bench.pms.book(order)
    bench.keeper.move(first.code, "cancelled")

    found = bench.pms.find(order)

    assert found
    assert found.code == second.code


def test_another_systems_reference_is_not_ours(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation with the same reference of another external system is not the order's."""
    order = bench.order()
    told = bench.pms.book(order)

    def elsewhere(reservation: dict[str, Any]) -> None:
        reservation["externalReferences"][0]["idContext"] = "OTHER"

    edited("/reservations/661001", with_reservation(elsewhere))

    assert bench.pms.find(order) is None
    found = bench.pms.reservation(told.code)
    assert found
    assert found.reference is None


@pytest.mark.parametrize("said", ["588001001", "588 001 001", "588-001-001", "588.001.001."])
def test_a_confirmation_number_is_known_however_it_is_said(bench: Bench, said: str) -> None:
    """Blanks, dashes and dots in a number do not matter."""
    code = booked(bench).code

    found = bench.pms.reservation(said)

    assert found
    assert found.code == code


@pytest.mark.parametrize("said", ["661001", "K7F2X9", "", "5" * 19, "588001001/policies"])
def test_what_is_no_confirmation_number_finds_nothing(bench: Bench, said: str) -> None:
    """OPERA's own key is no guest's code, and what has letters is not asked for."""
    booked(bench)

    assert bench.pms.reservation(said) is None


def test_a_number_that_is_only_like_it_is_another(bench: Bench, edited: Callable[..., None]) -> None:
    """Whatever a search finds, a reservation is told only for its own number."""
    told = booked(bench)

    def renumber(reservation: dict[str, Any]) -> None:
        reservation["reservationIdList"][1]["id"] = f"{told.code}9"

    edited("/661001", with_reservation(renumber))

    assert bench.pms.reservation(told.code) is None


def test_a_reservation_that_is_gone_when_it_is_read_is_none(bench: Bench, edited: Callable[..., None]) -> None:
    """What a search still finds and OPERA then does not know any more is not there."""
    told = booked(bench)
    edited("/661001", lambda _: UNKNOWN, status=404)

    assert bench.pms.reservation(told.code) is None


def test_one_number_for_two_stays_finds_neither(bench: Bench) -> None:
    """Where several stays bear one number, nobody can tell which is meant: a human goes on."""
    code = booked(bench).code
    twin = bench.house.reservations[0]
    bench.house.book(
        room="single", rate="flexible", arrival=twin.arrival, departure=twin.departure, last_name="Meier", code=code
    )

    assert bench.pms.reservation(code) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Reserved", ReservationState.BOOKED),
        ("DueIn", ReservationState.BOOKED),
        ("InHouse", ReservationState.IN_HOUSE),
        ("DueOut", ReservationState.IN_HOUSE),
        ("Walkin", ReservationState.IN_HOUSE),
        ("PendingCheckout", ReservationState.IN_HOUSE),
        ("CheckedOut", ReservationState.DEPARTED),
        ("Cancelled", ReservationState.CANCELLED),
        ("NoShow", ReservationState.CANCELLED),
        ("Waitlisted", None),
        ("Requested", None),
        ("", None),
    ],
)
def test_each_status_is_understood(
    bench: Bench, edited: Callable[..., None], status: str, state: ReservationState | None
) -> None:
    """All of OPERA's statuses have a meaning; what is only wished for is no stay and is not told as one."""
    code = booked(bench).code
    edited("/reservations/661001", with_reservation(lambda told: told.update(reservationStatus=status)))

    found = bench.pms.reservation(code)

    assert (found.state if found else None) == state


def _other_hotel(told: dict[str, Any]) -> None:
    told["hotelId"] = "OTHER"


def _too_long(told: dict[str, Any]) -> None:
    told["roomStay"]["departureDate"] = "2027-02-28"


def _day_use(told: dict[str, Any]) -> None:
    told["roomStay"]["departureDate"] = told["roomStay"]["arrivalDate"]


def _nameless(told: dict[str, Any]) -> None:
    told["reservationGuests"] = []


def _priceless(told: dict[str, Any]) -> None:
    told["roomStay"]["total"] = {}
    told["rateSummary"] = {}


def _roomless(told: dict[str, Any]) -> None:
    told["roomStay"]["roomRates"] = []


def _uncounted(told: dict[str, Any]) -> None:
    del told["roomStay"]["guestCounts"]


@pytest.mark.parametrize("change", [_other_hotel, _too_long, _day_use, _nameless, _priceless, _roomless, _uncounted])
def test_what_cannot_be_told_truly_is_not_told(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """Another hotel's reservation, and one without dates, guests, name, room or price that we can deal with, is not
    told."""
    code = booked(bench).code
    edited("/reservations/661001", with_reservation(change))

    assert bench.pms.reservation(code) is None


def test_nulls_and_texts_are_borne(bench: Bench, edited: Callable[..., None]) -> None:
    """Real environments write null for empty lists and amounts as text: both are read as what they mean."""
    told = booked(bench)

    def odd(reservation: dict[str, Any]) -> None:
        reservation["roomStay"]["total"] = {"amountAfterTax": "387.00", "currencyCode": "EUR", "taxes": None}
        reservation["reservationGuests"][0]["profileInfo"]["profile"]["emails"] = None
        reservation["reservationIdList"][0]["id"] = int(reservation["reservationIdList"][0]["id"])

    edited("/reservations/661001", with_reservation(odd))

    assert bench.pms.reservation(told.code) == told


def test_a_total_can_stand_in_the_summary_alone(bench: Bench, edited: Callable[..., None]) -> None:
    """Where a stay has no total of its own, the summary of its rates with tax is its price."""
    told = booked(bench)
    edited("/reservations/661001", with_reservation(lambda found: found["roomStay"].pop("total")))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.total == told.total


def test_an_unmapped_room_is_called_as_opera_calls_it(bench: Bench, edited: Callable[..., None]) -> None:
    """A stay in a room or at a rate that the file does not map is found and told in the system's words."""
    told = booked(bench)

    def elsewhere(reservation: dict[str, Any]) -> None:
        reservation["roomStay"]["roomRates"][0] |= {"roomType": "PENT", "ratePlanCode": "STAFF"}
        reservation["roomStay"]["currentRoomInfo"] = {"roomDescription": "Penthouse"}

    edited("/reservations/661001", with_reservation(elsewhere))

    found = bench.pms.reservation(told.code)

    assert found
    assert (found.room_type, found.room, found.rate_plan) == ("other", "Penthouse", None)


def test_only_a_number_and_address_that_are_some_are_contacts(bench: Bench, edited: Callable[..., None]) -> None:
    """Of what stands in a profile, only what a caller could be verified by is taken, in one spelling."""
    told = booked(bench)

    def untidy(reservation: dict[str, Any]) -> None:
        profile = reservation["reservationGuests"][0]["profileInfo"]["profile"]
        profile["emails"] = {"emailInfo": [{"email": {"emailAddress": text}} for text in ("none", " a@example.org ")]}
        profile["telephones"] = {
            "telephoneInfo": [{"telephone": {"phoneNumber": text}} for text in ("on file", "+49 30 123456")]
        }

    edited("/reservations/661001", with_reservation(untidy))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.contact == Contact(email="a@example.org", phone="+4930123456")


def test_the_primary_guest_is_the_reservations(bench: Bench, edited: Callable[..., None]) -> None:
    """Whoever comes along is not who the reservation is for."""
    told = booked(bench)

    def with_company(reservation: dict[str, Any]) -> None:
        name = {"givenName": "Zoe", "surname": "Zimmer", "nameType": "Primary"}
        other = {"profileInfo": {"profile": {"customer": {"personName": [name]}}}, "primary": False}
        reservation["reservationGuests"].insert(0, other)

    edited("/reservations/661001", with_reservation(with_company))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.guest == ANNA
