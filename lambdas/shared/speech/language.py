"""Which of the hotel's languages a guest speaks, told by the words that were recognised.

A detector judges one text and may be wrong about a short one; SpokenLanguage follows a whole conversation and changes
its mind only when it is sure. The figures behind both are in docs/adr/0027.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from lambdas.shared.domain.hotel import LANGUAGES
from lambdas.shared.speech.detector import Detector, DetectorMissing, DetectorName, Guess

__all__ = ["Detector", "DetectorMissing", "DetectorName", "Guess", "SpokenLanguage", "open_detector", "words_in"]

SURE: Final = 0.8
"""The probability from which on a guess counts."""
LONG: Final = 6
"""Words from which on one turn is enough to change the language."""
SHORT: Final = 2
"""Up to so many words a turn says nothing of its language: names and thanks are alike in all of them."""
_WORD: Final = re.compile(r"[^\W\d_]{2,}")


def open_detector(name: DetectorName, languages: Sequence[str]) -> Detector:
    """The detector of that name for these languages, as ISO 639-1 codes; takes up to a second, so open it once.

    Raises ValueError when a language is not one that hotels can have, DetectorMissing when its library is absent.
    """
    if not languages or (unknown := [language for language in languages if language not in LANGUAGES]):
        told = ", ".join(map(repr, unknown)) if languages else "none"
        raise ValueError(f"a detector can be opened for {', '.join(LANGUAGES)}, not for {told}")
    # Imported here: who follows a conversation with a detector of its own needs nobody's library.
    from lambdas.shared.speech.detectors import DETECTORS

    return DETECTORS[name](languages)


def words_in(text: str) -> int:
    """How many words there are to judge by; single letters and numbers say nothing."""
    return len(_WORD.findall(text))


class SpokenLanguage:
    """The language of a conversation, which changes when a guest changes it and not when a word sounds foreign."""

    def __init__(self, detector: Detector, languages: Sequence[str], current: str) -> None:
        if current not in languages:
            raise ValueError(f"a conversation in {current!r} cannot be held with the languages {', '.join(languages)}")
        self._detector = detector
        self._languages = tuple(languages)
        self._current = current
        self._heard_once: str | None = None

    @property
    def current(self) -> str:
        """The language the guest is answered in, as an ISO 639-1 code."""
        return self._current

    def hear(self, text: str) -> bool:
        """Take one turn of the guest; True when the language has just changed.

        Another language is believed when a long turn is surely in it, or two turns in a row that say anything are.
        Turns that are short or could be anything change nothing.
        """
        words = words_in(text)
        guess = self._detector.guess(text) if words > SHORT and len(self._languages) > 1 else None
        if guess is None or guess.probability < SURE or guess.language not in self._languages:
            return False
        if guess.language == self._current:
            self._heard_once = None
            return False
        if words < LONG and guess.language != self._heard_once:
            self._heard_once = guess.language
            return False
        self._current, self._heard_once = guess.language, None
        return True
