"""From 16 kHz samples to utterances: speech found in them, the ends of turns noticed."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np

from local.recogniser import SAMPLE_RATE, Samples

WINDOW: Final = 512
"""Samples the voice detector judges at a time: 32 ms."""
WINDOW_SECONDS: Final = WINDOW / SAMPLE_RATE
# More sensitive than an agent's detector (0.5 as a rule): speech that the agent heard and this did not would never get
# a final, and a turn without a final never ends.
_VOICED: Final = 0.1
_FEWEST_VOICED: Final = 3
_PAUSE: Final = 7
_BEFORE_SPEECH: Final = 10
_LONGEST: Final = int(25 / WINDOW_SECONDS)


@cache
def _silero() -> Any:
    import faster_whisper
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    model = Path(faster_whisper.__file__).parent / "assets" / "silero_vad_v6.onnx"
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


class VoiceDetector:
    """Silero's voice detector over one stream of audio."""

    def __init__(self) -> None:
        self._model = _silero()
        self._hidden: Samples = np.zeros((1, 1, 128), np.float32)
        self._cell: Samples = np.zeros((1, 1, 128), np.float32)
        self._context: Samples = np.zeros(64, np.float32)

    def probability(self, window: Samples) -> float:
        """How likely someone speaks in the next WINDOW samples."""
        heard = np.concatenate([self._context, window])[None, :]
        output, self._hidden, self._cell = self._model.run(None, {"input": heard, "h": self._hidden, "c": self._cell})
        self._context = window[-64:]
        return float(np.ravel(output)[0])


class Moment(enum.Enum):
    """What can happen to an utterance while audio comes in."""

    PAUSED = "silent for 0.22 s: perhaps the end"
    RESUMED = "the pause was not the end"
    ENDED = "silent for so long that the turn is over, or 25 s long"


class Listener:
    """Finds utterances in a stream of 16 kHz audio.

    `for moment in listener.feed(samples)` must be exhausted; at each moment `audio` and `start` are those of the
    utterance it is about, and the next step of the loop forgets one that has ended.
    """

    def __init__(self, *, end_silence: float = 0.7) -> None:
        self._detector = VoiceDetector()
        self._end = max(_PAUSE + 1, round(end_silence / WINDOW_SECONDS))
        self._rest: Samples = np.zeros(0, np.float32)
        self._before: deque[Samples] = deque(maxlen=_BEFORE_SPEECH)
        self._windows: list[Samples] = []
        self._heard = self._voiced = self._silent = 0
        self._paused = False

    @property
    def heard(self) -> float:
        """Seconds of audio fed so far."""
        return self._heard * WINDOW_SECONDS

    @property
    def speech(self) -> bool:
        """Whether an utterance is under way: three voiced windows, so a click is none."""
        return self._voiced >= _FEWEST_VOICED

    @property
    def audio(self) -> Samples:
        """The utterance so far, with a third of a second before its first voiced window."""
        return np.concatenate(self._windows)

    @property
    def start(self) -> float:
        """When `audio` begins, in seconds from the start of the stream."""
        return (self._heard - len(self._windows)) * WINDOW_SECONDS

    def feed(self, samples: Samples) -> Iterator[Moment]:
        """The moments that these samples bring."""
        self._rest = np.concatenate([self._rest, samples])
        while len(self._rest) >= WINDOW:
            window, self._rest = self._rest[:WINDOW], self._rest[WINDOW:]
            yield from self._hear(window)

    def finish(self) -> Iterator[Moment]:
        """The moments that the last, incomplete window brings."""
        if len(self._rest):
            yield from self.feed(np.zeros(WINDOW - len(self._rest), np.float32))

    def forget(self) -> None:
        """Ends the utterance under way; the next one may begin in the silence at the end of this one."""
        self._before.extend(self._windows[len(self._windows) - self._silent :])
        self._windows, self._voiced, self._silent, self._paused = [], 0, 0, False

    def _hear(self, window: Samples) -> Iterator[Moment]:
        voiced = self._detector.probability(window) >= _VOICED
        self._heard += 1
        if not self._windows:
            if not voiced:
                self._before.append(window)
                return
            self._windows = [*self._before]
            self._before.clear()
        self._windows.append(window)
        if voiced:
            self._voiced += 1
            self._silent = 0
            if self._paused:
                self._paused = False
                yield Moment.RESUMED
        else:
            self._silent += 1
        if self._silent >= self._end or len(self._windows) >= _LONGEST:
            if self.speech:
                yield Moment.ENDED
            self.forget()
        elif self._silent == _PAUSE and self.speech:
            self._paused = True
            yield Moment.PAUSED
