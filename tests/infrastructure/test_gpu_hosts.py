"""The hosts of the fleet: closed, pinned, there when a task needs one, and large enough."""

from __future__ import annotations

import gzip
import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import moto.ec2
import pytest

from cdk.machine_images import CPU_IMAGE, GPU_IMAGE
from cdk.units.hosts import RESERVED_MIB
from gpu_fleet.capacity import AGENT, CPU_INSTANCE, RIVA, SIDECARS
from gpu_fleet.prices import HOSTS, Share
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.fleet import containers, one, reserved, resources

pytestmark = pytest.mark.infrastructure


def offered(instance: str) -> dict[str, Any]:
    """What EC2 says of an instance type, from its own answer that moto was made of."""
    path = Path(moto.ec2.__file__).with_name("resources") / "instance_types.json.gz"
    with gzip.open(path) as file:
        types: dict[str, dict[str, Any]] = json.load(file)
    return types[instance]


def test_hosts_are_closed(deployed: Deployed) -> None:
    """A host has no key and no open port, tells its rights to no container, and encrypts its disk."""
    templates = resources(deployed, "AWS::EC2::LaunchTemplate")
    groups = {
        name: found["Properties"]
        for name, found in resources(deployed, "AWS::EC2::SecurityGroup").items()
        if "Hosts" in name
    }

    assert len(templates) == len(groups) == 2
    for found in templates.values():
        data = found["Properties"]["LaunchTemplateData"]
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert "ECS_AWSVPC_BLOCK_IMDS=true" in json.dumps(data["UserData"])
        assert "KeyName" not in data
        assert "NetworkInterfaces" not in data
        (disk,) = data["BlockDeviceMappings"]
        assert disk["Ebs"]["Encrypted"]
        assert disk["Ebs"]["VolumeType"] == "gp3"
    assert not any(group.get("SecurityGroupIngress") for group in groups.values())
    opened = [
        found["Properties"]["GroupId"] for found in resources(deployed, "AWS::EC2::SecurityGroupIngress").values()
    ]
    assert not {json.dumps(group) for group in opened} & {
        json.dumps({"Fn::GetAtt": [name, "GroupId"]}) for name in groups
    }


def test_a_host_starts_as_it_is_told(deployed: Deployed, tmp_path: Path) -> None:
    """The script of a GPU host runs without a fault and leaves what docker and ECS' agent read."""
    (tmp_path / "systemctl").write_text("#!/bin/sh\n")
    (tmp_path / "systemctl").chmod(0o755)
    for folder in ("sysconfig", "ecs"):
        (tmp_path / folder).mkdir()
    data = one(deployed, "AWS::EC2::LaunchTemplate", "GpuHosts")[1]["Properties"]["LaunchTemplateData"]["UserData"]
    parts = data["Fn::Base64"]["Fn::Join"][1]
    script = "".join(part if isinstance(part, str) else "the-cluster" for part in parts)

    subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script.replace("/etc/", f"{tmp_path}/")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        check=True,
    )

    docker = shlex.split((tmp_path / "sysconfig/docker").read_text())
    agent = dict(line.split("=", 1) for line in (tmp_path / "ecs/ecs.config").read_text().splitlines())
    assert docker == ["OPTIONS=--default-ulimit nofile=32768:65536 --default-runtime nvidia"]
    assert agent["ECS_CLUSTER"] == "the-cluster"
    assert agent["ECS_ENABLE_GPU_SUPPORT"] == "true"
    assert agent["ECS_RESERVED_MEMORY"] == str(RESERVED_MIB)


def test_machine_images_are_pinned(deployed: Deployed) -> None:
    """A host starts from the release that the repository names, today and in a year."""
    parameters = deployed.templates["gpu_fleet"]["Parameters"].values()
    images = {
        given["Default"] for given in parameters if given["Type"].startswith("AWS::SSM::Parameter::Value<AWS::EC2")
    }

    assert images == {GPU_IMAGE, CPU_IMAGE}
    assert not any("recommended" in image for image in images)


