"""What a client of recognition may send as a WAV file, in pieces of any size."""

from __future__ import annotations

import io
import struct
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.audio_decoder import UNSPECIFIED, AudioDecoder, AudioError, WavHeader

pytestmark = pytest.mark.unit

SAMPLES = np.arange(-800, 800, 5, dtype="<i2")


def wav(samples: bytes = SAMPLES.tobytes(), *, rate: int = 16_000, channels: int = 1, width: int = 2) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(samples)
    return buffer.getvalue()


def decoded(decoder: AudioDecoder, file: bytes, size: int) -> bytes:
    parts = [decoder.decode(file[place : place + size]) for place in range(0, len(file), size)]
    heard = np.concatenate([*parts, decoder.decode(b"", last=True)])
    return np.round(heard * 32768).astype("<i2").tobytes()


@given(size=st.integers(1, 200))
def test_a_file_in_pieces_of_any_size_is_its_samples(size: int) -> None:
    """The header is read wherever the pieces part it, and none of it is heard."""
    assert decoded(AudioDecoder(UNSPECIFIED, 0), wav(), size) == SAMPLES.tobytes()


def test_other_chunks_before_the_audio_are_skipped() -> None:
    """What editors write beside the audio, of odd length too, is not heard."""
    file = wav()
    remark = b"LIST" + struct.pack("<I", 3) + b"abc\0"

    assert decoded(AudioDecoder("LINEAR_PCM", 16_000), file[:36] + remark + file[36:], 1_600) == SAMPLES.tobytes()


def test_the_header_says_the_rate() -> None:
    """Audio at 8 kHz whose rate only the header tells is as long at 16 kHz."""
    decoder = AudioDecoder(UNSPECIFIED, 0)
    heard = len(decoder.decode(wav(rate=8_000))) + len(decoder.decode(b"", last=True))

    assert heard == 2 * len(SAMPLES)


def test_raw_audio_that_begins_like_a_header_is_audio() -> None:
    """Samples that happen to spell the first letters of a header are heard."""
    audio = b"RI" + bytes(62)

    assert decoded(AudioDecoder("LINEAR_PCM", 16_000), audio, 1) == audio


@pytest.mark.parametrize(
    ("encoding", "rate", "audio", "message"),
    [
        (UNSPECIFIED, 0, bytes(320), "encoding is not specified"),
        ("LINEAR_PCM", 0, bytes(320), "sample_rate_hertz is not specified"),
        ("LINEAR_PCM", 16_000, wav(rate=8_000), "match"),
        ("MULAW", 16_000, wav(), "match"),
        (UNSPECIFIED, 0, wav(rate=11_025), "must say"),
        (UNSPECIFIED, 0, wav(channels=2), "must say"),
        (UNSPECIFIED, 0, wav(width=1), "must say"),
        (UNSPECIFIED, 0, b"RIFF\0\0\0\0AVI ", "cannot be read"),
        (UNSPECIFIED, 0, wav()[:20], "cannot be read"),
        (UNSPECIFIED, 0, wav()[:12] + b"data" + bytes(4), "cannot be read"),
        (UNSPECIFIED, 0, wav()[:12] + b"junk\xff\xff\xff\x3f", "cannot be read"),
    ],
)
def test_what_cannot_be_heard_is_refused(encoding: str, rate: int, audio: bytes, message: str) -> None:
    """A format that is unknown, contradicted or broken is an error that names it, however short the audio."""
    with pytest.raises(AudioError, match=message):
        decoded(AudioDecoder(encoding, rate), audio, len(audio))


def test_a_header_of_a_gigabyte_is_refused_at_once() -> None:
    """No more than 64 KB are waited for."""
    with pytest.raises(AudioError):
        WavHeader.read(wav()[:12] + b"junk" + struct.pack("<I", 2**30))
