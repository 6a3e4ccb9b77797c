"""The receptionist's real tools in a real session; the model is scripted, the hotel is in memory."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from livekit.agents import llm

from lambdas.shared.domain.errors import StaleEpoch
from tests.agent import GUEST_NUMBER, Reception, Use, phone

pytestmark = pytest.mark.unit

STAY: dict[str, Any] = {"arrival": "2027-03-15", "departure": "2027-03-17", "adults": 2, "children": 0}
OFFER = Use("check_availability", {**STAY, "room": "double room"})
BOOK = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller"})


async def test_a_guest_books_the_room_that_was_offered_to_them() -> None:
    """Dates, total and name in the hotel's system are those of the offer and the guest."""
    async with phone(OFFER, "It is 258 euros.", BOOK, "It is booked.") as phoned:
        await phoned.hear("A double room for two nights from the fifteenth of March, please.")
        await phoned.hear("Yes please, Peter Miller.")

        (reservation,) = phoned.reception.reservations.values()
        assert (reservation.stay.arrival, reservation.stay.departure) == (date(2027, 3, 15), date(2027, 3, 17))
        assert str(reservation.total) == "258.00 EUR"
        assert reservation.guest.name == "Peter Miller"


async def test_an_offer_is_told_in_figures_and_in_words() -> None:
    """The model gets what it needs to talk about and a sentence a voice speaks well; the offer's id it never sees."""
    async with phone(OFFER, "It is 258 euros.") as phoned:
        await phoned.hear("A double room, please.")

        answer = phoned.model.tool_answer
        assert answer["offers"] == [
            {
                "room": "double room",
                "nights": 2,
                "arrival": "2027-03-15",
                "departure": "2027-03-17",
                "total": "258.00 EUR",
            }
        ]
        assert answer["say"] == ("A double room from Monday, March 15 to Wednesday, March 17 costs 258 euros in total.")
        assert not any(wish_id in json.dumps(answer) for wish_id in phoned.reception.held)


async def test_a_booking_is_told_with_its_code_spelled() -> None:
    """The guest can write the code down, and the model has it as the hotel writes it."""
    async with phone(OFFER, "It is 258 euros.", BOOK, "It is booked.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")

        answer = phoned.model.tool_answer
        assert answer["booked"] is True
        assert answer["code"] == "AB7K2Q"
        assert answer["guest_name"] == "Peter Miller"
        assert "A B 7 K 2 Q" in answer["say"]


async def test_nothing_is_booked_that_was_not_offered() -> None:
    """A model that skips the offer is sent back to it."""
    async with phone(BOOK, "Let me look.") as phoned:
        await phoned.hear("Book me a double room.")

        assert phoned.model.tool_answer["error"] == "no_offer"
        assert phoned.reception.reservations == {}


async def test_the_offer_that_was_made_last_is_booked() -> None:
    """A guest who asks for other dates gets those dates."""
    later = Use("check_availability", {**STAY, "departure": "2027-03-18", "room": "double room"})
    async with phone(OFFER, "258 euros.", later, "387 euros.", BOOK, "Booked.") as phoned:
        await phoned.hear("Two nights, please.")
        await phoned.hear("Make it three.")
        await phoned.hear("Yes.")

        (reservation,) = phoned.reception.reservations.values()
        assert reservation.stay.nights == 3


async def test_other_dates_that_are_full_leave_nothing_to_book() -> None:
    """A guest who asked for other dates in vain does not get the first ones by saying "then book it"."""
    full = Use("check_availability", {**STAY, "departure": "2027-03-18", "room": "double room"})
    async with phone(OFFER, "258 euros.", full, "Sorry.", BOOK, "Let me look.") as phoned:
        await phoned.hear("Two nights, please.")
        phoned.reception.gone = {"double"}
        await phoned.hear("Make it three.")
        phoned.reception.gone = set()
        await phoned.hear("Then book the double.")

        assert phoned.model.tool_answer["error"] == "no_offer"
        assert phoned.reception.reservations == {}


async def test_without_a_room_named_every_free_kind_is_offered() -> None:
    """A guest who leaves the choice hears what there is."""
    async with phone(Use("check_availability", {**STAY, "room": None}), "There are two.") as phoned:
        await phoned.hear("What do you have?")

        answer = phoned.model.tool_answer
        assert [offer["room"] for offer in answer["offers"]] == ["double room", "suite"]
        assert "A suite costs 438 euros." in answer["say"]


async def test_a_full_house_is_said_to_be_full() -> None:
    """Nothing free is an answer, not an error."""
    reception = Reception()
    reception.gone = {"single", "double", "suite"}
    async with phone(OFFER, "Sorry.", reception=reception) as phoned:
        await phoned.hear("A double room, please.")

        assert phoned.model.tool_answer["offers"] == []
        assert phoned.model.tool_answer["say"].startswith("I'm sorry, nothing is free")


async def test_a_room_that_went_meanwhile_is_not_promised() -> None:
    """The last room taken by somebody else is a refusal with its own sentence."""
    async with phone(OFFER, "258 euros.", BOOK, "Sorry.") as phoned:
        await phoned.hear("A double room, please.")
        phoned.reception.gone = {"double"}
        await phoned.hear("Yes.")

        assert phoned.model.tool_answer["error"] == "sold_out"
        assert "just been taken" in phoned.model.tool_answer["say"]
        assert not phoned.call.ending


@pytest.mark.parametrize(
    "wrong",
    [
        {"arrival": "2027-03-17", "departure": "2027-03-15"},
        {"arrival": "the fifteenth"},
        {"adults": 0},
        {"departure": "2027-09-15"},
    ],
)
async def test_a_stay_that_cannot_be_is_asked_for_again(wrong: dict[str, Any]) -> None:
    """A model's slip in a date reaches neither the hotel nor a guest's bill."""
    async with phone(Use("check_availability", {**STAY, "room": None, **wrong}), "Which day?") as phoned:
        await phoned.hear("A room, please.")

        assert phoned.model.tool_answer["error"] == "invalid"
        assert phoned.reception.held == {}


