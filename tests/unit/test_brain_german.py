"""The stand-in for the model understands German, and says in German what its script has in German."""

from __future__ import annotations

import json
from datetime import date

import pytest
from pydantic import ValidationError

from local.completions import ChatRequest
from local.dialogue import Action, Answered, CallTool, Event, Heard, Say, Spoken, reply
from local.facts import find
from local.german import in_english
from local.script import DateSlot, NameSlot, NightsSlot, NumberSlot, Script, TextSlot, YesSlot
from local.template import fill
from tests.unit.guest_talk import BOOKED, OFFER, TODAY, script_of

pytestmark = pytest.mark.unit

DAY = DateSlot(kind="date", ask="When?")
NIGHTS = NightsSlot(kind="nights", ask="How long?")
NAME = NameSlot(kind="name", ask="Who?")
YES = YesSlot(kind="yes", ask="Yes?")
GUESTS = NumberSlot(kind="number", unit="people|adults|guests", ask="How many?")


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("Wir kommen am zwölften März.", date(2027, 3, 12)),
        ("Wir kommen am 12. März an.", date(2027, 3, 12)),
        ("Vom einunddreißigsten Dezember an.", date(2026, 12, 31)),
        ("Vom 3. bis zum 5. Mai, also ab dem dritten Mai, bis zum fünften Mai.", date(2027, 5, 3)),
        ("Am ersten August bis Sonntag, den 4. August.", date(2027, 8, 1)),
        ("Übermorgen.", date(2026, 11, 26)),
        ("Morgen Abend.", date(2026, 11, 25)),
        ("Guten Morgen!", None),
        ("Irgendwann im Frühling.", None),
    ],
)
def test_a_day_said_in_german_is_found(said: str, day: date | None) -> None:
    """Days as words, figures or by their nearness; the day of leaving is none."""
    assert find(DAY, said, TODAY) == day


@pytest.mark.parametrize(
    ("said", "nights"),
    [("für zwei Nächte", 2), ("eine Nacht", 1), ("für eine Woche", 7), ("drei Übernachtungen, bitte", 3)],
)
def test_nights_said_in_german_are_counted(said: str, nights: int) -> None:
    """Nights and weeks."""
    assert find(NIGHTS, said, TODAY) == nights


@pytest.mark.parametrize(
    ("said", "guests"), [("ein Zimmer für zwei Personen", 2), ("Wir sind zu zweit.", 2), ("Eine Person.", 1)]
)
def test_guests_said_in_german_are_counted(said: str, guests: int) -> None:
    """Persons, and how Germans count a party."""
    assert find(GUESTS, said, TODAY) == guests


@pytest.mark.parametrize(
    ("said", "consent"),
    [("Ja, bitte buchen Sie das Zimmer.", True), ("Nein, lieber nicht.", False), ("Wie bitte?", None)],
)
def test_consent_in_german(said: str, consent: bool | None) -> None:
    """A yes, a no, or neither."""
    assert find(YES, said, TODAY) == consent


@pytest.mark.parametrize(
    "said", ["Mein Name ist Peter Müller.", "Ich heiße Peter Müller.", "Auf den Namen Peter Müller."]
)
def test_a_name_said_in_german_is_found(said: str) -> None:
    """The ways in which Germans give their name."""
    assert find(NAME, said, TODAY) == "Peter Müller"


def test_a_message_in_german_is_kept_in_german() -> None:
    """What a guest dictates is noted as they said it."""
    assert find(TextSlot(kind="text", ask="What?"), "Ich komme zwei Tage später.", TODAY, asked=True) == (
        "Ich komme zwei Tage später."
    )


@pytest.mark.parametrize(
    "said",
    [
        "Hello, I would like to book a double room for two people, for 2 nights.",
        "We will arrive on the twelfth of March. May I bring a dog?",
        "What kind of room is it?",
    ],
)
def test_english_stays_as_it_is(said: str) -> None:
    """What is made of German changes nothing in English."""
    assert in_english(said) == said


def test_a_sentence_is_filled_as_the_language_has_it() -> None:
    """Amounts and days are written for a German voice."""
    said = fill("vom {arrival|day} für {total|money}", {"arrival": "2027-03-12", "total": "258.00 EUR"}, "de")

    assert said == "vom 12. März für 258 Euro"


