"""`make hotel-check`: what it finds between a hotel's file and its booking system, and what it says."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.hotel import BookingSystem, Hotel, Titled, load_hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Offer, Stay
from lambdas.shared.pms import Capability, Pms, Property
from local.hotel_check import findings, main

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
ROOMS = {"single": "SGL", "double": "DBL", "suite": "STE"}
TITLES = {"SGL": "Single", "DBL": "Double", "STE": "Suite"}


@dataclass
class System:
    """A booking system that tells what it is told to."""

    property: Property
    offered: list[Offer] = field(default_factory=list)
    capabilities: frozenset[Capability] = frozenset({Capability.NOTE, Capability.CANCEL})
    asked: list[Stay] = field(default_factory=list)

    def describe(self) -> Property:
        return self.property

    def offers(self, stay: Stay) -> list[Offer]:
        self.asked.append(stay)
        return self.offered


def hotel(**system: Any) -> Hotel:
    facts = load_hotel(Path("hotels/aurora")).model_dump()
    facts["rates"] = {"flexible": Titled(title="flexible rate")}
    facts["extras"] = {"breakfast": Titled(title="breakfast")}
    codes = {"rooms": ROOMS, "rates": {"flexible": "FLEX"}, "extras": {"breakfast": "BRK"}}
    facts["pms"] = BookingSystem(connector="apaleo", **{**codes, **system})
    return Hotel.model_validate(facts)


def system(**changes: Any) -> System:
    told: dict[str, Any] = {
        "title": "Aurora GmbH",
        "currency": "EUR",
        "timezone": "Europe/Berlin",
        "rooms": TITLES,
        "rates": {"FLEX": "Flexible"},
        "extras": {"BRK": "Breakfast"},
    }
    return System(Property(**{**told, **changes}))


def found(of: Hotel, told: System) -> Mapping[str, bool]:
    return {finding.text: finding.fine for finding in findings(of, cast("Pms", told), NOW)}


def wrong(of: Hotel, told: System) -> list[str]:
    return [text for text, fine in found(of, told).items() if not fine]


def test_a_file_that_fits_is_told_line_by_line() -> None:
    """Everything that was compared is named, also when nothing is missing."""
    assert found(hotel(), system()) == dict.fromkeys(
        [
            "apaleo knows the hotel as “Aurora GmbH”",
            'currency = "EUR"',
            'timezone = "Europe/Berlin"',
            '[pms.rooms] single = "SGL": Single',
            '[pms.rooms] double = "DBL": Double',
            '[pms.rooms] suite = "STE": Suite',
            '[pms.rates] flexible = "FLEX": Flexible',
            '[pms.extras] breakfast = "BRK": Breakfast',
            "single, 2026-12-24 to 2026-12-26, one guest: not free",
            "double, 2026-12-24 to 2026-12-26, one guest: not free",
            "suite, 2026-12-24 to 2026-12-26, one guest: not free",
            "it can: cancel, note",
        ],
        True,
    )


@pytest.mark.parametrize(
    ("mapped", "told", "complaint"),
    [
        (
            {"rooms": {**ROOMS, "suite": "JST"}},
            {},
            '[pms.rooms] suite = "JST": the system tells of no such code; it has "SGL" (Single), "DBL" (Double), '
            '"STE" (Suite)',
        ),
        ({"rooms": {"single": "SGL", "double": "DBL"}}, {}, "[pms.rooms] suite is missing: nobody is offered it"),
        (
            {},
            {"rates": {}},
            '[pms.rates] flexible = "FLEX": the system tells of no such code; it has none',
        ),
        ({}, {"currency": "CHF"}, 'currency = "EUR": the system says "CHF"'),
        ({}, {"timezone": "Europe/Zurich"}, 'timezone = "Europe/Berlin": the system says "Europe/Zurich"'),
    ],
)
def test_what_does_not_fit_is_named_with_what_would(
    mapped: dict[str, Any], told: dict[str, Any], complaint: str
) -> None:
    """Whoever edits the file reads which line is wrong and what the system has instead."""
    assert wrong(hotel(**mapped), system(**told)) == [complaint]


def test_what_nobody_is_told_of_is_named_and_is_no_fault() -> None:
    """A hotel may keep a room or a rate off the phone."""
    told = system(rooms={**TITLES, "CAB": "Cabin"}, rates={"FLEX": "Flexible", "STAFF": "Staff"})

    lines = found(hotel(), told)

    assert lines['[pms.rooms] does not have, and nobody is told of: "CAB" (Cabin)'] is True
    assert lines['[pms.rates] does not have, and nobody is told of: "STAFF" (Staff)'] is True


def test_a_file_without_rates_is_told_which_there_are() -> None:
    """Without a rate that is mapped there is no offer."""
    without = hotel().model_copy(update={"rates": {}, "pms": hotel(rates={}).pms})

    assert wrong(without, system()) == ['[pms.rates] is empty, and the system has "FLEX" (Flexible)']


def test_a_system_that_does_not_say_its_currency_is_no_fault() -> None:
    """What a vendor does not tell cannot be compared."""
    lines = found(hotel(), system(currency=None, timezone=None))

    assert lines['currency = "EUR": the system does not say'] is True


def test_what_a_room_costs_in_a_month_is_shown() -> None:
    """The prices beside the rooms show somebody who knows the hotel whether the mapping is right."""
    told = system()
    stay = Stay(arrival=date(2026, 12, 24), departure=date(2026, 12, 26))
    price = {"stay": stay, "room_type": "double", "room": "double room"}
    told.offered = [
        Offer(**price, total=Money(cents=23_220, currency="EUR"), rate="saver rate"),
        Offer(**price, total=Money(cents=25_800, currency="EUR"), rate="flexible rate"),
    ]

    lines = found(hotel(), told)

    assert "double, 2026-12-24 to 2026-12-26, one guest: 232.20 EUR, saver rate; 258.00 EUR, flexible rate" in lines
    assert told.asked == [stay]


@pytest.mark.parametrize("part", ["describe", "offers"])
def test_a_system_that_cannot_be_asked_is_told_with_its_code(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key or a closed door is a finding, not a traceback."""

    def unreachable(*_: object) -> Any:
        raise Unreachable("the token: 401", vendor_code="invalid_client")

    monkeypatch.setattr(System, part, unreachable)

    assert wrong(hotel(), system()) == ["the booking system was asked in vain: the token: 401 (invalid_client)"]


def test_the_demo_hotel_fits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit status is 0 when nothing is missing."""
    monkeypatch.setattr(sys, "argv", ["hotel-check", "aurora"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert "Hotel Aurora: nothing is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"), [([], "say which hotel: HOTEL=aurora"), (["nowhere"], r"hotel\.toml: cannot be read")]
)
def test_a_hotel_that_is_not_there_is_said_in_words(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever mistypes a name learns where it was looked for."""
    monkeypatch.setattr(sys, "argv", ["hotel-check", *options])

    with pytest.raises(SystemExit, match=said):
        main()


def test_a_hotel_whose_system_asks_for_a_key_needs_a_stage(
    monkeypatch: pytest.MonkeyPatch, moved: Callable[[Path], Hotel]
) -> None:
    """Which stage's secret is used is said, never guessed."""
    monkeypatch.setattr("local.hotel_check.load_hotel", moved)
    monkeypatch.setattr(sys, "argv", ["hotel-check", "aurora"])

    with pytest.raises(SystemExit, match="apaleo asks for a key: say STAGE=dev or STAGE=prod"):
        main()


@pytest.fixture
def moved() -> Callable[[Path], Hotel]:
    """Every folder holds a hotel at a vendor."""
    return lambda _: hotel()
