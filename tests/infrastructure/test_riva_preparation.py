"""What a deployment does for a model before it runs, and what its images are made of."""

from __future__ import annotations

import json

import pytest

from cdk.units.built_image import copied
from gpu_fleet.riva.models import MODELS
from tests.infrastructure.conftest import ROOT, Deployed
from tests.infrastructure.fleet import containers, one, resources
from tests.infrastructure.templates import listed

pytestmark = pytest.mark.infrastructure


def waits_for(stage: Deployed, name: str) -> set[str]:
    """Every resource that is there before this one, by what the template says of their order."""
    every = stage.templates["gpu_fleet"]["Resources"]
    seen: set[str] = set()
    todo = [name]
    while todo:
        for before in listed(every[todo.pop()].get("DependsOn", [])):
            if before not in seen:
                seen.add(before)
                todo.append(before)
    return seen


def test_a_model_is_prepared_before_it_is_run(deployed: Deployed) -> None:
    """Image, then engines, then recognisers, then agents; the warm-up has all that a recogniser needs."""
    mirror = one(deployed, "AWS::CloudFormation::CustomResource", "PreparationMirror")[0]
    warm_up = one(deployed, "AWS::CloudFormation::CustomResource", "PreparationWarmUp")[0]
    riva = one(deployed, "AWS::ECS::Service", "RivaService")[0]
    agents = one(deployed, "AWS::ECS::Service", "AgentsService")[0]
    needed = {
        name
        for kind in ("AWS::EFS::MountTarget", "AWS::EFS::AccessPoint", "AWS::CodeBuild::Project", "AWS::Events::Rule")
        for name in resources(deployed, kind)
    } | {
        name
        for name in resources(deployed, "AWS::IAM::Policy")
        if name.startswith(("RivaTask", "PreparationRole", "GpuHosts"))
    }
    needed |= {name for name in resources(deployed, "AWS::EC2::SecurityGroupIngress") if name.startswith("Models")}

    assert mirror in waits_for(deployed, warm_up)
    assert needed <= waits_for(deployed, warm_up)
    assert warm_up in waits_for(deployed, riva)
    assert riva in waits_for(deployed, agents)


def test_a_model_is_prepared_once(deployed: Deployed) -> None:
    """CloudFormation asks again only when a property changes: those of a warm-up are the model's and the GPU's."""
    model = MODELS[deployed.stage.riva_model]
    properties = one(deployed, "AWS::CloudFormation::CustomResource", "PreparationWarmUp")[1]["Properties"]

    assert {key: value for key, value in properties.items() if key not in ("ServiceToken", "ServiceTimeout")} == {
        "Step": "warm-up",
        "Model": model.image,
        "Tag": model.tag,
        "Selector": model.selector,
        "Instance": deployed.stage.gpu_instance,
    }


def test_the_images_that_are_run_are_mirrored(deployed: Deployed) -> None:
    """Every tag that a task takes from our repository is copied into it, and nothing comes from NVIDIA at a start."""
    mirrored = one(deployed, "AWS::CloudFormation::CustomResource", "PreparationMirror")[1]["Properties"]["Images"]
    run = {json.dumps(container["Image"]) for container in containers(deployed, "RivaTask").values()}

    assert sum(any(f":{tag}" in image for image in run) for tag in mirrored) == len(mirrored) == 2
    assert not any("nvcr.io" in image for image in run)


def test_a_build_that_dies_is_spoken_for(deployed: Deployed) -> None:
    """Every end of a build but a good one invokes the function that answers in its place."""
    project = one(deployed, "AWS::CodeBuild::Project", "PreparationBuild")
    rule = one(deployed, "AWS::Events::Rule", "PreparationBuildDied")[1]["Properties"]

    assert rule["EventPattern"]["detail"] == {
        "project-name": [{"Ref": project[0]}],
        "build-status": ["FAILED", "FAULT", "STOPPED", "TIMED_OUT"],
    }
    assert project[1]["Properties"]["TimeoutInMinutes"] < 60


def test_an_image_is_made_of_what_its_dockerfile_copies(deployed: Deployed) -> None:
    """Nothing else is in its asset: a new agent, function or hotel starts no new recogniser."""
    assets = json.loads(next(deployed.assembly.glob("*gpu-fleet.assets.json")).read_text())["dockerImages"].values()

    assert {asset["source"]["dockerFile"] for asset in assets} == {
        "agent/Dockerfile",
        "gpu_fleet/riva/Dockerfile",
        "gpu_fleet/asr_proxy/Dockerfile",
    }
    for asset in assets:
        folder = deployed.assembly / asset["source"]["directory"]
        dockerfile = asset["source"]["dockerFile"]
        staged = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        wanted = copied((ROOT / dockerfile).read_text())
        assert {dockerfile, ".dockerignore"} <= staged
        assert asset["source"]["platform"] == "linux/amd64"
        for path in staged - {dockerfile, ".dockerignore"}:
            assert any(path == part or path.startswith(f"{part}/") for part in wanted), path
        for part in wanted:
            assert any(path == part or path.startswith(f"{part}/") for path in staged), part
