"""What is only Mews' of a booking: the guest's profile, our reference, and what Mews may answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.stay import Contact
from tests.contract.mews.scenes import ADD, GET_ALL, asked, booked
from tests.contract.vendors.benches import CONTACT, Bench, Workshop
from tests.contract.vendors.edited import Edited
from tests.contract.vendors.house import House
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import id_of
from tests.contract.vendors.mews_ledger import Profile

pytestmark = pytest.mark.contract


def test_a_guest_gets_a_profile(bench: Bench, mews: MewsStandIn) -> None:
    """A guest without an address gets a new profile with first names, surname and number, and overwrites none."""
    order = replace(bench.order(), contact=Contact(phone=CONTACT.phone))

    bench.pms.book(order)

    (sent,) = asked(mews, "customers/add")
    assert {name: sent[name] for name in ("FirstName", "LastName", "Phone", "OverwriteExisting")} == {
        "FirstName": "Anna",
        "LastName": "Meier",
        "Phone": CONTACT.phone,
        "OverwriteExisting": False,
    }
    assert asked(mews, "customers/getAll")[0].get("Emails") is None


def test_a_guest_who_is_known_keeps_the_profile(bench: Bench, mews: MewsStandIn) -> None:
    """A guest whose address and name the hotel knows is booked under that profile, whatever the spelling."""
    known = Profile(id_of("customer", "anna"), "ANNA", "Méier", "Anna.Meier@example.com", "0049 170 1234567")
    mews.profiles[known.id] = known

    told = bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert asked(mews, "customers/add") == []
    assert told.guest.name == "ANNA Méier"
    assert bench.house.reservations[0].notes == ()


def test_a_profile_is_not_changed_by_phone(bench: Bench, mews: MewsStandIn) -> None:
    """Another number than the profile's is noted for the staff: who calls may not be the guest of the profile."""
    known = Profile(id_of("customer", "anna"), "Anna", "Meier", CONTACT.email, "+49301112223")
    mews.profiles[known.id] = known

    bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert mews.profiles == {known.id: known}
    assert bench.house.reservations[0].notes == (f"Phone: {CONTACT.phone}",)


def test_somebody_elses_address_is_not_taken_over(bench: Bench, mews: MewsStandIn) -> None:
    """A guest who gives the address of somebody of another name gets an own profile; the staff read the address."""
    other = Profile(id_of("customer", "bert"), "Bert", "Brecht", CONTACT.email, "+49301112223")
    mews.profiles[other.id] = other

    told = bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert told.guest.name == "Anna Meier"
    assert told.contact == Contact(phone=CONTACT.phone)
    assert mews.profiles[other.id] == other
    assert bench.house.reservations[0].notes == (f"E-mail: {CONTACT.email}",)


@pytest.mark.parametrize("status", [400, 403])
def test_a_profile_that_is_refused_books_nothing(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """Without a profile there is no booking, and that is said."""
    order = bench.order()
    edited("customers/add", status=status)

    with pytest.raises(NotPossible):
        bench.pms.book(order)

    assert bench.house.reservations == []


def test_a_profile_in_doubt_is_no_booking_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """When it is not known whether the profile was made, it is known that nothing was booked: it may be tried again."""
    order = bench.order()
    edited("customers/add", status=503)

    with pytest.raises(Unreachable):
        bench.pms.book(order)

    assert bench.house.reservations == []


def test_a_booking_carries_the_reference(bench: Bench, mews: MewsStandIn) -> None:
    """Our reference is the reservation's channel number and its identifier within the request."""
    told = booked(bench)

    (sent,) = asked(mews, ADD)
    (wanted,) = sent["Reservations"]
    assert (wanted["ChannelNumber"], wanted["Identifier"], wanted["State"]) == (
        "wish00000001",
        "wish00000001",
        "Confirmed",
    )
    assert told.reference == "wish00000001"


def test_a_booking_never_overrides_the_hotels_checks(bench: Bench, mews: MewsStandIn) -> None:
    """Mews checks what is free and whether the rate may be booked: a full house stays full."""
    booked(bench)

    (sent,) = asked(mews, ADD)
    assert (sent["CheckOverbooking"], sent["CheckRateApplicability"]) == (True, True)


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_is_explained_by_what_is_free(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """Mews refuses in words only: what is free is asked again, and nothing of its words is told."""
    order = bench.order()
    edited(ADD, status=status)

    with pytest.raises(NotPossible) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == f"{status} b1-7"
    assert "Meier" not in str(refused.value)


@pytest.mark.parametrize(
    ("meanwhile", "kind"),
    [
        (lambda house: house.fill("double"), SoldOut),
        (lambda house: house.set_price("double", 99_900), PriceChanged),
    ],
)
def test_a_booking_that_came_too_late_is_told_why(
    bench: Bench, workshop: Workshop, mews: MewsStandIn, meanwhile: Callable[[House], None], kind: type[Exception]
) -> None:
    """What was taken or repriced between the last look and the booking is sold out or costs something else."""
    order = bench.order()

    def refuse(_: Any) -> Any:
        meanwhile(bench.house)
        return {"Message": "There are not enough spaces available."}

    workshop.switch.app = Edited(mews.app, ADD, refuse, method="POST", status=403, instead=True)

    with pytest.raises(kind):
        bench.pms.book(order)

    assert bench.house.reservations == []


@pytest.mark.parametrize("status", [404, 409])
def test_a_write_that_was_not_understood_may_be_tried_again(
    bench: Bench, edited: Callable[..., None], status: int
) -> None:
    """An address that Mews does not know and data that changed meanwhile mean that nothing was done."""
    order = bench.order()
    edited(ADD, status=status)

    with pytest.raises(Unreachable):
        bench.pms.book(order)


@pytest.mark.parametrize("answer", [{}, {"Reservations": []}, {"Reservations": [{"Reservation": {}}]}, None])
def test_a_booking_that_cannot_be_read_is_in_doubt(bench: Bench, edited: Callable[..., None], answer: Any) -> None:
    """A success that does not say which reservation it made is looked into, and never sent again."""
    order = bench.order()
    edited(ADD, lambda _: answer)

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1
    assert bench.pms.find(order) is not None


def test_a_booking_that_is_not_there_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """A success whose reservation is not found is not told as one."""
    order = bench.order()
    edited(GET_ALL, lambda body: body | {"Reservations": []})

    with pytest.raises(InDoubt):
        bench.pms.book(order)
