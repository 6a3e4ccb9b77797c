"""What the recogniser keeps, asks for, leaves out and puts up with, without a Riva."""

from __future__ import annotations

import random

import pytest
from livekit.agents import APIConnectionError
from livekit.agents.types import TimedString
from riva.client.proto import riva_asr_pb2

from agent.speech.kept_audio import KeptAudio, audible
from agent.speech.riva_recovery import Outage, Recovery
from agent.speech.riva_requests import Endpointing, Wanted
from agent.speech.riva_results import processed, speech_data

pytestmark = pytest.mark.unit


def numbered(first: int, count: int) -> bytes:
    """Samples whose value is their number."""
    return b"".join(number.to_bytes(2, "little") for number in range(first, first + count))


@pytest.fixture
def audio() -> KeptAudio:
    """Ten samples a second, four seconds kept: chunks of 10, 7 and 13 samples."""
    audio = KeptAudio(10, 4.0)
    for first, count in ((0, 10), (10, 7), (17, 13)):
        audio.add(numbered(first, count))
    return audio


@pytest.mark.parametrize(("start", "end"), [(0, 30), (3, 12), (10, 17), (16, 30), (29, 30), (30, 30), (12, 12)])
def test_kept_audio_is_exact_to_the_sample(audio: KeptAudio, start: int, end: int) -> None:
    """What is read is what was added, wherever it is cut."""
    assert audio.read(start, end) == numbered(start, end - start)


def test_kept_audio_is_bounded(audio: KeptAudio) -> None:
    """The oldest chunks go as soon as what is left covers the time; none is cut in two."""
    audio.add(numbered(30, 25))

    assert (audio.start, audio.end, audio.first) == (10, 55, 1)
    assert audio.read(0, 55) == numbered(10, 45)


def test_forgetting_keeps_what_is_needed(audio: KeptAudio) -> None:
    """A chunk of which one sample is needed stays whole."""
    audio.forget(16)

    assert audio.start == 10
    assert audio.find(16) == (1, 6)
    assert audio.read(16, 18) == numbered(16, 2)


def test_where_speech_begins() -> None:
    """The chunk that is loud counts from its beginning, or from where the search begins; silence has no speech."""
    audio = KeptAudio(10, 100.0)
    for level in (0, 0, 5_000, 0):
        audio.add(level.to_bytes(2, "little") * 10)

    assert [audio.first_audible(start) for start in (0, 15, 24, 30, 40)] == [20, 20, 24, 40, 40]


@pytest.mark.parametrize(("level", "loud"), [(0, False), (400, False), (-400, False), (900, True), (-900, True)])
def test_speech_is_told_from_a_quiet_line(level: int, loud: bool) -> None:
    """Either sign counts."""
    assert audible(level.to_bytes(2, "little", signed=True) * 800) is loud


def test_pauses_grow_and_differ() -> None:
    """The calls of one recogniser do not come back in the same moment, and none waits longer than it must."""
    recovery = Recovery(first=0.1, longest=0.5)

    pauses = [[recovery.pause(failures, random.Random(seed)) for failures in range(1, 6)] for seed in range(20)]

    for tried in zip(*pauses, strict=True):
        assert len(set(tried)) == 20
    assert all(0.05 <= pause[0] <= 0.1 and 0.25 <= pause[4] <= 0.5 for pause in pauses)


def test_an_outage_has_so_many_tries() -> None:
    """The try after the last one is the fault's own error."""
    outage, error = Outage(Recovery(tries=2, seconds=10.0), seconds=10.0), APIConnectionError("gone")
    for _ in range(2):
        outage.failed(error, 0.0)

    with pytest.raises(APIConnectionError, match="gone"):
        outage.failed(error, 0.0)


def test_an_outage_has_so_many_seconds() -> None:
    """Counted from its first failure, and no more than whoever waits allows."""
    outage, error = Outage(Recovery(tries=100, seconds=10.0), seconds=3.0), APIConnectionError("gone")
    outage.failed(error, 5.0)
    outage.failed(error, 8.0)

    with pytest.raises(APIConnectionError, match="gone"):
        outage.failed(error, 8.1)


def test_an_answer_ends_an_outage() -> None:
    """The next failure has the whole budget."""
    outage, error = Outage(Recovery(tries=1, seconds=1.0), seconds=1.0), APIConnectionError("gone")
    outage.failed(error, 0.0)
    outage.over()

    assert outage.failed(error, 100.0) > 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"language": ""}, "BCP-47"),
        ({"language": "en US"}, "BCP-47"),
        ({"phrases": tuple("abcdefghi")}, "9 hints"),
        ({"phrases": ("x" * 33,)}, "33 characters"),
        ({"phrases": (" ",)}, "1 characters"),
        ({"boost": -1.0}, "between 0 and 100"),
        ({"boost": float("nan")}, "between 0 and 100"),
    ],
)
def test_what_cannot_be_asked_is_refused(wrong: dict[str, object], said: str) -> None:
    """With what is allowed, and never with the words themselves."""
    with pytest.raises(ValueError, match=said):
        Wanted(**{"language": "en-US", **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "wrong",
    [
        {"stop_history": 700},
        {"start_history": 0},
        {"stop_threshold": 1.1},
        {"start_threshold": -0.1},
        {"stop_history": 800, "stop_history_eou": 800},
    ],
)
def test_wrong_endpointing_is_refused(wrong: dict[str, float]) -> None:
    """Histories are multiples of 80 ms, thresholds shares, and the early end comes before the end."""
    with pytest.raises(ValueError, match="endpointing"):
        Endpointing(**wrong)  # type: ignore[arg-type]


def test_a_hint_counts_once() -> None:
    """The most recent wishes come first, and stay first."""
    wanted = Wanted("en-US").changed(phrases=["Aurora", "sauna", "Aurora"])

    assert wanted.phrases == ("Aurora", "sauna")


def final(*words: tuple[str, int, int], text: str = "", processed_seconds: float = 0.0) -> object:
    """A final with these words, their times in milliseconds."""
    result = riva_asr_pb2.StreamingRecognitionResult(is_final=True, audio_processed=processed_seconds)
    alternative = result.alternatives.add(transcript=text or " ".join(word for word, _, _ in words))
    for word, begin, end in words:
        alternative.words.add(word=word, start_time=begin, end_time=end)
    return result


def test_only_the_same_word_at_the_same_time_is_left_out() -> None:
    """The guest may well say a word twice, and another word may begin early."""
    told = [TimedString("two", 9.0, 9.3)]

    repeated = speech_data(final(("two", 0, 300), ("two", 400, 700)), "en-US", offset=9.0, told=told)
    other = speech_data(final(("too", 0, 300), ("late", 400, 700)), "en-US", offset=9.0, told=told)

    assert repeated.text == "two"
    assert repeated.start_time == pytest.approx(9.4)
    assert other.text == "too late"


def test_numbers_in_digits_keep_their_words() -> None:
    """Where the transcript is not the list of its words, what is left is told as the words say it."""
    result = final(("room", 0, 300), ("twenty", 400, 600), ("two", 600, 800), text="Room 22.")

    assert speech_data(result, "en-US", offset=5.0, told=[TimedString("room", 5.0, 5.3)]).text == "twenty two"


@pytest.mark.parametrize(
    ("result", "seconds"),
    [
        (final(("one", 0, 500), processed_seconds=2.5), 2.5),
        (final(("one", 0, 500)), 0.5),
        (final(text="one"), None),
    ],
)
def test_how_far_a_final_goes(result: object, seconds: float | None) -> None:
    """As far as Riva says, else to the end of its last word."""
    assert processed(result) == seconds
