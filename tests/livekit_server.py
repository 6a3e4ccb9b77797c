"""A real livekit-server for a test."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from local.livekit_server import livekit_environment, livekit_program
from local.processes import Child, choosing_ports, free_port


@asynccontextmanager
async def livekit_server(key: str, secret: str, logs: Path) -> AsyncIterator[str]:
    """The address, `host:port`, of a server with this key; raises StartError when it is missing or does not start."""
    async with AsyncExitStack() as ending:
        async with choosing_ports(), httpx.AsyncClient() as http:
            port, media_port = free_port(7980), free_port(7982, socket.SOCK_DGRAM)
            environ = livekit_environment(port=port, media_port=media_port, key=key, secret=secret)
            child = await Child.start("livekit", [livekit_program()], environ, logs)
            ending.push_async_callback(child.stop)

            async def ready() -> bool:
                try:
                    return (await http.get(f"http://127.0.0.1:{port}")).status_code == httpx.codes.OK
                except httpx.TransportError:
                    return False

            await child.wait_until(ready)
        yield f"127.0.0.1:{port}"
