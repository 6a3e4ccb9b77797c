"""A line to a recogniser that can be cut, and that can go dead without a word."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any


class Line:
    """A relay to the recogniser, which can be cut, go dead without a word, and lead to another process."""

    def __init__(self) -> None:
        self.address = ""
        self.to = ""
        self.refuses = False
        self._carrying: set[asyncio.Task[Any]] = set()
        self._pairs: list[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = []
        self._dead: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Line]:
        """Listens on the loopback interface until the block ends."""
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            # A connection may just have been taken, and asyncio would lose one that it takes while the server closes.
            await asyncio.sleep(0.05)
            server.close()
            await asyncio.sleep(0.02)
            while self._carrying:
                self.reset()
                await asyncio.wait(self._carrying, timeout=0.1)
            await server.wait_closed()

    def reset(self) -> None:
        """Cuts every connection."""
        for near, far in self._pairs:
            near.transport.abort()
            far.transport.abort()

    def go_dead(self) -> None:
        """What is sent over the present connections is neither delivered nor refused."""
        for near, far in self._pairs:
            self._dead |= {near, far}
            far.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # asyncio itself does not hold on to the task that serves a connection.
        if (task := asyncio.current_task()) is not None:
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)
        if self.refuses:
            writer.transport.abort()
            return
        host, _, port = self.to.rpartition(":")
        try:
            far_reader, far_writer = await asyncio.open_connection(host, int(port))
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, far_writer)
        self._pairs.append(pair)
        try:
            await asyncio.gather(self._pass(reader, far_writer, writer), self._pass(far_reader, writer, writer))
        finally:
            self._pairs.remove(pair)
            self._dead -= {*pair}
            writer.transport.abort()
            far_writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, near: Any) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                if near not in self._dead:
                    writer.write(data)
        # A dead line stays open on the agent's side until the agent gives it up.
        while near in self._dead and not near.transport.is_closing():
            await asyncio.sleep(0.01)
        writer.transport.abort()
