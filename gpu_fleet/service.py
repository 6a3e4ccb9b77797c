"""How a service of the fleet starts and ends: settings from the environment, then HTTP until a signal."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import uvicorn
from starlette.types import ASGIApp

from gpu_fleet.logs import configure_logs
from lambdas.shared.settings import Settings, SettingsError

UNREAD: Final = 30.0
"""Seconds for which a client may leave unread what was sent to it, before its connection is cut."""
FINISH_WITHIN: Final = 20
"""Seconds in which requests are finished once a signal has come; the fleet kills a container after 30."""

S = TypeVar("S", bound=Settings)


def start(name: str, settings: type[S], serve: Callable[[S], Coroutine[object, object, None]]) -> None:
    """Serve with what the environment says; one sentence and exit status 1 where that is missing or wrong."""
    configure_logs()
    try:
        asyncio.run(serve(settings.read()))
    except SettingsError as error:
        raise SystemExit(f"the {name} did not start: {error}") from None


async def answer(app: ASGIApp, *, host: str, port: int, unread: float = UNREAD, **server: Any) -> None:
    """Answer requests until SIGTERM or SIGINT; those that are being answered then are finished.

    `unread` is as of `listening`, and `server` are further settings of uvicorn. Raises SettingsError when the address
    cannot be listened on.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=FINISH_WITHIN,
        **server,
    )
    try:
        listener = listening(host, port, unread=unread)
    except OSError as error:
        raise SettingsError(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    with listener:
        await uvicorn.Server(config).serve(sockets=[listener])


def listening(host: str, port: int, *, unread: float = UNREAD) -> socket.socket:
    """A socket that waits for clients and cuts off those that do not read.

    A client whose buffers are full is probed for as long as it answers the probes, unless TCP_USER_TIMEOUT is set,
    which connections have from the socket they came by (https://man7.org/linux/man-pages/man7/tcp.7.html).
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(unread * 1000))
    return listener
