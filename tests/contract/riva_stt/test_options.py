"""What the agent may change in mid-call, and what it may ask of Riva at all."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from agent.speech.riva_requests import Endpointing
from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_stt.listening import FINAL, Listening, until
from tests.contract.scripted_riva import ScriptedRiva, hangs, says

pytestmark = pytest.mark.contract


async def test_the_language_changes_between_two_frames(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """What was said before is recognised in the old language, what follows in the new one; no frame is lost."""
    riva[0].scripts.extend([says("good morning"), says("guten Tag")])

    heard.speak(3)
    heard.recogniser.update_options(language="de-DE")
    heard.turn(2)
    finals = [event.alternatives[0] for event in await heard.events(2) if event.type is FINAL]

    assert [(data.text, str(data.language)) for data in finals] == [("good morning", "en-US"), ("guten Tag", "de-DE")]
    assert [stream.numbers for stream in riva[0].streams] == [[1, 2, 3], [4, 5]]
    assert [stream.config.config.language_code for stream in riva[0].streams] == ["en-US", "de-DE"]


async def test_a_change_without_words_before_it_tells_nothing(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """Nobody has flushed, so nobody waits for a final of the silence before the change."""
    riva[0].scripts.extend([says(), says("A B C")])

    heard.speak(3)
    heard.recogniser.update_options(phrases=["A B C 1 2 3"])
    heard.turn(2)
    finals = await heard.finals(1)

    assert finals == ["A B C"]
    assert list(riva[0].streams[1].config.config.speech_contexts[0].phrases) == ["A B C 1 2 3"]


async def test_a_change_that_changes_nothing_costs_nothing(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The request stream goes on."""
    riva[0].scripts.append(says("all"))

    heard.speak(3)
    heard.recogniser.update_options(language="en-US", phrases=[])
    heard.turn(2)
    finals = await heard.finals(1)

    assert finals == ["all"]
    assert [stream.numbers for stream in riva[0].streams] == [[1, 2, 3, 4, 5]]


async def test_a_change_reaches_every_conversation(riva: tuple[ScriptedRiva, str]) -> None:
    """Streams that are open, and those that are opened later."""
    riva[0].scripts.extend([says("eins"), says("zwei")])
    async with aclosing(RivaSTT(riva[1], language="en-US")) as recogniser:
        early = Listening(recogniser)
        recogniser.update_options(language="de-DE", boost=30.0, phrases=["Seeblick"])
        late = Listening(recogniser)
        for heard in (early, late):
            heard.turn()
            await heard.finals(1)

    configs = [stream.config.config for stream in riva[0].streams]
    assert [config.language_code for config in configs] == ["de-DE", "de-DE"]
    assert [config.speech_contexts[0].boost for config in configs] == [30.0, 30.0]


async def test_a_change_during_an_outage_waits_for_its_turn(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """What was pushed before the change is still sent as it was wanted then."""
    riva[0].scripts.extend([hangs, says("one"), says("zwei")])

    heard.turn(2)
    await until(lambda: riva[0].streams and riva[0].streams[0].half_closed)
    heard.recogniser.update_options(language="de-DE")
    heard.turn(2)
    finals = await heard.finals(2)

    assert finals == ["one", "zwei"]
    assert [stream.config.config.language_code for stream in riva[0].streams] == ["en-US", "en-US", "de-DE"]


async def test_a_wrong_change_changes_nothing(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """Nine hints, or one that is a sentence, are refused, and the rest of the wish with them."""
    riva[0].scripts.append(says("one"))
    with pytest.raises(ValueError, match="9 hints"):
        heard.recogniser.update_options(language="de-DE", phrases=[f"word {number}" for number in range(9)])
    with pytest.raises(ValueError, match="33 characters"):
        heard.recogniser.update_options(language="de-DE", phrases=["x" * 33])

    heard.turn()
    await heard.finals(1)

    assert riva[0].streams[0].config.config.language_code == "en-US"


async def test_endpointing_is_asked_for(riva: tuple[ScriptedRiva, str]) -> None:
    """What is given is sent, and the rest left to the model."""
    riva[0].scripts.append(says("one"))
    endpointing = Endpointing(stop_history=800, stop_history_eou=240, stop_threshold=0.98)
    async with aclosing(RivaSTT(riva[1], language="en-US", endpointing=endpointing)) as recogniser:
        heard = Listening(recogniser)
        heard.turn()
        await heard.finals(1)

    sent = riva[0].streams[0].config.config.endpointing_config
    assert (sent.stop_history, sent.stop_history_eou, round(sent.stop_threshold, 2)) == (800, 240, 0.98)
    assert not sent.HasField("start_history")


async def test_the_end_of_a_turn_is_forced(riva: tuple[ScriptedRiva, str]) -> None:
    """When the agent says that the turn is over Riva is told so, after the turn's audio and before the half-close."""
    riva[0].scripts.append(says("one"))
    async with aclosing(RivaSTT(riva[1], language="en-US", force_eou=True)) as recogniser:
        heard = Listening(recogniser)
        heard.turn()
        finals = await heard.finals(1)

    assert finals == ["one"]
    assert riva[0].streams[0].runtime_config == {"force_eou": "true"}
    assert riva[0].streams[0].numbers == [1, 2, 3, 4, 5]
