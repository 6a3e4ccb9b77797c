"""What the receptionist is told and always says, and how it says amounts and days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from agent.lifecycle import Failure
from agent.prompts import PromptError, Prompts
from agent.spoken import FORMS, spoken_code, spoken_day, spoken_money
from lambdas.shared.domain.errors import LeaseHeld, Refused, StaleEpoch
from lambdas.shared.domain.hotel import load_hotel
from lambdas.shared.domain.money import Money
from local.completions import SPOKEN

pytestmark = pytest.mark.unit

AURORA = load_hotel(Path("hotels/aurora"))
PROMPTS = Prompts.load(AURORA, "en")
LANGUAGES = sorted(path.name for path in Path("agent/prompts").glob("??/"))


def test_the_greeting_names_the_hotel_and_says_that_this_is_an_ai() -> None:
    """The first words tell a guest where they are and what they talk to (AI Act, article 50)."""
    greeting = PROMPTS.say("greeting")

    assert "Hotel Aurora" in greeting
    assert "automated assistant" in greeting
    assert "AI" in greeting


def test_the_instructions_hold_today_and_the_topics_but_no_price() -> None:
    """The model can count days and knows what it may look up; money it must ask for."""
    instructions = PROMPTS.instructions(date(2027, 3, 12))

    assert "Friday, March 12, 2027" in instructions
    assert "breakfast" in instructions
    assert "double room" in instructions
    assert "EUR" not in instructions
    assert "129" not in instructions


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure is not Failure.VOICE_UNREACHABLE])
def test_every_failure_has_a_sentence(failure: Failure) -> None:
    """Whatever breaks, there is something true to say."""
    assert PROMPTS.say(f"apology.{failure}").endswith("Goodbye.")


@pytest.mark.parametrize("kind", [kind for kind in Refused.__subclasses__() if kind not in (StaleEpoch, LeaseHeld)])
def test_every_refusal_has_a_sentence_of_its_own(kind: type[Refused]) -> None:
    """What the hotel refuses is told as what it is; only another agent's lease is nothing to tell a guest."""
    assert PROMPTS.say(f"tool.{kind.code}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same(language: str) -> None:
    """No phrase, and no fact in a phrase, is missing in one of the languages; each says days and amounts."""
    prompts = Prompts.load(AURORA, language)

    facts = {name: set(template.get_identifiers()) for name, template in prompts.phrases.items()}
    assert facts == {name: set(template.get_identifiers()) for name, template in PROMPTS.phrases.items()}
    assert prompts.hints.keys() == PROMPTS.hints.keys()
    assert language in FORMS


def test_the_instructions_in_german_have_the_hotels_german_words() -> None:
    """A model that shall speak German reads the rooms and topics in German."""
    instructions = Prompts.load(AURORA, "de").instructions(date(2027, 3, 12))

    assert "Sie sprechen Deutsch" in instructions
    assert "Freitag, 12. März 2027" in instructions
    assert "Doppelzimmer für bis zu 2" in instructions
    assert "frühstück" in instructions


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_instructions_say_what_the_stand_in_for_the_model_looks_for(language: str) -> None:
    """The local stand-in speaks the language that the instructions ask for."""
    assert SPOKEN[language] in Prompts.load(AURORA, language).instructions(date(2027, 3, 12))


def test_a_language_without_prompts_is_named() -> None:
    """A hotel whose language nobody has written prompts for does not start half."""
    with pytest.raises(PromptError, match="agent/prompts/xx"):
        Prompts.load(PROMPTS.hotel, "xx")


def test_a_phrase_that_is_missing_is_named() -> None:
    """A phrase without words is found by its name."""
    with pytest.raises(PromptError, match=r"phrases\.toml: weather"):
        PROMPTS.say("weather")


@pytest.mark.parametrize(
    ("cents", "currency", "said"),
    [
        (25_800, "EUR", "258 euros"),
        (100, "EUR", "1 euro"),
        (25_850, "EUR", "258 euros and 50 cents"),
        (101, "GBP", "1 pound and 1 penny"),
        (9_900, "SEK", "99 SEK"),
    ],
)
def test_an_amount_is_said_as_people_say_it(cents: int, currency: str, said: str) -> None:
    """A voice is given words, not a price tag."""
    assert spoken_money(Money(cents=cents, currency=currency), "en") == said


@pytest.mark.parametrize(
    ("cents", "currency", "said"),
    [
        (25_800, "EUR", "258 Euro"),
        (25_850, "EUR", "258 Euro und 50 Cent"),
        (101, "GBP", "1 Pfund und 1 Penny"),
        (9_990, "SEK", "99 SEK und 90 Cent"),
    ],
)
def test_an_amount_is_said_in_german(cents: int, currency: str, said: str) -> None:
    """Who is answered in German hears German units."""
    assert spoken_money(Money(cents=cents, currency=currency), "de") == said


def test_a_day_is_said_with_its_weekday() -> None:
    """A guest hears at once when they took the wrong week."""
    assert spoken_day(date(2027, 3, 15), "en") == "Monday, March 15"
    assert spoken_day(date(2027, 3, 15), "de") == "Montag, 15. März"


def test_a_code_is_spelled() -> None:
    """A booking code is no word."""
    assert spoken_code("ab-7k") == "A B 7 K"