async def test_what_the_hotel_knows_is_looked_up() -> None:
    """A question about breakfast is answered from the hotel's own pages."""
    async with phone(Use("get_hotel_info", {"topic": "Breakfast"}), "From half past six.") as phoned:
        await phoned.hear("When is breakfast?")

        assert phoned.model.tool_answer["topic"] == "breakfast"
        assert "eighteen euros" in phoned.model.tool_answer["text"]


async def test_what_the_hotel_does_not_know_is_not_invented() -> None:
    """An unknown topic answers with those that are known."""
    async with phone(Use("get_hotel_info", {"topic": "helicopter"}), "I do not know.") as phoned:
        await phoned.hear("Where can I land?")

        assert phoned.model.tool_answer["error"] == "not_found"
        assert "parking" in phoned.model.tool_answer["known_topics"]


async def test_a_message_reaches_the_front_desk_with_the_number_to_call_back() -> None:
    """The number is read from the phone line, never asked for, and kept only there."""
    move = Use("take_message", {"message": "Please call about a group of twenty.", "guest_name": "Peter Miller"})
    async with phone(move, "They will call you.") as phoned:
        await phoned.hear("Can somebody call me back?")
        await phoned.settle()

        (follow_up,) = phoned.reception.follow_ups
        assert (follow_up.callback, follow_up.kind) == (GUEST_NUMBER, "callback")
        assert follow_up.message == "Please call about a group of twenty."
        assert ("message_taken", None) in phoned.reception.told
        assert phoned.model.tool_answer["taken"] is True


@pytest.mark.parametrize("number", [None, "anonymous"])
async def test_a_message_of_a_guest_without_a_number_is_a_message(number: str | None) -> None:
    """Nobody is promised a call that cannot be made."""
    move = Use("take_message", {"message": "The lift is stuck.", "guest_name": None})
    async with phone(move, "I have noted it.", number=number) as phoned:
        await phoned.hear("The lift is stuck.")
        await phoned.settle()

        (follow_up,) = phoned.reception.follow_ups
        assert (follow_up.callback, follow_up.kind) == (None, "message")
        assert "call you back" not in phoned.model.tool_answer["say"]


async def test_an_agent_whose_call_was_taken_over_goes_without_a_word() -> None:
    """Two agents never speak to one guest."""
    reception = Reception()

    async def stale(_: object) -> Any:
        raise StaleEpoch("epoch 1 is over")

    reception.offers = stale  # type: ignore[method-assign,assignment]
    async with phone(OFFER, "…", reception=reception) as phoned:
        await phoned.hear("A double room, please.")
        await phoned.call.over.wait()

        assert phoned.left == ["lost"]
        assert phoned.hung_up == []
        assert phoned.reception.told == []


async def test_the_tools_are_strict_and_those_of_the_hotel() -> None:
    """The model can fill every argument, and no other one."""
    async with phone("Good day.") as phoned:
        await phoned.hear("Hello.")

        schemas = llm.ToolContext(phoned.model.tools).parse_function_tools("openai", strict=True)
        functions = {schema["function"]["name"]: schema["function"] for schema in schemas}
        assert set(functions) == {
            "check_availability",
            "book_stay",
            "find_reservation",
            "ask_cancellation_fee",
            "cancel_stay",
            "get_hotel_info",
            "take_message",
            "end_call",
        }
        assert all(function["strict"] for function in functions.values())
        availability = functions["check_availability"]["parameters"]
        assert availability["required"] == ["arrival", "departure", "adults", "children", "room"]
        assert availability["additionalProperties"] is False


async def test_words_that_were_cut_by_a_pause_are_joined_with_what_followed() -> None:
    """A guest who pauses inside a sentence is understood as one who did not."""
    async with phone("On which day?") as phoned:
        first = llm.ChatMessage(role="user", content=["I would like to book a double room"])
        history = phoned.receptionist.chat_ctx.copy()
        history.items.append(first)
        await phoned.receptionist.update_chat_ctx(history)

        await phoned.hear("for two nights.")

        heard = [item.text_content for item in phoned.model.asked[-1] if item.type == "message" and item.role == "user"]
        assert heard == ["I would like to book a double room for two nights."]


async def test_words_that_were_answered_stay_apart() -> None:
    """Only what nobody answered is joined."""
    async with phone("On which day?", "Certainly.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("The twelfth of March.")

        heard = [item.text_content for item in phoned.model.asked[-1] if item.type == "message" and item.role == "user"]
        assert heard == ["A double room, please.", "The twelfth of March."]


async def test_every_request_of_a_turn_carries_its_trace_and_no_other_turns() -> None:
    """The model's requests are found under the id that is stored with the turn."""
    async with phone(OFFER, "258 euros.", "You are welcome.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Thank you.")
        await phoned.settle()

        asked = [headers["traceparent"].split("-")[1] for headers in phoned.model.headers]
        stored = [turn.trace_id for turn in phoned.reception.turns]
        assert asked == [stored[0], stored[0], stored[1]]
        assert len(set(stored)) == 2


async def test_a_guest_hears_that_a_slow_model_is_thinking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause for thought is not taken for a dead line; the answer follows in the same breath."""
    monkeypatch.setattr("agent.receptionist.THINKING_AFTER", 0.0)
    async with phone("It is 258 euros.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.settle()

        assert phoned.reception.turns[0].agent == "One moment, please. It is 258 euros."
