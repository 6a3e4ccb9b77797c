"""A vendor whose answers are edited on the way: the odd ones that a stand-in itself never gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

Edit = Callable[[Any], Any]


class Edited:
    """An application whose JSON answers to some requests are edited, after it has done what they ask.

    `edit` gets the body and gives another; `status` is answered instead of the application's. With `instead` the
    application does not see the request.
    """

    def __init__(
        self,
        app: ASGIApp,
        end: str,
        edit: Edit,
        *,
        method: str = "GET",
        status: int | None = None,
        instead: bool = False,
    ) -> None:
        self._app, self._end, self._edit = app, end, edit
        self._method, self._status, self._instead = method, status, instead

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != self._method or not scope["path"].endswith(self._end):
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        if not self._instead:
            await self._app(scope, receive, keep)
        answered = b"".join(message.get("body", b"") for message in messages)
        edited = json.dumps(self._edit(json.loads(answered) if answered else None)).encode()
        status = self._status or (messages[0]["status"] if messages else 200)
        kept = [
            (name, value)
            for name, value in (messages[0]["headers"] if messages else ())
            if name not in (b"content-type", b"content-length")
        ]
        headers = [*kept, (b"content-type", b"application/json"), (b"content-length", str(len(edited)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": edited})
