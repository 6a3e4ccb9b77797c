"""What every connector makes of answers is the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

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
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Offer, Stay
from lambdas.shared.pms.answers import (
    Answered,
    as_offered,
    contact_of,
    existing,
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
