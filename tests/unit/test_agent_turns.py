"""What is stored of a turn: redacted words, the tools that ran, how long every part took."""

from __future__ import annotations

import pytest

from agent.turns import Exchange
from tests.agent import Use, phone

pytestmark = pytest.mark.unit

OFFER = Use(
    "check_availability",
    {"arrival": "2027-03-15", "departure": "2027-03-17", "adults": 2, "children": 0, "room": "double room"},
)
BOOK = Use("book_stay", {"room": "double room", "guest_name": "Ottilie Sandkorn"})


async def test_a_name_learnt_from_a_tool_is_marked_in_the_turn_that_taught_it() -> None:
    """A name that no pattern knows is gone from the guest's words and from the answer."""
    async with phone(OFFER, "258 euros.", BOOK, "Thank you, Ottilie Sandkorn.", "Bye, Ottilie.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes. Ottilie Sandkorn.")
        await phoned.hear("Thanks, this was Sandkorn.")
        await phoned.settle()

        kept = " ".join(turn.guest + turn.agent for turn in phoned.reception.turns)
        assert "Ottilie" not in kept
        assert "Sandkorn" not in kept
        assert phoned.reception.turns[1].agent == "Thank you, [name]."


async def test_a_number_a_guest_says_is_marked() -> None:
    """A phone number does not get into the record by being spoken."""
    async with phone("I have it.") as phoned:
        await phoned.hear("Call me at +49 171 3920055, or at peter@example.com.")
        await phoned.settle()

        assert phoned.reception.turns[0].guest == "Call me at [phone], or at [email]."


async def test_a_booking_code_is_kept_as_it_is_written() -> None:
    """A code that is spelled out is not taken for a spelled name."""
    async with phone(OFFER, "258 euros.", BOOK, "Your booking code is A B 7 K 2 Q.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")
        await phoned.settle()

        assert phoned.reception.turns[1].agent == "Your booking code is AB7K2Q."


async def test_a_turn_names_the_tools_that_ran_and_never_their_arguments() -> None:
    """A reviewer sees what was done; who it was done for is the hotel's."""
    async with phone(OFFER, "258 euros.", BOOK, "Booked.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")
        await phoned.settle()

        assert [[run.name for run in turn.tools] for turn in phoned.reception.turns] == [
            ["check_availability"],
            ["book_stay"],
        ]
        assert "Sandkorn" not in "".join(turn.model_dump_json() for turn in phoned.reception.turns)


def test_the_parts_of_a_turn_are_in_milliseconds() -> None:
    """The framework's measures are kept under our names, and what it did not measure is absent."""
    exchange = Exchange("0" * 32, "en")

    exchange.measured({"transcription_delay": 0.69, "end_of_turn_delay": 0.71, "llm_node_ttft": 0.02})
    exchange.measured({"llm_node_ttft": 0.03, "tts_node_ttfb": 0.15, "e2e_latency": 1.09, "started_speaking_at": 5.0})

    assert exchange.latency_ms == {"recognition": 690, "end_of_turn": 710, "model": 50, "voice": 150, "answer": 1090}
