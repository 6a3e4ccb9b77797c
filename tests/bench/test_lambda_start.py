"""How fast the functions start and answer, beside a bare function of Powertools in the same run.

A start here is the process until it asks for its first event: what Lambda calls init, and what SnapStart takes away.
Milliseconds are of this machine and say little about Lambda's; ratios to the bare function say what our imports cost.
"""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from local.code_state import code_state
from local.outside import Outside, outside
from local.recorded import complete, read_event
from tests.deployed_functions import LEGACY_TOKEN, LIVEKIT, DeployedFunctions, Function
from tests.packaged import Unpacked
from tests.remarks import Remark
from tests.runtime_api import Sandbox
from tests.triggers import EVENTS

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

ROUNDS: Final = 7
WARM: Final = 40
BARE: Final = "bare Powertools"
NO_BYTECODE: Final = "pms without bytecode"
ONE_PROCESSOR_MB: Final = 1769
"""The memory at which Lambda gives a function one whole processor, and less in proportion
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html)."""
MOST: Final = 5.0
"""A start that takes more than this many times the bare function's imports something it does not need."""
EVENT_OF: Final[Mapping[str, str]] = {
    "calls": "call",
    "pms": "hotel",
    "tts_router": "speech_plan",
    "livekit_webhook": "room_started",
    "livekit_setup": "livekit_setup_delete",
    "riva_setup": "riva_setup_delete",
    "secret_age": "secret_age",
    "wish_settler": "wish_settler",
}
"""What each is asked while it is measured: something that may be asked many times."""

HANDLER: Final = '''"""A function of one route, which does nothing."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

logger = Logger(service="bare")
app = APIGatewayRestResolver()


@app.get("/v1/hotels/<hotel>")
def facts(hotel):
    return {"hotel": hotel}


def lambda_handler(event, context):
    return app.resolve(event, context)
'''


@dataclass
class Measured:
    """A function's starts and answers: each start in milliseconds, and of the processor's time alone."""

    start_ms: list[float] = field(default_factory=list)
    start_cpu_ms: list[float] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)

    def add(self, sandbox: Sandbox, event: Mapping[str, Any]) -> None:
        """One start, one first answer, many warm ones."""
        with sandbox:
            self.start_ms.append(sandbox.started_in * 1000)
            self.start_cpu_ms.append(sandbox.cpu_seconds() * 1000)
            self.first_ms.append(sandbox.invoke(event).seconds * 1000)
            self.warm_ms += [sandbox.invoke(event).seconds * 1000 for _ in range(WARM // ROUNDS + 1)]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedFunctions]:
    """The stage `dev` with its assets."""
    # Imported here: it puts `node` on PATH, and tests that measure nothing need not wait for the CDK.
    from tests.infrastructure.conftest import FILLED_IN

    with DeployedFunctions.of("dev", FILLED_IN, tmp_path_factory.mktemp("assembly")) as deployed:
        yield deployed


@pytest.fixture(scope="module")
def around() -> Iterator[Outside]:
    """LiveKit and CloudFormation."""
    with outside(LIVEKIT) as world:
        yield world


def test_functions_start_about_as_fast_as_a_bare_one(
    cloud: DeployedFunctions, around: Outside, tmp_path: Path, request: pytest.FixtureRequest, remark: Remark
) -> None:
    """No function's start takes more than five times the processor's time of a bare function's."""
    unpacked = Unpacked.at(tmp_path, code=cloud.code)
    bare = replace(unpacked, code=_bare(tmp_path))
    uncompiled = replace(unpacked, code=_without_bytecode(unpacked.code, tmp_path / "code"))
    uncompiled = replace(uncompiled, layer=_without_bytecode(unpacked.layer, tmp_path / "layer_without_bytecode"))
    events = {
        folder: complete(read_event(EVENTS / f"{name}.json"), livekit=LIVEKIT, legacy_token=LEGACY_TOKEN, around=around)
        for folder, name in EVENT_OF.items()
    }
    measured = {name: Measured() for name in (BARE, *sorted(cloud.functions), NO_BYTECODE)}

    # Round by round, so that a busy minute of the machine falls on all of them.
    for _ in range(ROUNDS):
        measured[BARE].add(bare.sandbox("handler.lambda_handler", {}, name="bare"), events["pms"])
        for folder in cloud.functions:
            measured[folder].add(cloud.sandbox(unpacked, folder), events[folder])
        measured[NO_BYTECODE].add(cloud.sandbox(uncompiled, "pms"), events["pms"])

    table = _table(cloud, measured)
    remark(f"starts under {unpacked.told}, median of {ROUNDS} a function\n{table}")
    if target := request.config.getoption("--report"):
        target.write_text(_page(unpacked, table), encoding="utf-8")
    compared = {name: _ratio(measured, name) for name in cloud.functions}
    assert {name: ratio for name, ratio in compared.items() if ratio > MOST} == {}


def _bare(folder: Path) -> Path:
    code = folder / "bare"
    code.mkdir()
    (code / "handler.py").write_text(HANDLER)
    return code


def _without_bytecode(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def _ratio(measured: Mapping[str, Measured], name: str) -> float:
    return statistics.median(measured[name].start_cpu_ms) / statistics.median(measured[BARE].start_cpu_ms)


def _at_its_memory(figures: Measured, function: Function) -> float:
    return statistics.median(figures.start_cpu_ms) * ONE_PROCESSOR_MB / int(function.properties["MemorySize"])


def _table(cloud: DeployedFunctions, measured: Mapping[str, Measured]) -> str:
    rows = [
        "| function | start ms | start CPU ms | start CPU / bare | start at its memory ≈ ms | first answer ms "
        "| warm p50 ms | SnapStart |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, figures in measured.items():
        function = cloud.functions.get(name)
        cells = (
            name,
            f"{statistics.median(figures.start_ms):.0f}",
            f"{statistics.median(figures.start_cpu_ms):.0f}",
            f"{_ratio(measured, name):.2f}",
            "–" if function is None else f"{_at_its_memory(figures, function):.0f}",
            f"{statistics.median(figures.first_ms):.1f}",
            f"{statistics.median(figures.warm_ms):.1f}",
            "–" if function is None else "yes" if function.snap_start else "no",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _page(unpacked: Unpacked, table: str) -> str:
    return (
        "# How functions start\n\n"
        "Written by `make bench-lambda`: every function of stage `dev`, from its asset and with its variables, under "
        "AWS's runtime client, beside a bare function of Powertools with one route, all in one run. A start is the "
        "process until it asks for its first event, which is what SnapStart takes away; the first answer and the warm "
        "ones are with moto as DynamoDB. Milliseconds are of this machine, ratios say what our imports cost. A start "
        "at its memory is the processor's time stretched to the share of a processor that the function has, without "
        "the time to unpack it: what a guest would wait for, and what decides about SnapStart.\n\n"
        f"{code_state()}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, Python {unpacked.version}, median of {ROUNDS} "
        "starts a function.\n\n"
        f"{table}\n"
    )
