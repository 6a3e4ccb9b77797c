"""Reads environment and context, and composes the stacks of one stage: `npx cdk synth -c stage=dev`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aws_cdk import App, Environment, Tags, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.packaging import PackagingError
from cdk.residency import ResidencyError, require_eu
from cdk.stacks.api import ApiStack
from cdk.stacks.data import DataStack
from cdk.stacks.gpu_fleet import GpuFleetStack
from cdk.stacks.network import NetworkStack
from cdk.stacks.observability import ObservabilityStack
from cdk.stages import Operator, Stage, StageError
from cdk.units.completeness import refuse_incomplete
from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotels


@dataclass(frozen=True)
class Cloud:
    """The stacks of a stage, in the order in which they are deployed."""

    network: NetworkStack
    data: DataStack
    api: ApiStack
    gpu_fleet: GpuFleetStack
    observability: ObservabilityStack


def read_stage(app: App) -> Stage:
    """The stage that the context asks for; raises StageError."""
    name = app.node.try_get_context("stage")
    stages = app.node.try_get_context("stages") or {}
    given = {field: app.node.try_get_context(field) for field in Operator.model_fields}
    said = {**stages.get(name, {}), **{field: value for field, value in given.items() if value is not None}}
    return Stage.of(name, said)


def build_cloud(app: App, stage: Stage, hotels: Hotels) -> Cloud:
    """Everything a stage is made of; raises ResidencyError when a part of it would be outside the EU."""
    require_eu(stage, hotels)
    common: dict[str, Any] = {
        "stage": stage,
        "env": Environment(account=stage.operator.account, region=stage.region),
    }
    protected = {**common, "termination_protection": stage.retain}
    network = NetworkStack(app, stage.stack("network"), **common)
    data = DataStack(app, stage.stack("data"), **protected)
    api = ApiStack(app, stage.stack("api"), hotels=hotels, data=data, **common)
    gpu_fleet = GpuFleetStack(app, stage.stack("gpu-fleet"), network=network, data=data, api=api, **common)
    observability = ObservabilityStack(
        app, stage.stack("observability"), network=network, data=data, api=api, gpu_fleet=gpu_fleet, **common
    )
    for stack in (network, data, api, gpu_fleet, observability):
        refuse_incomplete(stack, stage)
    Tags.of(app).add("project", "bellhop")
    Tags.of(app).add("stage", stage.name)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return Cloud(network, data, api, gpu_fleet, observability)


def main(app: App) -> None:
    """Write the assembly of the stage that the context asks for, or end with the sentence that says why not."""
    try:
        build_cloud(app, read_stage(app), Hotels.load(Path("hotels")))
    except (StageError, ResidencyError, PackagingError, HotelFileError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main(App())
