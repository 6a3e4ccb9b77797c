"""The stages, synthesised once for all tests of this folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
# The CDK's library starts `node`; the Makefile's PATH has it, a test run by hand finds it here.
os.environ["PATH"] = f"{ROOT / '.local/node/bin'}{os.pathsep}{os.environ['PATH']}"

from aws_cdk import App  # noqa: E402

from cdk.app import Cloud, build_cloud  # noqa: E402
from cdk.stages import Stage  # noqa: E402
from lambdas.shared.domain.hotel import Hotels  # noqa: E402

FILLED_IN: Final[Mapping[str, Any]] = {
    "livekit_url": "wss://example.eu.rtc.livekit.cloud",
    "llm_url": "https://example.openai.azure.com/openai/v1/",
    "llm_region": "swedencentral",
    "llm_model": "receptionist",
    "speech_url": "https://germanywestcentral.tts.speech.microsoft.com/",
    "azure_speech_region": "germanywestcentral",
    "sip_addresses": "192.0.2.0/24",
    "alarm_email": "on-call@example.com",
}
"""What an operator says of a stage, with names and addresses that are reserved for examples."""


@dataclass(frozen=True)
class Deployed:
    """A stage as CloudFormation would get it; `templates` are found by their stack's module name."""

    stage: Stage
    cloud: Cloud
    templates: Mapping[str, dict[str, Any]]
    assembly: Path

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """All resources of a type, by `<stack>/<logical id>`."""
        return {
            f"{stack}/{name}": resource
            for stack, template in self.templates.items()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }


def deploy(
    name: str, outdir: Path, operator: Mapping[str, Any] = FILLED_IN, *, hotels: Hotels | None = None
) -> Deployed:
    """The stage with the operator's values and these hotels, or its own, synthesised without assets."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context={**context, "aws:cdk:bundling-stacks": []}, outdir=str(outdir))
    stage = Stage.of(name, operator)
    cloud = build_cloud(app, stage, hotels or Hotels.load(ROOT / "hotels"))
    assembly = app.synth()
    stacks = {part: getattr(cloud, part) for part in Cloud.__dataclass_fields__}
    templates = {part: assembly.get_stack_artifact(stack.artifact_id).template for part, stack in stacks.items()}
    return Deployed(stage, cloud, templates, outdir)


@pytest.fixture(scope="session")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The stage `dev`, filled in."""
    return deploy("dev", tmp_path_factory.mktemp("dev"))


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """The stage `prod`, filled in."""
    return deploy("prod", tmp_path_factory.mktemp("prod"))


@pytest.fixture(params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest) -> Deployed:
    """Each stage in turn."""
    stage: Deployed = request.getfixturevalue(request.param)
    return stage
