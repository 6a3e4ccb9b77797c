"""A conversation changes its language when the guest does, and not when a word sounds foreign."""

from __future__ import annotations

import re
import sys

import pytest

from lambdas.shared.speech import detectors
from lambdas.shared.speech.language import DetectorMissing, DetectorName, Guess, SpokenLanguage, open_detector

pytestmark = pytest.mark.unit

LONG_GERMAN = "Guten Tag, ich möchte gern ein Zimmer für morgen buchen."
GERMAN = "Haben Sie noch Zimmer?"
FRENCH = "Avez-vous une chambre ?"
ENGLISH = "Do you have rooms?"
NAME = "Schneider."
WORDS = {
    language: set(re.findall(r"\w+", sentences))
    for language, sentences in {
        "en": f"{ENGLISH} My name is from okay thank",
        "de": f"{LONG_GERMAN} {GERMAN} {NAME} Hans Joachim Müllerstein Friedrichshafen dann bis Freitag vormittag",
        "fr": FRENCH,
    }.items()
}


class Scripted:
    """A detector that goes by the words it knows; a text with words of two languages is in that of the longer ones."""

    name: DetectorName = "both"

    def __init__(self, probability: float = 0.99) -> None:
        self._probability = probability

    def guess(self, text: str) -> Guess | None:
        known = {language: sum(map(len, WORDS[language] & set(re.findall(r"\w+", text)))) for language in WORDS}
        best = max(known, key=known.__getitem__)
        return Guess(best, self._probability) if known[best] else None


def languages_after(*turns: str, spoken: tuple[str, ...] = ("en", "de", "fr"), probability: float = 0.99) -> str:
    """The conversation's language after each of the turns, which begins in English."""
    conversation = SpokenLanguage(Scripted(probability), spoken, "en")
    return " ".join((conversation.hear(turn), conversation.current)[1] for turn in turns)


@pytest.mark.parametrize(
    ("turns", "languages"),
    [
        ((LONG_GERMAN,), "de"),
        ((GERMAN, GERMAN), "en de"),
        ((GERMAN, FRENCH), "en en"),
        ((GERMAN, FRENCH, FRENCH), "en en fr"),
        ((GERMAN, ENGLISH, GERMAN), "en en en"),
        ((GERMAN, NAME, GERMAN), "en en de"),
        ((GERMAN, "4711", GERMAN), "en en de"),
        ((NAME, NAME, NAME), "en en en"),
        ((LONG_GERMAN, NAME, ENGLISH, GERMAN), "de de de de"),
        ((LONG_GERMAN, ENGLISH, ENGLISH), "de de en"),
    ],
)
def test_one_long_turn_or_two_that_agree_change_the_language(turns: tuple[str, ...], languages: str) -> None:
    """Short turns and those in no language are passed over, and one in the language so far begins the count anew."""
    assert languages_after(*turns) == languages


def test_a_guess_that_is_not_sure_changes_nothing() -> None:
    """However long the turn is, and however often it is said."""
    assert languages_after(LONG_GERMAN, LONG_GERMAN, probability=0.7) == "en en"


@pytest.mark.parametrize(
    "turns",
    [
        ("My name is Hans Joachim Müllerstein from Friedrichshafen.",) * 2,
        ("okay super thank you dann bis Freitag vormittag",),
        ("dann bis Freitag vormittag okay super thank you",),
    ],
)
def test_names_and_a_half_of_another_language_do_not_change_it(turns: tuple[str, ...]) -> None:
    """A guest who tells a foreign name goes on in their own language, and one who mixes two is not cut off from one."""
    assert set(languages_after(*turns).split()) == {"en"}


def test_a_turn_that_is_half_in_another_language_counts_as_one_of_two() -> None:
    """The second such turn brings the change, which a pure one would have brought alone."""
    assert languages_after("okay super thank you dann bis Freitag vormittag", GERMAN) == "en de"


def test_a_hotel_speaks_its_own_languages_only() -> None:
    """A guest who speaks another one is answered in the hotel's."""
    assert languages_after(LONG_GERMAN, GERMAN, GERMAN, spoken=("en", "fr")) == "en en en"
    assert languages_after(LONG_GERMAN, spoken=("en",)) == "en"


def test_a_change_is_told_once() -> None:
    """Whoever follows the conversation learns of a new language at the turn that brings it, and not again."""
    conversation = SpokenLanguage(Scripted(), ("en", "de"), "en")

    told = [conversation.hear(turn) for turn in (GERMAN, GERMAN, GERMAN, LONG_GERMAN)]

    assert told == [False, True, False, False]


def test_a_conversation_is_held_in_a_language_of_the_hotel() -> None:
    """One that begins in a language the hotel does not have is a mistake of its caller."""
    with pytest.raises(ValueError, match="'nl' cannot be held with the languages en, de"):
        SpokenLanguage(Scripted(), ("en", "de"), "nl")


@pytest.mark.parametrize("name", ["both", "cld3", "classifier"])
@pytest.mark.parametrize(
    ("languages", "told"), [((), "not for none"), (("en", "pl", "de-DE"), "not for 'pl', 'de-DE'")]
)
def test_a_detector_is_opened_for_languages_of_hotels(
    name: DetectorName, languages: tuple[str, ...], told: str
) -> None:
    """Languages are two-letter codes that hotels can have, and at least one."""
    with pytest.raises(ValueError, match=f"opened for en, de, fr, it, es, nl, {told}"):
        open_detector(name, languages)


@pytest.mark.parametrize(
    ("name", "library", "way_out"),
    [
        ("cld3", "cld3", "libprotobuf-dev.* or set LANGUAGE_DETECTOR=classifier"),
        ("both", "cld3", "libprotobuf-dev.* or set LANGUAGE_DETECTOR=classifier"),
        ("classifier", "py3langid", "run `make ready`"),
    ],
)
def test_a_missing_library_is_told_and_never_replaced(
    monkeypatch: pytest.MonkeyPatch, name: DetectorName, library: str, way_out: str
) -> None:
    """Whoever chose a detector that is not there reads what to install or to set, and gets no other in silence."""
    detectors._load_py3langid.cache_clear()
    for module in [loaded for loaded in sys.modules if loaded.partition(".")[0] == library] or [library]:
        monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(DetectorMissing, match=way_out):
        open_detector(name, ("en", "de"))
