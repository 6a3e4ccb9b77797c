"""What the brain makes of a conversation's events: words in parts, words not heard, answers that are missing."""

import pytest

from local.dialogue import Answered, CallTool, Event, Heard, Say, Spoken, reply
from tests.unit.guest_talk import TODAY, Talk, offered, script_of

pytestmark = pytest.mark.unit


def test_a_line_committed_in_two_parts_is_one_line() -> None:
    """What follows a pause joins what came before it."""
    script = script_of("book")
    parts = [
        Heard("I would like to book a double room for two"),
        Heard("people, for two nights, on the 12th of March."),
    ]

    action = reply(script, parts, TODAY)

    assert isinstance(action, CallTool)
    assert action.arguments["arrival"] == "2027-03-12"


def test_an_offer_that_was_not_heard_cannot_be_accepted() -> None:
    """A yes before the offer was spoken is no yes: the offer is made again."""
    talk = offered()
    talk.events.pop()
    talk.events.append(Heard("Yes, my name is Peter Miller."))

    action = talk.next()

    assert isinstance(action, Say)
    assert "258 euros" in action.text


def test_a_word_of_patience_does_not_stand_for_the_answer() -> None:
    """When the agent said "One moment" over a slow tool, the tool's answer is still said."""
    talk = offered()
    offer = talk.events.pop()
    talk.events.append(Spoken("One moment, please."))

    action = talk.next()

    assert isinstance(offer, Spoken)
    assert action == Say(offer.text)


def test_an_answer_cut_off_after_a_word_counts_as_heard() -> None:
    """A guest who says yes into the offer agrees to it."""
    talk = offered()
    talk.events[-1] = Spoken("We have a double")

    talk.guest_says("Yes, my name is Peter Miller.")

    assert talk.tools[-1] == "book_stay"


def test_a_call_that_was_never_answered_is_made_again() -> None:
    """A tool call that the client dropped is made again when the guest speaks on."""
    script = script_of("book")
    asked = Heard("Book a double room for two people, two nights, March 12th.")

    action = reply(script, [asked, Spoken("I am sorry."), Heard("Hello?")], TODAY)

    assert isinstance(action, CallTool)
    assert action.tool == "check_availability"


def test_an_interrupting_question_is_answered() -> None:
    """A question over a long answer, heard in part or not at all, is answered instead of it."""
    answers = {"get_hotel_info": {"topic": "x", "text": "A long text."}, "end_call": {"ended": True}}
    heard_in_part, heard_nothing = Talk("interruption", **answers), Talk("interruption", **answers)
    for talk in (heard_in_part, heard_nothing):
        talk.guest_says("Hello, how do I get to the hotel from the station?")
    heard_nothing.events.pop()

    for talk in (heard_in_part, heard_nothing):
        talk.guest_says("Sorry, can I bring my dog?")

    assert [call.arguments["topic"] for call in heard_in_part.calls] == ["location", "pets"]
    assert [call.arguments["topic"] for call in heard_nothing.calls] == ["location", "pets"]


def test_the_agents_turn_without_a_question_is_an_invitation() -> None:
    """Asked to speak first, the brain invites; asked to speak into a silence, it repeats its question."""
    script = script_of("book")
    question = Spoken("For how many nights?")
    silent: list[Event] = [Heard("I need a double room."), question, Spoken("Are you still there?")]

    opening, again = reply(script, [], TODAY), reply(script, silent, TODAY)

    assert opening == Say("How may I help you?")
    assert again == Say("For how many nights?")


def test_a_foreign_tools_answer_changes_nothing() -> None:
    """An answer to a call that the script did not make is passed over."""
    talk = offered()
    talk.events.append(Answered("set_language", "{}"))

    talk.guest_says("Yes, please. My name is Peter Miller.")

    assert talk.tools[-1] == "book_stay"
