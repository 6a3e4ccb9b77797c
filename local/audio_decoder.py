"""What a client of recognition sends, raw or as a WAV file in pieces of any size, as 16 kHz samples."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import soxr

from local.recogniser import SAMPLE_RATE, Samples

SAMPLE_RATES: Final = (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
ENCODINGS: Final = ("LINEAR_PCM", "MULAW")
UNSPECIFIED: Final = "ENCODING_UNSPECIFIED"

_WAV_ENCODINGS: Final = {(1, 16): "LINEAR_PCM", (7, 8): "MULAW"}
_LONGEST_HEADER: Final = 64 * 1024


class AudioError(Exception):
    """Audio that is not what the configuration says; the message tells the client."""


@dataclass(frozen=True)
class WavHeader:
    """What a WAV file says of its audio, and how many bytes say it; `encoding` is None for one that nobody decodes."""

    encoding: str | None
    channels: int
    sample_rate: int
    length: int

    @classmethod
    def read(cls, start: bytes) -> WavHeader | None:
        """The header at the start of a file, or None while it is incomplete; AudioError when it is none."""
        unreadable = AudioError("Error: the audio's WAV header cannot be read")
        if len(start) >= 12 and start[8:12] != b"WAVE":
            raise unreadable
        form: tuple[int, int, int, int] | None = None
        place = 12
        while len(start) >= place + 8:
            name, size = struct.unpack_from("<4sI", start, place)
            if name == b"data" and form is not None:
                kind, channels, rate, bits = form
                return cls(_WAV_ENCODINGS.get((kind, bits)), channels, rate, place + 8)
            if name == b"data" or (name == b"fmt " and size < 16):
                raise unreadable
            if name == b"fmt ":
                if len(start) < place + 24:
                    return None
                kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", start, place + 8)
                form = kind, channels, rate, bits
            place += 8 + size + size % 2
            if place > _LONGEST_HEADER:
                raise unreadable
        return None


class AudioDecoder:
    """Bytes in, 16 kHz samples out.

    Encoding and rate come from the configuration or, where it leaves them open (UNSPECIFIED and 0), from the WAV header
    at the start, which must not say otherwise than the configuration.
    """

    def __init__(self, encoding: str, sample_rate: int) -> None:
        self._encoding = encoding
        self._sample_rate = sample_rate
        self._start: bytes | None = b""
        self._odd = b""
        self._resampler: soxr.ResampleStream | None = None

    def decode(self, content: bytes, *, last: bool = False) -> Samples:
        """The samples of these bytes; `last` brings out what the resampler held back."""
        if self._start is not None:
            self._start += content
            audio = self._without_header(self._start, last=last)
            if audio is None:
                return np.zeros(0, np.float32)
            self._start, content = None, audio
            if self._sample_rate != SAMPLE_RATE:
                self._resampler = soxr.ResampleStream(self._sample_rate, SAMPLE_RATE, 1, dtype="float32", quality="MQ")
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

    def _without_header(self, start: bytes, *, last: bool) -> bytes | None:
        """The audio that follows the header, if there is one; None while that is not known."""
        if not start or (b"RIFF".startswith(start) and not last):
            return None
        if not start.startswith(b"RIFF"):
            if self._encoding == UNSPECIFIED:
                raise AudioError("Error: encoding is not specified and the audio has no header")
            if not self._sample_rate:
                raise AudioError("Error: sample_rate_hertz is not specified and the audio has no header")
            return start
        header = WavHeader.read(start)
        if header is None:
            if last:
                raise AudioError("Error: the audio's WAV header cannot be read")
            return None
        self._agree_with(header)
        return start[header.length :]

    def _agree_with(self, header: WavHeader) -> None:
        if header.encoding is None or header.channels != 1 or header.sample_rate not in SAMPLE_RATES:
            rates = ", ".join(str(rate) for rate in SAMPLE_RATES)
            raise AudioError(f"Error: the audio's WAV header must say 16-bit PCM or µ-law, mono, at one of {rates} Hz")
        if self._encoding not in (UNSPECIFIED, header.encoding) or self._sample_rate not in (0, header.sample_rate):
            raise AudioError("Error: config format doesn't match with header format")
        self._encoding, self._sample_rate = header.encoding, header.sample_rate


@cache
def _mulaw_table() -> Samples:
    """ITU-T G.711: the 256 values of µ-law, scaled to ±1."""
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 0x07)) - 0x84
    return (np.where(code & 0x80, -magnitude, magnitude) / 32768).astype(np.float32)
