"""The agent's recogniser before a scripted Riva: whose turn is answered when, with which words, times and languages."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing

import pytest
from livekit.agents import stt

from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_stt.listening import FINAL, QUICK, Listening, until
from tests.contract.scripted_riva import FRAME, HeardStream, ScriptedRiva, frame, hangs, says, says_nothing, serving

pytestmark = pytest.mark.contract

INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT


async def test_each_flush_ends_a_turn(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A flush half-closes the request stream; the next audio opens a new one; finals come in order."""
    riva[0].scripts.extend([says("one "), says("two "), says("three ")])

    for _ in range(3):
        heard.turn()
    finals = await heard.finals(3)

    assert finals == ["one", "two", "three"]
    assert [stream.numbers for stream in riva[0].streams] == [[*range(1, 6)], [*range(6, 11)], [*range(11, 16)]]
    assert all(stream.half_closed for stream in riva[0].streams)


async def test_a_word_that_begins_at_the_flush_is_not_cut(riva: tuple[ScriptedRiva, str]) -> None:
    """Each request stream begins with the audio just before the flush, and word times take that into account."""
    riva[0].scripts.extend([says("yes", words=True), says("please", words=True)])
    async with aclosing(RivaSTT(riva[1], language="en-US", overlap=0.06)) as recogniser:
        heard = Listening(recogniser)
        heard.turn(10)
        heard.turn(10)
        finals = [event for event in await heard.events(2) if event.type is FINAL]

    assert [stream.numbers for stream in riva[0].streams] == [[*range(1, 11)], [*range(8, 21)]]
    assert [round(event.alternatives[0].start_time, 3) for event in finals] == [0.0, 0.14]


