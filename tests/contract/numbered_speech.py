"""Speech that needs no recogniser: each word is a level of sound, so what was heard can be told exactly."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

RATE: Final = 16_000
BLOCK: Final = 320
"""Samples, 20 ms: a word is WORD_BLOCKS of them at its level and one of silence."""
WORD_BLOCKS: Final = 4
LEVEL: Final = 100


def spoken(*numbers: int) -> bytes:
    """The words of these numbers, 0.1 s each, as 16-bit mono samples."""
    samples = array("h")
    for number in numbers:
        samples.extend([number * LEVEL] * BLOCK * WORD_BLOCKS)
        samples.extend([0] * BLOCK)
    return samples.tobytes()


def quiet(seconds: float) -> bytes:
    """Nothing, for so long."""
    return bytes(2 * int(seconds * RATE))


@dataclass(frozen=True)
class Word:
    """A word with its times in seconds of the audio that was fed."""

    number: int
    start: float
    end: float

    @property
    def text(self) -> str:
        return f"w{self.number}"


@dataclass
class NumberedEar:
    """Hears the words in audio that comes in pieces of any length; `pause` seconds of silence complete a phrase."""

    pause: float = 0.5
    words: list[Word] = field(default_factory=list)
    """Those of the phrase that has begun."""
    heard: float = 0.0
    """Seconds of audio so far."""
    _rest: bytes = b""
    _level: int = 0
    _since: float = 0.0
    _silence: float = 0.0

    def feed(self, audio: bytes) -> Iterator[list[Word]]:
        """Each phrase that is complete now."""
        audio = self._rest + audio
        whole = len(audio) // (2 * BLOCK) * 2 * BLOCK
        self._rest = audio[whole:]
        for place in range(0, whole, 2 * BLOCK):
            self._block(int.from_bytes(audio[place : place + 2], sys.byteorder, signed=True) // LEVEL)
            if self.words and not self._level and self._silence >= self.pause - 1e-6:
                yield self.take()

    def take(self) -> list[Word]:
        """The phrase that has begun, as if it were complete."""
        self._end_word()
        words, self.words = self.words, []
        return words

    def _block(self, level: int) -> None:
        if level != self._level:
            self._end_word()
            self._level, self._since = level, self.heard
        self.heard += BLOCK / RATE
        self._silence = 0.0 if level else self._silence + BLOCK / RATE

    def _end_word(self) -> None:
        if self._level:
            self.words.append(Word(self._level, self._since, self.heard))
        self._level = 0
