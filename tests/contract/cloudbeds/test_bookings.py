"""What a booking carries to Cloudbeds, and what is made of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, PriceChanged, SoldOut
from lambdas.shared.domain.stay import Contact, Guest, ReservationState
from tests.contract.cloudbeds.scenes import asked, details, found, refuse
from tests.contract.vendors.benches import CONTACT, Bench
from tests.contract.vendors.cloudbeds import HOUSE_ADDRESS, SOURCE, CloudbedsStandIn
from tests.contract.vendors.cloudbeds_asked import PROPERTY
from tests.contract.vendors.edited import Edit

pytestmark = pytest.mark.contract


def test_a_booking_says_what_cloudbeds_needs(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """The form has the stay, the room at its rate, the guest, our reference and our source, and no price."""
    bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert asked(cloudbeds, "postReservation") == [
        {
            "propertyID": PROPERTY,
            "sourceID": SOURCE,
            "thirdPartyIdentifier": "wish00000001",
            "startDate": "2026-12-30",
            "endDate": "2027-01-02",
            "guestFirstName": "Anna",
            "guestLastName": "Meier",
            "guestCountry": "DE",
            "guestZip": "10115",
            "guestEmail": "anna.meier@example.com",
            "guestPhone": "+491701234567",
            "rooms[0][roomTypeID]": "420102",
            "rooms[0][quantity]": "1",
            "rooms[0][roomRateID]": cloudbeds.rate_id("double", "flexible"),
            "adults[0][roomTypeID]": "420102",
            "adults[0][quantity]": "2",
            "children[0][roomTypeID]": "420102",
            "children[0][quantity]": "0",
            "paymentMethod": "cash",
            "sendEmailConfirmation": "true",
        }
    ]


def test_a_guest_without_an_address_is_booked_under_the_hotels(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds wants an address: the hotel's stands in, gets no confirmation, and is not told as the guest's."""
    booked = bench.pms.book(bench.order())

    (form,) = asked(cloudbeds, "postReservation")
    assert (form["guestEmail"], form["sendEmailConfirmation"]) == (HOUSE_ADDRESS, "false")
    assert "guestPhone" not in form
    assert found(bench.pms, booked.code).contact == Contact()


def test_a_single_name_is_a_surname(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds wants two names; what stands for the missing one is not told as a name."""
    booked = bench.pms.book(bench.order(guest=Guest(name="Sukarno")))

    assert asked(cloudbeds, "postReservation")[0]["guestFirstName"] == "-"
    assert (booked.guest.name, booked.guest.surname, booked.guest.first_names) == ("Sukarno", "Sukarno", "")


@pytest.mark.parametrize("cents", [1, 5_000])
def test_a_booking_at_another_price_is_taken_back(bench: Bench, cloudbeds: CloudbedsStandIn, cents: int) -> None:
    """A price that changes between our last question and the booking is not booked: it is cancelled at once."""
    order = bench.order()
    cloudbeds.surcharge_cents = cents

    with pytest.raises(PriceChanged):
        bench.pms.book(order)

    assert [kept.state for kept in bench.house.reservations] == ["cancelled"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refuse("No"), id="refused"),
        pytest.param(lambda _: {}, id="unclear"),
        pytest.param(lambda _: {"success": True}, id="said and not done"),
    ],
)
def test_a_booking_that_cannot_be_taken_back_is_in_doubt(
    bench: Bench, cloudbeds: CloudbedsStandIn, edited: Callable[..., None], answer: Edit
) -> None:
    """Where the cancellation is refused, its result unknown, or the booking stands after it, a human must look."""
    order = bench.order()
    cloudbeds.surcharge_cents = 100
    edited("putReservation", answer, verb="PUT", instead=True)

    with pytest.raises(InDoubt):
        bench.pms.book(order)


def test_a_refused_booking_of_what_is_gone_is_sold_out(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds tells no reason by code: what is free is asked again, and its word kept for the log."""
    order = bench.order(room_type="suite")
    seen = cloudbeds.house.book

    def taken_meanwhile(**wanted: Any) -> Any:
        bench.house.fill("suite")
        return seen(**wanted)

    cloudbeds.house.book = taken_meanwhile  # type: ignore[method-assign]

    with pytest.raises(SoldOut) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == "refused"


def test_a_booking_awaiting_confirmation_is_one(bench: Bench, edited: Callable[..., None]) -> None:
    """`not_confirmed` is a reservation that the hotel has still to confirm; it stands."""
    edited("getReservationsWithRateDetails", details(status="not_confirmed"))

    assert bench.pms.book(bench.order()).state is ReservationState.BOOKED
