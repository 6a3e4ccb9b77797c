"""What an engine speaks through: a voice that counts, for the real server, and a server that says what it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

VOICE = "en_US-joe-medium"
SAMPLE_RATE = 24_000
TENTH = b"\x10\x20" * (SAMPLE_RATE // 10)
"""A tenth of a second of sound."""


class CountingVoice:
    """Says a tenth of a second a sentence and counts them; after `gated_after` of them it waits to be let on."""

    def __init__(self, gated_after: int | None = None) -> None:
        self.computed = 0
        self.gated_after = gated_after
        self.gate = threading.Event()

    def speak(self, text: str, voice: str, sample_rate: int) -> Iterator[bytes]:
        for _ in text.split(".")[:-1]:
            if self.computed == self.gated_after:
                self.gate.wait(10)
            self.computed += 1
            yield TENTH


class ScriptedServer:
    """Answers each request with the same bytes, then hangs up or says nothing more; keeps what it was sent."""

    def __init__(self, answer: bytes, *, hangs_up: bool) -> None:
        self.answer, self.hangs_up = answer, hangs_up
        self.requests: list[str] = []
        self.gone = asyncio.Event()
        self._answering: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        try:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        finally:
            server.close()
            await asyncio.gather(*self._answering)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._answering.append(asyncio.create_task(self._answer(reader, writer)))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            self.requests.append((await reader.readuntil(b"}")).decode())
            writer.write(self.answer)
            await writer.drain()
            if not self.hangs_up:
                await reader.read()
        self.gone.set()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def answer(status: str, content_type: str, *chunks: bytes, is_whole: bool = True) -> bytes:
    """An HTTP answer of these chunks; one that is not whole lacks its end."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return head + body + (b"0\r\n\r\n" if is_whole else b"")
