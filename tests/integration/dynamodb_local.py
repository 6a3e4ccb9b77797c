"""DynamoDB Local for as long as a block runs."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from local.dynamodb import command
from local.processes import DYING_WITH_PARENT

PATIENCE: Final = 60.0
"""Seconds after which a Java that does not listen is broken, not slow."""


@contextmanager
def running(log: Path) -> Iterator[str]:
    """Its address; raises NotInstalled. It is ended with the block, and also when this process dies."""
    port = _free_port()
    guard = DYING_WITH_PARENT if sys.platform == "linux" else ()
    with (
        log.open("w", encoding="utf-8") as told,
        subprocess.Popen([*guard, *command(port)], stdout=told, stderr=told, stdin=subprocess.DEVNULL) as server,
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


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
