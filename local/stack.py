"""The whole system on one machine: the real parts and, where the real thing cannot be had, stand-ins chosen by name.

`async with Stack.start(...)` runs it until the block ends; `local/up.py` keeps it running for a person.
Everything listens on loopback; a preferred port that is in use is replaced by another.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import httpx

from agent.settings import AgentSettings
from lambdas.calls.settings import CallsSettings
from lambdas.livekit_webhook.settings import WebhookSettings
from lambdas.pms.settings import PmsSettings
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.settings import Settings
from lambdas.shared.tables import create_tables
from lambdas.tts_router.settings import TtsRouterSettings
from local import pycld3
from local.livekit_server import livekit_environment, livekit_program
from local.processes import ROOT, Child, choosing_ports, claimed, free_port
from local.readiness import answers, recognises
from local.settings import BrainSettings, GatewaySettings, RivaSettings, VoicesSettings
from local.vendor import Vendor

REGION: Final = "eu-central-1"
CALLS_TABLE: Final = "calls"
LEASES_TABLE: Final = "leases"
LIVEKIT_SECRET: Final = "bellhop/local/livekit"  # noqa: S105  a secret's name
GUEST_KEY_SECRET: Final = "bellhop/local/guest-key"  # noqa: S105  a secret's name
LEGACY_TOKEN_SECRET: Final = "bellhop/local/legacy-token"  # noqa: S105  a secret's name
LLM_SECRET: Final = "bellhop/local/llm"  # noqa: S105  a secret's name
PMS_SECRETS: Final = "bellhop/local/pms"
HOTELS: Final = Path("hotels")
MOVED_HOTELS: Final = Path(".local/hotels")
"""Here is the demo hotel once it has moved to a vendor, a folder for each vendor."""
BRAIN_MODEL: Final = "bellhop-brain"
SPEECH_ENGINES: Final = "http"

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Addresses:
    """Where the parts are; `make up` prints them."""

    livekit: str
    api: str
    aws: str
    riva: str
    voices: str
    brain: str


@dataclass(frozen=True)
class Replacements:
    """Addresses of parts that somebody else runs, or that nobody runs: such a part is not started."""

    riva: str | None = None
    voices: str | None = None
    brain: str | None = None


@dataclass(frozen=True)
class Stack:
    """A running stack: its addresses, the credentials made for it, and its children by name."""

    addresses: Addresses
    logs: Path
    livekit_key: str
    livekit_secret: str = field(repr=False)
    access_key: str
    secret_key: str = field(repr=False)
    legacy_token: str = field(repr=False)
    brain_key: str = field(repr=False)
    children: Mapping[str, Child]
    hotels: Path
    vendor: Vendor | None = None
    """Where the hotels' booking system is, if it is not the demo's own."""

    region: str = REGION
    calls_table: str = CALLS_TABLE
    leases_table: str = LEASES_TABLE

    def aws_client(self, service: str) -> Any:
        """A boto3 client of the stack's own AWS stand-in."""
        return _aws_client(service, self.addresses.aws, self.access_key, self.secret_key)

    @staticmethod
    @asynccontextmanager
    async def start(
        *,
        logs: Path = ROOT / ".local" / "logs",
        replace: Replacements | None = None,
        pms: str | None = None,
        max_calls: int = 4,
        progress: Progress = lambda _: None,
    ) -> AsyncIterator[Stack]:
        """Run everything until the block ends. Raises StartError that says which part failed and how.

        With `pms` the demo hotel's booking system is that vendor's stand-in.
        """
        async with AsyncExitStack() as ending:
            claimed_logs = ending.enter_context(claimed(logs))
            async with choosing_ports():
                starting = _Starting(claimed_logs, replace or Replacements(), pms, max_calls, progress, ending)
                stack = await starting.run()
            yield stack


