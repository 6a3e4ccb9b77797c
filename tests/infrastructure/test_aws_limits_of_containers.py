"""Tasks, services and hosts are ones that ECS and docker accept; the CDK and cfn-lint let more through."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import pytest

from gpu_fleet.capacity import CPU_INSTANCE
from gpu_fleet.prices import HOSTS
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.limits import Limit, count, each, length
from tests.infrastructure.templates import found, text

pytestmark = pytest.mark.infrastructure

TASK: Final = "AWS::ECS::TaskDefinition"
SERVICE: Final = "AWS::ECS::Service"
PROVIDER: Final = "AWS::ECS::CapacityProvider"
CONTAINERS: Final = ("ContainerDefinitions", "*")
HEALTH: Final = (*CONTAINERS, "HealthCheck")

API: Final = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference"
QUOTAS: Final = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"
HEALTH_CHECK: Final = f"{API}/API_HealthCheck.html"
CONTAINER: Final = f"{API}/API_ContainerDefinition.html"
STRATEGY: Final = f"{API}/API_CapacityProviderStrategyItem.html"
SCALING: Final = f"{API}/API_ManagedScaling.html"
CREATE_SERVICE: Final = f"{API}/API_CreateService.html"
CODEBUILD: Final = "https://docs.aws.amazon.com/codebuild/latest/APIReference/API_CreateProject.html"
EC2: Final = "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/user-data.html"
EFS: Final = "https://docs.aws.amazon.com/efs/latest/ug/API_PosixUser.html"

LIMITS: Final = (
    Limit("seconds of start period", TASK, each(*HEALTH, "StartPeriod"), 300, HEALTH_CHECK),
    Limit("seconds between health checks", TASK, each(*HEALTH, "Interval"), 300, HEALTH_CHECK, least=5),
    Limit("seconds of a health check", TASK, each(*HEALTH, "Timeout"), 60, HEALTH_CHECK, least=2),
    Limit("retries of a health check", TASK, each(*HEALTH, "Retries"), 10, HEALTH_CHECK, least=1),
    Limit("containers", TASK, count("ContainerDefinitions"), 10, QUOTAS, least=1),
    Limit("characters of family", TASK, length("Family"), 255, QUOTAS, least=1),
    Limit("bytes", TASK, lambda task: [len(text(task))], 64 * 1024, QUOTAS),
    Limit("CPU units", TASK, each(*CONTAINERS, "Cpu"), 196_608, CONTAINER, least=2),
    Limit("MiB of memory", TASK, each(*CONTAINERS, "Memory"), 1 << 20, CONTAINER, least=6),
    Limit(
        "restart period",
        TASK,
        each(*CONTAINERS, "RestartPolicy", "RestartAttemptPeriod"),
        1800,
        CONTAINER,
        least=60,
        unset=True,
    ),
    Limit("providers of a strategy", SERVICE, count("CapacityProviderStrategy"), 20, CREATE_SERVICE, least=1),
    Limit("weight", SERVICE, each("CapacityProviderStrategy", "*", "Weight"), 1000, STRATEGY),
    Limit("base", SERVICE, each("CapacityProviderStrategy", "*", "Base"), 100_000, STRATEGY),
    Limit("placement strategies", SERVICE, count("PlacementStrategies"), 5, CREATE_SERVICE),
    Limit("placement constraints", SERVICE, count("PlacementConstraints"), 10, CREATE_SERVICE, unset=True),
    Limit("registries", SERVICE, count("ServiceRegistries"), 1, CREATE_SERVICE),
    Limit("seconds of grace", SERVICE, each("HealthCheckGracePeriodSeconds"), 2_147_483_647, CREATE_SERVICE),
    Limit(
        "security groups",
        SERVICE,
        count("NetworkConfiguration", "AwsvpcConfiguration", "SecurityGroups"),
        5,
        f"{API}/API_AwsVpcConfiguration.html",
    ),
    Limit(
        "subnets",
        SERVICE,
        count("NetworkConfiguration", "AwsvpcConfiguration", "Subnets"),
        16,
        f"{API}/API_AwsVpcConfiguration.html",
    ),
    Limit(
        "target capacity",
        PROVIDER,
        each("AutoScalingGroupProvider", "ManagedScaling", "TargetCapacity"),
        100,
        SCALING,
        1,
    ),
    Limit(
        "warm-up", PROVIDER, each("AutoScalingGroupProvider", "ManagedScaling", "InstanceWarmupPeriod"), 10_000, SCALING
    ),
    Limit("bytes of user data", "AWS::EC2::LaunchTemplate", length("LaunchTemplateData", "UserData"), 16_384, EC2),
    Limit("minutes of a build", "AWS::CodeBuild::Project", each("TimeoutInMinutes"), 2160, CODEBUILD, least=5),
    Limit("minutes in the queue", "AWS::CodeBuild::Project", each("QueuedTimeoutInMinutes"), 480, CODEBUILD, least=5),
    Limit("user", "AWS::EFS::AccessPoint", each("PosixUser", "Uid"), 4_294_967_295, EFS),
)


def containers(deployed: Deployed) -> dict[str, Mapping[str, Any]]:
    """Every container by its task and its name: more than one task has a collector."""
    return {
        f"{name}/{container['Name']}": container
        for name, task in deployed.resources(TASK).items()
        for container in task["Properties"]["ContainerDefinitions"]
    }


def test_a_strategy_has_one_base_and_something_to_grow_on(deployed: Deployed) -> None:
    """One provider at most has a base, and one at least a weight: STRATEGY."""
    for name, service in deployed.resources(SERVICE).items():
        strategy = service["Properties"]["CapacityProviderStrategy"]
        assert sum(1 for item in strategy if item.get("Base")) <= 1, name
        assert any(item.get("Weight") for item in strategy), name
        assert "LaunchType" not in service["Properties"], name


def needs(template: Mapping[str, Any], name: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """Everything that CloudFormation makes before a resource: what it waits for, what it refers to, and so on."""
    resource = template["Resources"][name]
    waits = resource.get("DependsOn", [])
    written = json.dumps(resource.get("Properties", {}))
    first = {waits} if isinstance(waits, str) else set(waits)
    first |= set(re.findall(r'"(?:Ref|Fn::GetAtt)": \[?"(\w+)"', written)) & template["Resources"].keys()
    for other in first - known:
        known = needs(template, other, known | {other})
    return known


def test_services_wait_until_their_cluster_has_its_providers(deployed: Deployed) -> None:
    """A service with a provider that is not associated with the cluster yet is refused: CREATE_SERVICE."""
    template = deployed.templates["gpu_fleet"]
    kinds = {name: resource["Type"] for name, resource in template["Resources"].items()}
    for name in (one for one, kind in kinds.items() if kind == SERVICE):
        before = {kinds[one] for one in needs(template, name)}
        assert "AWS::ECS::ClusterCapacityProviderAssociations" in before, name


def test_a_volume_that_is_opened_by_rights_is_encrypted_on_its_way(deployed: Deployed) -> None:
    """An access point or IAM needs encryption in transit.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html
    """
    for task in deployed.resources(TASK).values():
        for volume in found(task, "Properties", "Volumes", "*", "EFSVolumeConfiguration"):
            assert volume["TransitEncryption"] == "ENABLED"
            assert volume.get("RootDirectory", "/") == "/"


def test_hosts_that_are_protected_by_ecs_are_protected_by_their_group(deployed: Deployed) -> None:
    """Managed termination protection needs managed scaling, and a group whose new hosts are protected from scale-in.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AutoScalingGroupProvider.html
    """
    groups = {
        name.partition("/")[2]: group
        for name, group in deployed.resources("AWS::AutoScaling::AutoScalingGroup").items()
    }
    for name, provider in deployed.resources(PROVIDER).items():
        asked = provider["Properties"]["AutoScalingGroupProvider"]
        group = groups[asked["AutoScalingGroupArn"]["Ref"]]["Properties"]
        if asked.get("ManagedTerminationProtection") == "ENABLED":
            assert asked["ManagedScaling"]["Status"] == "ENABLED", name
            assert group["NewInstancesProtectedFromScaleIn"] is True, name


def test_a_container_ends_within_what_its_host_allows(deployed: Deployed) -> None:
    """On a host of ours a container may take as long to end as the host's ECS agent is told, and no longer.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html (ECS_CONTAINER_STOP_TIMEOUT);
    a task on Fargate would have 120 s: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    """
    allowed = [
        int(seconds)
        for template in deployed.resources("AWS::EC2::LaunchTemplate").values()
        for seconds in re.findall(
            r"ECS_CONTAINER_STOP_TIMEOUT=(\d+)s", text(template["Properties"]["LaunchTemplateData"])
        )
    ]
    assert len(allowed) == len(deployed.resources("AWS::EC2::LaunchTemplate"))
    for task in deployed.resources(TASK).values():
        assert task["Properties"]["RequiresCompatibilities"] == ["EC2"]
    for name, container in containers(deployed).items():
        assert container.get("StopTimeout", 30) <= min(allowed), name


DOCKERS_OPTIONS: Final = {
    "defaults",
    "ro",
    "rw",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "exec",
    "noexec",
    "noatime",
    "relatime",
}
"""What docker takes without a value; ECS lists `mode`, `uid` and others too, which docker refuses without one
(MergeTmpfsOptions in https://github.com/moby/sys/blob/main/mount/flags_unix.go)."""


def test_memory_files_have_options_that_docker_takes(deployed: Deployed) -> None:
    """A container with an option that docker does not know never starts."""
    for name, container in containers(deployed).items():
        for options in found(container, "LinuxParameters", "Tmpfs", "*", "MountOptions"):
            assert set(options) <= DOCKERS_OPTIONS, name


def test_health_checks_are_commands(deployed: Deployed) -> None:
    """A command begins with CMD or CMD-SHELL: HEALTH_CHECK."""
    for name, container in containers(deployed).items():
        for command in found(container, "HealthCheck", "Command"):
            assert command[0] in ("CMD", "CMD-SHELL"), name
            assert len(command) > 1, name


def test_every_task_has_an_essential_container_and_different_names(deployed: Deployed) -> None:
    """Names are unique, of letters, digits, `_` and `-`; one container at least is essential: CONTAINER."""
    for task in deployed.resources(TASK).values():
        parts = task["Properties"]["ContainerDefinitions"]
        names = [part["Name"] for part in parts]
        assert len(set(names)) == len(names)
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,255}", name) for name in names)
        assert any(part.get("Essential", True) for part in parts)


