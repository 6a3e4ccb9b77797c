"""The proxy before a scripted Riva, and clients of it who have the token."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import httpx
import numpy as np
import soundfile
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.server import SERVER
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from gpu_fleet.service import listening
from lambdas.shared.speech.language import Guess
from tests.contract.scripted_riva import ScriptedRiva, serving

TOKEN: Final = "a-token-of-the-clients"
BEARER: Final = {"Authorization": f"Bearer {TOKEN}"}


class WordDetector:
    """Knows German by one word and English by another."""

    name: Literal["both"] = "both"

    def guess(self, text: str) -> Guess | None:
        """The language of the word that is in the text."""
        words = {"zimmer": "de", "room": "en"}
        return next((Guess(language, 0.9) for word, language in words.items() if word in text.lower()), None)


def proxy_settings(**more: Any) -> ProxySettings:
    """Small limits, so that a test reaches them."""
    small = {"max_audio_bytes": 200_000, "max_audio_seconds": 5, "max_streams": 2}
    return ProxySettings.model_validate({"riva_url": "riva:50051", "token_secret": "t", **small, **more})


class Bench:
    """The proxy, asked over HTTP by a client who has the token."""

    def __init__(self, service: ScriptedRiva, riva: Riva, **more: Any) -> None:
        self.service = service
        self.app = build_app(riva, proxy_settings(**more), lambda: TOKEN, WordDetector())
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://proxy", headers=BEARER)

    async def transcribe(self, audio: bytes, **more: Any) -> httpx.Response:
        return await self.http.post("/transcribe", json={"audio": base64.b64encode(audio).decode(), **more})

    async def metric(self, name: str, **labels: str) -> float:
        scraped = await self.http.get("/metrics")
        assert scraped.headers["content-type"] == CONTENT_TYPE_LATEST
        samples = [s for family in text_string_to_metric_families(scraped.text) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and s.labels.items() >= labels.items())


@asynccontextmanager
async def proxy_bench(**more: Any) -> AsyncIterator[Bench]:
    """The proxy with these settings beside a scripted Riva of its own."""
    service = ScriptedRiva()
    async with serving(service) as address, aclosing(Riva(address)) as riva:
        bench = Bench(service, riva, **more)
        async with bench.http:
            yield bench


@dataclass
class Listening:
    """A served application: where it is, and the server that holds its connections."""

    address: str
    server: uvicorn.Server


@asynccontextmanager
async def as_deployed(app: Any, *, unread: float = 30) -> AsyncIterator[Listening]:
    """The application on a free port of the loopback interface, behind the server and with the limits it really has."""
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", **SERVER)
    server = uvicorn.Server(config)
    with listening("127.0.0.1", 0, unread=unread) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            await asyncio.sleep(0.01)
        try:
            yield Listening(f"127.0.0.1:{listener.getsockname()[1]}", server)
        finally:
            server.should_exit = server.force_exit = True
            await task


def recording(kind: str, *, rate: int = 16_000, seconds: float = 1, channels: int = 1, subtype: str = "") -> bytes:
    """Silence as a file of that kind."""
    file = io.BytesIO()
    samples = np.zeros((int(rate * seconds), channels), np.int16)
    soundfile.write(file, samples, rate, format=kind, subtype=subtype or ("OPUS" if kind == "OGG" else "PCM_16"))
    return file.getvalue()
