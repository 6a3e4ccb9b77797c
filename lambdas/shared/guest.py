"""Recognising a guest who calls again, without keeping the number."""

from __future__ import annotations

import hashlib
import hmac
import re

import phonenumbers

from lambdas.shared.domain.hotel import E164


def e164(number: str) -> str:
    """A number in international notation, with `+`, `00` or neither before the country code, as E.164.

    Raises ValueError when it is none; the message does not hold it.
    """
    digits = re.sub(r"^(\+|00)?", "+", number.strip(), count=1)
    try:
        parsed = phonenumbers.parse(digits, None)
    except phonenumbers.NumberParseException:
        raise ValueError("not a phone number in international notation") from None
    written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if not (phonenumbers.is_possible_number(parsed) and E164.match(written)):
        raise ValueError("not a phone number in international notation")
    return written


def guest_key(hotel: str, number: str, secret: bytes) -> str:
    """Who calls, as one hotel may remember it: the same number always, another hotel's never the same.

    Raises ValueError when the caller's number is no phone number (withheld, say).
    """
    message = hotel.encode() + b"\0" + e164(number).encode()
    return "1:" + hmac.new(secret, message, hashlib.sha256).hexdigest()
