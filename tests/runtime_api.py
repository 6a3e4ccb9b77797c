"""Lambda's Runtime API on loopback, and a function's process that asks it for work.

The process is AWS's own runtime client, `awslambdaric`; what it asks is described at
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. One process serves one event after another, as one
execution environment does.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Self

from local.processes import DYING_WITH_PARENT

VERSION: Final = "/2018-06-01/runtime"
ARN: Final = "arn:aws:lambda:eu-central-1:123456789012:function:"
_NEVER: Final = 3600.0
"""Seconds until an event's deadline: no test is about running out of time."""


class FunctionFailed(Exception):
    """The function did not start, or raised: what the runtime client reported, and the last lines that were logged."""


@dataclass(frozen=True)
class Invocation:
    """What the function returned, and how long it took, measured at the Runtime API."""

    result: Any
    seconds: float


@dataclass(frozen=True)
class _Told:
    """What the runtime client posted: `path` below the version, the body, and when."""

    path: str
    body: Any
    at: float


class RuntimeApi:
    """Hands out events one by one and takes what becomes of them."""

    def __init__(self, function: str) -> None:
        self.told: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        self.ready = threading.Event()
        """Set when the runtime client asks for its first event, or to be restored: the function is imported."""
        self._function = function
        self._events: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="runtime api", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def offer(self, request_id: str, event: bytes) -> None:
        """Let the next request for work have this event."""
        self._events.put((request_id, event))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Without it every answer waits for the client's delayed acknowledgement.
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                api.ready.set()
                if self.path.endswith("/restore/next"):
                    # A snapshot is restored at once.
                    self.send_response(200)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                request_id, event = api._events.get()
                self.send_response(200)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(event)),
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(int((time.time() + _NEVER) * 1000)),
                    "Lambda-Runtime-Invoked-Function-Arn": f"{ARN}{api._function}:live",
                    "Lambda-Runtime-Trace-Id": "Root=1-6924e2d2-000000000000000000000001;Sampled=0",
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(event)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                at = time.perf_counter()
                accepted = b'{"status":"OK"}'
                self.send_response(202)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(accepted)))
                self.end_headers()
                self.wfile.write(accepted)
                api.told.put(_Told(self.path.removeprefix(VERSION), json.loads(body or b"null"), at))

            def log_message(self, *_: object) -> None:
                """Nothing: the function's own log says what happens."""

        return Handler


class Sandbox:
    """One execution environment: a process that has imported its handler once `started`, then serves events."""

    def __init__(
        self, handler: str, command: Sequence[str | Path], environ: Mapping[str, str], *, cwd: Path, log: Path
    ):
        self.log = log
        self.started_in = 0.0
        """Seconds from the start of the process until it asked for its first event."""
        self._handler = handler
        self._command, self._environ, self._cwd = command, environ, cwd
        self._requests = 0

    def __enter__(self) -> Self:
        """Raises FunctionFailed when the handler cannot be imported."""
        self._api = RuntimeApi(self._handler)
        with self.log.open("w", encoding="utf-8") as log:
            begun = time.perf_counter()
            self._process = subprocess.Popen(
                [*DYING_WITH_PARENT, *map(str, self._command), self._handler],
                env={**self._environ, "AWS_LAMBDA_RUNTIME_API": self._api.address, "_HANDLER": self._handler},
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            self._await_start(begun)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._api.close()

    def invoke(self, event: Any, *, seconds: float = 30.0) -> Invocation:
        """What the function makes of an event; raises FunctionFailed when it raises, ends or takes too long."""
        self._requests += 1
        request_id = f"00000000-0000-4000-8000-{self._requests:012}"
        begun = time.perf_counter()
        self._api.offer(request_id, json.dumps(event).encode())
        told = self._next(begun + seconds)
        if told.path != f"/invocation/{request_id}/response":
            raise FunctionFailed(self._about(told.body))
        return Invocation(told.body, told.at - begun)

    def cpu_seconds(self) -> float:
        """A processor's time that the process has taken so far, which a busy machine does not lengthen; Linux only."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        user, system = fields[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def logged(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def _await_start(self, begun: float) -> None:
        while not self._api.ready.wait(0.002):
            if not self._api.told.empty():
                raise FunctionFailed(self._about(self._api.told.get().body))
            if self._process.poll() is not None:
                raise FunctionFailed(self._about(f"it ended with status {self._process.returncode}"))
            if time.perf_counter() - begun > 60:
                raise FunctionFailed(self._about("it did not start within 60 s"))
        self.started_in = time.perf_counter() - begun

    def _next(self, deadline: float) -> _Told:
        while time.perf_counter() < deadline:
            try:
                return self._api.told.get(timeout=0.2)
            except queue.Empty:
                if self._process.poll() is not None:
                    raise FunctionFailed(self._about(f"it ended with status {self._process.returncode}")) from None
        raise FunctionFailed(self._about("it did not answer in time"))

    def _about(self, fault: Any) -> str:
        if isinstance(fault, dict):
            fault = f"{fault.get('errorType')}: {fault.get('errorMessage')}"
        return f"{self._handler}: {fault}\n{self.logged()[-3000:]}"
