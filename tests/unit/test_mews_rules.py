"""When a hotel's restrictions in Mews let a stay be booked, and how long Mews' durations are."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Stay
from lambdas.shared.pms.mews_durations import after
from lambdas.shared.pms.mews_models import Category, Rate
from lambdas.shared.pms.mews_rules import Closures, Restriction, Wanted

pytestmark = pytest.mark.unit

BERLIN: Final = ZoneInfo("Europe/Berlin")
NOW: Final = datetime(2026, 11, 24, 11, tzinfo=UTC)
RATES: Final = {
    rate.id: rate
    for rate in (
        Rate(id="base", group_id="flexible"),
        Rate(id="saver", group_id="cheap", base_rate_id="base"),
        Rate(id="member", group_id="cheap", base_rate_id="saver"),
    )
}
"""A member's rate depends on the saver's, which depends on the base."""
WANTED: Final = Wanted(
    stay=Stay(arrival=date(2026, 12, 30), departure=date(2027, 1, 2), adults=2),
    room=Category(id="double", type="Room"),
    rate=RATES["member"],
    total=Money(cents=38_700, currency="EUR"),
    starts=datetime(2026, 12, 30, 15, tzinfo=BERLIN),
    ends=datetime(2027, 1, 2, 11, tzinfo=BERLIN),
)
"""Wednesday to Saturday, 129.00 a night, five weeks from now."""


def let(conditions: dict[str, Any], exceptions: dict[str, Any] | None = None) -> bool:
    """Does a restriction let it be booked?"""
    restriction = Restriction.model_validate({"Conditions": conditions, "Exceptions": exceptions})
    return Closures([restriction], RATES, BERLIN).let(WANTED, NOW)


def day(date: str) -> str:
    """Where a day of winter begins in Berlin."""
    return datetime.fromisoformat(f"{date}T00:00:00+01:00").astimezone(UTC).isoformat()


def test_nothing_is_closed_without_restrictions() -> None:
    """A hotel that restricts nothing lets everything be booked."""
    assert Closures([], RATES, BERLIN).let(WANTED, NOW)


@pytest.mark.parametrize(
    ("conditions", "closed"),
    [
        ({}, True),
        ({"ExactRateId": "member"}, True),
        ({"ExactRateId": "saver"}, False),
        ({"BaseRateId": "member"}, True),
        ({"BaseRateId": "saver"}, True),
        ({"BaseRateId": "base"}, True),
        ({"BaseRateId": "other"}, False),
        ({"RateGroupId": "cheap"}, True),
        ({"RateGroupId": "flexible"}, False),
        ({"ResourceCategoryId": "double"}, True),
        ({"ResourceCategoryId": "suite"}, False),
        ({"ResourceCategoryType": "Room"}, True),
        ({"ResourceCategoryType": "Dorm"}, False),
        ({"RateGroupId": "cheap", "ResourceCategoryId": "suite"}, False),
    ],
)
def test_a_restriction_concerns_what_meets_all_its_conditions(conditions: dict[str, Any], closed: bool) -> None:
    """A rate, the rates it depends on, its group, a room and its kind: whatever is named has to be the stay's."""
    assert let({"Type": "Stay", **conditions}) is not closed


@pytest.mark.parametrize(
    ("kind", "first", "last", "closed"),
    [
        ("Stay", "2026-12-30", "2026-12-30", True),
        ("Stay", "2027-01-01", "2027-01-09", True),
        ("Stay", "2026-12-01", "2026-12-29", False),
        ("Stay", "2027-01-02", "2027-01-09", False),
        ("Start", "2026-12-30", "2026-12-30", True),
        ("Start", "2026-12-31", "2027-01-09", False),
        ("Start", "2026-12-01", "2026-12-29", False),
        ("End", "2027-01-02", "2027-01-02", True),
        ("End", "2026-12-30", "2027-01-01", False),
        ("End", "2027-01-03", "2027-01-09", False),
        ("Stay", None, "2026-12-30", True),
        ("Stay", "2027-01-02", None, False),
        ("Start", None, None, True),
        ("Nap", None, None, False),
    ],
)
def test_a_restriction_is_about_days(kind: str, first: str | None, last: str | None, closed: bool) -> None:
    """Its first and last day are in it: nights slept, the day of arrival, or the day of departure."""
    days = {"StartUtc": first and day(first), "EndUtc": last and day(last)}

    assert let({"Type": kind, **days}) is not closed


