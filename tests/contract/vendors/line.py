"""The line between a connector and a vendor, and what can happen to it.

    with served_in_thread(stand_in.app) as url, Line.to(url) as line:
        line.break_next(Fault.RESET_AFTER, when=lambda method, path: method == "POST")
        ...  # the connector speaks to line.url

A request through a line has a connection of its own to the vendor; the vendor is reached on loopback only.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import urlsplit

import uvicorn

When = Callable[[str, str], bool]
"""Is it about this request, by method and path with query?"""

_UNAVAILABLE: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n"
    b"<h1>unavailable</h1>"
)
_UNAUTHORISED: Final = b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_LIMITED: Final = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_GARBLED: Final = (
    b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{"id": "u'
)


class Fault(StrEnum):
    """What happens to a request; `was_carried_out` says whether the vendor did what it asked."""

    RESET_BEFORE = "reset_before"
    """The connection is reset when the request arrives; the vendor sees nothing of it."""
    RESET_WITHIN = "reset_within"
    """The vendor gets the first half of the request, then both connections are reset."""
    UNAUTHORISED = "unauthorised"
    """401, as for a token that was withdrawn; the vendor sees nothing."""
    LIMITED = "limited"
    """429 with a second of Retry-After; the vendor sees nothing."""
    UNAVAILABLE_BEFORE = "unavailable_before"
    """Something before the vendor answers 503; the vendor sees nothing."""
    UNAVAILABLE_AFTER = "unavailable_after"
    """The vendor has done it, and 503 is what arrives."""
    RESET_AFTER = "reset_after"
    """The vendor has done it and answered; the connection is reset before a byte of that arrives."""
    RESET_IN_ANSWER = "reset_in_answer"
    """The vendor has done it; half of its answer arrives."""
    GARBLED = "garbled"
    """The vendor has done it; 200 arrives with half a JSON document as its whole body."""
    LATE = "late"
    """The vendor has done it; its answer is held back until the other side has given up."""

    @property
    def was_carried_out(self) -> bool:
        return self not in (Fault.RESET_BEFORE, Fault.RESET_WITHIN, *_INSTEAD)


_INSTEAD: Final = {
    Fault.UNAUTHORISED: _UNAUTHORISED,
    Fault.LIMITED: _LIMITED,
    Fault.UNAVAILABLE_BEFORE: _UNAVAILABLE,
}
"""What is answered before the vendor sees anything."""


@dataclass
class _Armed:
    what: Fault | Callable[[], object]
    when: When
    times: int


def _every(method: str, path: str) -> bool:
    return True


class Line:
    """A relay on loopback that lets everything pass but what it was told to break."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self.requests: list[tuple[str, str]] = []
        """Method and path with query of what has come, in order, broken or not."""
        self.broken: list[tuple[str, str]] = []
        self.url = ""

    @classmethod
    @contextmanager
    def to(cls, target: str) -> Iterator[Self]:
        """A line to the server at that address, open for the length of the block."""
        line = cls(target)
        with _loop_in_thread() as loop:
            serving = asyncio.run_coroutine_threadsafe(asyncio.start_server(line._accept, "127.0.0.1", 0), loop)
            server = serving.result(10)
            line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            try:
                yield line
            finally:
                loop.call_soon_threadsafe(server.close)

    def break_next(self, fault: Fault, *, when: When = _every, times: int = 1) -> None:
        """That fault for so many of the next requests it is about; what is armed first happens first."""
        with self._lock:
            self._armed.append(_Armed(fault, when, times))

    def meanwhile(self, deed: Callable[[], object], *, when: When = _every) -> None:
        """That is done, once, right before the next request it is about reaches the vendor."""
        with self._lock:
            self._armed.append(_Armed(deed, when, 1))

    def mend(self) -> None:
        """Nothing that was armed happens any more."""
        with self._lock:
            self._armed.clear()

    def _next(self, method: str, path: str) -> Fault | Callable[[], object] | None:
        with self._lock:
            self.requests.append((method, path))
            for armed in self._armed:
                if armed.when(method, path):
                    armed.times -= 1
                    if not armed.times:
                        self._armed.remove(armed)
                    if isinstance(armed.what, Fault):
                        self.broken.append((method, path))
                    return armed.what
            return None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._serve(reader, writer)
                await writer.drain()
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n", 1)[0].decode("ascii").split(" ", 2)
        what = self._next(method, path)
        if what is Fault.RESET_BEFORE:
            _reset(writer)
            return
        request = _closing(head) + await _body(reader, head)
        if isinstance(what, Fault) and what in _INSTEAD:
            writer.write(_INSTEAD[what])
        elif what is Fault.RESET_WITHIN:
            await self._half(request)
            _reset(writer)
        else:
            if callable(what):
                await asyncio.to_thread(what)
            await self._answer(what if isinstance(what, Fault) else None, request, reader, writer)

    async def _answer(
        self, fault: Fault | None, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        answer = await self._ask(request)
        match fault:
            case Fault.RESET_AFTER:
                _reset(writer)
            case Fault.RESET_IN_ANSWER:
                writer.write(answer[: len(answer) - max(1, len(answer.partition(b"\r\n\r\n")[2]) // 2)])
                await writer.drain()
                writer.close()
            case Fault.LATE:
                await reader.read()
            case Fault.UNAVAILABLE_AFTER:
                writer.write(_UNAVAILABLE)
            case Fault.GARBLED:
                writer.write(_GARBLED)
            case _:
                writer.write(answer)

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection(*self._target)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()

    async def _half(self, request: bytes) -> None:
        _, writer = await asyncio.open_connection(*self._target)
        writer.write(request[: len(request) // 2])
        await writer.drain()
        _reset(writer)


@contextmanager
def served_in_thread(app: Any) -> Iterator[str]:
    """The address of an ASGI application on a free port of the loopback interface, served for the block's length."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off", timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio sets it only on sockets it made itself; without it a body waits 40 ms for the head to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)
        listener.close()


@contextmanager
def _loop_in_thread() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    # Connections that were just closed leave the loop in its next rounds; one that is left would be warned of later,
    # in whichever test runs then.
    await asyncio.sleep(0.01)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Closes with RST instead of FIN."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def _closing(head: bytes) -> bytes:
    """The head of a request whose answer ends with its connection."""
    lines = [
        line for line in head.removesuffix(b"\r\n\r\n").split(b"\r\n") if not line.lower().startswith(b"connection:")
    ]
    return b"\r\n".join([*lines, b"connection: close", b"", b""])


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    names = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in names.get(b"transfer-encoding", b""):
        body = b""
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.readuntil(b"\r\n")
        return body
    return await reader.readexactly(int(names.get(b"content-length", b"0")))
