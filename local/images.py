"""Builds the fleet's container images and has them do their work: `python -m local.images [agent|probe|proxy …]`.

Each is started as the fleet starts it (local/builder.py) beside the local stack, until it says that it is healthy. Then
the agent takes a guest's call, the probe has been understood by Riva, and the proxy writes down what the probe says and
tells a language.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx

from agent.settings import AgentSettings
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.probe import ENOUGH, PHRASE_FILE, likeness
from gpu_fleet.riva.settings import ProbeSettings
from lambdas.shared.settings import Settings
from local.builder import BASE, BuildError, Built, Container, Image, build, container_of, make_base, require_tools
from local.call import DEFAULT, SCENARIOS
from local.caller import Unanswered
from local.code_state import code_state
from local.play import NoRecord, play
from local.processes import ROOT, Child, StartError, free_port
from local.scenario import list_scenarios
from local.stack import BRAIN_MODEL, LEGACY_TOKEN_SECRET, LIVEKIT_SECRET, LLM_SECRET, SPEECH_ENGINES, Stack

HEALTHY_WITHIN: Final = 60.0
BUILT_OF: Final = (".dockerignore", "agent", "gpu_fleet", "hotels", "lambdas", "requirements")
PORTS: Final = {"agent": 8081, "probe": 8001, "proxy": 8000}


@dataclass(frozen=True)
class Work:
    """An image, the settings it gets beside a stack, the path of its health, and what it then must do there."""

    image: Image
    settings: Callable[[Stack, int], Settings]
    health: str
    do: Callable[[Stack, int], Awaitable[str]]


@dataclass(frozen=True)
class Seen:
    """What became of an image."""

    name: str
    built: Built
    answered_after: float
    healthy_after: float
    runs_as: str
    python: str
    did: str


class WorkError(Exception):
    """An image runs and does not do what it is for; the message says what it did instead."""


def _agent(stack: Stack, port: int) -> Settings:
    at = stack.addresses
    return AgentSettings(
        livekit_url=at.livekit,
        livekit_secret=LIVEKIT_SECRET,
        api_url=at.api,
        aws_region=stack.region,
        riva_url=at.riva,
        # The second recogniser's library must be there to be opened; Riva hears, so nobody is asked with this key.
        azure_speech_region="germanywestcentral",
        azure_speech_secret=LLM_SECRET,
        llm_url=f"{at.brain}/v1",
        llm_model=BRAIN_MODEL,
        llm_secret=LLM_SECRET,
        speech_engines=SPEECH_ENGINES,
        speech_url=at.voices,
        worker_port=port,
    )


async def _take_a_call(stack: Stack, _: int) -> str:
    """A guest phones, and nobody but the image's agent is there to answer."""
    [played] = await play(stack, DEFAULT, list_scenarios(SCENARIOS)[DEFAULT])
    report = played.report
    if not report.passed:
        raise WorkError(f"the call did not end as it should: {played.folder}")
    return f"took the spoken call `{DEFAULT}`: {report.outcome}, turn p50 {report.turn_ms.p50} ms"


async def _tell_of_riva(_: Stack, port: int) -> str:
    """What Prometheus is told."""
    async with httpx.AsyncClient() as http:
        told = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    figures = dict(line.rsplit(" ", 1) for line in told.splitlines() if not line.startswith("#"))
    if figures.get("bellhop_riva_ready") != "1.0":
        raise WorkError(f"the probe is healthy and says of Riva: {figures}")
    return f"heard Riva recognise the phrase in {float(figures['bellhop_riva_probe_seconds']):.2f} s"