def test_shared_memory_is_part_of_a_containers_memory(deployed: Deployed) -> None:
    """What processes share counts against the container's limit, so the limit has to be larger.

    https://docs.docker.com/engine/containers/resource_constraints/
    """
    for name, container in containers(deployed).items():
        for shared in found(container, "LinuxParameters", "SharedMemorySize"):
            assert shared < container["Memory"], name


def test_every_service_fits_on_a_host_of_its_providers(deployed: Deployed) -> None:
    """A task that is larger than a host waits for ever, and a host has one GPU.

    A g6.2xlarge has one L4: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
    """
    hosts = (HOSTS[deployed.stage.gpu_instance], HOSTS[CPU_INSTANCE])
    for name, task in deployed.resources(TASK).items():
        parts = task["Properties"]["ContainerDefinitions"]
        gpus = sum(int(one["Value"]) for part in parts for one in part.get("ResourceRequirements", []))
        possible = hosts[:1] if gpus else hosts
        assert gpus <= 1, name
        for host in possible:
            assert sum(part["Cpu"] for part in parts) <= host.vcpu * 1024, name
            assert sum(part["Memory"] for part in parts) <= host.gib * 1024, name


def test_the_collectors_configuration_fits_into_a_parameter_of_its_size(deployed: Deployed) -> None:
    """The CloudWatch agent reads its configuration from variables, which are a quarter of a task at most, and JSON.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-Prometheus-Setup-configure-ECS.html
    """
    collectors = [name for name in containers(deployed) if "collector" in name]
    assert collectors
    for task in deployed.resources(TASK).values():
        for variable in found(task, "Properties", *CONTAINERS, "Environment", "*"):
            if variable["Name"] in ("CW_CONFIG_CONTENT", "PROMETHEUS_CONFIG_CONTENT"):
                assert len(text(variable["Value"])) <= 16_384
                assert json.loads(text(variable["Value"]))


def test_scaling_has_room(deployed: Deployed) -> None:
    """A service's least count is not above its most, also by schedule.

    https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTargetAction.html
    """
    for name, target in deployed.resources("AWS::ApplicationAutoScaling::ScalableTarget").items():
        actions = found(target["Properties"], "ScheduledActions", "*", "ScalableTargetAction")
        for bounds in (target["Properties"], *actions):
            assert 0 <= bounds["MinCapacity"] <= bounds["MaxCapacity"], name


def test_rights_to_write_to_a_volume_come_with_a_mount_in_every_zone(deployed: Deployed) -> None:
    """A file system has a mount target in each zone where a host may be, and one a zone at most.

    https://docs.aws.amazon.com/efs/latest/ug/API_CreateMountTarget.html
    """
    subnets = [
        json.dumps(mount["Properties"]["SubnetId"]) for mount in deployed.resources("AWS::EFS::MountTarget").values()
    ]
    groups = deployed.resources("AWS::AutoScaling::AutoScalingGroup").values()
    of_hosts = {json.dumps(subnet) for group in groups for subnet in group["Properties"]["VPCZoneIdentifier"]}
    assert sorted(subnets) == sorted(of_hosts)
