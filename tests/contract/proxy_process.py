"""The proxy in a process of its own, so that its memory can be looked at: `python -m tests.contract.proxy_process`.

It is the program as it is deployed but for the secret and the detector, which are given.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.server import SERVER
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from gpu_fleet.service import answer, start
from local.processes import ROOT, free_port
from tests.contract.proxy_bench import TOKEN, WordDetector, proxy_settings


class Process:
    """The running program: where it listens and how much memory it has taken."""

    def __init__(self, pid: int, address: str) -> None:
        self.address = address
        self._status = Path(f"/proc/{pid}/status")

    @property
    def megabytes(self) -> float:
        """Memory that is in use now."""
        return self._read("VmRSS")

    @property
    def most_megabytes(self) -> float:
        """The most that was ever in use."""
        return self._read("VmHWM")

    def _read(self, name: str) -> float:
        [line] = [line for line in self._status.read_text().splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1]) / 1024


@asynccontextmanager
async def proxy_process(riva: str, **more: object) -> AsyncIterator[Process]:
    """The program before that Riva with these settings, once it listens."""
    port = free_port(0)
    settings = proxy_settings(riva_url=riva, proxy_host="127.0.0.1", proxy_port=port, **more)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.contract.proxy_process"),
        cwd=ROOT,
        env=settings.write(),
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while not await _listens(port):
                assert process.returncode is None
                await asyncio.sleep(0.05)
        yield Process(process.pid, f"127.0.0.1:{port}")
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def serve(settings: ProxySettings) -> None:
    """Recognise until a signal ends it."""
    async with aclosing(Riva(settings.riva_url)) as riva:
        app = build_app(riva, settings, lambda: TOKEN, WordDetector())
        await answer(app, host=settings.proxy_host, port=settings.proxy_port, **SERVER)


if __name__ == "__main__":
    start("proxy", ProxySettings, serve)
