"""From a telephone's bytes to utterances: audio decoded to 16 kHz, speech found in it, the ends of turns noticed."""

from __future__ import annotations

import enum
import struct
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr

from local.recogniser import SAMPLE_RATE, Samples

SAMPLE_RATES: Final = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)

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


class AudioError(Exception):
    """Audio that is not what the configuration says; the message tells the client."""


class AudioDecoder:
    """Bytes in, 16 kHz samples out; a WAV header at the start is checked against the configuration and dropped."""

    def __init__(self, encoding: str, sample_rate: int) -> None:
        self._encoding = encoding
        self._sample_rate = sample_rate
        self._started = False
        self._odd = b""
        self._resampler = None
        if sample_rate != SAMPLE_RATE:
            self._resampler = soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")

    def decode(self, content: bytes, *, last: bool = False) -> Samples:
        """The samples of these bytes; `last` brings out what the resampler held back."""
        if content and not self._started:
            self._started = True
            content = self._without_header(content)
        if self._encoding == "MULAW":
            samples: Samples = _mulaw_table()[np.frombuffer(content, np.uint8)]
        else:
            content = self._odd + content
            whole = len(content) & ~1
            self._odd = content[whole:]
            samples = (np.frombuffer(content[:whole], "<i2") / 32768).astype(np.float32)
        if self._resampler is None:
            return samples
        resampled: Samples = self._resampler.resample_chunk(samples, last=last)
        return resampled

    def _without_header(self, content: bytes) -> bytes:
        if not content.startswith(b"RIFF"):
            if self._encoding == "ENCODING_UNSPECIFIED":
                raise AudioError("Error: encoding is not specified and the audio has no header")
            return content
        body = content.find(b"data")
        if body < 36 or content[12:16] != b"fmt ":
            raise AudioError("Error: the audio's WAV header cannot be read")
        kind, channels, rate = struct.unpack_from("<HHI", content, 20)
        known = {1: "LINEAR_PCM", 7: "MULAW"}.get(kind)
        if self._encoding == "ENCODING_UNSPECIFIED" and known:
            self._encoding = known
        if (known, channels, rate) != (self._encoding, 1, self._sample_rate):
            raise AudioError("Error: config format doesn't match with header format")
        return content[body + 8 :]


@cache
def _mulaw_table() -> Samples:
    """ITU-T G.711: the 256 values of µ-law, scaled to ±1."""
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768).astype(np.float32)


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
            # The next utterance may begin in the silence at the end of this one.
            self._before.extend(self._windows[len(self._windows) - self._silent :])
            self._windows, self._voiced, self._silent, self._paused = [], 0, 0, False
        elif self._silent == _PAUSE and self.speech:
            self._paused = True
            yield Moment.PAUSED
