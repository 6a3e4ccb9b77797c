"""What stands before every route: who may pass, and how much a request may carry."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gpu_fleet.asr_proxy.answers import answer_error
from lambdas.shared.settings import SettingsError

OPEN: Final = frozenset({"/health", "/metrics"})
"""For probes and scrapers inside the network; they say nothing about a recording."""


class Gate:
    """Lets requests pass that carry the clients' token, and of those no more than `most_bytes` of body.

    It answers before a body is read, so a stranger's takes no memory. `token` may block; it reads the secret.
    """

    def __init__(self, app: ASGIApp, *, token: Callable[[], str], most_bytes: int) -> None:
        self._app = app
        self._token = token
        self._most_bytes = most_bytes
        self._allowed = f"a request may have {most_bytes:,} bytes"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            admitted = await self._admits(headers.get("authorization", ""))
        except SettingsError as error:
            await answer_error(503, "unreachable", str(error))(scope, receive, send)
            return
        if not admitted:
            answer = answer_error(401, "unauthenticated", "send Authorization: Bearer with the proxy's token")
            answer.headers["WWW-Authenticate"] = "Bearer"
            await answer(scope, receive, send)
            return
        announced = headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > self._most_bytes:
            answer = answer_error(413, "too_large", self._allowed)
            # The body is not read, so nothing else can follow on this connection.
            answer.headers["Connection"] = "close"
            await answer(scope, receive, send)
            return
        await self._app(scope, self._counting(receive), send)

    async def _admits(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not given:
            return False
        return hmac.compare_digest(given.encode(), (await asyncio.to_thread(self._token)).encode())

    def _counting(self, receive: Receive) -> Receive:
        """The body as it comes, which may be more than was announced; raises HTTPException 413 then."""
        seen = 0

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._most_bytes:
                raise HTTPException(413, self._allowed)
            return message

        return counting
