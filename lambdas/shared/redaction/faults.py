"""An error in a log: its kind and its place, never its message, which may quote a guest."""

from __future__ import annotations

import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Final

_FRAMES: Final = 6


def where(error: BaseException) -> str:
    """Where an error came from: the last calls before it, without its message."""
    return "".join(traceback.format_tb(error.__traceback__)[-_FRAMES:])


def without_message(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """structlog's processor for `exc_info`, which becomes `error` and `at`."""
    told = event.pop("exc_info", None)
    error = sys.exc_info()[1] if told is True else told[1] if isinstance(told, tuple) else told
    if isinstance(error, BaseException):
        event.update(error=type(error).__name__, at=where(error))
    return event
