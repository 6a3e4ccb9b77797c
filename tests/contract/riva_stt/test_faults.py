"""The agent's recogniser while Riva breaks, hangs, refuses or is not there: nothing that was said is lost."""

from __future__ import annotations

import asyncio
import socket
from contextlib import aclosing

import grpc
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError

from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_stt.listening import Listening, until
from tests.contract.scripted_riva import HeardStream, ScriptedRiva, fails, frame, hangs, says

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