class _Starting:
    """The order of starting: what others need comes first, what nobody waits for starts side by side."""

    def __init__(
        self,
        logs: Path,
        replace: Replacements,
        pms: str | None,
        max_calls: int,
        progress: Progress,
        ending: AsyncExitStack,
    ) -> None:
        self._logs, self._replace, self._max_calls = logs, replace, max_calls
        self._progress, self._ending = progress, ending
        self._children: dict[str, Child] = {}
        self._livekit_key, self._livekit_secret = "local", secrets.token_hex(32)
        self._access_key, self._secret_key = "LOCALACCESSKEY", secrets.token_hex(20)
        self._llm_key, self._legacy_token = secrets.token_hex(16), secrets.token_hex(16)
        self._ports = {
            "livekit": free_port(7880),
            "media": free_port(7882, socket.SOCK_DGRAM),
            "gateway": free_port(8800),
            "aws": free_port(8801),
            "riva": free_port(50051),
            "voices": free_port(8802),
            "brain": free_port(8803),
            "vendor": free_port(8805),
        }
        port = self._ports
        self._vendor = Vendor(pms, f"http://127.0.0.1:{port['vendor']}") if pms else None
        self._hotels = MOVED_HOTELS / pms if pms else HOTELS
        self._at = Addresses(
            livekit=f"ws://127.0.0.1:{port['livekit']}",
            api=f"http://127.0.0.1:{port['gateway']}",
            aws=f"http://127.0.0.1:{port['aws']}",
            riva=replace.riva or f"127.0.0.1:{port['riva']}",
            voices=replace.voices or f"http://127.0.0.1:{port['voices']}",
            brain=replace.brain or f"http://127.0.0.1:{port['brain']}",
        )

    async def run(self) -> Stack:
        self._ending.push_async_callback(self._stop_all)
        begun = time.monotonic()
        async with httpx.AsyncClient(timeout=1.0) as http:
            # Everybody reads the hotels' folder when they start.
            await self._start_vendor(http)
            await asyncio.gather(self._start_calls(http), self._start_speech(http), self._start_brain(http))
        self._progress(f"ready after {time.monotonic() - begun:.1f} s")
        return Stack(
            addresses=self._at,
            logs=self._logs,
            livekit_key=self._livekit_key,
            livekit_secret=self._livekit_secret,
            access_key=self._access_key,
            secret_key=self._secret_key,
            legacy_token=self._legacy_token,
            brain_key=self._llm_key,
            children=self._children,
            hotels=ROOT / self._hotels,
            vendor=self._vendor,
        )

    async def _start_vendor(self, http: httpx.AsyncClient) -> None:
        if self._vendor is not None:
            child = await self._child("vendor", [*self._vendor.command], {})
            await child.wait_until(answers(http, self._vendor.ready))
            await asyncio.to_thread(self._vendor.move_hotel, ROOT / HOTELS, ROOT / self._hotels)
            self._progress(f"the stand-in for {self._vendor.connector}")

    async def _start_calls(self, http: httpx.AsyncClient) -> None:
        """The agent reads its secrets and registers at once, so what holds them comes first."""
        await asyncio.gather(self._start_livekit(http), self._start_cloud(http))
        await self._start_agent(http)

    async def _start_livekit(self, http: httpx.AsyncClient) -> None:
        environ = livekit_environment(
            port=self._ports["livekit"],
            media_port=self._ports["media"],
            key=self._livekit_key,
            secret=self._livekit_secret,
            webhook=f"{self._at.api}/v1/livekit/webhook",
        )
        child = await self._child("livekit", [livekit_program()], environ)
        await child.wait_until(answers(http, self._at.livekit.replace("ws", "http", 1)))
        self._progress("livekit-server")

    async def _start_cloud(self, http: httpx.AsyncClient) -> None:
        port = str(self._ports["aws"])
        aws = await self._child("aws", [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port], {})
        await aws.wait_until(answers(http, f"{self._at.aws}/moto-api/"))
        await asyncio.to_thread(self._fill_cloud)
        self._progress("tables and secrets")
        programs: tuple[Settings, ...] = (
            GatewaySettings(
                port=self._ports["gateway"], region=REGION, access_key=self._access_key, secret_key=self._secret_key
            ),
            # One environment holds the settings of all of them, `hotels` among them.
            CallsSettings(
                calls_table=CALLS_TABLE,
                leases_table=LEASES_TABLE,
                legacy_token_secret=LEGACY_TOKEN_SECRET,
                hotels=self._hotels,
            ),
            PmsSettings(
                calls_table=CALLS_TABLE, leases_table=LEASES_TABLE, pms_secrets=PMS_SECRETS, hotels=self._hotels
            ),
            TtsRouterSettings(speech_engines=SPEECH_ENGINES, hotels=self._hotels),
            WebhookSettings(
                calls_table=CALLS_TABLE,
                livekit_secret=LIVEKIT_SECRET,
                guest_key_secret=GUEST_KEY_SECRET,
                hotels=self._hotels,
            ),
        )
        gateway = await self._module(
            "gateway",
            {
                **self._aws_environment(),
                **{variable: value for settings in programs for variable, value in settings.write().items()},
            },
        )
        await gateway.wait_until(answers(http, f"{self._at.api}/_health"))
        self._progress("the functions behind their gateway")

    def _fill_cloud(self) -> None:
        create_tables(self._aws("dynamodb"), calls=CALLS_TABLE, leases=LEASES_TABLE)
        keys = {"api_key": self._livekit_key, "api_secret": self._livekit_secret}
        vault = self._aws("secretsmanager")
        held = {
            LIVEKIT_SECRET: json.dumps(keys),
            GUEST_KEY_SECRET: secrets.token_hex(32),
            LEGACY_TOKEN_SECRET: self._legacy_token,
            LLM_SECRET: self._llm_key,
        }
        if self._vendor is not None:
            key = json.dumps(self._vendor.secret())
            held |= {f"{PMS_SECRETS}/{hotel.name}": key for hotel in Hotels.load(ROOT / self._hotels)}
        for name, value in held.items():
            vault.create_secret(Name=name, SecretString=value)

    async def _start_speech(self, http: httpx.AsyncClient) -> None:
        waiting = []
        if self._replace.riva is None:
            riva = await self._module("riva", RivaSettings(port=self._ports["riva"]).write())
            waiting.append(riva.wait_until(recognises(self._at.riva)))
        if self._replace.voices is None:
            voices = await self._module("voices", VoicesSettings(port=self._ports["voices"]).write())
            waiting.append(voices.wait_until(answers(http, f"{self._at.voices}/health")))
        await asyncio.gather(*waiting)
        self._progress("recognition and voice")

    async def _start_brain(self, http: httpx.AsyncClient) -> None:
        if self._replace.brain is None:
            brain = await self._module("brain", BrainSettings(port=self._ports["brain"], api_key=self._llm_key).write())
            await brain.wait_until(answers(http, f"{self._at.brain}/health"))
            self._progress("the model's stand-in")

    async def _start_agent(self, http: httpx.AsyncClient) -> None:
        port = free_port(8804)
        settings = AgentSettings(
            livekit_url=self._at.livekit,
            livekit_secret=LIVEKIT_SECRET,
            api_url=self._at.api,
            aws_region=REGION,
            riva_url=self._at.riva,
            language_detector=pycld3.detector(),
            llm_url=f"{self._at.brain}/v1",
            llm_model=BRAIN_MODEL,
            llm_secret=LLM_SECRET,
            speech_engines=SPEECH_ENGINES,
            speech_url=self._at.voices,
            max_calls=self._max_calls,
            worker_port=port,
            hotels=self._hotels,
        )
        command = [sys.executable, "-m", "agent"]
        agent = await self._child("agent", command, {**self._aws_environment(), **settings.write()})
        await agent.wait_until(answers(http, f"http://127.0.0.1:{port}/"))
        self._progress("the receptionist")

    async def _module(self, name: str, environ: Mapping[str, str]) -> Child:
        return await self._child(name, [sys.executable, "-m", f"local.{name}"], environ)

    async def _child(self, name: str, command: list[str], environ: Mapping[str, str]) -> Child:
        child = await Child.start(name, command, environ, self._logs)
        self._children[name] = child
        return child

    async def _stop_all(self) -> None:
        agent = self._children.pop("agent", None)
        if agent:
            await agent.stop()
        await asyncio.gather(*(child.stop() for child in self._children.values()))

    def _aws_environment(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL": self._at.aws,
            "AWS_ACCESS_KEY_ID": self._access_key,
            "AWS_SECRET_ACCESS_KEY": self._secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _aws(self, service: str) -> Any:
        return _aws_client(service, self._at.aws, self._access_key, self._secret_key)


def _aws_client(service: str, endpoint: str, access_key: str, secret_key: str) -> Any:
    # The stubs know boto3 service by service; here it is whichever somebody asks for.
    make: Callable[..., Any] = boto3.client
    return make(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
    )
