"""What is said on a line: every request that reaches an application, with its answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(frozen=True)
class Exchange:
    """A request and its answer; names of headers in lower case."""

    method: str
    path: str
    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes
    status: int
    answered_headers: Mapping[str, str]
    answered: bytes

    def __str__(self) -> str:
        return f"{self.method} {self.path} -> {self.status}"


class Overheard:
    """An application whose every exchange stands in `exchanges` before its answer is complete for the client."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.exchanges: list[Exchange] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent, answered, started = bytearray(), bytearray(), dict[str, Any]()

        async def heard() -> Message:
            message = await receive()
            sent.extend(message.get("body", b""))
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            answered.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                self.exchanges.append(_exchange(scope, bytes(sent), started, bytes(answered)))
            await send(message)

        await self._app(scope, heard, answer)


def _exchange(scope: Scope, sent: bytes, started: Mapping[str, Any], answered: bytes) -> Exchange:
    return Exchange(
        method=scope["method"],
        path=unquote(scope["raw_path"].decode("ascii")),
        query=parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True),
        headers=_headers(scope["headers"]),
        body=sent,
        status=started["status"],
        answered_headers=_headers(started.get("headers", ())),
        answered=answered,
    )


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
