"""When audio goes out: at once, unless many conversations of one process would each wake it by themselves.

What a write through grpc.aio costs is mostly the wake-ups around it: the event loop's, and those of the thread that
waits for gRPC. Conversations that send in the same moment share them.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Final

WINDOW: Final = 0.04
"""Seconds. A frame of LiveKit's lasts 50 ms: a conversation that is alone never waits."""


class Pace:
    """Calls those who have something to send, together if they come within a window of each other."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Callable[[], None]] = []
        self._latest = float("-inf")

    def send_soon(self, send: Callable[[], None]) -> None:
        """Calls `send` now if nobody was called within the last WINDOW, otherwise at its end; `send` must not raise."""
        if self._waiting:
            self._waiting.append(send)
        elif (now := self._loop.time()) >= self._latest + WINDOW:
            self._latest = now
            send()
        else:
            self._waiting.append(send)
            self._loop.call_at(self._latest + WINDOW, self._send)

    def _send(self) -> None:
        self._latest = self._loop.time()
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            send()

    @classmethod
    def of_process(cls) -> Pace:
        """The one of the running event loop."""
        loop = asyncio.get_running_loop()
        if (pace := _PACES.get(loop)) is None:
            # By a weak reference, or what is kept for a loop would keep the loop itself.
            pace = _PACES[loop] = cls(weakref.proxy(loop))
        return pace


_PACES: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Pace]] = weakref.WeakKeyDictionary()
