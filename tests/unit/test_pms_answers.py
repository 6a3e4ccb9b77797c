"""What every connector makes of answers is the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotFound,
    NotPossible,
    PriceChanged,
    SoldOut,
    Unreachable,
)
from lambdas.shared.domain.hotel import BookingSystem, Hotels
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms.answers import (
    Answered,
    as_cancelled,
    as_offered,
    as_wished,
    contact_of,
    existing,
    first_standing,
    fitting_rooms,
    settled,
    still_there,
    why_refused,
)
from lambdas.shared.pms.vendor_http import Answer

pytestmark = pytest.mark.unit

OFFER = Offer(
    stay=Stay(arrival=date(2026, 12, 30), departure=date(2027, 1, 2)),
    room_type="double",
    room="double room",
    total=Money(cents=38_700, currency="EUR"),
    rate_plan="flexible",
)
BOOKED = Reservation.of(OFFER, code="K7F2X9", guest=Guest(name="Anna Meier"), reference="wish00000001")
CANCELLED = BOOKED.model_copy(update={"state": ReservationState.CANCELLED})
ANSWER = Answer("a booking", 201, {}, wrote=True)


@dataclass(frozen=True)
class Quoted:
    offer: Offer


def test_null_is_missing() -> None:
    """A field that is null has its default, by whatever name the vendor writes it."""

    class Room(Answered):
        model_config = ConfigDict(alias_generator=to_camel)
        room_title: str = "untitled"
        beds: tuple[int, ...] = ()

    assert Room.model_validate({"roomTitle": None, "beds": None}) == Room()
    assert Room.model_validate({"roomTitle": "Attic"}).room_title == "Attic"


def test_the_quote_for_an_offer_is_the_one_for_the_same() -> None:
    """Of several quotes the one for the same room, stay and rate is taken, at the same price only."""
    saver = Quoted(OFFER.model_copy(update={"rate_plan": "saver"}))
    dearer = Quoted(OFFER.model_copy(update={"total": Money(cents=38_701, currency="EUR")}))

    assert as_offered([saver, Quoted(OFFER)], OFFER) == Quoted(OFFER)
    with pytest.raises(PriceChanged):
        as_offered([saver, dearer], OFFER)
    with pytest.raises(SoldOut):
        as_offered([saver], OFFER)


def test_a_city_tax_is_a_part_of_what_was_told() -> None:
    """What is paid at the hotel may not change behind a guest's back either."""
    taxed = Quoted(OFFER.model_copy(update={"city_tax": Money(cents=600, currency="EUR")}))

    with pytest.raises(PriceChanged):
        as_offered([taxed], OFFER)


def test_rooms_that_fit_are_mapped_and_sleep_everybody() -> None:
    """Only a room that the file maps, that was asked for and that has a bed for each is asked of a vendor."""
    hotel = next(iter(Hotels.load(Path(__file__).parents[2] / "hotels"))).model_copy(deep=True)
    mapped = BookingSystem(connector="demo", rooms={room: room.upper() for room in hotel.rooms if room != "single"})
    hotel = hotel.model_copy(update={"pms": mapped})
    two, four = OFFER.stay.model_copy(update={"adults": 2}), OFFER.stay.model_copy(update={"adults": 4})

    assert fitting_rooms(hotel, OFFER.stay, None) == ["double", "suite"]
    assert fitting_rooms(hotel, OFFER.stay, "single") == []
    assert fitting_rooms(hotel, two, "double") == ["double"]
    assert fitting_rooms(hotel, four, None) == ["suite"]


def test_a_write_is_done_when_it_led_to_what_was_wished() -> None:
    """Another room, rate or total than was told is in doubt, and so is a cancellation after which the stay stands."""
    dearer = OFFER.model_copy(update={"total": Money(cents=38_701, currency="EUR")})

    assert as_wished(ANSWER, BOOKED, OFFER) == BOOKED
    assert as_cancelled(ANSWER, CANCELLED) == CANCELLED
    for other in (
        dearer,
        OFFER.model_copy(update={"room_type": "suite"}),
        OFFER.model_copy(update={"rate_plan": None}),
    ):
        with pytest.raises(InDoubt):
            as_wished(ANSWER, BOOKED, other)
    with pytest.raises(InDoubt):
        as_cancelled(ANSWER, BOOKED)


def test_of_several_the_one_that_stands_is_told() -> None:
    """A reference that led to a cancelled and a standing reservation is the standing one's."""
    again = CANCELLED.model_copy(update={"code": "M3P8QT"})

    assert first_standing([CANCELLED, BOOKED]) == BOOKED
    assert first_standing([CANCELLED, again]) == CANCELLED
    assert first_standing([]) is None


def test_what_is_gone_is_told() -> None:
    """A write about nothing finds nothing; a reservation that was found before and is gone cannot be dealt with."""
    assert existing("kept") == still_there("kept") == "kept"
    with pytest.raises(NotFound):
        existing(None)
    with pytest.raises(NotPossible):
        still_there(None)


def test_what_cannot_be_read_after_a_write_is_in_doubt() -> None:
    """A write that was done is not told as done until its result was read."""

    def unreachable() -> str:
        raise Unreachable("a reservation: 503", vendor_code="503")

    assert settled(ANSWER, lambda: "kept") == "kept"
    with pytest.raises(InDoubt) as raised:
        settled(ANSWER, unreachable)
    assert raised.value.vendor_code == "503"
    with pytest.raises(InDoubt):
        settled(ANSWER, lambda: None)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (None, NotPossible),
        (SoldOut("gone"), SoldOut),
        (PriceChanged("dearer"), PriceChanged),
        (Unreachable("503", vendor_code="503"), NotPossible),
    ],
)
def test_a_refusal_without_a_code_is_explained_by_what_is_free(
    asked: BellhopError | None, kind: type[BellhopError]
) -> None:
    """What is free now says why, and the vendor's own code stays; where that cannot be asked, the refusal stands."""

    def ask() -> None:
        if asked:
            raise asked

    why = why_refused(NotPossible("no", vendor_code="E17"), ask)

    assert type(why) is kind
    assert why.vendor_code == "E17"


def test_other_refusals_are_not_asked_about() -> None:
    """What is not there, or was not let in, is not explained by prices."""

    def ask() -> None:
        raise AssertionError("asked")

    refusal = NotFound("no such reservation")

    assert why_refused(refusal, ask) is refusal


@pytest.mark.parametrize(
    ("emails", "phones", "contact"),
    [
        (["a@example.com"], ["+491701234567"], Contact(email="a@example.com", phone="+491701234567")),
        (
            ["at work", "a@example.com"],
            ["none", "0049 170 1234567"],
            Contact(email="a@example.com", phone="+491701234567"),
        ),
        ([None, "", " "], [None, "", "12"], Contact()),
        ([], [], Contact()),
    ],
)
def test_a_contact_is_the_first_that_is_one(
    emails: list[str | None], phones: list[str | None], contact: Contact
) -> None:
    """What a clerk has typed into a field for an address or a number is told only if it is one."""
    assert contact_of(emails, phones) == contact
