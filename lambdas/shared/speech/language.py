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
LIKELY: Final = 0.5
"""The probability from which on a part of a turn bears out what the whole seems to be."""
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

        Another language is believed when a long turn is in it from beginning to end, or two turns in a row that say
        anything are. Turns that are short or could be anything change nothing, and names alone do not either.
        """
        language = self._language_of(text)
        if language is None:
            return False
        if language == self._current:
            self._heard_once = None
            return False
        if language != self._heard_once and not self._is_throughout(text, language):
            self._heard_once = language
            return False
        self._current, self._heard_once = language, None
        return True

    def _language_of(self, text: str) -> str | None:
        """The language that a turn is surely in, with the names in it and without."""
        if len(self._languages) == 1 or words_in(text) <= SHORT:
            return None
        guess = self._detector.guess(text)
        if guess is None or guess.probability < SURE or guess.language not in self._languages:
            return None
        return guess.language if self._is_likely(_without_names(text), guess.language) else None

    def _is_throughout(self, text: str, language: str) -> bool:
        """Whether a turn is long enough to be believed alone, and either half of it is in the language."""
        words = text.split()
        halves = " ".join(words[: len(words) // 2]), " ".join(words[len(words) // 2 :])
        return words_in(text) >= LONG and all(self._is_likely(half, language) for half in halves)

    def _is_likely(self, text: str, language: str) -> bool:
        guess = self._detector.guess(text)
        return guess is not None and guess.language == language and guess.probability >= LIKELY


def _without_names(text: str) -> str:
    """The text without words that have a capital in the middle of a sentence: names, and in German all nouns."""
    kept, at_start = [], True
    for word in text.split():
        if at_start or not word[0].isupper():
            kept.append(word)
        at_start = word.endswith((".", "?", "!"))
    return " ".join(kept)
