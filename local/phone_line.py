"""What a telephone line does to a voice: 300–3400 Hz, 8,000 samples a second, G.711 µ-law, and never quite silent."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import soxr

Samples = npt.NDArray[np.int16]

RATE: Final = 8_000
LOWEST_HZ: Final = 300.0
HIGHEST_HZ: Final = 3_400.0
NOISE_DBFS: Final = -68.0
"""How loud a line is on which nobody speaks."""

_BIAS: Final = 132
_CLIP: Final = 32_635
_TAPS: Final = 255


def over_the_phone(pcm: Samples, rate: int) -> Samples:
    """A voice as the other end of a phone call hears it, at RATE."""
    narrow = soxr.resample(pcm.astype(np.float32), rate, RATE)
    banded = np.convolve(narrow, _BAND_PASS, mode="same")
    return mu_law_decode(mu_law_encode(np.clip(np.round(banded), -32_768, 32_767).astype(np.int16)))


def line_noise(samples: int, rng: np.random.Generator) -> Samples:
    """The line's own noise, as µ-law carries it."""
    noise = rng.normal(0.0, 32_768 * 10 ** (NOISE_DBFS / 20), samples)
    return mu_law_decode(mu_law_encode(np.round(noise).astype(np.int16)))


def mu_law_encode(pcm: Samples) -> npt.NDArray[np.uint8]:
    """G.711 µ-law codes of 16-bit samples."""
    wide = pcm.astype(np.int32)
    sign = np.where(wide < 0, 0x80, 0)
    biased = np.minimum(np.abs(wide), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    mantissa = (biased >> (exponent + 3)) & 0x0F
    codes: npt.NDArray[np.uint8] = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return codes


def mu_law_decode(codes: npt.NDArray[np.uint8]) -> Samples:
    """The 16-bit samples that G.711 µ-law codes stand for."""
    return _DECODED[codes]


def _decode_table() -> Samples:
    code = ~np.arange(256) & 0xFF
    magnitude = ((((code & 0x0F) << 3) + _BIAS) << ((code >> 4) & 0x07)) - _BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _band_pass() -> npt.NDArray[np.float64]:
    """A windowed-sinc filter of linear phase."""
    n = np.arange(_TAPS) - _TAPS // 2
    high, low = (2 * hertz / RATE * np.sinc(2 * hertz / RATE * n) for hertz in (HIGHEST_HZ, LOWEST_HZ))
    return np.asarray((high - low) * np.hamming(_TAPS))


_DECODED: Final = _decode_table()
_BAND_PASS: Final = _band_pass()
