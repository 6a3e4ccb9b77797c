"""A guest is recognised by one hotel and by nobody else."""

import pytest

from lambdas.shared.guest import guest_key

pytestmark = pytest.mark.unit

SECRET = b"0123456789abcdef"
KEY = guest_key("aurora", "+491713920055", SECRET)


@pytest.mark.parametrize(
    "number",
    ["+49 171 3920055", "+49 (0)171 392-00-55", "00491713920055", "491713920055", " +491713920055 "],
)
def test_every_notation_of_a_number_is_the_same_guest(number: str) -> None:
    """How a carrier writes a number does not make another guest."""
    assert guest_key("aurora", number, SECRET) == KEY


def test_the_key_is_a_versioned_hmac_that_never_changes() -> None:
    """A guest of last year is still recognised: hotel, zero byte, E.164 under HMAC-SHA256."""
    assert KEY == "1:8f35cd933302f4cd008426cc7f319788c9c2931f27fad8dcad1774e33dda3bda"


@pytest.mark.parametrize(
    ("hotel", "number", "secret"),
    [
        ("borealis", "+491713920055", SECRET),
        ("aurora", "+491713920056", SECRET),
        ("aurora", "+491713920055", b"fedcba9876543210"),
    ],
)
def test_another_hotel_number_or_secret_is_another_guest(hotel: str, number: str, secret: bytes) -> None:
    """Two hotels cannot find out that they share a guest."""
    assert guest_key(hotel, number, secret) != KEY


@pytest.mark.parametrize("number", ["", "anonymous", "+49", "12345", "+4917139200551234567", "sip:alice@example.com"])
def test_a_caller_without_a_number_is_no_guest(number: str) -> None:
    """A withheld number has no key, and the error does not repeat what was there."""
    with pytest.raises(ValueError, match=r"^not a phone number in international notation$"):
        guest_key("aurora", number, SECRET)
