"""Scenario files: what they say, what is wrong with them, and days that never go stale."""

from datetime import date
from pathlib import Path

import pytest

from lambdas.shared.domain.hotel import Titled, load_hotel
from local.scenario import ScenarioError, list_scenarios, load_scenario, resolve
from local.script import Script, next_day

pytestmark = pytest.mark.unit

SCENARIOS = Path(__file__).parents[1] / "e2e" / "scenarios"
SMALLEST = """
title = "A guest says goodbye"
language = "en"
hotel = "aurora"
[[lines]]
text = "Goodbye."
[[steps]]
name = "goodbye"
when = 'bye'
tool = "end_call"
[expected.call]
outcome = "answered"
"""
STAY = """
[[steps]]
name = "offer"
when = 'book'
tool = "check_availability"
say = "{offers[0].total|money}"
[steps.slots.arrival]
kind = "date"
ask = "When?"
[steps.arguments]
arrival = "{arrival}"
"""


def test_the_scenarios_of_this_repository_can_be_read() -> None:
    """Every scenario file is right, and each says what it is about."""
    found = list_scenarios(SCENARIOS)

    assert {"book", "breakfast_and_parking", "cancel", "human", "interruption"} <= set(found)
    assert len({scenario.title for scenario in found.values()}) == len(found)


def test_the_smallest_scenario_has_a_guest_and_expects_nothing_of_the_hotel(tmp_path: Path) -> None:
    """What is not said is a default: the demo guest, no reservation, no follow-up, a call that has ended."""
    (tmp_path / "bye.toml").write_text(SMALLEST)

    scenario = list_scenarios(tmp_path)["bye"]

    assert scenario.guest.number == "+491713920055"
    assert (scenario.expected.reservations, scenario.expected.follow_ups) == ((), ())
    assert scenario.expected.call.state == "ended"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('language = "en"', 'language = "xx"', "language: 'xx' is not allowed: input should be 'en'"),
        ('hotel = "aurora"', "", "hotel: is missing"),
        (
            'text = "Goodbye."',
            'txt = "Goodbye."',
            "lines[0]: unknown field txt; allowed: text, again, pause, interrupt_after, hang_up",
        ),
        ('text = "Goodbye."', "pause = 1.0", "lines[0]: text is missing"),
        ('text = "Goodbye."', 'text = "Bye."\ninterrupt_after = 0', "lines[0].interrupt_after: 0 is not allowed"),
        ("when = 'bye'", "when = '(bye'", "steps[0].when: '(bye' is not a regular expression"),
        ("when = 'bye'", "", "steps[0]: needs `when`"),
        ("when = 'bye'", "after = 'hello'", "after 'hello' names no step above it"),
        (
            'outcome = "answered"',
            'outcome = "glad"',
            "expected.call.outcome: 'glad' is not allowed: input should be 'booked'",
        ),
        ('kind = "date"', 'kind = "day"', "steps[1].slots.arrival: 'day' is not allowed"),
        ('ask = "When?"', "", "steps[1].slots.arrival: ask is missing"),
        ('ask = "When?"', 'ask = "On {day}?"', "steps[1].slots.arrival.ask: holds no {…}"),
        (
            'arrival = "{arrival}"',
            'arrival = "{departure}"',
            "arguments.arrival {departure}: 'departure' is not a slot",
        ),
        ('arrival = "{arrival}"', 'arrival = "{arrival + arrival}"', "only nights or a number can be added"),
        ('arrival = "{arrival}"', 'arrival = "2027-03-12"', "steps[1].arguments.arrival: '2027-03-12' is not allowed"),
        (
            "{offers[0].total|money}",
            "{offers[0].total|cents}",
            "{offers[0].total|cents} is not a place in a tool's answer",
        ),
        ("\n[[lines]]", "\nguest = 1\n[[lines]]", "guest: 1 is not allowed"),
        ('language = "en"', "language = ", "is not TOML"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    """Whoever writes a scenario learns file, field and what may stand there."""
    whole = SMALLEST.replace("[expected.call]", f"{STAY}\n[expected.call]")
    file = tmp_path / "wrong.toml"
    file.write_text(whole.replace(old, new, 1))

    with pytest.raises(ScenarioError) as error:
        load_scenario(file)

    assert str(error.value).startswith(f"{file}: ")
    assert complaint in str(error.value)


def test_a_folder_or_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A missing file and an empty folder say so."""
    with pytest.raises(ScenarioError, match="no scenario"):
        list_scenarios(tmp_path)
    with pytest.raises(ScenarioError, match=r"none\.toml: cannot be read"):
        load_scenario(tmp_path / "none.toml")


def test_the_brain_is_told_neither_lines_nor_answer() -> None:
    """The script of a scenario holds nothing of what the guest will say or of what is expected."""
    scenario = load_scenario(SCENARIOS / "book.toml")

    told = scenario.script().model_dump_json()

    assert Script.model_validate_json(told) == scenario.script()
    assert not any(secret in told for secret in ("Peter Miller", "twelfth", "03-12", "25800", 'booked"', "aurora"))


def test_the_brain_does_not_know_what_is_booked_before() -> None:
    """It finds a reservation by what the guest says, or not at all."""
    scenario = load_scenario(SCENARIOS / "cancel.toml")

    told = scenario.script().model_dump_json()

    assert [booked.guest_name for booked in scenario.booked] == ["Peter Miller"]
    assert not any(secret in told for secret in ("Miller", "05-10", "25800", "double"))


def test_a_hotel_with_rates_is_expected_to_offer_its_cheapest() -> None:
    """The same scenario is right at the demo hotel, which has one rate, and at a vendor's, which has two."""
    expected = load_scenario(SCENARIOS / "book.toml").expected
    at_home = load_hotel(Path("hotels/aurora"))
    moved = at_home.model_copy(update={"rates": {"saver": Titled(title="saver rate")}})

    assert expected.at(at_home).reservations[0].total_cents == 25_800
    assert expected.at(moved).reservations[0].total_cents == 23_220


def test_a_total_that_has_no_cheaper_one_is_the_same_everywhere() -> None:
    """What was booked before the call has its price."""
    expected = load_scenario(SCENARIOS / "cancel.toml").expected
    moved = load_hotel(Path("hotels/aurora")).model_copy(update={"rates": {"saver": Titled(title="saver rate")}})

    assert expected.at(moved).reservations[0].total_cents == 25_800


@pytest.mark.parametrize("today", [date(2026, 11, 24), date(2027, 3, 12), date(2027, 3, 13), date(2031, 12, 31)])
def test_a_stay_in_the_future_stays_there(today: date) -> None:
    """The days of a scenario are the next ones on whatever day it is played, the departure after the arrival."""
    expected = load_scenario(SCENARIOS / "book.toml").expected.reservations[0]

    arrival, departure = expected.stay(today)

    assert today <= arrival
    assert (departure - arrival).days == 2
    assert (arrival.month, arrival.day) == (3, 12)


def test_a_stay_over_new_year_ends_in_the_new_year() -> None:
    """A departure early in the year follows an arrival late in the year before."""
    arrival = resolve("12-31", date(2026, 11, 24))

    assert resolve("01-02", arrival) == date(2027, 1, 2)


@pytest.mark.parametrize(
    ("month", "day", "found"), [(2, 29, date(2028, 2, 29)), (11, 24, date(2026, 11, 24)), (2, 30, None), (13, 1, None)]
)
def test_the_next_day_exists(month: int, day: int, found: date | None) -> None:
    """The next such day may be today or years ahead; a day that no year has is none."""
    assert next_day(month, day, date(2026, 11, 24)) == found
