"""Whether the LiveKit project lets us in and keeps its traffic in the EU."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final, TypeVar
from urllib.parse import urlsplit

import aiohttp
from livekit import api

from cdk.preflight.deployment import Deployment, SecretMissing
from cdk.preflight.finding import Finding
from cdk.residency import LIVEKIT

_PATIENCE: Final = aiohttp.ClientTimeout(total=10)
_NO_URL: Final = Finding.unseen("livekit_url is not said", fix="write it into cdk.json")
Answer = TypeVar("Answer")


def ask(deployment: Deployment, question: Callable[[api.LiveKitAPI], Awaitable[Answer]]) -> Answer:
    """What LiveKit answers to the stage's key.

    Raises SecretMissing when the stage has no key, api.ServerError when LiveKit refuses, aiohttp.ClientError or
    TimeoutError when it does not answer.
    """
    key = deployment.secret_fields("livekit")
    if not key.get("api_key") or not key.get("api_secret"):
        raise SecretMissing(f"{deployment.stage.secret('livekit')} is incomplete")

    async def conversation() -> Answer:
        async with api.LiveKitAPI(
            deployment.livekit_url, key["api_key"], key["api_secret"], timeout=_PATIENCE, failover=False
        ) as livekit:
            return await question(livekit)

    return asyncio.run(conversation())


def key_counts(deployment: Deployment) -> Finding:
    """LiveKit accepts the stage's key for the stage's project."""
    if "livekit_url" in deployment.stage.missing and deployment.livekit is None:
        return _NO_URL
    host = urlsplit(deployment.livekit_url).hostname
    try:
        rooms = ask(deployment, lambda livekit: livekit.room.list_rooms(api.ListRoomsRequest()))
    except api.ServerError as error:
        if error.status not in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise
        return Finding.wrong(
            f"{host} refuses the key ({error.code})",
            fix=f"put a key of this project into {deployment.stage.secret('livekit')} (LiveKit Cloud, Settings, Keys)",
        )
    return Finding.fine(f"{host} accepts the key; rooms open now: {len(rooms.rooms)}")


def region(deployment: Deployment) -> Finding:
    """The project is reached by LiveKit's European name; the rest of its pinning only its console shows."""
    if "livekit_url" in deployment.stage.missing:
        return _NO_URL
    host = urlsplit(deployment.stage.livekit_url).hostname or ""
    european = LIVEKIT[0]
    if not european.pattern.match(host):
        return Finding.wrong(f"{host} is not a name in the EU", fix=f"set livekit_url to wss://{european.shown}")
    return Finding.by_hand(
        f"{host} is in the EU; whether recordings and logs are, only the console says",
        fix="LiveKit Cloud, Settings, Project: data region EU; region pinning EU (plan Scale or higher)",
    )
