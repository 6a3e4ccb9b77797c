"""Child processes of the local stack: started with a clean environment, logged through the redactor, ended for sure."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Self

from lambdas.shared.redaction import redact

ROOT: Final = Path(__file__).resolve().parent.parent
INHERITED: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables of the user's shell that a child sees; nothing of AWS or of a vendor among them."""
PATIENCE_AT_END: Final = 5.0
DYING_WITH_PARENT: Final[tuple[str, ...]] = (
    (
        sys.executable,
        *("-I", "-S", "-c"),
        "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execvp(sys.argv[1], sys.argv[1:])",
    )
    if sys.platform == "linux"
    else ()
)
"""Before a command: has Linux send it SIGTERM (15) when its parent dies (PR_SET_PDEATHSIG, 1), even a killed one.

Other systems have nothing of the kind, so there it is nothing.
Python's own hook for this, preexec_fn, forks a process whose threads hold locks: children crashed at random.
"""
LOG_LINE_LIMIT: Final = 1 << 20


class StartError(Exception):
    """A part of the stack did not start; the message holds the last lines it logged."""


def free_port(preferred: int, kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """The preferred port of the loopback interface, or another one when it is in use."""
    for port in (preferred, 0):
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise StartError("no port of 127.0.0.1 is free")


@asynccontextmanager
async def choosing_ports() -> AsyncIterator[None]:
    """Lets one stack of this machine at a time choose ports and bind them, so that no two choose the same."""
    path = Path(tempfile.gettempdir()) / f"bellhop-ports-{os.getuid()}.lock"
    with path.open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        yield


@contextmanager
def claimed(folder: Path) -> Iterator[Path]:
    """The folder, emptied of logs, or one beside it when another stack writes to it."""
    for number in range(1, 100):
        candidate = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        candidate.mkdir(parents=True, exist_ok=True)
        with (candidate / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            for old in candidate.glob("*.log"):
                old.unlink()
            yield candidate
            return
    raise StartError(f"99 stacks write their logs beside {folder}; end some of them")


class Child:
    """One process; every line it prints goes redacted into `<logs>/<name>.log`."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._last_lines: deque[str] = deque(maxlen=12)
        self._copying = asyncio.create_task(self._copy_output(), name=f"log of {name}")

    @classmethod
    async def start(cls, name: str, command: Sequence[str], environ: Mapping[str, str], logs: Path) -> Self:
        """Start a command in the repository's folder; raises StartError when it cannot be executed."""
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *DYING_WITH_PARENT,
                *command,
                cwd=ROOT,
                env={**inherited, "PYTHONUNBUFFERED": "1", **environ},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=LOG_LINE_LIMIT,
                start_new_session=True,
            )
        except OSError as error:
            raise StartError(f"{name} cannot be started: {error}") from error
        return cls(name, process, logs / f"{name}.log")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None

    async def wait_until(self, ready: Callable[[], Awaitable[bool]], *, seconds: float = 60.0) -> None:
        """Wait for readiness; raises StartError when the child ends or the time is over before."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while loop.time() < deadline:
            if not self.is_running:
                await self._copying
                raise StartError(f"{self.name} ended with status {self._process.returncode}:\n{self._told()}")
            if await ready():
                return
            await asyncio.sleep(0.05)
        raise StartError(f"{self.name} was not ready after {seconds:.0f} s; its log is {self.log}:\n{self._told()}")

    def send(self, signal_number: signal.Signals) -> None:
        if self.is_running:
            self._process.send_signal(signal_number)

    async def stop(self) -> None:
        """Ask the child to end, then end it and everything it started."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), PATIENCE_AT_END)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        await self._copying

    async def _copy_output(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        with self.log.open("w", encoding="utf-8") as log:
            while True:
                try:
                    line = await stdout.readline()
                except ValueError:
                    # A line over the limit is dropped whole: half of it could hide from the redactor.
                    line = b"(a line too long to be redacted was left out)\n"
                if not line:
                    return
                text = redact(line.decode("utf-8", "replace"))
                self._last_lines.append(text)
                log.write(text)
                log.flush()

    def _told(self) -> str:
        return "".join(f"    {line}" for line in self._last_lines) or "    (it logged nothing)"
