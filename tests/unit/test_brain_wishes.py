"""The scripts of the scenarios, led by what a guest was heard to wish."""

from typing import Any

import pytest

from tests.unit.guest_talk import OFFER, WRONG_AUDIO, Talk, booking, offered

pytestmark = pytest.mark.unit


def test_a_room_is_booked_with_what_the_guest_said() -> None:
    """Every argument of a booking comes from the guest's words, every figure spoken from the tools."""
    talk = booking()

    said = [
        talk.guest_says("Hello, I would like to book a double room for two people for two nights."),
        talk.guest_says("We will arrive on the 12th of March."),
        talk.guest_says("Yes, please book it. My name is Peter Miller."),
        talk.guest_says("Thank you very much. Goodbye"),
    ]

    stay = {"arrival": "2027-03-12", "departure": "2027-03-14", "adults": 2, "children": 0, "room": "double room"}
    assert [(call.tool, call.arguments) for call in talk.calls] == [
        ("check_availability", stay),
        ("book_stay", {"room": "double room", "guest_name": "Peter Miller"}),
        ("end_call", {}),
    ]
    assert said[0] == "With pleasure. On which day would you like to arrive?"
    assert "a double room for you from March 12th to March 14th, 258 euros in total" in said[1]
    assert "Thank you, Peter Miller. The double room is booked for 258 euros." in said[2]
    assert said[3] == ""


def test_the_figures_are_the_tools_own() -> None:
    """Another total in the tool's answer is another total in the guest's ear."""
    dearer = {"offers": [{**OFFER["offers"][0], "total": "301.50 EUR"}]}

    talk = booking(check_availability=dearer)
    talk.guest_says("I would like to book a double room for two people, two nights.")

    said = talk.guest_says("On March 12th.")

    assert "301 euros 50" in said


def test_wrong_audio_books_nothing() -> None:
    """Words that are no answer are asked about again, then a human gets a message, then the call ends."""
    talk = booking()

    said = [talk.guest_says(WRONG_AUDIO) for _ in range(6)]

    assert talk.tools == ["take_message", "end_call"]
    assert said[0] == said[1] == talk.script.texts.not_understood
    assert said[2] == "I passed it on."
    assert WRONG_AUDIO in str(talk.calls[0].arguments["message"])


@pytest.mark.parametrize("heard", [WRONG_AUDIO, "on the 50th of March", "March", "", "Yes, please book it."])
def test_a_missing_fact_is_asked_for_again(heard: str) -> None:
    """A day that was not understood is asked for again, never guessed, and not for ever."""
    talk = booking()
    talk.guest_says("I would like to book a double room for two people, two nights.")

    said = [talk.guest_says(heard) for _ in range(3)]

    assert (
        said[0]
        == said[1]
        == "I am sorry, I did not understand that. With pleasure. On which day would you like to arrive?"
    )
    assert talk.tools == ["take_message"]


@pytest.mark.parametrize("heard", [WRONG_AUDIO, "My name is Peter Miller.", "Yes, but not now.", "Peter Miller", "Hm."])
def test_nothing_is_booked_without_a_yes(heard: str) -> None:
    """An offer is not booked until the guest says yes to it."""
    talk = offered()

    talk.guest_says(heard)

    assert "book_stay" not in talk.tools


@pytest.mark.parametrize("heard", ["No, thank you.", "No.", "I would rather not."])
def test_a_no_is_respected(heard: str) -> None:
    """A guest who declines has booked nothing, also when they agree to something else later."""
    talk = offered()

    said = talk.guest_says(heard)
    talk.guest_says("Yes. My name is Peter Miller.")

    assert said == "All right, I have not booked anything. What else can I do for you?"
    assert "book_stay" not in talk.tools


def test_a_no_and_a_goodbye_end_the_call() -> None:
    """A guest who declines and takes leave is let go."""
    talk = offered()

    talk.guest_says("No, thank you. Bye-bye.")

    assert talk.tools[-1] == "end_call"


def test_a_changed_mind_is_offered_anew() -> None:
    """A guest who wants other nights gets another offer with everything else as it was."""
    talk = offered()

    talk.guest_says("No, three nights, please.")

    assert talk.tools == ["check_availability", "check_availability"]
    assert talk.calls[1].arguments["departure"] == "2027-03-15"
    assert talk.calls[1].arguments["room"] == "double room"


def test_what_is_missing_is_gathered_over_several_turns() -> None:
    """Facts may come one at a time and in any order; only what is missing is asked for."""
    talk = booking()

    said = [talk.guest_says(text) for text in ("I need a room.", "A double.", "Two.", "March 12th.", "Two.")]

    assert said[:4] == [
        "Would you like a single room, a double room or a suite?",
        "For how many nights?",
        "With pleasure. On which day would you like to arrive?",
        "How many of you will be staying?",
    ]
    assert talk.calls[0].arguments["adults"] == 2


