"""What a guest says is compared with what the hotel has written as a clerk would compare it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.shared.domain.said import normal_code, same_surname, surname_key

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("K7F2X9", "K7F2X9"),
        (" k7 f2 x9. ", "K7F2X9"),
        ("xpgmsxgf-1", "XPGMSXGF-1"),
        ("#4711", "4711"),
        ("- 12 34 -", "1234"),
        ("３３", "33"),
    ],
)
def test_a_code_is_the_same_however_it_is_said(said: str, code: str) -> None:
    """Case, spaces and punctuation around a code do not matter; what stands between its letters does."""
    assert normal_code(said) == code


@pytest.mark.parametrize("said", ["", "  ", "...", "a/../b?c", "k7'; drop", "ä1", "1" * 61, "a\x00b", "1#2"])
def test_what_cannot_be_a_code_is_none(said: str) -> None:
    """Nothing else than letters, digits and the punctuation of codes reaches a system's address."""
    with pytest.raises(ValueError, match="cannot be"):
        normal_code(said)


@given(st.text(max_size=80))
def test_a_code_is_normal_already(said: str) -> None:
    """A code that was made normal stays as it is."""
    try:
        code = normal_code(said)
    except ValueError:
        return
    assert normal_code(code) == code


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller", "MUELLER"),
        ("Müller", "muller"),
        ("Mueller", "Muller"),
        ("Groß", "Gross"),
        ("Meier-Schmidt", "meier schmidt"),
        ("O’Neill", "ONeill"),
        ("Dvořák", "Dvorak"),
        ("Ångström", "Angstrom"),
        ("Sørensen", "Soerensen"),
        ("van  der Berg", "Van der Berg"),
        ("Łukasz", "Lukasz"),
    ],
)
def test_spellings_of_one_surname_are_the_same(one: str, other: str) -> None:
    """Case, accents, umlauts and hyphens do not tell two people apart."""
    assert same_surname(one, other)
    assert same_surname(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("Meier", "Maier"), ("Berg", "van der Berg"), ("", ""), ("-", "."), ("Meier", ""), ("Li", "Le")]
)
def test_other_surnames_are_others(one: str, other: str) -> None:
    """Names that sound alike are different names, and no name is nobody's."""
    assert not same_surname(one, other)


@given(st.text(max_size=60), st.text(max_size=60))
def test_surnames_compare_both_ways(one: str, other: str) -> None:
    """Which of the two is the guest's and which the hotel's does not matter; the key of a key is itself."""
    assert same_surname(one, other) == same_surname(other, one)
    assert surname_key(surname_key(one)) == surname_key(surname_key(surname_key(one)))
