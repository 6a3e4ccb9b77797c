"""A recording as clients send it becomes sound as Riva takes it."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Final, Literal

import numpy as np
import soundfile

from gpu_fleet.asr_proxy.models import SAMPLE_RATES, Encoding
from gpu_fleet.riva.client import Audio

_MOST_CHANNELS: Final = 8
_KINDS: Final[dict[str, Encoding]] = {"WAV": "wav", "WAVEX": "wav", "FLAC": "flac", "OGG": "ogg"}


class AudioError(Exception):
    """The recording cannot be used; the message says why and never quotes it."""


def decode_base64(text: str, *, most_bytes: int) -> bytes:
    """The bytes that were sent; raises AudioError when it is not base64 or holds more than allowed."""
    # Four characters hold three bytes: refused before the memory for them is taken.
    if len(text) * 3 // 4 - 2 > most_bytes:
        raise AudioError(f"audio: is larger than {most_bytes:,} bytes")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AudioError("audio: is not base64") from None


def read_audio(data: bytes, *, encoding: Encoding | None, sample_rate: int | None, longest: float) -> Audio:
    """Mono sound of at most `longest` seconds; raises AudioError.

    It blocks for as long as a file takes to decode, which is milliseconds a minute of audio.
    """
    match encoding:
        case "pcm" | "mulaw":
            audio = _read_raw(data, encoding, sample_rate)
        case _:
            audio = _read_file(data, encoding, longest)
    if not audio.data:
        raise AudioError("audio: holds no sound")
    if audio.seconds > longest:
        raise AudioError(f"audio: is longer than {longest:g} s")
    return audio


def _read_raw(data: bytes, encoding: Literal["pcm", "mulaw"], sample_rate: int | None) -> Audio:
    if sample_rate is None:
        raise AudioError(f"sample_rate: say it, because {encoding} does not")
    if encoding == "pcm" and len(data) % 2:
        raise AudioError("audio: is no 16-bit PCM, its length is odd")
    return Audio(data, sample_rate, mulaw=encoding == "mulaw")


def _read_file(data: bytes, encoding: Encoding | None, longest: float) -> Audio:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            kind = _KINDS.get(file.format)
            if kind is None or encoding not in (None, kind):
                expected = encoding or "wav, flac or ogg; say encoding and sample_rate for raw samples"
                raise AudioError(f"audio: is {file.format}, not {expected}")
            if file.samplerate not in SAMPLE_RATES or file.channels > _MOST_CHANNELS:
                raise AudioError(f"audio: has {file.channels} channels at {file.samplerate} Hz, which is not speech")
            # A file's header may promise anything, so no more is read than is allowed, and a sample beyond.
            samples = file.read(int(longest * file.samplerate) + 1, dtype="int16", always_2d=True)
            mono = samples[:, 0] if file.channels == 1 else samples.mean(axis=1).astype(np.int16)
            return Audio(mono.tobytes(), file.samplerate)
    except (soundfile.SoundFileError, RuntimeError, OSError):
        raise AudioError(f"audio: is no {encoding or 'wav, flac or ogg'} file that can be read") from None
