"""What stands before every route: who may pass, and how much and how long a request may carry."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from gpu_fleet.asr_proxy.answers import answer_error
from gpu_fleet.asr_proxy.closing import Closing, Ended
from gpu_fleet.asr_proxy.places import Metrics
from lambdas.shared.settings import SettingsError

OPEN: Final = frozenset({"/health", "/metrics"})
"""For probes and scrapers inside the network; they say nothing about a recording."""
_MOST_DIGITS: Final = 18
_HOW: Final = "send Authorization: Bearer with the proxy's token"


class Gate:
    """Lets requests and streams pass that carry the clients' token, and of a request's body no more than `most_bytes`
    that come within `longest` seconds.

    It answers before a body is read, so a stranger's takes no memory; a stream is accepted and closed, because a client
    is not told why a handshake was refused. `token` may block; it reads the secret.
    """

    def __init__(
        self, app: ASGIApp, *, token: Callable[[], str], most_bytes: int, longest: float, metrics: Metrics
    ) -> None:
        self._app = app
        self._token = token
        self._most_bytes = most_bytes
        self._longest = longest
        self._metrics = metrics
        self._allowed = f"a request may have {most_bytes:,} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http" if scope["path"] not in OPEN:
                await self._request(scope, receive, send)
            case "websocket":
                await self._stream(scope, receive, send)
            case _:
                await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        try:
            admitted = await self._admits(headers)
        except SettingsError as error:
            await answer_error(503, "unreachable", str(error))(scope, receive, send)
            return
        if not admitted:
            answer = answer_error(401, "unauthenticated", _HOW)
            answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send)
            return
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or len(announced) > _MOST_DIGITS or int(announced) > self._most_bytes:
            answer = answer_error(413, "too_large", self._allowed)
            # The body is not read, so nothing else can follow on this connection.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self._app(scope, self._counting(receive), send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            ended = None if await self._admits(Headers(scope=scope)) else Ended(Closing.UNAUTHENTICATED, _HOW)
        except SettingsError as error:
            ended = Ended(Closing.UNREACHABLE, str(error))
        if ended is None:
            await self._app(scope, receive, send)
            return
        self._metrics.closes.labels(str(int(ended.code))).inc()
        socket = WebSocket(scope, receive, send)
        await socket.accept()
        await socket.close(ended.code, ended.reason)

    async def _admits(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            return False
        return hmac.compare_digest(given.encode(), (await asyncio.to_thread(self._token)).encode())

    def _counting(self, receive: Receive) -> Receive:
        """The body as it comes, which may be more than was announced, or never end; raises HTTPException then."""
        seen, complete = 0, False
        until = asyncio.get_running_loop().time() + self._longest

        async def counting() -> Message:
            nonlocal seen, complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"a request's body has {self._longest:g} s to arrive") from None
            seen += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if seen > self._most_bytes:
                raise HTTPException(413, self._allowed)
            return message

        return counting
