"""A call as it is heard: who spoke from when to when, on one clock, judged from the audio alone.

Times are seconds of one monotonic clock. What is sent counts from the moment it was handed to the line, what is
received from the moment its frame arrived, so every measured wait holds the whole way there and back.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from local.phone_line import RATE, Samples

HOP: Final = 0.01
"""Seconds of audio that are judged at a time."""
VOICE_ABOVE_DBFS: Final = -48.0
VOICE_ABOVE_FLOOR_DB: Final = 12.0
FLOOR_RISE_DB_PER_S: Final = 3.0
LOUDEST_FLOOR_DBFS: Final = -40.0
ONSET: Final = 0.03
"""Voice must last this long to count, so that a click is none."""
PAUSE: Final = 0.2
"""A silence this long ends a stretch of speech; shorter ones are within words."""
ANSWER_PAUSE: Final = 0.5
"""A voice that was interrupted has paused when it is silent this long."""
LATEST_FRAME: Final = 0.06
_CATCH_UP: Final = 0.05


@dataclass(frozen=True)
class Span:
    """A stretch of speech."""

    start: float
    end: float


class VoiceDetector:
    """Finds speech in a stream by its loudness above the line's own noise."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._rest: Samples = np.zeros(0, np.int16)
        self._floor = LOUDEST_FLOOR_DBFS
        self._onset: float | None = None
        self._voiced_until = 0.0
        self._begun: float | None = None

    @property
    def speaking_since(self) -> float | None:
        """When the present stretch of speech began; None during a pause."""
        return self._begun

    @property
    def voiced_until(self) -> float | None:
        """When speech was last heard."""
        if self._begun is not None:
            return self._voiced_until
        return self.spans[-1].end if self.spans else None

    @property
    def heard(self) -> list[Span]:
        """All speech, the present stretch included."""
        return [*self.spans, Span(self._begun, self._voiced_until)] if self._begun is not None else list(self.spans)

    def feed(self, samples: Samples, at: float) -> None:
        """Judge samples of which the first is heard `at`."""
        size = round(RATE * HOP)
        at -= len(self._rest) / RATE
        pending = np.concatenate((self._rest, samples))
        for position in range(0, len(pending) - size + 1, size):
            self._judge(loudness(pending[position : position + size]), at + position / RATE)
        self._rest = pending[len(pending) - len(pending) % size :]

    def _judge(self, level: float, at: float) -> None:
        self._floor = min(level, self._floor + FLOOR_RISE_DB_PER_S * HOP, LOUDEST_FLOOR_DBFS)
        if level > max(VOICE_ABOVE_DBFS, self._floor + VOICE_ABOVE_FLOOR_DB):
            self._voiced_until = at + HOP
            if self._onset is None:
                self._onset = at
            if self._begun is None and at + HOP - self._onset >= ONSET - HOP / 2:
                self._begun = self._onset
        elif self._begun is None:
            self._onset = None
        elif at + HOP - self._voiced_until >= PAUSE:
            self.spans.append(Span(self._begun, self._voiced_until))
            self._begun = self._onset = None


def loudness(samples: Samples) -> float:
    """The level in dBFS; digital silence is -100."""
    power = float(np.mean(np.square(samples.astype(np.float64)))) if len(samples) else 0.0
    return max(-100.0, 10 * np.log10(power / 32_768**2)) if power else -100.0


class FrameClock:
    """When the frames of a steady stream were heard, though a busy machine hands them over in bursts.

    A frame that is a little late is placed where the steady stream has it, drifting slowly towards its arrival; one
    that is later than LATEST_FRAME, or early, is placed at its arrival.
    """

    def __init__(self) -> None:
        self._next: float | None = None

    def place(self, arrival: float, seconds: float) -> float:
        late = arrival - self._next if self._next is not None else LATEST_FRAME + 1
        at = arrival if late < 0 or late > LATEST_FRAME else arrival - late * (1 - _CATCH_UP)
        self._next = at + seconds
        return at


class Recording:
    """Both sides of a call on one time axis."""

    def __init__(self) -> None:
        self._guest: list[tuple[float, Samples]] = []
        self._hotel: list[tuple[float, Samples]] = []

    def add_guest(self, samples: Samples, at: float) -> None:
        self._guest.append((at, samples))

    def add_hotel(self, samples: Samples, at: float) -> None:
        self._hotel.append((at, samples))

    def stereo(self, zero: float) -> Samples:
        """Left the guest, right the hotel, from the moment `zero` on; shape (samples, 2)."""
        sides = [_laid_out(pieces, zero) for pieces in (self._guest, self._hotel)]
        whole = np.zeros((max(map(len, sides)), 2), np.int16)
        for column, side in enumerate(sides):
            whole[: len(side), column] = side
        return whole

    def write(self, path: Path, zero: float) -> None:
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(self.stereo(zero).tobytes())


def _laid_out(pieces: Sequence[tuple[float, Samples]], zero: float) -> Samples:
    placed = [(round((at - zero) * RATE), samples) for at, samples in pieces]
    audio = np.zeros(max((start + len(samples) for start, samples in placed), default=0), np.int16)
    for start, samples in placed:
        kept = samples[max(0, -start) :]
        audio[max(0, start) : max(0, start) + len(kept)] = kept
    return audio


@dataclass(frozen=True)
class Answer:
    """How the hotel answered a line: `wait` from its last sample to the answer's first; None when none came.

    `talked_over` says that the hotel began to speak while the guest still did.
    """

    span: Span | None
    wait: float | None
    talked_over: bool


def answer_to(line: Span, hotel: Iterable[Span], *, until: float | None = None) -> Answer:
    """What the hotel said after a line, before the moment `until` at which the guest spoke again."""
    spans = [span for span in hotel if until is None or span.start < until]
    talked_over = any(line.start < span.start < line.end for span in spans)
    following = [span for span in spans if span.start >= line.end]
    if following:
        return Answer(span=following[0], wait=following[0].start - line.end, talked_over=talked_over)
    across = [span for span in spans if line.start < span.start < line.end < span.end]
    if across:
        return Answer(span=across[0], wait=0.0, talked_over=True)
    return Answer(span=None, wait=None, talked_over=talked_over)


def paused_after(moment: float, hotel: Iterable[Span]) -> float | None:
    """How long after `moment` the voice that spoke then fell silent; None when it did not speak then.

    A voice that draws breath for less than ANSWER_PAUSE speaks on.
    """
    began: float | None = None
    silent_at = float("-inf")
    for span in sorted(hotel, key=lambda span: span.start):
        if span.start - silent_at >= ANSWER_PAUSE:
            if silent_at > moment:
                break
            began = span.start
        silent_at = span.end
    return silent_at - moment if began is not None and began <= moment < silent_at else None


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all values do not exceed; None of no values."""
    ordered = sorted(values)
    return ordered[max(0, int(np.ceil(share * len(ordered))) - 1)] if ordered else None
