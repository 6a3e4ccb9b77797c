"""The agent's recogniser against a scripted Riva: order, faults, and turns that get no answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import grpc
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError, stt
from livekit.agents.metrics import STTMetrics
from riva.client.proto import riva_asr_pb2_grpc

from agent.speech.riva_stt import RivaSTT
from tests.contract.scripted_riva import FRAME, HeardStream, ScriptedRiva, fails, frame, hangs, says, says_nothing

pytestmark = pytest.mark.contract

QUICK = APIConnectOptions(max_retry=3, retry_interval=0.05, timeout=2)
FINAL = stt.SpeechEventType.FINAL_TRANSCRIPT
INTERIM = stt.SpeechEventType.INTERIM_TRANSCRIPT


@pytest.fixture
async def riva() -> AsyncIterator[tuple[ScriptedRiva, str]]:
    """A scripted server and its address."""
    async with serving() as started:
        yield started


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[ScriptedRiva, str]]:
    """A scripted server and its address, until the block ends."""
    service, server = ScriptedRiva(), grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    # On a busy machine a server that has just started may refuse its first client.
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as first:
        await first.channel_ready()
    yield service, f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def heard(riva: tuple[ScriptedRiva, str]) -> AsyncIterator[Listening]:
    """A recogniser connected to the scripted server, with one stream."""
    async with aclosing(RivaSTT(riva[1], language="en-US", final_timeout=0.3, overlap=0.0)) as recogniser:
        yield Listening(recogniser)


class Listening:
    """One stream, what was pushed into it, and the errors and metrics its recogniser told of."""

    def __init__(self, recogniser: RivaSTT) -> None:
        self.recogniser = recogniser
        self.stream = recogniser.stream(conn_options=QUICK)
        self.errors: list[stt.STTError] = []
        self.metrics: list[STTMetrics] = []
        self._pushed = 0
        recogniser.on("error", self.errors.append)
        recogniser.on("metrics_collected", self.metrics.append)

    def speak(self, frames: int) -> None:
        """Pushes frames numbered on from the last one."""
        for _ in range(frames):
            self._pushed += 1
            self.stream.push_frame(frame(self._pushed))

    def turn(self, frames: int = 5) -> None:
        """Speaks and flushes."""
        self.speak(frames)
        self.stream.flush()

    async def events(self, finals: int) -> list[stt.SpeechEvent]:
        """What the stream tells until the end of speech that follows so many finals."""
        events: list[stt.SpeechEvent] = []
        async with asyncio.timeout(10):
            while sum(event.type is FINAL for event in events) < finals:
                events.append(await anext(self.stream))
        return events

    async def finals(self, count: int) -> list[str]:
        return [event.alternatives[0].text for event in await self.events(count) if event.type is FINAL]

    async def failure(self) -> BaseException:
        """The error that ends the stream."""
        with pytest.raises(APIError) as raised:
            await self.events(1)
        return raised.value


async def until(condition: Callable[[], object]) -> None:
    """Waits until the condition holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


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
    """A turn that is answered at once waits for the one before it."""

    async def slow(stream: HeardStream) -> None:
        await stream.hear()
        await until(lambda: len(riva[0].streams) == 2 and riva[0].streams[1].half_closed)
        await stream.answer("one")

    riva[0].scripts.extend([slow, says("two")])

    heard.turn()
    heard.turn()
    finals = await heard.finals(2)

    assert finals == ["one", "two"]


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


