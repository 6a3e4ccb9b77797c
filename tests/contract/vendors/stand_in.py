"""What every vendor's stand-in is to a test, and what all of them would otherwise write again."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lambdas.shared.domain.hotel import BookingSystem, Hotel, Titled
from tests.contract.vendors.house import House


@dataclass(frozen=True)
class Codes:
    """What the vendor calls the house's things: from the house's code, such as `double`, to the vendor's."""

    rooms: Mapping[str, str]
    rates: Mapping[str, str]
    extras: Mapping[str, str] = field(default_factory=dict)

    def room_of(self, code: str) -> str | None:
        """The house's code of the vendor's."""
        return next((ours for ours, theirs in self.rooms.items() if theirs == code), None)

    def rate_of(self, code: str) -> str | None:
        """The house's code of the vendor's."""
        return next((ours for ours, theirs in self.rates.items() if theirs == code), None)


@dataclass(frozen=True)
class Seen:
    """A request as it arrived, names of headers in lower case; `body` is parsed JSON, a form's pairs, or None."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any

    @classmethod
    def of(cls, scope: Scope, content: bytes) -> Seen:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True))
        return cls(scope["method"], scope["path"], query, headers, _parsed(content, headers.get("content-type", "")))


class StandIn(Protocol):
    """A vendor on loopback, with the vendor's own strictness, over a house."""

    house: House
    app: ASGIApp
    secret: Mapping[str, str]
    codes: Codes
    seen: list[Seen]

    def hotel(self, base: Hotel, url: str) -> Hotel:
        """That hotel with its booking system at this vendor, served at `url`."""


class Recording:
    """An application that notes every request in `seen` before it answers it."""

    def __init__(self, app: ASGIApp, seen: list[Seen]) -> None:
        self._app, self._seen = app, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        messages: list[Message] = []
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
            if messages[-1]["type"] == "http.disconnect":
                return
        self._seen.append(Seen.of(scope, b"".join(message.get("body", b"") for message in messages)))

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self._app(scope, again, send)


class RateLimit:
    """At most so many requests in so many seconds; both can be turned down by a test."""

    def __init__(self, requests: int, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.requests, self.seconds = requests, seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._entered: deque[float] = deque()

    def enter(self) -> float:
        """Counts a request: 0 if it may pass, else the seconds until one may (and this one was not counted)."""
        with self._lock:
            now = self._clock()
            while self._entered and self._entered[0] <= now - self.seconds:
                self._entered.popleft()
            if len(self._entered) >= self.requests:
                return self._entered[0] + self.seconds - now if self._entered else self.seconds
            self._entered.append(now)
            return 0.0


def on_system(
    base: Hotel,
    *,
    connector: str,
    url: str,
    codes: Codes,
    property: str | None = None,
    options: Mapping[str, str] | None = None,
    requests_per_minute: int = 10_000,
) -> Hotel:
    """The hotel with its booking system there, and the two rates and the breakfast of the standard house.

    What else the house has, a cabin or a rate for its staff, is there and not in the hotel's file.
    """
    facts = base.model_dump()
    facts["rates"] = {"flexible": Titled(title="flexible rate"), "saver": Titled(title="saver rate")}
    facts["extras"] = {name: Titled(title=name) for name in codes.extras}
    facts["pms"] = BookingSystem(
        connector=connector,
        url=url,
        property=property,
        rooms={name: code for name, code in codes.rooms.items() if name in base.rooms},
        rates={name: code for name, code in codes.rates.items() if name in facts["rates"]},
        extras=codes.extras,
        options=options or {},
        requests_per_minute=requests_per_minute,
    )
    return Hotel.model_validate(facts)


def _parsed(content: bytes, content_type: str) -> Any:
    if content_type.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(content.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return json.loads(content)
    except ValueError:
        return None
