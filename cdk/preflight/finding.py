"""What a check has to say."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Self


class State(Enum):
    """How a thing is, in the word the table shows."""

    FINE = "fine"
    WRONG = "wrong"
    """A deployment or a call would fail."""
    UNSEEN = "not seen"
    """It could not be looked at, so it may be wrong."""
    NOT_YET = "not yet"
    """It comes with the first deployment or the first call."""
    BY_HAND = "by hand"
    """No interface tells; a person has to try."""


STOPPING = frozenset({State.WRONG, State.UNSEEN})
"""The states with which a deployment should not begin."""


@dataclass(frozen=True)
class Finding:
    """What was seen, and in one line what to do about it; never a secret's value."""

    state: State
    seen: str
    fix: str = ""

    @classmethod
    def fine(cls, seen: str) -> Self:
        return cls(State.FINE, seen)

    @classmethod
    def wrong(cls, seen: str, *, fix: str) -> Self:
        return cls(State.WRONG, seen, fix)

    @classmethod
    def unseen(cls, seen: str, *, fix: str) -> Self:
        return cls(State.UNSEEN, seen, fix)

    @classmethod
    def not_yet(cls, seen: str, *, fix: str = "") -> Self:
        return cls(State.NOT_YET, seen, fix)

    @classmethod
    def by_hand(cls, seen: str, *, fix: str) -> Self:
        return cls(State.BY_HAND, seen, fix)
