"""How a service of the fleet starts and ends: settings from the environment, then HTTP until a signal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TypeVar

import uvicorn
from starlette.types import ASGIApp

from gpu_fleet.logs import configure_logs
from lambdas.shared.settings import Settings, SettingsError

S = TypeVar("S", bound=Settings)


def start(name: str, settings: type[S], serve: Callable[[S], Coroutine[object, object, None]]) -> None:
    """Serve with what the environment says; one sentence and exit status 1 where that is missing or wrong."""
    configure_logs()
    try:
        said = settings.read()
    except SettingsError as error:
        raise SystemExit(f"the {name} did not start: {error}") from None
    asyncio.run(serve(said))


async def answer(app: ASGIApp, *, host: str, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT; those that are being answered then are finished."""
    config = uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False)
    await uvicorn.Server(config).serve()
