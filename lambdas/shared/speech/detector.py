"""What every language detector can do, whatever it goes by; settings name one without anybody's library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

DetectorName = Literal["both", "cld3", "classifier"]
"""What the setting LANGUAGE_DETECTOR may say."""


@dataclass(frozen=True)
class Guess:
    """The language a text is most likely in, as an ISO 639-1 code, and how likely that is, from 0 to 1."""

    language: str
    probability: float


class DetectorMissing(Exception):
    """The library behind a detector is not installed; the message says what to install or which setting to choose."""


class Detector(Protocol):
    """Tells languages apart by text; it knows no other than those it was opened for."""

    @property
    def name(self) -> DetectorName:
        """The setting by which it is chosen."""

    def guess(self, text: str) -> Guess | None:
        """The text's language, or None when there is nothing to judge by or it seems to be in none of the languages."""