def test_a_machine_image_is_for_its_host(deployed: Deployed) -> None:
    """Each sort of host starts from an image for its processor, with NVIDIA's driver where it has a GPU."""
    parameters = deployed.templates["gpu_fleet"]["Parameters"]
    for name, found in resources(deployed, "AWS::EC2::LaunchTemplate").items():
        data = found["Properties"]["LaunchTemplateData"]
        host, image = offered(data["InstanceType"]), parameters[data["ImageId"]["Ref"]]["Default"]

        assert re.findall(r"x86_64|arm64", image) == host["ProcessorInfo"]["SupportedArchitectures"], name
        assert ("-ecs-gpu-" in image) is ("GpuInfo" in host), name


def test_hosts_come_and_go_with_the_tasks(deployed: Deployed) -> None:
    """No host runs for nothing, none is ended under its tasks where data is kept, and dev can be deleted."""
    groups = resources(deployed, "AWS::AutoScaling::AutoScalingGroup")
    providers = resources(deployed, "AWS::ECS::CapacityProvider")

    assert {group["Properties"]["MinSize"] for group in groups.values()} == {"0"}
    gpu = one(deployed, "AWS::AutoScaling::AutoScalingGroup", "GpuHosts")[1]["Properties"]
    assert int(gpu["MaxSize"]) == deployed.stage.most_gpu_hosts + 1
    for found in providers.values():
        provider = found["Properties"]["AutoScalingGroupProvider"]
        assert provider["ManagedScaling"]["Status"] == "ENABLED"
        assert provider["ManagedDraining"] == "ENABLED"
        assert provider["ManagedTerminationProtection"] == ("ENABLED" if deployed.stage.retain else "DISABLED")


def test_a_gpu_host_holds_a_recogniser_its_agents_and_one_successor(deployed: Deployed) -> None:
    """By EC2's own figures there is room for them in processors, memory and network interfaces."""
    host = offered(deployed.stage.gpu_instance)
    each_host = -(-deployed.stage.fleet.agents_on_gpu_hosts // deployed.stage.fleet.gpu_hosts)
    riva, agent = reserved(deployed, "RivaTask"), reserved(deployed, "AgentsTask")
    agents = each_host + 1
    # Of a host's memory the kernel keeps some 3 % before ECS counts it.
    memory = int(host["MemoryInfo"]["SizeInMiB"] * 0.97) - RESERVED_MIB

    assert riva[0] + agents * agent[0] <= host["VCpuInfo"]["DefaultVCpus"] * 1024
    assert riva[1] + agents * agent[1] <= memory
    assert 1 + 1 + agents <= host["NetworkInfo"]["MaximumNetworkInterfaces"]
    assert host["GpuInfo"]["Gpus"][0]["Count"] == 1


def test_tasks_take_what_the_plan_says(deployed: Deployed) -> None:
    """The plan reckons with shares of a host, and no task's containers together may take more than theirs."""
    shares = {
        "RivaTask": Share(RIVA.vcpu + SIDECARS.vcpu, RIVA.gib + SIDECARS.gib),
        "AgentsTask": AGENT,
    }
    for task, share in shares.items():
        parts = containers(deployed, task).values()

        assert sum(part["Cpu"] for part in parts) <= share.vcpu * 1024
        assert sum(part["Memory"] for part in parts) <= share.gib * 1024


def test_the_plans_hosts_are_ec2s() -> None:
    """What the plan knows of the instance types is what EC2 says of them."""
    for name in ("g6.2xlarge", CPU_INSTANCE):
        said = offered(name)

        assert HOSTS[name].vcpu == said["VCpuInfo"]["DefaultVCpus"]
        assert HOSTS[name].gib * 1024 == said["MemoryInfo"]["SizeInMiB"]
        assert HOSTS[name].interfaces == said["NetworkInfo"]["MaximumNetworkInterfaces"]


def test_what_guests_say_is_encrypted_between_hosts(deployed: Deployed) -> None:
    """Agents speak to recognisers without TLS, for the hosts' own hardware encrypts what they send each other.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/data-protection.html#encryption-transit
    """
    for found in resources(deployed, "AWS::EC2::LaunchTemplate").values():
        instance = found["Properties"]["LaunchTemplateData"]["InstanceType"]

        assert offered(instance)["NetworkInfo"]["EncryptionInTransitSupported"], instance
