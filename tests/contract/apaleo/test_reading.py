"""Reservations as Apaleo tells them: ids, statuses, people, days and pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.stay import Contact, ReservationState, Stay
from tests.contract.apaleo.scenes import RESERVATIONS, asked, booked, changed, found
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import ANNA, STAY, Bench, moved

pytestmark = pytest.mark.contract


def test_an_id_is_known_however_it_is_said(bench: Bench) -> None:
    """The dash and blanks in an id are not always heard."""
    code = booked(bench).code
    letters = code.removesuffix("-1")

    for said in (code, code.lower(), f"{letters} 1", f"{letters}1", " ".join(code)):
        assert found(bench, said).code == code


@pytest.mark.parametrize("said", ["{letters}", "{letters}-2", "{letters}-11", "{letters}-1/offers", "{letters}-1-1"])
def test_what_is_not_entirely_an_id_finds_nothing(bench: Bench, said: str) -> None:
    """The booking's own id is not a reservation's: a booking may have several."""
    letters = booked(bench).code.removesuffix("-1")

    assert bench.pms.reservation(said.format(letters=letters)) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Confirmed", ReservationState.BOOKED),
        ("InHouse", ReservationState.IN_HOUSE),
        ("CheckedOut", ReservationState.DEPARTED),
        ("Canceled", ReservationState.CANCELLED),
        ("NoShow", ReservationState.CANCELLED),
        ("Tentative", None),
    ],
)
def test_each_status_is_understood(
    bench: Bench, edited: Callable[..., None], status: str, state: ReservationState | None
) -> None:
    """All of Apaleo's statuses have a meaning; one that is not known is not told as a stay."""
    code = booked(bench).code
    edited(code, changed(status=status))

    told = bench.pms.reservation(code)

    assert (told.state if told else None) == state


@pytest.mark.parametrize(
    "parts",
    [
        {"property": {"id": "BER"}},
        {"id": "OTHER-1"},
        {"departure": "2027-03-01T11:00:00+01:00"},
        {"departure": "2026-12-30T18:00:00+01:00"},
        {"departure": "9999-12-31T23:59:59Z"},
        {"adults": 12},
        {"adults": 0},
        {"primaryGuest": None, "booker": None},
        {"primaryGuest": {"firstName": "Anna"}, "booker": {}},
    ],
)
def test_what_cannot_be_told_truly_is_not_told(
    bench: Bench, edited: Callable[..., None], parts: dict[str, Any]
) -> None:
    """Another property's reservation of the account, or one without dates, people or a name to deal with, is not."""
    code = booked(bench).code
    edited(code, changed(**parts))

    assert bench.pms.reservation(code) is None


def test_a_reservation_in_a_currency_of_no_cents_is_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A total that cannot be one is a fault of the system, and is never told."""
    code = booked(bench).code
    edited(code, changed(totalGrossAmount={"amount": 50_000, "currency": "JPY"}))

    with pytest.raises(Unreachable) as refused:
        bench.pms.reservation(code)

    assert refused.value.vendor_code == "amount"


def test_a_booker_stands_in_for_a_guest_who_is_not_named(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation without a guest's name is the booker's; with one, the booker's address is not the guest's."""
    code = booked(bench).code
    booker = {"lastName": "Brecht", "firstName": "Bert", "email": "bert@example.org"}
    edited(code, changed(primaryGuest=None, booker=booker))
    assert (found(bench, code).guest.name, found(bench, code).contact.email) == ("Bert Brecht", "bert@example.org")

    edited(code, changed(booker=booker))
    assert (found(bench, code).guest.name, found(bench, code).contact) == ("Anna Meier", Contact())


@pytest.mark.parametrize(
    ("person", "contact"),
    [
        ({"email": "none", "phone": "+49 30 123456"}, Contact(phone="+4930123456")),
        ({"email": "a@example.org", "phone": "on file"}, Contact(email="a@example.org")),
        ({"email": "", "phone": ""}, Contact()),
        ({"email": None, "phone": None}, Contact()),
    ],
)
def test_only_a_number_and_address_that_are_some_are_contacts(
    bench: Bench, edited: Callable[..., None], person: dict[str, Any], contact: Contact
) -> None:
    """Of what clerks type, only what a caller could be verified by is taken, in one spelling."""
    code = booked(bench).code
    edited(code, changed(primaryGuest={"lastName": "Meier", **person}))

    assert found(bench, code).contact == contact


def test_a_day_is_the_hotels(bench: Bench, edited: Callable[..., None]) -> None:
    """Moments may be told in any offset: a late arrival is on the hotel's day."""
    code = booked(bench).code
    edited(code, changed(arrival="2026-12-29T23:30:00+00:00", departure="2027-01-02T09:00:00Z"))

    assert (found(bench, code).stay.arrival, found(bench, code).stay.departure) == (STAY.arrival, STAY.departure)


@pytest.mark.parametrize(
    ("day", "begin", "end"),
    [
        (date(2026, 12, 30), "2026-12-30T00:00:00+01:00", "2026-12-31T00:00:00+01:00"),
        (date(2027, 3, 28), "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00"),
        (date(2027, 10, 31), "2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
    ],
)
def test_a_day_of_arrivals_is_the_hotels_day(
    bench: Bench, apaleo: ApaleoStandIn, day: date, begin: str, end: str
) -> None:
    """Apaleo wants moments with their offset: a day, also one of 23 or 25 hours, begins and ends at midnight."""
    stay = Stay(arrival=day, departure=day + timedelta(days=1), adults=2)
    codes = [bench.keeper.walk_in("double", moved(stay, days), ANNA) for days in (-1, 0, 1)]

    assert [told.code for told in bench.pms.search("Meier", day)] == [codes[1]]
    assert [(query["from"], query["to"]) for query in asked(apaleo, "GET", RESERVATIONS)] == [(begin, end)]


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that always has more is not followed for ever."""
    bench.keeper.walk_in("double", STAY, ANNA)
    first: list[Any] = []

    def endless(body: Any) -> Any:
        first.append(body or first[0])
        return {**first[-1], "count": 10**6}

    edited(RESERVATIONS, endless, status=200)

    with pytest.raises(Unreachable) as refused:
        bench.pms.search("Meier", STAY.arrival)

    assert refused.value.vendor_code == "pages"
