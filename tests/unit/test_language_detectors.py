"""How well the detectors tell the languages of hotels apart, judged by what callers say."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from lambdas.shared.domain.hotel import LANGUAGES
from lambdas.shared.speech.language import (
    LONG,
    SHORT,
    SURE,
    Detector,
    DetectorName,
    Guess,
    SpokenLanguage,
    open_detector,
    words_in,
)
from local import pycld3
from tests.remarks import Remark

pytestmark = pytest.mark.unit

ROOT: Final = Path(__file__).resolve().parents[2]
PHRASES: Final = ROOT / "tests/fixtures/spoken_phrases"
NAMES_SAID: Final = ROOT / "tests/fixtures/spoken_names.tsv"
DECISION: Final = ROOT / "docs/adr/0027-tell-languages-apart-by-two-detectors.md"
NAMES: Final[tuple[DetectorName, ...]] = ("cld3", "classifier", "both")
RIGHT_AT_LEAST: Final[dict[DetectorName, float]] = {"cld3": 0.8, "classifier": 0.97, "both": 0.97}
MISLED_AT_MOST: Final[dict[DetectorName, int]] = {"cld3": 3, "classifier": 1, "both": 1}


@dataclass(frozen=True)
class Phrase:
    """What a caller says, and in which language."""

    language: str
    text: str

    @property
    def words(self) -> int:
        return words_in(self.text)


LENGTHS: Final[dict[str, Callable[[Phrase], bool]]] = {
    f"up to {SHORT} words": lambda phrase: phrase.words <= SHORT,
    f"{SHORT + 1} to {LONG - 1} words": lambda phrase: SHORT < phrase.words < LONG,
    f"{LONG} words and more": lambda phrase: phrase.words >= LONG,
}


@cache
def phrases() -> tuple[Phrase, ...]:
    """The labelled set."""
    return tuple(
        Phrase(language, line)
        for language in LANGUAGES
        for line in (PHRASES / f"{language}.txt").read_text("utf-8").splitlines()
    )


@cache
def opened(name: DetectorName, languages: tuple[str, ...] = LANGUAGES) -> Detector:
    """A detector; the test is skipped with the reason where it cannot be had."""
    if name != "classifier" and (missing := pycld3.reason()):
        pytest.skip(f"pycld3 is not installed: {missing}")
    return open_detector(name, languages)


def heard(phrase: Phrase) -> Phrase:
    """The first three words as a recogniser without punctuation writes them."""
    return Phrase(phrase.language, " ".join(re.sub(r"[^\w\s'-]", "", phrase.text).lower().split()[:3]))


@dataclass(frozen=True)
class Score:
    """What a detector takes phrases for; the phrases are those that a conversation would judge by."""

    verdicts: tuple[tuple[Phrase, Guess | None], ...]

    @classmethod
    def of(cls, name: DetectorName, among: Iterable[Phrase]) -> Score:
        return cls(tuple((phrase, opened(name).guess(phrase.text)) for phrase in among))

    @property
    def right(self) -> float:
        """The share that is taken for what it is."""
        return sum(guess is not None and guess.language == said.language for said, guess in self.verdicts) / len(
            self.verdicts
        )

    @property
    def counts(self) -> float:
        """The share of which the guess counts."""
        return sum(guess is not None and guess.probability >= SURE for _, guess in self.verdicts) / len(self.verdicts)

    @property
    def misled(self) -> int:
        """How many guesses count and are wrong."""
        return sum(
            guess is not None and guess.probability >= SURE and guess.language != said.language
            for said, guess in self.verdicts
        )


@cache
def score(name: DetectorName) -> Score:
    """How good a detector is on the whole set."""
    return Score.of(name, phrases())


def judged() -> list[Phrase]:
    """The phrases that are long enough for a conversation to be judged by."""
    return [phrase for phrase in phrases() if phrase.words > SHORT]


def beginnings() -> list[Phrase]:
    """Of each such phrase its beginning."""
    return [heard(phrase) for phrase in judged()]


def rows() -> Iterator[str]:
    """The table of the decision's document."""
    groups = {language: [phrase for phrase in phrases() if phrase.language == language] for language in LANGUAGES}
    groups |= {length: list(filter(among, phrases())) for length, among in LENGTHS.items()}
    groups |= {"all": list(phrases()), "the first three words": beginnings()}
    yield f"| right, of | phrases | {' | '.join(f'`{name}`' for name in NAMES)} |"
    yield "| --- | --- | --- | --- | --- |"
    for what, among in groups.items():
        shares = [f"{Score.of(name, among).right:.0%}" for name in NAMES]
        yield f"| {what} | {len(among)} | {' | '.join(shares)} |"
    yield ""
    yield f"| p ≥ {SURE:g}, of | phrases | {' | '.join(f'`{name}`' for name in NAMES)} |"
    yield "| --- | --- | --- | --- | --- |"
    for what, among in {f"more than {SHORT} words": judged(), "the first three words": beginnings()}.items():
        scores = [Score.of(name, among) for name in NAMES]
        told = [f"{of_name.counts:.1%}, {of_name.misled} wrong" for of_name in scores]
        yield f"| {what} | {len(among)} | {' | '.join(told)} |"


