"""Whom a function speaks to besides AWS: CloudFormation, which awaits an answer, and LiveKit's SIP service.

Both are stand-ins on loopback, served by a thread, for functions that run in this process or in another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from lambdas.shared.livekit_key import LiveKitKey
from local.telephony import Trunks, build_app

ANSWERS: Final = "/answers"
PATIENCE: Final = 20.0
"""Seconds within which a server on loopback listens."""


@dataclass
class Outside:
    """Where both are, what CloudFormation was told, and which trunks and rules LiveKit has."""

    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    trunks: Trunks = field(default_factory=Trunks)

    @property
    def answer_to(self) -> str:
        return f"{self.url}{ANSWERS}"


@contextmanager
def outside(livekit: LiveKitKey) -> Iterator[Outside]:
    """Both, for as long as the block runs; LiveKit knows this key."""
    world = Outside()

    async def put(request: Request) -> Response:
        world.told.append(await request.json())
        return Response()

    sip = build_app(world.trunks.methods(), api_key=livekit.api_key, api_secret=livekit.api_secret)
    app = Starlette(routes=[Route(ANSWERS, put, methods=["PUT"]), Mount("/", sip)])
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="outside", daemon=True)
    thread.start()
    try:
        _await(server)
        world.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield world
    finally:
        server.should_exit = True
        thread.join()


def _await(server: uvicorn.Server) -> None:
    deadline = time.monotonic() + PATIENCE
    while not server.started:
        if time.monotonic() > deadline:
            raise RuntimeError("the stand-ins of LiveKit and CloudFormation do not listen")
        time.sleep(0.005)