async def _write_down_the_phrase(stack: Stack, port: int) -> str:
    """A recording with the clients' token becomes its words, and a text's language is told; without it nothing is."""
    body = {"audio": base64.b64encode(PHRASE_FILE.read_bytes()).decode(), "language": "en-US"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
        stranger = await http.post("/transcribe", json=body)
        http.headers["Authorization"] = f"Bearer {stack.legacy_token}"
        answer = await http.post("/transcribe", json=body)
        told = await http.post("/detect-language", json={"text": "Haben Sie noch ein Zimmer frei?"})
    if stranger.status_code != httpx.codes.UNAUTHORIZED or answer.status_code != httpx.codes.OK:
        raise WorkError(f"the proxy answered {stranger.status_code} without the token and {answer.text} with it")
    if likeness(heard := answer.json()["text"]) < ENOUGH:
        raise WorkError(f"the proxy wrote down {heard!r}")
    if told.json().get("language") != "de-DE" or told.json().get("detector") != "both":
        raise WorkError(f"the proxy says of German that it is {told.text}")
    return f"wrote down {heard!r}, and knew German by both detectors"


WORKS: Final[Mapping[str, Work]] = {
    "agent": Work(Image("agent", "agent/Dockerfile"), _agent, "/", _take_a_call),
    "probe": Work(
        Image("probe", "gpu_fleet/riva/Dockerfile"),
        lambda stack, port: ProbeSettings(riva_url=stack.addresses.riva, probe_port=port, probe_seconds=2),
        "/health",
        _tell_of_riva,
    ),
    "proxy": Work(
        Image("proxy", "gpu_fleet/asr_proxy/Dockerfile"),
        lambda stack, port: ProxySettings(
            riva_url=stack.addresses.riva,
            proxy_host="127.0.0.1",
            proxy_port=port,
            token_secret=LEGACY_TOKEN_SECRET,
        ),
        "/health",
        _write_down_the_phrase,
    ),
}


async def _prove(names: Sequence[str], built: Mapping[str, Built]) -> list[Seen]:
    """Each image at its work, one after the other, beside one stack."""
    async with Stack.start(logs=ROOT / ".local" / "logs" / "images") as stack:
        # The calls are for the image's agent.
        await stack.children["agent"].stop()
        seen = []
        for name in names:
            with container_of(WORKS[name].image) as container:
                container.require_bytecode()
                seen.append(await _see(WORKS[name], container, stack, built[name]))
            _tell(f"{name}: {seen[-1].did}; {seen[-1].runs_as}, healthy after {seen[-1].healthy_after:.1f} s")
        return seen


async def _see(work: Work, container: Container, stack: Stack, built: Built) -> Seen:
    port = free_port(PORTS[work.image.name])
    environ = {
        "AWS_ENDPOINT_URL": stack.addresses.aws,
        "AWS_ACCESS_KEY_ID": stack.access_key,
        "AWS_SECRET_ACCESS_KEY": stack.secret_key,
        "AWS_DEFAULT_REGION": stack.region,
        **container.environ,
        **work.settings(stack, port).write(),
    }
    began = time.monotonic()
    answered: float | None = None
    async with _running(f"image-{work.image.name}", container.command, environ, stack.logs) as child:
        async with httpx.AsyncClient(timeout=5) as http:

            async def healthy() -> bool:
                nonlocal answered
                try:
                    answer = await http.get(f"http://127.0.0.1:{port}{work.health}")
                except httpx.TransportError:
                    return False
                answered = answered or time.monotonic() - began
                return answer.status_code == httpx.codes.OK

            await child.wait_until(healthy, seconds=HEALTHY_WITHIN)
        healthy_after = time.monotonic() - began
        runs_as = _how_it_runs(child.pid)
        did = await work.do(stack, port)
    return Seen(work.image.name, built, answered or healthy_after, healthy_after, runs_as, container.python, did)


@asynccontextmanager
async def _running(name: str, command: list[str], environ: Mapping[str, str], logs: Path) -> AsyncIterator[Child]:
    child = await Child.start(name, command, environ, logs)
    try:
        yield child
    finally:
        await child.stop()


def _how_it_runs(pid: int) -> str:
    """The user and the root folder of a process as Linux knows them; raises WorkError when it may do too much."""
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":\t", 1) for line in (process / "status").read_text().splitlines() if ":\t" in line)
    users = set(status["Uid"].split())
    mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
    [root] = [mount for mount in mounts if mount[4] == "/"]
    if "0" in users or int(status["CapEff"], 16) or "ro" not in root[5].split(","):
        raise WorkError(f"it runs as {users} with capabilities {status['CapEff']} on a root that is {root[5]}")
    return f"uid {'/'.join(sorted(users))}, no capability, read-only root"


def _report(base: str, seen: Sequence[Seen]) -> str:
    """The page docs/reports/container-images.md."""
    rows = [
        f"| {image.name} | {image.built.seconds:.0f} | {image.built.megabytes:.0f} | {image.answered_after:.1f} "
        f"| {image.healthy_after:.1f} | {image.runs_as} | {image.python} | {image.did} |"
        for image in seen
    ]
    return "\n".join(
        [
            "# Container images",
            "",
            'Written by `make images ARGS="--report docs/reports/container-images.md"`: each image is built with '
            "buildah, started as the fleet starts it beside the local stack, and does its work. Times are single runs "
            "on a machine that does other things too; a build whose packages are in the builder's cache takes seconds.",
            "",
            f"{code_state(*BUILT_OF)}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. Base: {base}.",
            "",
            "| image | build s | size MB | answers after s | healthy after s | runs as | Python | what it did |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def _tell(line: str) -> None:
    print(f"  {line}", flush=True)


def main() -> None:
    """Build and prove; the exit status is 0 when every image did its work."""
    parser = argparse.ArgumentParser(prog="python -m local.images", description=__doc__)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help=f"{', '.join(WORKS)} (all of them)")
    parser.add_argument(
        "--base", default=BASE, help="another base, such as docker.io/library/python:3.13-slim-bookworm"
    )
    parser.add_argument("--fresh", action="store_true", help="build what is in the builder's cache too")
    parser.add_argument("--report", type=Path, metavar="FILE", help="write what was seen")
    options = parser.parse_args()
    names = options.images or list(WORKS)
    if unknown := [name for name in names if name not in WORKS]:
        parser.exit(2, f"there is no image {unknown[0]!r}; there are {', '.join(WORKS)}\n")
    # The client reports every hang-up of the other side as a fault of its data channels.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    built: dict[str, Built] = {}
    try:
        require_tools()
        if options.base == BASE and (base := make_base(fresh=options.fresh)):
            _tell(f"base: {base.megabytes:.0f} MB of Debian in {base.seconds:.0f} s")
        for name in names:
            built[name] = build(WORKS[name].image, options.base, fresh=options.fresh)
            _tell(f"{name}: built in {built[name].seconds:.0f} s, {built[name].megabytes:.0f} MB")
        seen = asyncio.run(_prove(names, built))
    except (BuildError, StartError, WorkError, Unanswered, NoRecord) as error:
        raise SystemExit(str(error)) from None
    if options.report:
        options.report.write_text(_report(options.base, seen))


if __name__ == "__main__":
    main()