async def test_a_turn_without_words_is_an_empty_final(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """Riva heard nothing: the turn is answered, with nothing."""
    riva[0].scripts.append(says_nothing)

    heard.turn()
    finals = await heard.finals(1)

    assert finals == [""]
    assert heard.errors == []


async def test_no_audio_is_lost_when_riva_breaks(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A turn that breaks in the middle is sent again whole, and the fault is told as recoverable."""
    riva[0].scripts.extend([fails(grpc.StatusCode.UNAVAILABLE, after=5), says("all of it")])

    heard.speak(5)
    await until(lambda: heard.errors)
    heard.turn(5)
    finals = await heard.finals(1)

    assert finals == ["all of it"]
    assert riva[0].streams[-1].numbers == [*range(1, 11)]
    assert [(type(fault.error), fault.recoverable) for fault in heard.errors] == [(APIConnectionError, True)]


async def test_what_was_recognised_is_not_sent_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """After a final, a new request stream begins where that final ended."""

    async def breaks_after_a_final(stream: HeardStream) -> None:
        await stream.hear(4)
        await stream.answer("one")
        await stream.hear(2)
        await stream.context.abort(grpc.StatusCode.INTERNAL, "as written")

    riva[0].scripts.extend([breaks_after_a_final, says("two")])

    heard.turn(8)
    finals = await heard.finals(2)

    assert finals == ["one", "two"]
    assert riva[0].streams[-1].numbers == [5, 6, 7, 8]


async def test_turns_that_wait_are_sent_again_in_order(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A break during the first of two turns repeats both."""

    async def breaks_late(stream: HeardStream) -> None:
        await stream.hear()
        await until(lambda: len(riva[0].streams) == 2 and riva[0].streams[1].half_closed)
        await stream.context.abort(grpc.StatusCode.UNAVAILABLE, "as written")

    riva[0].scripts.extend([breaks_late, hangs, says("one"), says("two")])

    heard.turn(2)
    heard.turn(2)
    finals = await heard.finals(2)

    assert finals == ["one", "two"]
    assert [stream.numbers for stream in riva[0].streams[2:]] == [[1, 2], [3, 4]]


async def test_a_stream_that_riva_ends_is_opened_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A server that closes an open turn without a fault does not make the call deaf."""

    async def leaves(stream: HeardStream) -> None:
        await stream.hear(2)

    riva[0].scripts.extend([leaves, says("heard")])

    heard.speak(3)
    await until(lambda: heard.errors)
    heard.turn(2)
    finals = await heard.finals(1)

    assert finals == ["heard"]
    assert riva[0].streams[-1].numbers == [1, 2, 3, 4, 5]


async def test_no_final_is_an_error_and_listening_goes_on(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A recogniser that never answers is told of within `final_timeout`, and the next turn is heard."""
    riva[0].scripts.extend([hangs, says("again")])

    heard.turn()
    await until(lambda: heard.errors)
    heard.turn()
    finals = await heard.finals(1)

    assert [(type(fault.error), fault.recoverable) for fault in heard.errors] == [(APITimeoutError, True)]
    assert finals == ["again"]
    assert riva[0].streams[-1].numbers == [*range(6, 11)]


async def test_a_final_that_came_is_kept_though_the_stream_hangs(
    riva: tuple[ScriptedRiva, str], heard: Listening
) -> None:
    """A server that answers and forgets to end the stream delays the next turn, no more."""

    async def never_ends(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer("one")
        await asyncio.Event().wait()

    riva[0].scripts.extend([never_ends, says("two")])

    heard.turn()
    heard.turn()
    finals = await heard.finals(2)

    assert finals == ["one", "two"]
    assert heard.errors == []


async def test_a_wrong_request_is_not_tried_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """What Riva refuses as invalid ends the stream at once."""
    riva[0].scripts.append(fails(grpc.StatusCode.INVALID_ARGUMENT, after=1))

    heard.speak(1)
    failure = await heard.failure()

    assert isinstance(failure, APIStatusError)
    assert failure.status_code == 400
    assert "as written" in failure.message
    assert [fault.recoverable for fault in heard.errors] == [False]
    assert len(riva[0].streams) == 1


async def test_a_riva_that_is_not_there() -> None:
    """Without a server the stream fails, after its tries, with a connection error."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        async with aclosing(RivaSTT(f"127.0.0.1:{unused.getsockname()[1]}", language="en-US")) as recogniser:
            heard = Listening(recogniser)
            heard.speak(2)

            failure = await heard.failure()

    assert isinstance(failure, APIConnectionError)
    assert [fault.recoverable for fault in heard.errors] == [True, True, True, False]


async def test_recognisers_behind_one_name_take_turns() -> None:
    """A name that stands for two servers is one recogniser to the agent, and neither server idles."""
    async with AsyncExitStack() as servers:
        rivas = [await servers.enter_async_context(serving()) for _ in range(2)]
        for service, _ in rivas:
            service.scripts.extend(says("heard") for _ in range(6))
        target = f"ipv4:{','.join(address for _, address in rivas)}"
        async with aclosing(RivaSTT(target, language="en-US", overlap=0.0)) as recogniser:
            heard = Listening(recogniser)
            for _ in range(6):
                heard.turn()
                assert await heard.finals(1) == ["heard"]

    assert [len(service.streams) > 0 for service, _ in rivas] == [True, True]


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
    riva[0].scripts.extend([hangs, hangs])
    recogniser = RivaSTT(riva[1], language="en-US")
    heard = Listening(recogniser)
    heard.turn()
    heard.speak(3)
    await until(lambda: riva[0].open == 2)

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


@pytest.mark.parametrize(
    ("code", "kind", "retryable"),
    [
        (grpc.StatusCode.UNAVAILABLE, APIConnectionError, True),
        (grpc.StatusCode.DEADLINE_EXCEEDED, APITimeoutError, True),
        (grpc.StatusCode.INTERNAL, APIStatusError, True),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, APIStatusError, True),
        (grpc.StatusCode.INVALID_ARGUMENT, APIStatusError, False),
        (grpc.StatusCode.UNAUTHENTICATED, APIStatusError, False),
        (grpc.StatusCode.UNIMPLEMENTED, APIStatusError, False),
    ],
)
async def test_faults_are_the_frameworks(
    riva: tuple[ScriptedRiva, str], heard: Listening, code: grpc.StatusCode, kind: type[APIError], retryable: bool
) -> None:
    """Each gRPC status is the framework's error, tried again unless the request is at fault."""
    riva[0].offline_fault = code

    with pytest.raises(APIError) as raised:
        await heard.recogniser.recognize(frame(1), conn_options=APIConnectOptions(max_retry=0))

    assert type(raised.value) is kind
    assert raised.value.retryable is retryable
