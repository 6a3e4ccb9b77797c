"""Who we are to Cloudbeds, what the hotel's file must say, and what a refusal with status 200 means."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from lambdas.shared.domain.errors import HotelFileError, InDoubt, NotPossible, Unreachable
from lambdas.shared.pms import CONNECTORS
from tests.contract.cloudbeds.scenes import on_options, refuse
from tests.contract.vendors.benches import STAY, Bench
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.cloudbeds_asked import PROPERTY

pytestmark = pytest.mark.contract


def test_every_request_bears_the_key_and_the_hotel(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """The hotel's key is in `x-api-key`, and its property is named in every question and write."""
    booked = bench.pms.book(bench.order())
    bench.pms.describe()
    bench.pms.search("Meier", STAY.arrival)
    bench.pms.add_note(booked.code, "needs a cot")

    assert {seen.headers["x-api-key"] for seen in cloudbeds.seen} == {cloudbeds.secret["api_key"]}
    for seen in cloudbeds.seen:
        told = {**seen.query, **(seen.body or {})}
        assert {told.get("propertyID"), told.get("propertyIDs")} == {PROPERTY, None}


def test_a_key_is_never_told(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """What is raised for a refused key shows neither the key nor the answer."""
    cloudbeds.secret["api_key"] = "cbat_other"

    with pytest.raises(Unreachable) as raised:
        bench.renewed(secret=lambda *_: {"api_key": "cbat_mine"}).offers(STAY)

    assert "cbat" not in str(raised.value)
    assert raised.value.vendor_code == "401"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"source": None}, "source"),
        ({"source": "s-2"}, "source"),
        ({"source": "ss-77"}, "source"),
        ({"country": "Germany"}, "country"),
        ({"country": None}, "country"),
        ({"email": "reception"}, "email"),
        ({"payment_method": "bitcoin"}, "payment_method"),
        ({"free_until": "18:00"}, "free_until"),
        ({"free_until": "1d 25:00"}, "free_until"),
        ({"late_fee": "half"}, "late_fee"),
        ({"non_refundable": "saver, supersaver"}, "supersaver"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_option_stops_the_start(bench: Bench, options: dict[str, str | None], field: str) -> None:
    """What is missing, unknown or of another form is named with the file and the field."""
    with pytest.raises(HotelFileError) as raised:
        on_options(bench, **options)

    assert "hotels/aurora/hotel.toml" in str(raised.value)
    assert field in str(raised.value)


def test_a_hotel_needs_its_id(bench: Bench) -> None:
    """Without the property's id nothing is opened."""
    pms = bench.hotel.pms.model_copy(update={"property": None})

    with pytest.raises(HotelFileError, match="property"):
        CONNECTORS["cloudbeds"](bench.hotel.model_copy(update={"pms": pms}), bench.parts)


FAULTS: Final = (
    ("User who approved this connection is not active anymore", "user_inactive"),
    (
        "Your request could not be fully completed. The property(ies) you are accessing have an invalid status. "
        "See details: canceled: 49705",
        "property_inactive",
    ),
    ("None of the included property id's match the access_token user's property id", "property_denied"),
)


@pytest.mark.parametrize(("message", "code"), FAULTS)
def test_a_broken_connection_is_unreachable(bench: Bench, edited: Callable[..., None], message: str, code: str) -> None:
    """A hotel that has left, or whose user has, is unreachable for reads and for writes, by a code for the log."""
    order = bench.order()
    edited("postReservation", refuse(message), verb="POST", instead=True)

    with pytest.raises(Unreachable) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == code
    edited("getReservations", refuse(message))
    with pytest.raises(Unreachable) as raised:
        bench.pms.search("Meier", STAY.arrival)
    assert raised.value.vendor_code == code


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (200, "Anna Meier cannot be booked", "refused"),
        (200, "Reservation is locked", "reservation"),
        (400, "Parameter guestZip is required", "parameter_guestZip"),
    ],
)
def test_a_refused_write_has_changed_nothing(
    bench: Bench, edited: Callable[..., None], status: int, message: str, code: str
) -> None:
    """It is told as not possible, and the message, which may repeat what was sent, goes nowhere."""
    order = bench.order()
    edited("postReservation", refuse(message), verb="POST", status=status, instead=True)

    with pytest.raises(NotPossible) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == code
    assert message not in str(raised.value)


def test_a_refused_read_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A question that Cloudbeds does not answer is not answered by us either."""
    edited("getRatePlans", refuse("Something went wrong"))

    with pytest.raises(Unreachable) as raised:
        bench.pms.offers(STAY)

    assert raised.value.vendor_code == "refused"


@pytest.mark.parametrize("body", [None, [], {}, {"data": {}}, "done", {"success": None}])
def test_an_answer_without_a_verdict_is_in_doubt(bench: Bench, edited: Callable[..., None], body: object) -> None:
    """What does not say whether it was done may have been done."""
    order = bench.order()
    edited("postReservation", lambda _: body, verb="POST")

    with pytest.raises(InDoubt):
        bench.pms.book(order)


def test_a_booking_without_an_id_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Success that does not say which reservation it is leaves the doubt, and the reservation is found."""
    order = bench.order()
    edited("postReservation", lambda body: {"success": body["success"]}, verb="POST")

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert bench.pms.find(order) is not None


def test_an_unknown_method_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """404, which Cloudbeds answers to what it does not offer, has changed nothing."""
    order = bench.order()
    edited("postReservation", lambda _: {"error": "Unknown method."}, verb="POST", status=404, instead=True)

    with pytest.raises(Unreachable):
        bench.pms.book(order)


def test_a_refusal_of_an_unknown_id_finds_nothing(bench: Bench, edited: Callable[..., None]) -> None:
    """Whether an id that nobody has is an empty list or a refusal, it is no reservation and no error."""
    edited("getReservationsWithRateDetails", refuse("Reservation not found"))

    assert bench.pms.reservation("7721339999") is None


def test_too_many_requests_are_waited_for(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Five requests a second are allowed: the sixth waits and is asked again."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        cloudbeds.limit.requests = 100

    pms = bench.renewed(sleep=sleep)
    cloudbeds.limit.requests = 1

    assert pms.offers(STAY)
    assert len(pauses) == 1