def test_a_bare_name_is_enough_when_asked() -> None:
    """Having been asked for the name, the guest needs no phrase around it."""
    talk = offered()

    question = talk.guest_says("Yes, please.")
    talk.guest_says("Peter Miller.")

    assert question == "What name may I put it under?"
    assert talk.calls[-1].arguments == {"room": "double room", "guest_name": "Peter Miller"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"error": "sold_out", "say": "I am afraid we are full."}, "I am afraid we are full."),
        ({"offers": [], "say": "There is no double room left."}, "There is no double room left."),
        ({"error": "unreachable"}, "I am sorry, that does not work right now."),
        ("An internal error occurred", "I am sorry, that does not work right now."),
    ],
)
def test_a_failing_tool_speaks_for_itself(answer: Any, said: str) -> None:
    """When a tool fails or has nothing, the guest hears what it says, and nothing is booked on it."""
    talk = booking(check_availability=answer)
    talk.guest_says("I would like to book a double room for two people, two nights.")

    heard = talk.guest_says("On March 12th.")
    talk.guest_says("Yes, please. My name is Peter Miller.")

    assert heard == said
    assert "book_stay" not in talk.tools


def test_consent_is_good_for_one_try() -> None:
    """A booking that failed is not tried again until the guest says yes again."""
    talk = offered(book_stay={"error": "unreachable", "say": "One moment, the system does not answer."})

    talk.guest_says("Yes, please. My name is Peter Miller.")
    talk.guest_says("Hm, I see.")
    tries_without_a_yes = talk.tools.count("book_stay")
    talk.guest_says("Yes, try again.")

    assert (tries_without_a_yes, talk.tools.count("book_stay")) == (1, 2)


def test_both_questions_are_answered() -> None:
    """Each question gets the hotel's own text, in whichever order they are asked."""
    talk = Talk("breakfast_and_parking", get_hotel_info={"topic": "x", "text": "It is so."}, end_call={"ended": True})

    said = [
        talk.guest_says(text) for text in ("and where can I park my car?", "What about breakfast?", "Thank you. Bye.")
    ]

    assert [call.arguments for call in talk.calls] == [{"topic": "parking"}, {"topic": "breakfast"}, {}]
    assert said == ["It is so. What else would you like to know?"] * 2 + [""]


def test_a_message_is_taken_in_the_guests_words() -> None:
    """A guest who wants a human is asked what to tell them and who calls; the message is what was heard."""
    talk = Talk("human", take_message={"taken": True, "say": "They will call you back."}, end_call={"ended": True})

    said = [
        talk.guest_says("Hello, I would like to speak to a human, please."),
        talk.guest_says("Please call me back about a birthday party for 20 people."),
        talk.guest_says("My name is Peter Miller."),
    ]

    message = "Please call me back about a birthday party for 20 people."
    assert talk.calls[0].arguments == {"message": message, "guest_name": "Peter Miller"}
    assert said == [
        "Of course. What may I tell my colleague?",
        "And what is your name, please?",
        "Thank you. They will call you back. Is there anything else I can do for you?",
    ]


def cancelling(**answers: Any) -> Talk:
    given = {
        "find_reservation": {"found": True, "say": "I have found your double room from May 10 to May 12."},
        "ask_cancellation_fee": {"fee": "0.00 EUR", "say": "Cancelling it costs nothing."},
        "cancel_stay": {"cancelled": True, "say": "The reservation is cancelled, free of charge."},
        "take_message": {"taken": True, "say": "I passed it on."},
    }
    return Talk("cancel", **{**given, "end_call": {"ended": True}, **answers})


def found(**answers: Any) -> Talk:
    """A talk in which the guest has just heard which reservation was found."""
    talk = cancelling(**answers)
    talk.guest_says("Hello, I would like to cancel my reservation, please.")
    talk.guest_says("The name is Miller.")
    talk.guest_says("We would arrive on the 10th of May for two nights.")
    return talk


def test_a_reservation_is_cancelled_with_what_the_guest_said() -> None:
    """Found by the guest's own words, and cancelled after the fee was heard."""
    talk = found()

    said = [
        talk.guest_says(words)
        for words in ("Yes, that is right.", "Yes, please go ahead.", "Thank you very much. Goodbye.")
    ]

    stay = {"surname": "Miller", "arrival": "2027-05-10", "departure": "2027-05-12"}
    assert [(call.tool, call.arguments) for call in talk.calls] == [
        ("find_reservation", stay),
        ("ask_cancellation_fee", {}),
        ("cancel_stay", {}),
        ("end_call", {}),
    ]
    assert said[0] == "Cancelling it costs nothing. Shall I cancel it?"
    assert "is cancelled, free of charge" in said[1]


@pytest.mark.parametrize("words", [("No, that is another one.",), ("Yes, that is right.", "No, thank you.")])
def test_a_reservation_stays_when_the_guest_says_no(words: tuple[str, ...]) -> None:
    """Neither the wrong reservation nor one whose fee the guest does not like is cancelled."""
    talk = found()

    for said in words:
        talk.guest_says(said)

    assert "cancel_stay" not in talk.tools


def test_a_reservation_that_is_not_found_is_not_cancelled() -> None:
    """What the tool says is what the guest hears; other words are tried, the same ones are not."""
    sorry = "I am sorry, I cannot find a reservation with these details."
    talk = found(find_reservation={"error": "not_verified", "say": sorry})

    again = talk.guest_says("We would arrive on the 10th of May for two nights.")
    talk.guest_says("On the 11th of May for two nights.")

    assert again.startswith("I am sorry, I did not understand that.")
    assert [call.arguments["arrival"] for call in talk.calls] == ["2027-05-10", "2027-05-11"]
    assert set(talk.tools) == {"find_reservation"}
