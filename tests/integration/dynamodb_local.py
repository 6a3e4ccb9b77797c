"""DynamoDB Local for as long as a block runs."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.dynamodb import command
from local.processes import DYING_WITH_PARENT, free_port

PATIENCE: Final = 60.0
"""Seconds after which a Java that does not listen is broken, not slow."""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Its address; raises NotInstalled. It is ended with the block, and also when this process dies."""
    port = free_port(0)
    with (
        log.open("w", encoding="utf-8") as told,
        subprocess.Popen(
            [*DYING_WITH_PARENT, *command(port)], stdout=told, stderr=told, stdin=subprocess.DEVNULL
        ) as server,
    ):
        try:
            _await(server, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _await(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"DynamoDB Local does not listen: {log.read_text(encoding='utf-8')}")
