"""Nothing personal in a log or a transcript: what identifies a guest becomes a mark that says what stood there.

Marks are [phone] [email] [card] [iban] [name]. A call's id (the hotel's number, never the guest's), dates, times,
prices, room numbers and measured values stay. Where it cannot be told, a long number goes: a log can do without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

from lambdas.shared.redaction.addresses import without_emails, without_ibans
from lambdas.shared.redaction.names import without_introductions, without_names, without_spelling
from lambdas.shared.redaction.numbers import without_numbers

__all__ = ["redact", "redact_event"]


def redact(text: str, *, names: Iterable[str] = ()) -> str:
    """The text with marks for numbers, addresses, accounts, the given names, and names that somebody introduces."""
    text = without_emails(text)
    text = without_ibans(text)
    text = without_numbers(text)
    text = without_names(text, names)
    text = without_introductions(text)
    return without_spelling(text)


def redact_event(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor before the renderer; what is not plain data is written as text first, then redacted."""
    for field, value in event.items():
        event[field] = _redacted(value)
    return event


def _redacted(value: Any) -> Any:
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return redact(value)
        case Mapping():
            return {redact(str(name)): _redacted(inner) for name, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_redacted(inner) for inner in value]
    return redact(str(value))
