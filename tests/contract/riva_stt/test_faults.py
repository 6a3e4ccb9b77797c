"""The agent's recogniser while Riva breaks, hangs, refuses or is not there: nothing that was said is lost."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import grpc
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError

from agent.speech.riva_recovery import Recovery
from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_stt.listening import Listening, until
from tests.contract.scripted_riva import HeardStream, ScriptedRiva, fails, frame, hangs, pcm, says, says_nothing

pytestmark = pytest.mark.contract


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


async def test_turns_that_wait_are_heard_in_order(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A break in the first of two turns delays the second, and what a final told of is not sent again."""
    riva[0].scripts.extend([fails(grpc.StatusCode.UNAVAILABLE, after=2), says("one"), says("two")])

    heard.turn(2)
    heard.turn(2)
    finals = await heard.finals(2)

    assert finals == ["one", "two"]
    assert [stream.numbers for stream in riva[0].streams] == [[1, 2], [1, 2], [3, 4]]


async def test_a_stream_that_riva_ends_is_opened_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A server that limits how long a stream may last makes the call neither deaf nor faulty."""

    async def leaves(stream: HeardStream) -> None:
        await stream.hear(2)

    riva[0].scripts.extend([leaves, says("heard")])

    heard.speak(3)
    await until(lambda: len(riva[0].streams) == 2)
    heard.turn(2)
    finals = await heard.finals(1)

    assert finals == ["heard"]
    assert riva[0].streams[-1].numbers == [1, 2, 3, 4, 5]
    assert heard.errors == []


async def test_a_server_that_always_leaves_is_a_fault(riva: tuple[ScriptedRiva, str]) -> None:
    """Streams that end at once, again and again, use the budget up."""
    async with aclosing(RivaSTT(riva[1], language="en-US", recovery=Recovery(tries=3))) as recogniser:
        heard = Listening(recogniser, max_retry=0)
        riva[0].scripts.extend(fails(grpc.StatusCode.OK, after=1) for _ in range(40))

        heard.speak(3)
        failure = await heard.failure()

    assert isinstance(failure, APIConnectionError)
    assert len(riva[0].streams) >= 4


async def test_loud_audio_at_the_end_is_asked_about_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A server that leaves in the moment of the flush has not heard all; one that leaves again has."""

    async def leaves(stream: HeardStream) -> None:
        await stream.hear(3)

    riva[0].scripts.extend([leaves, says("heard"), says_nothing, says_nothing])

    for _ in range(2):
        heard.loud(3)
        heard.stream.flush()
    finals = await heard.finals(2)

    assert finals == ["heard", ""]
    assert len(riva[0].streams) == 4


async def test_what_is_not_answered_is_sent_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A recogniser that gives no final is told of within `final_timeout`, and another one gets the turn."""
    riva[0].scripts.extend([hangs, says("one"), says("two")])

    heard.turn()
    heard.turn()
    finals = await heard.finals(2)

    assert [(type(fault.error), fault.recoverable) for fault in heard.errors] == [(APITimeoutError, True)]
    assert finals == ["one", "two"]
    assert [stream.numbers for stream in riva[0].streams] == [[*range(1, 6)], [*range(1, 6)], [*range(6, 11)]]


async def test_a_mute_recogniser_is_noticed_before_the_flush(riva: tuple[ScriptedRiva, str]) -> None:
    """With interim results, loud audio without any answer opens another request stream, and nothing is lost."""
    riva[0].scripts.extend([hangs, says("heard")])
    async with aclosing(
        RivaSTT(riva[1], language="en-US", interim_results=True, mute_timeout=0.1, overlap=0.0)
    ) as recogniser:
        heard = Listening(recogniser)

        heard.loud(8)
        await until(lambda: len(riva[0].streams) == 2)
        heard.stream.flush()
        finals = await heard.finals(1)

    assert finals == ["heard"]
    assert len(riva[0].streams[-1].numbers) == 8
    assert heard.errors == []


async def test_what_nobody_heard_can_be_taken_over(riva: tuple[ScriptedRiva, str]) -> None:
    """When the budget is used up another recogniser can have the audio, with the flushes, once."""
    riva[0].scripts.extend([says("one"), *(fails(grpc.StatusCode.UNAVAILABLE, after=1) for _ in range(3))])
    async with aclosing(RivaSTT(riva[1], language="en-US", overlap=0.0, recovery=Recovery(tries=2))) as recogniser:
        heard = Listening(recogniser, max_retry=0)
        heard.turn(2)
        await heard.finals(1)
        heard.turn(2)
        heard.speak(1)
        await heard.failure()

        unheard = recogniser.take_unheard()
        again = recogniser.take_unheard()

    assert unheard == [pcm(3) + pcm(4), None, pcm(5)]
    assert again == []


async def test_silence_is_not_sent_again(riva: tuple[ScriptedRiva, str], heard: Listening) -> None:
    """A recogniser that comes back, or is late, is sent what was said, and a second of the silence before it."""
    riva[0].scripts.extend([fails(grpc.StatusCode.UNAVAILABLE, after=10), says("heard")])

    heard.speak(150)
    heard.loud(3)
    heard.stream.flush()
    finals = await heard.finals(1)

    assert finals == ["heard"]
    assert [stream.numbers[0] for stream in riva[0].streams] == [101, 101]
    assert riva[0].streams[-1].numbers == [*range(101, 151), *3 * [10_000]]


async def test_a_slow_recogniser_bounds_what_is_kept(riva: tuple[ScriptedRiva, str]) -> None:
    """What Riva does not take waits, but no more than `kept` seconds of it: the oldest is given up."""
    riva[0].scripts.append(says("the rest"))
    async with aclosing(RivaSTT(riva[1], language="en-US", overlap=0.0, kept=0.1)) as recogniser:
        heard = Listening(recogniser)
        heard.turn(50)
        finals = await heard.finals(1)

    assert finals == ["the rest"]
    assert riva[0].streams[0].numbers == [*range(46, 51)]


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
        target = f"127.0.0.1:{unused.getsockname()[1]}"
        async with aclosing(RivaSTT(target, language="en-US", recovery=Recovery(tries=1))) as recogniser:
            heard = Listening(recogniser)
            heard.speak(2)

            failure = await heard.failure()

    assert isinstance(failure, APIConnectionError)
    # Once for the outage, and once for each of the framework's runs.
    assert [fault.recoverable for fault in heard.errors] == [True, True, True, True, False]


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
