"""Parts that are there and of no use: a recogniser that never answers, a model that writes garbage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
from riva.client.proto import riva_asr_pb2_grpc
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.contract.scripted_riva import ScriptedRiva, hangs
from tests.serving import served

Garbage = Callable[[], Response]


def _chunk(delta: str, finish: str = "null") -> str:
    choice = f'{{"index":0,"delta":{delta},"finish_reason":{finish}}}'
    return f'data: {{"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{choice}]}}\n\n'


def _events(*lines: str) -> Response:
    async def body() -> AsyncIterator[str]:
        for line in lines:
            yield line

    return StreamingResponse(body(), media_type="text/event-stream")


def broken_json() -> Response:
    """A stream whose events are no JSON."""
    return _events("data: {{{ not json\n\n", "data: [DONE]\n\n")


def nothing() -> Response:
    """A stream that ends without a word or a tool."""
    return _events(_chunk("{}", '"stop"'), "data: [DONE]\n\n")


def unknown_tool() -> Response:
    """A call of a tool that was never offered, with arguments that are no JSON."""
    call = (
        '{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"give_discount","arguments":"{50"}}]}'
    )
    return _events(_chunk(call), _chunk("{}", '"tool_calls"'), "data: [DONE]\n\n")


def out_of_order() -> Response:
    """A server in trouble."""
    return PlainTextResponse("<html>upstream error</html>", status_code=500)


GARBAGE: tuple[Garbage, ...] = (broken_json, nothing, unknown_tool, out_of_order)


@asynccontextmanager
async def garbage_brain(garbage: Garbage) -> AsyncIterator[str]:
    """The address of a model that answers every request the same wrong way."""

    def answer(_: Request) -> Response:
        return garbage()

    async with served(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])) as url:
        yield url


@asynccontextmanager
async def silent_riva() -> AsyncIterator[str]:
    """The address of a recogniser that takes all audio and never sends a final."""
    riva = ScriptedRiva()
    riva.scripts.extend([hangs] * 100)
    server = grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(riva, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
