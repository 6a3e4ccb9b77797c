"""A hotel's line is found again at LiveKit by its name and by its numbers."""

import pytest

from lambdas.shared.domain.line import line_name, normal_number

pytestmark = pytest.mark.unit


def test_a_lines_name_is_of_one_stage() -> None:
    """No line of one stage begins like those of another."""
    assert line_name("dev", "aurora") == "bellhop/dev/aurora"
    assert not line_name("dev-2", "aurora").startswith(line_name("dev", ""))


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("+493023125001", "+493023125001"),
        ("493023125001", "+493023125001"),
        ("+49 (30) 2312-5001", "+493023125001"),
        ("49 30 23125001", "+493023125001"),
        ("reception", "reception"),
        ("", ""),
    ],
)
def test_a_number_is_the_same_however_it_is_written(written: str, compared: str) -> None:
    """LiveKit takes a trunk's numbers with blanks, brackets and hyphens, and without their plus."""
    assert normal_number(written) == compared
