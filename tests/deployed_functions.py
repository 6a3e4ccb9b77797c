"""The functions of a synthesised stage, with its assets, over a stand-in for AWS in which a call is going on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import httpx

from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.livekit_key import LiveKitKey
from local.example_call import begin_example_call
from local.processes import DYING_WITH_PARENT, ROOT, free_port
from tests.infrastructure.resources import REGION, Resources, Template, stacks_of
from tests.packaged import Unpacked
from tests.runtime_api import Sandbox

LIVEKIT: Final = LiveKitKey(api_key="example", api_secret="a-secret-of-one-test-run-on-one-machine")
LEGACY_TOKEN: Final = "earlier-client"
FOLDER: Final = "POWERTOOLS_SERVICE_NAME"
"""The variable that says which folder below `lambdas` a function is."""
PATIENCE: Final = 60.0
"""Seconds within which moto listens."""


@dataclass(frozen=True)
class Function:
    """A function of a template: the stack it is in, its logical id, its properties."""

    stack: str
    id: str
    properties: Template

    @property
    def folder(self) -> str:
        return str(self.properties["Environment"]["Variables"][FOLDER])

    @property
    def snap_start(self) -> bool:
        return bool(self.properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions")


@dataclass(frozen=True)
class DeployedFunctions:
    """Every function of all stacks of a stage, and what they refer to."""

    assembly: Path
    stacks: Mapping[str, Template]
    resources: Resources
    aws: str
    """The address of the stand-in for AWS."""

    @classmethod
    @contextmanager
    def of(cls, stage: str, operator: Mapping[str, Any], assembly: Path) -> Iterator[DeployedFunctions]:
        """The stage, synthesised into the folder as a deployment would, with its secrets and its tables."""
        _synthesise(stage, operator, assembly)
        stacks = stacks_of(assembly)
        with _moto(assembly / "moto.log") as (aws, client):
            resources = Resources(stacks, client=client, secrets=_secrets(stage))
            deployed = cls(assembly, stacks, resources, aws)
            tables = deployed.variables("pms")
            begin_example_call(
                client("dynamodb"),
                calls_table=tables["CALLS_TABLE"],
                leases_table=tables["LEASES_TABLE"],
                hotels=Hotels.load(ROOT / "hotels"),
            )
            yield deployed

    @property
    def functions(self) -> dict[str, Function]:
        """By their folders; raises ValueError when two of them are of one folder, for one would hide the other."""
        found = [
            Function(stack, name, resource["Properties"])
            for stack, template in self.stacks.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function"
        ]
        by_folder = {function.folder: function for function in found}
        if len(by_folder) != len(found):
            raise ValueError(f"functions of one folder among {[function.id for function in found]}")
        return by_folder

    @property
    def code(self) -> Path:
        """The folder that is zipped and uploaded as the code of all of them."""
        (code,) = {self.asset(function.properties["Code"]) for function in self.functions.values()}
        return code

    def asset(self, uploaded: Template) -> Path:
        """The folder that is zipped and uploaded for a function's code or a layer's content."""
        return self.assembly / f"asset.{uploaded['S3Key'].removesuffix('.zip')}"

    def variables(self, folder: str) -> dict[str, str]:
        """A function's environment, with its references resolved."""
        function = self.functions[folder]
        return self.resources.environment(function.stack, function.id)

    def sandbox(self, unpacked: Unpacked, folder: str, *, without: Sequence[str] = ()) -> Sandbox:
        """The function in an execution environment of its own; `without` are variables that are not set."""
        function = self.functions[folder]
        return unpacked.sandbox(
            str(function.properties["Handler"]),
            {name: value for name, value in self.variables(folder).items() if name not in without},
            name=folder,
            memory_mb=int(function.properties["MemorySize"]),
            snap_start=function.snap_start,
            aws=self.aws,
        )


def _synthesise(stage: str, operator: Mapping[str, Any], assembly: Path) -> None:
    # Imported here: the CDK's library starts `node`, which whoever synthesises has put on PATH.
    from aws_cdk import App

    from cdk.app import build_cloud
    from cdk.stages import Stage

    context = json.loads((ROOT / "cdk.json").read_text("utf-8"))["context"]
    app = App(context={**context, "aws:cdk:bundling-stacks": ["**"]}, outdir=str(assembly))
    build_cloud(app, Stage.of(stage, operator), Hotels.load(ROOT / "hotels"))
    app.synth()


def _secrets(stage: str) -> dict[str, str]:
    """A stage's secrets in the shapes in which it wants them."""
    values = {
        "livekit": LIVEKIT.model_dump_json(),
        "sip": json.dumps({"username": "example", "password": "example"}),
        "llm": "example",
        "azure-speech": "example",
        "speech": "example",
        "ngc": json.dumps({"username": "$oauthtoken", "password": "example"}),
        "guest-key": "example",
        "legacy-token": LEGACY_TOKEN,
    }
    return {f"bellhop/{stage}/{name}": value for name, value in values.items()}


@contextmanager
def _moto(log: Path) -> Iterator[tuple[str, Callable[[str], Any]]]:
    """A stand-in for AWS in a process of its own: its address, and clients of it."""
    port = free_port(0)
    url = f"http://127.0.0.1:{port}"
    command = [*DYING_WITH_PARENT, sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]

    def client(service: str) -> Any:
        # The stubs know boto3 service by service; here it is whichever a test asks for.
        make: Callable[..., Any] = boto3.client
        key = "example"
        return make(service, endpoint_url=url, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=key)

    with log.open("w") as told, subprocess.Popen(command, stdout=told, stderr=told) as server:
        try:
            deadline = time.monotonic() + PATIENCE
            while not _answers(url):
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"moto does not listen: {log.read_text()}")
                time.sleep(0.05)
            yield url, client
        finally:
            server.kill()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/", timeout=1).is_success
    except httpx.TransportError:
        return False
