"""How long whoever asked still waits for an answer: no vendor is asked beyond that."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

_ENDS: Final[ContextVar[float]] = ContextVar("ends", default=math.inf)


@contextmanager
def answering_within(seconds: float) -> Iterator[None]:
    """What is asked of vendors in here ends by then; one within another ends no later than the outer one."""
    outer = _ENDS.set(min(_ENDS.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _ENDS.reset(outer)


def seconds_left() -> float:
    """Endless where nobody has said how long they wait."""
    return _ENDS.get() - time.monotonic()
