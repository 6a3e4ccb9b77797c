"""How a call ends: once, for one reason, and never in silence."""

from __future__ import annotations

import pytest
from livekit.agents import APIConnectionError, stt, tts
from livekit.agents.voice.events import ErrorEvent, UserTranscriptionTimeoutEvent

from agent.call import UNHEARD_AT_MOST
from agent.lifecycle import Ending, Failure
from tests.agent import GARBAGE, Phoned, Reception, Use, phone

pytestmark = pytest.mark.unit


def said(phoned: Phoned) -> list[str]:
    """What the guest heard, turn by turn."""
    return [turn.agent for turn in phoned.reception.turns]


async def ended(phoned: Phoned) -> None:
    await phoned.call.over.wait()
    await phoned.settle()


async def test_a_greeting_is_the_first_turn_and_answers_the_call() -> None:
    """From the first sound on the call counts as answered."""
    async with phone() as phoned:
        await phoned.call.say("greeting")
        await phoned.settle()

        assert phoned.reception.told == [("answered", None)]
        assert phoned.reception.turns[0].number == 1
        assert phoned.reception.turns[0].guest == ""
        assert "Hotel Aurora" in phoned.reception.turns[0].agent


async def test_a_goodbye_answers_the_guest_and_then_the_call_ends() -> None:
    """The last words of the guest and the goodbye are one turn, and hanging up comes after it."""
    async with phone(Use("end_call")) as phoned:
        await phoned.hear("That is all, thank you.")
        await ended(phoned)

        last = phoned.reception.turns[-1]
        assert (last.guest, last.agent) == (
            "That is all, thank you.",
            "Thank you for calling Hotel Aurora. Goodbye!",
        )
        assert [run.name for run in last.tools] == ["end_call"]
        assert phoned.reception.told[-1] == ("ended", "goodbye")
        assert phoned.hung_up == ["goodbye"]


@pytest.mark.parametrize("move", [GARBAGE, "", ValueError("not JSON")])
async def test_a_model_that_answers_with_garbage_or_nothing_ends_the_call_with_a_sentence(
    move: str | Exception,
) -> None:
    """The guest hears what is wrong, the record says why."""
    async with phone(move) as phoned:
        await phoned.hear("A double room, please.")
        await ended(phoned)

        (turn,) = phoned.reception.turns
        assert turn.guest == "A double room, please."
        assert turn.agent.startswith("I'm sorry, because of a technical problem")
        assert ("failed", "model_failed") in phoned.reception.told
        assert phoned.hung_up == ["model_failed"]


async def test_a_model_that_calls_tools_that_do_not_exist_ends_somewhere() -> None:
    """Garbage in the shape of a tool call is no way to keep a guest on the line."""
    moves = [Use("drop_tables", {"which": "all"}) for _ in range(20)]
    async with phone(*moves) as phoned:
        await phoned.hear("A double room, please.")
        await ended(phoned)

        assert ("failed", "model_failed") in phoned.reception.told


@pytest.mark.parametrize(
    "move",
    [
        Use(
            "check_availability",
            {"arrival": "2027-03-15", "departure": "2027-03-17", "adults": 2, "children": 0, "room": None},
        ),
        Use("get_hotel_info", {"topic": "breakfast"}),
    ],
)
async def test_a_booking_system_that_is_away_ends_the_call_with_a_true_sentence(move: Use) -> None:
    """Nobody waits for a system that does not answer, and the model is not asked what to say about it."""
    reception = Reception()
    reception.broken = {"pms"}
    async with phone(move, "All is well!", reception=reception) as phoned:
        await phoned.hear("A double room, please.")
        await ended(phoned)

        assert said(phoned)[-1].startswith("I'm sorry, I cannot reach our booking system")
        assert phoned.reception.turns[-1].tools[0].error == "unreachable"
        assert ("failed", "pms_unreachable") in phoned.reception.told
        assert phoned.model.moves == ["All is well!"]


async def test_only_the_first_end_counts() -> None:
    """A failure while saying goodbye does not make the call another one."""
    async with phone() as phoned:
        phoned.call.end(Ending.GOODBYE, "goodbye")
        phoned.call.fail(Failure.MODEL_FAILED)
        phoned.call.end(Ending.GUEST_LEFT)
        await ended(phoned)

        assert [event for event in phoned.reception.told if event[0] in ("failed", "ended")] == [("ended", "goodbye")]
        assert phoned.hung_up == ["goodbye"]