def test_every_language_has_its_phrases() -> None:
    """Sixty or more of each language, short and long, none of them twice."""
    texts = [phrase.text for phrase in phrases()]

    assert len(texts) == len(set(texts))
    for language in LANGUAGES:
        own = [phrase for phrase in phrases() if phrase.language == language]
        assert len(own) >= 60
        assert all(sum(map(among, own)) >= 6 for among in LENGTHS.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_is_as_good_as_decided(name: DetectorName, remark: Remark) -> None:
    """At least that share of the phrases is right for which it was chosen, and of those it is sure of nearly all."""
    of_all, of_judged = score(name), Score.of(name, judged())
    remark(
        f"detector {name}: {of_all.right:.1%} of {len(phrases())} phrases right; of {len(judged())} longer ones "
        f"{of_judged.counts:.1%} sure, {of_judged.misled} of them wrong"
    )

    assert of_all.right >= RIGHT_AT_LEAST[name]
    assert of_judged.misled <= MISLED_AT_MOST[name]


@pytest.mark.parametrize("among", [judged, beginnings])
def test_both_together_are_sure_more_often_than_either(among: Callable[[], list[Phrase]]) -> None:
    """What LANGUAGE_DETECTOR is by default hears a new language sooner, and is as often right as its better half."""
    scores = {name: Score.of(name, among()) for name in NAMES}

    assert scores["both"].right >= max(scores["cld3"].right, scores["classifier"].right)
    assert scores["both"].counts > max(scores["cld3"].counts, scores["classifier"].counts)


def test_the_decision_has_the_figures_of_today() -> None:
    """The table in the decision is what the detectors achieve as they are installed."""
    table = "\n".join(rows())

    assert table in DECISION.read_text("utf-8"), f"put this into {DECISION.relative_to(ROOT)}:\n{table}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", ["", " ", "4711", "?!", "+49 30 123", "ß", "a" * 10_000, "\x00", "你好", "\ud800"])
def test_odd_text_is_no_error(name: DetectorName, text: str) -> None:
    """A recogniser may write down anything."""
    guess = opened(name).guess(text)

    assert guess is None or (guess.language in LANGUAGES and 0 <= guess.probability <= 1)


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_finds_only_the_languages_it_was_opened_for(name: DetectorName) -> None:
    """A hotel with two languages never hears of a third."""
    guesses = [opened(name, ("en", "de")).guess(phrase.text) for phrase in phrases()]

    assert {guess.language for guess in guesses if guess} == {"en", "de"}


@pytest.mark.parametrize("name", ["classifier", "both"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guest_who_stays_with_a_language_is_never_answered_in_another(name: DetectorName, language: str) -> None:
    """All that the set has in a language, in five orders, and no turn changes it."""
    own = [phrase.text for phrase in phrases() if phrase.language == language]

    changed = [
        text
        for seed in range(5)
        for conversation in [SpokenLanguage(opened(name), LANGUAGES, language)]
        for text in random.Random(seed).sample(own, len(own))
        if conversation.hear(text)
    ]

    assert not changed


@pytest.mark.parametrize("name", ["classifier", "both"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guest_who_tells_a_foreign_name_is_answered_in_the_same_language(name: DetectorName, language: str) -> None:
    """A turn full of names and places from elsewhere changes nothing, whichever languages the hotel has."""
    lines = [line.split("\t") for line in NAMES_SAID.read_text("utf-8").splitlines()]
    own = [text for said, text in lines if said == language]
    hotels = [LANGUAGES, *((language, other) for other in LANGUAGES if other != language)]

    changed = [
        (hotel, text)
        for hotel in hotels
        for text in own
        if SpokenLanguage(opened(name, hotel), hotel, language).hear(text)
    ]

    assert len(own) >= 4
    assert not changed


@pytest.mark.parametrize("name", ["classifier", "both"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_guest_who_changes_the_language_is_followed(name: DetectorName, language: str) -> None:
    """From any language: at the first long turn in four of five cases, at the second in nearly all, or at the third."""
    long = [phrase.text for phrase in phrases() if phrase.language == language and phrase.words >= LONG]
    heard_at = []
    for before in LANGUAGES:
        for turns in zip(long, long[1:], long[2:], strict=False) if before != language else ():
            conversation = SpokenLanguage(opened(name), LANGUAGES, before)
            told = [conversation.hear(turn) for turn in turns]
            heard_at.append(told.index(True) if conversation.current == language and told.count(True) == 1 else None)

    shares = [heard_at.count(turn) / len(heard_at) for turn in range(3)]

    assert shares[0] > 0.8
    assert shares[0] + shares[1] > 0.96
    assert sum(shares) == pytest.approx(1)
