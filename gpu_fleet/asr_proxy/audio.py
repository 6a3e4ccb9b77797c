"""A recording as clients send it becomes sound as Riva takes it."""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any, Final, Literal

import numpy as np
import soundfile

from gpu_fleet.asr_proxy.models import SAMPLE_RATES, Encoding
from gpu_fleet.riva.client import Audio

_MOST_CHANNELS: Final = 8
# Samples of all channels that are decoded at a time: 2 MB.
_BLOCK: Final = 1 << 19
# What programs write that do not know the length: 0xFFFFFFFF (ffmpeg into a pipe), a little under 0x80000000 (sox).
_UNKNOWN_BYTES: Final = 0x7FFF0000
_UNKNOWN_FRAMES: Final = 1 << 48
_MOST_CHUNKS: Final = 100
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
            most = int(longest * file.samplerate) + 1
            samples = _decode(file, most)
            if _ends_early(data) or len(samples) // 2 < min(file.frames, most) < _UNKNOWN_FRAMES:
                raise AudioError("audio: is cut off, its header announces more sound than it has")
            return Audio(samples, file.samplerate)
    except (soundfile.SoundFileError, RuntimeError, OSError):
        raise AudioError(f"audio: is no {encoding or 'wav, flac or ogg'} file that can be read") from None


def _decode(file: Any, most: int) -> bytes:
    """Up to `most` samples, one channel made of all, 16-bit; what has many channels takes no more memory for it."""
    mono: list[bytes] = []
    while most > 0:
        # As floats, because libsndfile cuts those of a file of floats to -1, 0 and 1 where it reads integers.
        block = file.read(min(most, _BLOCK // file.channels), dtype="float32", always_2d=True)
        if not len(block):
            break
        # A file of floats may hold anything, infinities and what is no number.
        loud = np.clip(np.nan_to_num(block, copy=False), -1, 1)
        mono.append(np.clip(loud.mean(axis=1) * 32_768, -32_768, 32_767).astype("<i2").tobytes())
        most -= len(block)
    return b"".join(mono)


def _ends_early(data: bytes) -> bool:
    """Whether a WAV file has fewer bytes of samples than it announces, which libsndfile does not mind."""
    place = 12 if data[:4] == b"RIFF" else len(data)
    for _ in range(_MOST_CHUNKS):
        if place + 8 > len(data):
            break
        name = data[place : place + 4]
        size = int.from_bytes(data[place + 4 : place + 8], "little")
        if name == b"data":
            return size < _UNKNOWN_BYTES and place + 8 + size > len(data)
        place += 8 + size + size % 2
    return False
