"""A real livekit-server for a test, without a SIP service: that would need redis."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from local.processes import ROOT, Child, free_port


@asynccontextmanager
async def livekit_server(key: str, secret: str, logs: Path) -> AsyncIterator[str]:
    """The address, `host:port`, of a server with this key; skips the test where no server has been built."""
    built = ROOT / ".local" / "bin" / "livekit-server"
    server = str(built) if built.exists() else shutil.which("livekit-server")
    if not server:
        pytest.skip("livekit-server is missing; `make ready` builds it")
    port, media = free_port(7980), free_port(7982)
    config = {
        "port": port,
        "bind_addresses": ["127.0.0.1"],
        "rtc": {
            "tcp_port": 0,
            "udp_port": media,
            "node_ip": "127.0.0.1",
            "use_external_ip": False,
            "enable_loopback_candidate": True,
            "interfaces": {"includes": ["lo"]},
            "ips": {"includes": ["127.0.0.1/32"]},
            "stun_servers": [],
        },
        "keys": {key: secret},
    }
    child = await Child.start("livekit", [server], {"LIVEKIT_CONFIG": json.dumps(config)}, logs)

    async def ready() -> bool:
        try:
            return (await http.get(f"http://127.0.0.1:{port}")).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    async with httpx.AsyncClient() as http:
        await child.wait_until(ready)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await child.stop()