async def test_a_guest_who_hangs_up_ends_the_call_at_once() -> None:
    """Nothing is said to a line on which nobody is."""
    async with phone() as phoned:
        phoned.call.end(Ending.GUEST_LEFT)
        await ended(phoned)

        assert phoned.reception.turns == []
        assert phoned.reception.told == [("ended", "guest_left")]


async def test_words_without_an_answer_are_kept_when_the_guest_hangs_up() -> None:
    """What a guest said last is in the record though nobody came to answer it."""
    async with phone(Use("end_call")) as phoned:
        phoned.call.turns.answer_follows()
        await phoned.hear("Hello? Is anybody there?")
        await ended(phoned)

        assert phoned.reception.turns[-1].guest == "Hello? Is anybody there?"


async def test_a_recogniser_that_hears_no_words_is_asked_twice_and_then_given_up() -> None:
    """A guest is asked to repeat, but not for ever."""
    async with phone() as phoned:
        for _ in range(UNHEARD_AT_MOST):
            phoned.session.emit(
                "user_transcription_timeout",
                UserTranscriptionTimeoutEvent(speech_duration=1.0, vad_speech_started_at=0.0),
            )
            await phoned.session.wait_for_idle()
        await ended(phoned)

        assert said(phoned)[:2] == ["I'm sorry, I did not catch that. Could you say it again, please?"] * 2
        assert ("failed", "recogniser_silent") in phoned.reception.told


async def test_a_recogniser_that_is_away_ends_the_call_and_a_stumble_does_not() -> None:
    """What the framework still retries is not yet a failure."""
    async with phone() as phoned:
        error = stt.STTError(timestamp=0.0, label="riva", error=APIConnectionError("away"), recoverable=True)
        phoned.session.emit("error", ErrorEvent(error=error, source=None))
        assert not phoned.call.ending

        gone = error.model_copy(update={"recoverable": False})
        phoned.session.emit("error", ErrorEvent(error=gone, source=None))
        await ended(phoned)

        assert ("failed", "recogniser_unreachable") in phoned.reception.told
        assert "cannot hear you" in said(phoned)[-1]


async def test_a_voice_that_is_away_ends_the_call_without_words() -> None:
    """No sentence is claimed to have been said; what is left is a tone and the reason in the record."""
    async with phone() as phoned:
        error = tts.TTSError(timestamp=0.0, label="http", error=APIConnectionError("away"), recoverable=False)
        phoned.session.emit("error", ErrorEvent(error=error, source=None))
        await ended(phoned)

        assert said(phoned) == []
        assert phoned.reception.told == [("failed", "voice_unreachable"), ("ended", "voice_unreachable")]


async def test_a_call_has_a_limit() -> None:
    """A call that never ends by itself is ended politely."""
    async with phone() as phoned:
        await phoned.call.limit(0.0)
        await ended(phoned)

        assert said(phoned)[-1].startswith("I'm sorry, our call has lasted as long as it may")
        assert phoned.reception.told[-1] == ("ended", "time_limit")


async def test_events_count_up_within_their_epoch() -> None:
    """The record can put an agent's reports in order."""
    async with phone(Use("end_call")) as phoned:
        await phoned.call.say("greeting")
        await phoned.hear("Goodbye.")
        await ended(phoned)

        assert [event.seq for event in phoned.reception.events] == [1, 2]
        assert len({event.id for event in phoned.reception.events}) == 2


async def test_reports_of_a_call_whose_gateway_is_away_arrive_when_it_is_back() -> None:
    """Turns and events of a call that outlived a fault are all there, in order."""
    reception = Reception()
    reception.broken = {"calls"}
    async with phone("On which day?", Use("end_call"), reception=reception) as phoned:
        await phoned.call.say("greeting")
        await phoned.hear("A double room, please.")
        reception.broken = set()
        await phoned.hear("Goodbye.")
        await ended(phoned)

        assert [turn.number for turn in reception.turns] == [1, 2, 3]
        assert reception.told == [("answered", None), ("ended", "goodbye")]
