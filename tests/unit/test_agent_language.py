"""A call that changes its language: recogniser, instructions, phrases, voice and record change together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from livekit.agents import llm

from agent.language import MOST_HINTS, hints
from agent.prompts import Prompts
from lambdas.shared.domain.errors import NotVerified
from tests.agent import AURORA, Phoned, Reception, Use, phone

pytestmark = pytest.mark.unit

STAY: dict[str, Any] = {"arrival": "2027-03-15", "departure": "2027-03-17", "adults": 2, "children": 0}
GERMAN_OFFER = Use("check_availability", {**STAY, "room": "Doppelzimmer"})
IN_GERMAN = "Guten Tag, ich hätte gern ein Doppelzimmer für zwei Nächte."


def instructions(phoned: Phoned) -> list[str]:
    """What the model was told in its last request."""
    return [
        item.text_content or ""
        for item in phoned.model.asked[-1]
        if isinstance(item, llm.ChatMessage) and item.role == "system"
    ]


async def test_a_guest_who_goes_on_in_german_is_answered_in_german_at_once() -> None:
    """The words that bring the change are answered in the new language: model, voice, recogniser and record have it."""
    async with phone("Good day.", "Guten Tag.") as phoned:
        await phoned.hear("Hello, I have a question about breakfast.")
        await phoned.hear(IN_GERMAN)
        await phoned.settle()

        assert [turn.language for turn in phoned.reception.turns] == ["en", "de"]
        assert phoned.recogniser.languages == ["de-DE"]
        assert phoned.voice.languages == ["de"]
        assert ["Sie sprechen Deutsch" in told for told in instructions(phoned)] == [True]


async def test_tools_answer_in_the_language_of_the_call() -> None:
    """What a tool has to say, the room's name and the hotel's own pages are in the guest's language."""
    info = Use("get_hotel_info", {"topic": "Frühstück"})
    async with phone(GERMAN_OFFER, "258 Euro.", info, "Von halb sieben an.") as phoned:
        await phoned.hear(IN_GERMAN)

        offer = phoned.model.tool_answer
        await phoned.hear("Und ab wann gibt es das Frühstück bei Ihnen?")
        assert offer["offers"][0]["room"] == "Doppelzimmer"
        assert offer["say"] == (
            "Das ist frei: Doppelzimmer, von Montag, 15. März bis Mittwoch, 17. März, für insgesamt 258 Euro."
        )
        assert phoned.model.tool_answer["text"].startswith("Frühstück gibt es von halb sieben")


async def test_a_room_is_booked_by_its_name_in_the_language_of_the_call() -> None:
    """A model that speaks German names the room in German, and the hotel knows which it is."""
    book = Use("book_stay", {"room": "Doppelzimmer", "guest_name": "Peter Müller"})
    async with phone(GERMAN_OFFER, "258 Euro.", book, "Gebucht.") as phoned:
        await phoned.hear(IN_GERMAN)
        await phoned.hear("Ja bitte, Peter Müller.")

        (reservation,) = phoned.reception.reservations.values()
        assert reservation.room_type == "double"
        assert phoned.model.tool_answer["say"].startswith("Ich habe gebucht: Doppelzimmer")


async def test_a_short_turn_keeps_the_language() -> None:
    """A word that is alike in many languages changes nothing, and one turn of a few words is not enough."""
    async with phone("Good.", "Good.", "Good.") as phoned:
        await phoned.hear("Okay, danke.")
        await phoned.hear("Danke, das ist gut.")
        await phoned.hear("And where can I park my car tonight?")
        await phoned.settle()

        assert {turn.language for turn in phoned.reception.turns} == {"en"}
        assert phoned.recogniser.languages == []
        assert phoned.voice.languages == []


async def test_a_guest_may_come_back_to_the_first_language() -> None:
    """The language can change again."""
    async with phone("Gut.", "Good.") as phoned:
        await phoned.hear(IN_GERMAN)
        await phoned.hear("Sorry, my wife would like to know where the sauna is.")
        await phoned.settle()

        assert [turn.language for turn in phoned.reception.turns] == ["de", "en"]
        assert phoned.recogniser.languages == ["de-DE", "en-US"]
        assert len(instructions(phoned)) == 1
        assert "You speak English" in instructions(phoned)[0]


async def test_the_fixed_phrases_are_in_the_language_of_the_call() -> None:
    """A goodbye, a question whether somebody is there and an apology are in the guest's language."""
    async with phone("Gut.", Use("end_call")) as phoned:
        await phoned.hear(IN_GERMAN)
        await phoned.hear("Danke, das ist alles.")
        await phoned.call.over.wait()
        await phoned.settle()

        assert phoned.reception.turns[-1].agent == "Vielen Dank für Ihren Anruf bei Hotel Aurora. Auf Wiederhören!"
        assert phoned.reception.turns[-1].language == "de"


async def test_the_recogniser_expects_the_hotels_name() -> None:
    """The hotel is what callers name most; what it is told of besides it would hear in any language."""
    async with phone() as phoned:
        assert phoned.recogniser.phrases == ("Hotel Aurora",)


async def test_the_recogniser_expects_what_was_just_asked_for() -> None:
    """Who is asked for a booking code is likely to say so; some turns later it is not expected any more."""
    find = Use("find_reservation", {"surname": "Miller", "code": "AB7K2Q"})
    reception = Reception()
    reception.refusals = [NotVerified("no")]
    async with phone(find, "What is the code?", "Yes.", "Yes.", reception=reception) as phoned:
        await phoned.hear("I have a reservation with you.")
        asked = phoned.recogniser.phrases
        await phoned.hear("It is A B 7 K 2.")
        still = phoned.recogniser.phrases
        await phoned.hear("Is that all right?")

        assert asked == still == ("booking code", "reservation number", "Hotel Aurora")
        assert phoned.recogniser.phrases == ("Hotel Aurora",)


def test_hints_are_few_and_short() -> None:
    """More or longer hints than a recogniser bears are left out."""
    prompts = Prompts.load(AURORA, "en")
    many = {"code": tuple(f"word {number}" for number in range(20)), "name": ("a" * 40, "short")}

    crowded = replace(prompts, hints=many)

    assert hints(crowded, "code") == many["code"][:MOST_HINTS]
    assert hints(crowded, "name") == ("short", "Hotel Aurora")
    assert hints(crowded, None) == hints(crowded, "weather") == ("Hotel Aurora",)
