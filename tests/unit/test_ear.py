"""Listening to a call, on made-up sounds and a made-up clock."""

from __future__ import annotations

import random
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from local.ear import FrameClock, Recording, Span, VoiceDetector, answer_to, paused_after, percentile
from local.phone_line import RATE, Samples, line_noise

pytestmark = pytest.mark.unit

START = 50.0
NEAR = 0.021


def sound(*pieces: tuple[float, bool], noise_dbfs: float | None = None) -> Samples:
    """Pieces of so many seconds, each a voice or none, one after the other."""
    rng = np.random.default_rng(3)
    parts = []
    for seconds, voice in pieces:
        size = round(seconds * RATE)
        quiet = line_noise(size, rng) if noise_dbfs is None else rng.normal(0, 32_768 * 10 ** (noise_dbfs / 20), size)
        parts.append(quiet + (rng.normal(0, 4000, size) if voice else 0))
    return np.concatenate(parts).astype(np.int16)


def listen(samples: Samples, *, frame: int = 160) -> VoiceDetector:
    ear = VoiceDetector()
    for position in range(0, len(samples), frame):
        ear.feed(samples[position : position + frame], START + position / RATE)
    return ear


def near(span: Span, start: float, end: float) -> bool:
    return abs(span.start - START - start) < NEAR and abs(span.end - START - end) < NEAR


@pytest.mark.parametrize("frame", [80, 160, 161, 480])
def test_speech_is_found_where_it_is(frame: int) -> None:
    """A voice is heard from its first to its last sound, whatever the frames' size."""
    ear = listen(sound((1.0, False), (1.5, True), (1.0, False)), frame=frame)

    assert len(ear.heard) == 1
    assert near(ear.heard[0], 1.0, 2.5)
    assert ear.speaking_since is None


def test_a_breath_within_a_sentence_is_no_end() -> None:
    """Silence shorter than a pause belongs to the speech around it."""
    ear = listen(sound((0.5, False), (0.5, True), (0.15, False), (0.5, True), (0.5, False)))

    assert len(ear.heard) == 1


def test_a_click_is_no_voice() -> None:
    """A sound of a hundredth of a second is not speech."""
    ear = listen(sound((0.5, False), (0.01, True), (0.5, False)))

    assert ear.heard == []


def test_digital_silence_and_a_noisy_line_are_silence() -> None:
    """Neither zeros nor a hum at -45 dBFS is a voice, and a voice is heard above the hum."""
    silent = listen(np.zeros(2 * RATE, np.int16))
    noisy = listen(sound((4.0, False), (1.0, True), (1.0, False), noise_dbfs=-45))

    assert silent.heard == []
    assert len(noisy.heard) == 1
    assert near(noisy.heard[0], 4.0, 5.0)


def test_a_voice_is_known_while_it_speaks() -> None:
    """Somebody who listens knows that the other side still speaks, and since when."""
    ear = listen(sound((0.5, False), (0.5, True)))

    assert ear.speaking_since == pytest.approx(START + 0.5, abs=NEAR)
    assert near(ear.heard[0], 0.5, 1.0)


def test_frames_that_come_in_bursts_are_placed_evenly() -> None:
    """Frames handed over late, several at once, are heard where the steady stream has them."""
    rng, clock = random.Random(5), FrameClock()
    arrival, placed = 0.0, []
    for number in range(500):
        arrival = max(arrival, 10 + number * 0.02 + rng.choice([0.0, 0.0, 0.03]))
        placed.append(clock.place(arrival, 0.02))

    late = [at - 10 - number * 0.02 for number, at in enumerate(placed)]
    assert min(late) > -0.001
    assert max(late) < 0.031
    assert max(abs(later - earlier - 0.02) for earlier, later in pairwise(placed)) < 0.032


def test_a_stream_that_stood_still_goes_on_where_it_arrives() -> None:
    """After a gap the frames are not pretended to have come before."""
    clock = FrameClock()
    clock.place(1.0, 0.02)

    assert clock.place(1.5, 0.02) == 1.5


def test_both_sides_are_recorded_on_one_axis(tmp_path: Path) -> None:
    """The guest is left, the hotel right, each where it was heard; what came before the first ring is left out."""
    recording = Recording()
    recording.add_guest(np.full(80, 5, np.int16), 1.0)
    recording.add_hotel(np.full(80, 7, np.int16), 1.5)
    recording.add_hotel(np.full(160, 9, np.int16), 0.99)

    recording.write(tmp_path / "call.wav", 1.0)

    with wave.open(str(tmp_path / "call.wav")) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        assert (file.getframerate(), file.getnchannels()) == (RATE, 2)
    assert heard[:80, 0].tolist() == [5] * 80
    assert heard[:80, 1].tolist() == [9] * 80
    assert heard[4000:4080, 1].tolist() == [7] * 80
    assert len(heard) == 4080


def test_the_wait_is_from_the_last_word_to_the_first_sound() -> None:
    """The first stretch that begins after the line is its answer."""
    answer = answer_to(Span(5, 7), [Span(1, 4), Span(8.25, 9), Span(9.3, 10)])

    assert answer.wait == pytest.approx(1.25)
    assert not answer.talked_over


def test_what_is_said_after_the_next_line_answers_that_one() -> None:
    """A line that the guest followed with another before any answer has none."""
    assert answer_to(Span(5, 7), [Span(12, 13)], until=10).wait is None


def test_an_answer_into_the_line_is_noticed() -> None:
    """A hotel that speaks while the guest still does is told of, and the wait is not negative."""
    into = answer_to(Span(5, 7), [Span(6.5, 9)])
    then = answer_to(Span(5, 7), [Span(5.5, 5.9), Span(8, 9)])

    assert (into.wait, into.talked_over) == (0.0, True)
    assert (then.wait, then.talked_over) == (1.0, True)


def test_an_interrupted_voice_pauses_when_it_stays_silent() -> None:
    """A gap between two words of the voice that is interrupted is not yet its silence."""
    hotel = [Span(1, 5.2), Span(5.5, 5.9), Span(7, 9)]

    assert paused_after(5.0, hotel) == pytest.approx(0.9)
    assert paused_after(6.2, hotel) is None


def test_a_voice_that_draws_breath_can_be_interrupted() -> None:
    """A guest who begins between two words of the voice has interrupted it; one who begins after it has not."""
    hotel = [Span(1, 5.2), Span(5.5, 5.9), Span(7, 9)]

    assert paused_after(5.3, hotel) == pytest.approx(0.6)
    assert paused_after(0.9, hotel) is None
    assert paused_after(9.1, hotel) is None


@pytest.mark.parametrize(
    ("values", "share", "found"),
    [([], 0.5, None), ([7], 0.95, 7), ([4, 1, 3, 2], 0.5, 2), ([4, 1, 3, 2], 0.95, 4), (list(range(1, 101)), 0.95, 95)],
)
def test_percentiles_are_values_that_were_measured(values: list[float], share: float, found: float | None) -> None:
    """A percentile is one of the values, the smallest that covers the share."""
    assert percentile(values, share) == found
