"""Nights are counted as a hotel counts them."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lambdas.shared.domain.stay import LONGEST_STAY, Guest, Stay

pytestmark = pytest.mark.unit

ARRIVAL = date(2026, 12, 30)


@given(arrival=st.dates(date(2020, 1, 1), date(2100, 1, 1)), nights=st.integers(1, LONGEST_STAY))
def test_every_night_has_its_evening(arrival: date, nights: int) -> None:
    """The evenings run from the arrival to the day before the departure."""
    stay = Stay(arrival=arrival, departure=arrival + timedelta(days=nights))

    assert stay.nights == len(stay.evenings) == nights
    assert (stay.evenings[0], stay.evenings[-1]) == (arrival, stay.departure - timedelta(days=1))


def test_a_stay_goes_on_through_the_new_year() -> None:
    """Nights are counted by the calendar."""
    stay = Stay(arrival=ARRIVAL, departure=date(2027, 1, 2))

    assert stay.evenings == (date(2026, 12, 30), date(2026, 12, 31), date(2027, 1, 1))


@pytest.mark.parametrize(
    ("departure", "fault"),
    [
        (ARRIVAL, "must be after arrival"),
        (ARRIVAL - timedelta(days=1), "must be after arrival"),
        (ARRIVAL + timedelta(days=LONGEST_STAY + 1), "31 nights are more than the 30"),
    ],
)
def test_a_stay_is_one_to_thirty_nights(departure: date, fault: str) -> None:
    """A stay without a night, or with too many, is refused with the reason."""
    with pytest.raises(ValidationError, match=fault):
        Stay(arrival=ARRIVAL, departure=departure)


@pytest.mark.parametrize("people", [{"adults": 0}, {"adults": 10}, {"children": -1}, {"children": 10}])
def test_somebody_grown_up_stays(people: dict[str, Any]) -> None:
    """A stay has one to nine adults and at most nine children."""
    with pytest.raises(ValidationError):
        Stay(arrival=ARRIVAL, departure=ARRIVAL + timedelta(days=1), **people)


def test_children_are_guests() -> None:
    """A room must have a bed for everybody."""
    assert Stay(arrival=ARRIVAL, departure=date(2026, 12, 31), adults=2, children=3).guests == 5


@pytest.mark.parametrize("name", ["", " ", "A", "x" * 101, "Anna\nSchmidt", "<b>Anna</b>", "{name}"])
def test_a_guest_has_a_name(name: str) -> None:
    """What cannot be a person's name is not sent to a hotel."""
    with pytest.raises(ValidationError):
        Guest(name=name)


@pytest.mark.parametrize("name", ["Anna Schmidt", "  Zoë O’Neil-Ünal ", "王 伟", "Bo"])
def test_a_guests_name_may_be_anybodys(name: str) -> None:
    """Names of any script are taken, without the blanks around them."""
    assert Guest(name=name).name == name.strip()


@pytest.mark.parametrize("arrival", [date(1999, 12, 31), date(2200, 1, 1), date(9999, 12, 30)])
def test_days_at_the_end_of_time_are_no_stay(arrival: date) -> None:
    """What a connector adds to a day, in whatever time zone, is a day still."""
    with pytest.raises(ValidationError):
        Stay(arrival=arrival, departure=arrival + timedelta(days=1))
