"""The HTTP server before the proxy's routes: how large and how late what it reads may be."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gpu_fleet.asr_proxy.stream import MOST_MESSAGE

HEAD_WITHIN: Final = 10.0
"""Seconds in which a client that has connected, or has begun a request, says what it wants."""
REST_WITHIN: Final = 30.0
"""Seconds in which the rest of a body comes that nobody waits for any more, because the request has been answered."""


class Punctual(H11Protocol):
    """A connection that waits for ever neither for a request's head nor for the rest of one that was answered."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has come, and a head is awaited."""
        super().connection_made(transport)
        self._await(HEAD_WITHIN)

    def data_received(self, data: bytes) -> None:
        """A piece of a head, after which it is awaited still, or of what follows one."""
        super().data_received(data)
        if self.transport.get_protocol() is not self:
            # It has become a stream, which has limits of its own.
            self._stop_waiting()
        elif self.conn.their_state is h11.IDLE:
            self._await(HEAD_WITHIN)
        elif self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete:
            self._await(REST_WITHIN)
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _await(self, seconds: float) -> None:
        if self._late is None:
            self._late = self.loop.call_later(seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


SERVER: Final[dict[str, Any]] = {
    # uvicorn's other parser takes a head of any size.
    "http": Punctual,
    "h11_max_incomplete_event_size": 16_384,
    "ws": "websockets-sansio",
    "ws_max_size": MOST_MESSAGE,
    # Sound does not become smaller by it, and each connection would hold tables for it.
    "ws_per_message_deflate": False,
}
"""Settings of uvicorn."""
