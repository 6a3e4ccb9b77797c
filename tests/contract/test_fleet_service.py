"""How the fleet's services start and end, as a container does it with them."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest
import structlog
from starlette.applications import Starlette

from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.settings import ProbeSettings
from gpu_fleet.service import answer, start
from lambdas.shared.settings import Settings
from local.processes import ROOT, free_port

pytestmark = pytest.mark.contract


@pytest.fixture
def logs_as_before() -> Iterator[None]:
    """Whatever a service does to this process's logging is undone."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs_as_before")
@pytest.mark.parametrize("settings", [ProbeSettings, ProxySettings])
def test_a_service_without_its_settings_says_what_it_lacks(
    settings: type[Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence instead of a traceback, and nothing is served."""
    monkeypatch.delenv("RIVA_URL", raising=False)

    async def serve(_: Settings) -> None:
        pytest.fail("it serves")

    with pytest.raises(SystemExit, match=f"^the ear did not start: {settings.__name__}: RIVA_URL: Field required"):
        start("ear", settings, serve)


@pytest.mark.usefixtures("logs_as_before")
def test_an_address_that_is_taken_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence names it, instead of a traceback."""
    monkeypatch.setenv("RIVA_URL", "riva:50051")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        async def serve(_: Settings) -> None:
            await answer(Starlette(), host="127.0.0.1", port=port)

        with pytest.raises(SystemExit, match=f"^the ear did not start: 127.0.0.1:{port} cannot be listened on: Addr"):
            start("ear", ProbeSettings, serve)


async def test_a_service_answers_until_it_is_told_to_stop() -> None:
    """SIGTERM ends it at once, though a recogniser is being asked again and again."""
    port = free_port(0)
    environ = ProbeSettings(riva_url="127.0.0.1:1", probe_port=port).write()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gpu_fleet.riva.probe"), cwd=ROOT, env={**os.environ, **environ}
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient() as http:
            while True:
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.TransportError:
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            await process.wait()
    finally:
        with suppress(ProcessLookupError):
            process.kill()

    assert answer.status_code == 503
    assert process.returncode in (0, -signal.SIGTERM)