def answered(tool: str, answer: object) -> Answered:
    return Answered(tool, json.dumps(answer))


def german(events: list[Event]) -> Action:
    return reply(script_of("english_then_german"), events, TODAY, "de")


def test_a_talk_that_changes_its_language_goes_on_where_it_was() -> None:
    """What was said in English counts as said; from the change on everything is in German."""
    info = {"topic": "breakfast", "text": "From half past six."}
    events: list[Event] = [
        Spoken("Good day."),
        Heard("What time do you serve breakfast?"),
        answered("get_hotel_info", info),
        Spoken("From half past six. What else would you like to know?"),
        Heard("Ich brauche ein Doppelzimmer für zwei Personen und zwei Nächte."),
    ]

    question = german(events)
    events += [Spoken("Gerne. An welchem Tag möchten Sie anreisen?"), Heard("Wir kommen am zwölften März.")]
    search = german(events)
    events += [answered("check_availability", OFFER)]
    offer = german(events)
    assert isinstance(offer, Say)
    events += [Spoken(offer.text), Heard("Das ist in Ordnung. Mein Name ist Peter Müller.")]
    booking = german(events)
    events += [answered("book_stay", {**BOOKED, "say": "Gebucht."})]

    assert question == Say("Gerne. An welchem Tag möchten Sie anreisen?")
    assert isinstance(search, CallTool)
    assert search.arguments["departure"] == "2027-03-14"
    assert offer.text.startswith("Frei ist ein double room vom 12. März bis zum 14. März, für insgesamt 258 Euro.")
    assert isinstance(booking, CallTool)
    assert booking.arguments == {"room": "double", "guest_name": "Peter Müller"}
    assert german(events) == Say("Danke, Peter Miller. Gebucht. Kann ich noch etwas für Sie tun?")


def test_a_script_of_one_language_is_spoken_in_it() -> None:
    """Instructions in a language that the script lacks change nothing."""
    script = script_of("book")
    heard = [Heard("I would like to book a double room for two people.")]

    assert reply(script, heard, TODAY, "de") == reply(script, heard, TODAY, "en")


@pytest.mark.parametrize(
    ("translation", "fault"),
    [
        ({"say": "Ja."}, "translations.de lacks ask.nights"),
        ({"ask": {"nights": "Wie lange?"}}, "translations.de lacks say"),
        ({"say": "Ja.", "ask": {"nights": "Wie lange?", "day": "Wann?"}}, "the step does not say ask.day"),
    ],
)
def test_a_translation_is_whole(translation: dict[str, object], fault: str) -> None:
    """A script that would fall silent in one of its languages is refused."""
    slots = {"nights": {"kind": "nights", "ask": "How long?"}}
    step = {"name": "stay", "when": "stay", "say": "Yes.", "slots": slots, "translations": {"de": translation}}

    with pytest.raises(ValidationError, match=fault):
        Script.model_validate({"title": "A stay", "language": "en", "steps": [step]})


def test_a_script_is_translated_as_a_whole() -> None:
    """A step that has nothing to say in a language that another step has is named."""
    steps = [
        {"name": "yes", "when": "yes", "say": "Yes.", "translations": {"de": {"say": "Ja."}}},
        {"name": "no", "when": "no", "say": "No."},
    ]

    with pytest.raises(ValidationError, match=r"steps\[1\]: says nothing in 'de'"):
        Script.model_validate({"title": "Yes and no", "language": "en", "steps": steps})


@pytest.mark.parametrize(
    ("told", "language"), [("… You speak English.", "en"), ("… Sie sprechen Deutsch.", "de"), ("Be brief.", None)]
)
def test_the_instructions_say_which_language_is_spoken(told: str, language: str | None) -> None:
    """As a real model would, the stand-in goes by its instructions and not by what a guest says."""
    messages = [{"role": "system", "content": told}, {"role": "user", "content": "Sie sprechen Deutsch?"}]

    assert ChatRequest.model_validate({"model": "m", "messages": messages}).language == language
