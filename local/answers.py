"""Somebody on loopback who awaits the answer to a request, as CloudFormation does at a custom resource's address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Awaited:
    """Where to put an answer, and the answers that were put there."""

    url: str
    answers: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def awaiting_answer() -> Iterator[Awaited]:
    """An address for as long as the block runs; a body that is not JSON is refused with 400."""
    answers: list[dict[str, Any]] = []

    class Put(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                answers.append(json.loads(body))
            except ValueError:
                self.send_response(400)
            else:
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: the function logs what it does."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Put) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield Awaited(f"http://127.0.0.1:{server.server_port}/answer", answers)
        finally:
            server.shutdown()
            thread.join()