def test_a_restriction_may_last_until_the_end_of_the_calendar() -> None:
    """The last moment that can be written stands for no end, and is not told in the hotel's time."""
    assert not let({"Type": "Stay", "StartUtc": day("2026-12-01"), "EndUtc": "9999-12-31T23:59:59Z"})
    assert let({"Type": "Stay", "StartUtc": day("2027-02-01"), "EndUtc": "9999-12-31T23:59:59Z"})


@pytest.mark.parametrize(
    ("kind", "days", "closed"),
    [
        ("Stay", ["Thursday"], True),
        ("Stay", ["Saturday", "Sunday"], False),
        ("Start", ["Wednesday"], True),
        ("Start", ["Thursday"], False),
        ("End", ["Saturday"], True),
        ("Stay", [], True),
    ],
)
def test_a_restriction_may_be_about_days_of_the_week(kind: str, days: list[str], closed: bool) -> None:
    """Only those days of the week count that are named, and all where none is."""
    assert let({"Type": kind, "Days": days}) is not closed


@pytest.mark.parametrize(
    ("exceptions", "closed"),
    [
        ({}, True),
        ({"MinLength": "P0M3DT0H0M0S"}, False),
        ({"MinLength": "P0M4DT0H0M0S"}, True),
        ({"MaxLength": "P0M3DT0H0M0S"}, False),
        ({"MaxLength": "P0M2DT0H0M0S"}, True),
        ({"MinLength": "P2D", "MaxLength": "P7D"}, False),
        ({"MinLength": "P2D", "MaxLength": "P2D"}, True),
        ({"MinAdvance": "P36D"}, False),
        ({"MinAdvance": "P37D"}, True),
        ({"MinAdvance": "P1M"}, False),
        ({"MaxAdvance": "P1M"}, True),
        ({"MaxAdvance": "P2M"}, False),
        ({"MinAdvance": "P1D", "MinLength": "P4D"}, True),
        ({"MinPrice": {"Currency": "EUR", "Value": 129}}, False),
        ({"MinPrice": {"Currency": "EUR", "Value": 129.01}}, True),
        ({"MaxPrice": {"Currency": "EUR", "Value": 129}}, False),
        ({"MaxPrice": {"Currency": "EUR", "Value": 128.99}}, True),
        ({"MinPrice": {"Currency": "EUR", "Value": None}}, True),
        ({"MinLength": "two nights"}, True),
    ],
)
def test_an_exception_lets_through_what_meets_them_all(exceptions: dict[str, Any], closed: bool) -> None:
    """A length, how long before, or a night's price; without exceptions it is closed for all."""
    assert let({"Type": "Stay"}, exceptions) is not closed


def test_rates_that_depend_on_each_other_end() -> None:
    """Two rates that each claim to depend on the other do not hold a question up for ever."""
    rates = {"a": Rate(id="a", base_rate_id="b"), "b": Rate(id="b", base_rate_id="a")}
    restriction = Restriction.model_validate({"Conditions": {"Type": "Stay", "BaseRateId": "c"}})

    assert Closures([restriction], rates, BERLIN).let(WANTED, NOW)


@pytest.mark.parametrize(
    ("written", "then"),
    [
        ("P0M0DT15H0M0S", "2027-01-31T15:00:00"),
        ("P0M-1DT18H0M0S", "2027-01-30T18:00:00"),
        ("-P1DT6H", "2027-01-29T18:00:00"),
        ("PT-90M", "2027-01-30T22:30:00"),
        ("P1W", "2027-02-07T00:00:00"),
        ("P1M", "2027-02-28T00:00:00"),
        ("P-11M", "2026-02-28T00:00:00"),
        ("P1Y1M", "2028-02-29T00:00:00"),
        ("-P1Y", "2026-01-31T00:00:00"),
        ("PT0.5S", "2027-01-31T00:00:00.500000"),
    ],
)
def test_a_duration_is_counted_by_the_calendar(written: str, then: str) -> None:
    """Months are months, each part may be negative, and the end of a month stays one."""
    assert after(datetime(2027, 1, 31), written) == datetime.fromisoformat(then)


@pytest.mark.parametrize(
    "written", ["", "P", "PT", "1D", "P1", "0M0D0:0:0.0", "P1D6H", "P1.5M", "P1H", "P9999Y", "P1D ", "P٣D"]
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    """Anything but an ISO 8601 duration that ends within the calendar is an error, not a guess."""
    with pytest.raises(ValueError, match=r"duration|too long"):
        after(datetime(2027, 1, 31), written)


def test_a_duration_follows_the_clock_on_the_wall() -> None:
    """A day before noon is noon, also when the clocks change in between."""
    assert after(datetime(2027, 3, 28, 12, tzinfo=BERLIN), "-P1D").isoformat() == "2027-03-27T12:00:00+01:00"