async def test_a_later_turn_never_overtakes(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A turn that could be answered at once waits for the one before it; Riva has one stream a call to serve."""
    asked = asyncio.Event()

    async def slow(stream: HeardStream) -> None:
        await stream.hear()
        await asked.wait()
        await stream.answer("one")

    riva[0].scripts.extend([slow, says("two")])

    heard.turn()
    heard.turn()
    await until(lambda: riva[0].streams and riva[0].streams[0].half_closed)
    served = len(riva[0].streams)
    asked.set()
    finals = await heard.finals(2)

    assert finals == ["one", "two"]
    assert served == 1


async def test_an_open_turn_has_finals_too(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """What Riva ends by its own endpointing arrives before any flush, between start and end of speech."""

    async def endpoints(stream: HeardStream) -> None:
        await stream.hear(3)
        await stream.answer("one")
        await stream.hear()

    riva[0].scripts.append(endpoints)

    heard.speak(5)
    events = await heard.events(1)
    events.append(await anext(heard.stream))

    assert [event.type.value for event in events] == ["start_of_speech", "final_transcript", "end_of_speech"]
    assert not riva[0].streams[0].half_closed


async def test_pieces_of_an_interim_are_one_text(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The steady and the changing part of a sentence are joined."""

    async def script(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer("a double room ", "for two", final=False)
        await stream.answer("a double room for two nights ")

    riva[0].scripts.append(script)

    heard.turn()
    events = await heard.events(1)

    assert [(event.type, event.alternatives[0].text) for event in events if event.alternatives] == [
        (INTERIM, "a double room for two"),
        (FINAL, "a double room for two nights"),
    ]


async def test_word_times_are_seconds_of_the_conversation(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The second turn's words come after the first turn's audio."""
    riva[0].scripts.extend([says("one"), says("twenty two", words=True)])
    heard.stream.start_time_offset = 100.0

    heard.turn(10)
    heard.turn(10)
    data = (await heard.events(2))[-1].alternatives[0]

    begin = 100.0 + 10 * FRAME
    assert data.words is not None
    assert [str(word) for word in data.words] == ["twenty", "two"]
    assert [word.start_time for word in data.words] == pytest.approx([begin, begin + 0.1], abs=0.05)
    assert (data.start_time, data.end_time) == pytest.approx((begin, begin + 0.19), abs=0.05)


async def test_the_language_is_what_riva_heard(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The language of the answer counts, and the one that was asked for where the answer has none."""
    riva[0].scripts.extend([says("guten Tag", language="de-DE"), says("hello")])

    heard.turn()
    heard.turn()
    events = [event for event in await heard.events(2) if event.type is FINAL]

    assert [event.alternatives[0].language for event in events] == ["de-DE", "en-US"]


async def test_a_word_on_both_sides_of_a_flush_is_told_once(riva: tuple[ScriptedRiva, str]) -> None:
    """What the new request stream hears again, because it begins before the flush, is left out of its final."""

    async def the_same_and_more(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer("Please. A double room", words=True, at=(0, 120, 220, 320))

    async def first(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer("Yes, please", words=True, at=(100, 310))

    riva[0].scripts.extend([first, the_same_and_more])
    async with aclosing(RivaSTT(riva[1], language="en-US", overlap=0.1)) as recogniser:
        heard = Listening(recogniser)
        heard.turn(20)
        heard.turn(20)
        finals = [event.alternatives[0] for event in await heard.events(2) if event.type is FINAL]

    assert [data.text for data in finals] == ["Yes, please", "A double room"]
    assert [str(word) for word in finals[1].words or []] == ["A", "double", "room"]
    assert finals[1].start_time == pytest.approx(0.42)


async def test_speech_that_came_to_nothing_ends_too(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """Who began to speak, by an interim result, and is not understood in the end, has ended to speak."""

    async def changes_its_mind(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer("um", final=False)

    riva[0].scripts.append(changes_its_mind)

    heard.turn()
    events = await heard.events(1)
    events.append(await anext(heard.stream))

    kinds = [event.type.value for event in events if event.type is not stt.SpeechEventType.RECOGNITION_USAGE]
    assert kinds == ["start_of_speech", "interim_transcript", "final_transcript", "end_of_speech"]


async def test_each_request_tells_how_its_connection_was_had(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The first request waits for the connection, the next one finds it there."""
    riva[0].scripts.extend([says("one"), says("two")])

    for _ in range(2):
        heard.turn()
        await heard.finals(1)

    acquired = [metric for metric in heard.metrics if metric.acquire_time > 0]
    assert [metric.connection_reused for metric in acquired] == [False, True]
    assert [metric.audio_duration for metric in acquired] == [0.0, 0.0]


async def test_a_turn_without_words_is_an_empty_final(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """Riva heard nothing: the turn is answered, with nothing."""
    riva[0].scripts.append(says_nothing)

    heard.turn()
    finals = await heard.finals(1)

    assert finals == [""]
    assert heard.errors == []


async def test_recognisers_behind_one_name_take_turns() -> None:
    """A name that stands for two servers is one recogniser to the agent, and neither server idles."""
    rivas = [ScriptedRiva(), ScriptedRiva()]
    for riva in rivas:
        riva.scripts.extend(says("heard") for _ in range(6))
    async with AsyncExitStack() as servers:
        target = f"ipv4:{','.join([await servers.enter_async_context(serving(riva)) for riva in rivas])}"
        async with aclosing(RivaSTT(target, language="en-US", overlap=0.0)) as recogniser:
            heard = Listening(recogniser)
            for _ in range(6):
                heard.turn()
                assert await heard.finals(1) == ["heard"]

    assert [len(riva.streams) > 0 for riva in rivas] == [True, True]


async def test_each_turn_carries_its_own_trace(riva: tuple[ScriptedRiva, str]) -> None:
    """The metadata is asked anew for each request stream."""
    traces = iter(["00-a-1-01", "00-b-2-01"])
    riva[0].scripts.extend([says("one"), says("two")])

    async with aclosing(
        RivaSTT(riva[1], language="en-US", metadata=lambda: [("traceparent", next(traces))])
    ) as recogniser:
        heard = Listening(recogniser)
        heard.turn()
        heard.turn()
        await heard.finals(2)

    assert [stream.metadata["traceparent"] for stream in riva[0].streams] == ["00-a-1-01", "00-b-2-01"]


async def test_the_configuration_says_what_is_wanted(riva: tuple[ScriptedRiva, str]) -> None:
    """Language, rate, word times, hints and interim results are asked for in the first message."""
    riva[0].scripts.append(says("one"))

    async with aclosing(
        RivaSTT(riva[1], language="en-US", interim_results=True, phrases=["Aurora"], model="m")
    ) as recogniser:
        stream = recogniser.stream(language="de-DE", conn_options=QUICK)
        stream.push_frame(frame(1))
        stream.end_input()
        texts = [event.alternatives[0].text async for event in stream if event.type is FINAL]

    config = riva[0].streams[0].config
    assert texts == ["one"]
    assert config.interim_results
    assert (config.config.language_code, config.config.model) == ("de-DE", "m")
    assert (config.config.sample_rate_hertz, config.config.enable_word_time_offsets) == (16_000, True)
    assert list(config.config.speech_contexts[0].phrases) == ["Aurora"]


async def test_usage_is_all_the_audio_sent(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """The metrics add up to the seconds of audio that Riva was sent."""
    riva[0].scripts.extend([says("one"), says("two")])

    heard.turn(10)
    heard.turn(5)
    heard.stream.end_input()
    async for _ in heard.stream:
        pass

    assert sum(metric.audio_duration for metric in heard.metrics) == pytest.approx(15 * FRAME)


async def test_closing_leaves_nothing_behind(riva: tuple[ScriptedRiva, str]) -> None:
    """After `aclose` no task of ours runs and Riva has no open stream."""
    before = asyncio.all_tasks()
    riva[0].scripts.append(hangs)
    recogniser = RivaSTT(riva[1], language="en-US")
    heard = Listening(recogniser)
    heard.turn()
    heard.speak(3)
    await until(lambda: riva[0].open == 1)

    await recogniser.aclose()
    await until(lambda: riva[0].open == 0)

    ours = [task for task in asyncio.all_tasks() - before if task.get_name().startswith(("riva.", "STT."))]
    assert ours == []


async def test_a_recording_in_one_request(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """All results of `Recognize` are one transcript."""
    for text in ("one ", "two "):
        riva[0].offline.results.add().alternatives.add(transcript=text, confidence=0.5)

    event = await heard.recogniser.recognize(frame(1), conn_options=QUICK)

    assert event.alternatives[0].text == "one two"
