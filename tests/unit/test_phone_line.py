"""A telephone line, judged on tones and on G.711's own fixed points."""

import numpy as np
import pytest

from local.ear import loudness
from local.phone_line import NOISE_DBFS, RATE, Samples, line_noise, mu_law_decode, mu_law_encode, over_the_phone

pytestmark = pytest.mark.unit


def tone(hertz: float, rate: int = 22_050, level: float = 10_000) -> Samples:
    return np.round(level * np.sin(2 * np.pi * hertz * np.arange(rate) / rate)).astype(np.int16)


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xFF), (32_767, 0x80), (-32_768, 0x00), (8, 0xFE), (-8, 0x7E), (1000, 0xCE)]
)
def test_codes_are_those_of_g711(sample: int, code: int) -> None:
    """A sample has the µ-law code that the recommendation's table gives it."""
    assert mu_law_encode(np.array([sample], np.int16))[0] == code


def test_every_code_survives_decoding_and_encoding() -> None:
    """What a code stands for is encoded as that code again; the two zeros are one."""
    codes = np.arange(256, dtype=np.uint8)

    again = mu_law_encode(mu_law_decode(codes))

    assert np.flatnonzero(again != codes).tolist() == [0x7F]


def test_a_sample_loses_little() -> None:
    """A decoded sample is within a sixteenth of the original."""
    samples = np.arange(-32_000, 32_000, 7, dtype=np.int16)

    error = np.abs(mu_law_decode(mu_law_encode(samples)).astype(int) - samples)

    assert (error <= np.maximum(8, np.abs(samples.astype(int)) / 16)).all()


@pytest.mark.parametrize(("hertz", "passes"), [(100, False), (600, True), (1000, True), (3000, True), (3800, False)])
def test_only_the_voice_band_passes(hertz: float, passes: bool) -> None:
    """Tones from 300 to 3400 Hz keep their loudness, others all but vanish."""
    before = tone(hertz)

    after = over_the_phone(before, 22_050)

    loss = loudness(before) - loudness(after)
    assert len(after) == RATE
    assert loss < 1 if passes else loss > 20


def test_a_silent_line_hums_quietly() -> None:
    """Nobody speaks, and yet there is sound, far below a voice."""
    noise = line_noise(RATE, np.random.default_rng(1))

    assert noise.any()
    assert loudness(noise) < NOISE_DBFS + 6
