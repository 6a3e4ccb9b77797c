"""The fleet's two services: where their tasks run, what they may do, how many there are."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Final

import pytest

from agent import server
from cdk.units import scrapes
from gpu_fleet.riva.models import CACHE_PATH, FIRST_START_MINUTES, GRPC_PORT, MODELS
from lambdas.endpoints import ENDPOINTS, Caller
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.fleet import containers, one, resources, service, statements

pytestmark = pytest.mark.infrastructure

AGENTS: Final = "AgentsService"
RECOGNISERS: Final = "RivaService"
WRITES_ITS_ROOT: Final = {
    "riva": "NVIDIA's container unpacks and links models outside its cache",
    "gpu": "NVIDIA's exporter keeps its engine's files beside its program",
    "collector": "the CloudWatch agent writes its translated configuration",
}


def test_agents_stand_beside_recognisers_and_the_rest_elsewhere(deployed: Deployed) -> None:
    """The first agents run on GPU hosts, as many as the plan says; all others, and no recogniser, on CPU hosts."""
    gpu = {"Ref": one(deployed, "AWS::ECS::CapacityProvider", "GpuHosts")[0]}
    cpu = {"Ref": one(deployed, "AWS::ECS::CapacityProvider", "CpuHosts")[0]}

    assert service(deployed, AGENTS)["CapacityProviderStrategy"] == [
        {"CapacityProvider": gpu, "Base": deployed.stage.fleet.agents_on_gpu_hosts, "Weight": 0},
        {"CapacityProvider": cpu, "Weight": 1},
    ]
    assert service(deployed, RECOGNISERS)["CapacityProviderStrategy"] == [{"CapacityProvider": gpu, "Weight": 1}]


def test_a_deployment_ends_nobody_who_is_needed(deployed: Deployed) -> None:
    """Successors are there before anybody goes, a bad version is taken back, and no zone is evened out."""
    for prefix in (AGENTS, RECOGNISERS):
        properties = service(deployed, prefix)

        assert properties["DeploymentConfiguration"]["MinimumHealthyPercent"] == 100
        assert properties["DeploymentConfiguration"]["MaximumPercent"] == 200
        assert properties["DeploymentConfiguration"]["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
        assert properties["AvailabilityZoneRebalancing"] == "DISABLED"
        assert "DesiredCount" not in properties, "a deployment would undo the scaling"


def test_a_worker_ends_after_its_longest_call(deployed: Deployed) -> None:
    """ECS waits for a worker longer than the worker for its calls, and hosts wait as long as ECS."""
    agent = containers(deployed, "AgentsTask")["agent"]
    longest = next(int(said["Value"]) for said in agent["Environment"] if said["Name"] == "LONGEST_CALL_SECONDS")

    assert agent["StopTimeout"] > longest + server.DRAIN_EXTRA + server.SESSION_END_WITHIN
    for found in resources(deployed, "AWS::EC2::LaunchTemplate").values():
        script = json.dumps(found["Properties"]["LaunchTemplateData"]["UserData"])
        assert f"ECS_CONTAINER_STOP_TIMEOUT={agent['StopTimeout']}s" in script


def test_a_draining_worker_is_counted(deployed: Deployed) -> None:
    """Containers end in the opposite order of their start: the collector after the worker."""
    assert containers(deployed, "AgentsTask")["agent"]["DependsOn"] == [
        {"ContainerName": "collector", "Condition": "START"}
    ]


def test_only_a_recogniser_that_hears_is_found(deployed: Deployed) -> None:
    """The spoken probe alone says whether a task is healthy, and the name knows only healthy ones."""
    parts = containers(deployed, "RivaTask")
    name = one(deployed, "AWS::ServiceDiscovery::Service", RECOGNISERS)[1]["Properties"]
    address = deployed.cloud.gpu_fleet.settings.riva_url

    assert {name for name, part in parts.items() if part["Essential"]} == {"riva", "probe"}
    assert parts["riva"]["HealthCheck"]["Command"] == ["CMD-SHELL", "exit 0"]
    assert f":{scrapes.PROBE.port}/health" in parts["probe"]["HealthCheck"]["Command"][-1]
    assert name["DnsConfig"]["DnsRecords"] == [{"TTL": 10, "Type": "A"}]
    assert name["DnsConfig"]["RoutingPolicy"] == "MULTIVALUE"
    assert name["HealthCheckCustomConfig"]
    assert address == f"{name['Name']}.{deployed.stage.name}.bellhop.internal:{GRPC_PORT}"
    assert address == deployed.cloud.gpu_fleet.riva_address


def test_ecs_knows_how_a_task_is(deployed: Deployed) -> None:
    """One essential container without a health check is UNKNOWN to ECS, and its task with it, whoever else is healthy.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
    """
    for task in ("RivaTask", "AgentsTask"):
        for name, part in containers(deployed, task).items():
            assert part["Essential"] == ("HealthCheck" in part), name


def test_a_first_start_is_given_the_time_it_needs(deployed: Deployed) -> None:
    """A recogniser that builds its engines is not ended as unhealthy."""
    assert service(deployed, RECOGNISERS)["HealthCheckGracePeriodSeconds"] > FIRST_START_MINUTES * 60


def test_riva_has_a_gpu_its_memory_and_its_models(deployed: Deployed) -> None:
    """One GPU, NVIDIA's key from its secret, the volume as a user of its own, opened by its role over TLS."""
    riva = containers(deployed, "RivaTask")["riva"]
    task = one(deployed, "AWS::ECS::TaskDefinition", "RivaTask")[1]["Properties"]
    (volume,) = task["Volumes"]
    access = one(deployed, "AWS::EFS::AccessPoint", "Models")[1]["Properties"]
    told = {said["Name"]: said["Value"] for said in riva["Environment"]}

    assert riva["ResourceRequirements"] == [{"Type": "GPU", "Value": "1"}]
    assert riva["LinuxParameters"]["SharedMemorySize"] == 8192
    (key,) = riva["Secrets"]
    mirror = one(deployed, "AWS::CloudFormation::CustomResource", "PreparationMirror")[0]
    assert key["Name"] == "NGC_API_KEY"
    # ECS takes a secret by its whole ARN only, which nobody knows before the operator has made it.
    assert key["ValueFrom"] == {"Fn::Join": ["", [{"Fn::GetAtt": [mirror, "NgcSecret"]}, ":password::"]]}
    assert told["NIM_TAGS_SELECTOR"] == MODELS[deployed.stage.riva_model].selector
    assert riva["MountPoints"] == [{"ContainerPath": CACHE_PATH, "ReadOnly": False, "SourceVolume": volume["Name"]}]
    files = volume["EFSVolumeConfiguration"]
    assert files["TransitEncryption"] == "ENABLED"
    assert files["AuthorizationConfig"]["IAM"] == "ENABLED"
    assert access["PosixUser"] == {"Uid": "1000", "Gid": "1000"}


def test_only_agents_reach_a_recogniser(deployed: Deployed) -> None:
    """Nobody else in the network, and nobody outside of it."""
    riva = {"Fn::GetAtt": [one(deployed, "AWS::EC2::SecurityGroup", "RivaSecurityGroup")[0], "GroupId"]}
    agents = {"Fn::GetAtt": [one(deployed, "AWS::EC2::SecurityGroup", "AgentsSecurityGroup")[0], "GroupId"]}
    rules = [found["Properties"] for found in resources(deployed, "AWS::EC2::SecurityGroupIngress").values()]

    assert {rule["FromPort"] for rule in rules if rule["GroupId"] == riva} == {GRPC_PORT, scrapes.PROXY.port}
    assert all(rule["SourceSecurityGroupId"] == agents for rule in rules if rule["GroupId"] == riva)
    assert not [rule for rule in rules if rule["GroupId"] == agents]
    assert not any(
        found["Properties"].get("SecurityGroupIngress")
        for found in resources(deployed, "AWS::EC2::SecurityGroup").values()
    )
    for prefix in (AGENTS, RECOGNISERS):
        assert service(deployed, prefix)["NetworkConfiguration"]["AwsvpcConfiguration"]["AssignPublicIp"] == "DISABLED"


def test_a_recogniser_leaves_the_network_by_https_alone(deployed: Deployed) -> None:
    """It fetches its model from NVIDIA's registry and asks AWS; nothing else of the world is open to it."""
    riva = one(deployed, "AWS::EC2::SecurityGroup", "RivaSecurityGroup")[1]["Properties"]

    assert [(rule["CidrIp"], rule["FromPort"], rule["ToPort"]) for rule in riva["SecurityGroupEgress"]] == [
        ("0.0.0.0/0", 443, 443)
    ]
    assert not resources(deployed, "AWS::EC2::SecurityGroupEgress")


def test_gpu_hosts_mount_the_models(deployed: Deployed) -> None:
    """On EC2 the host mounts a task's volume, by its own network interface; nobody else reaches the volume."""
    cache = {"Fn::GetAtt": [one(deployed, "AWS::EC2::SecurityGroup", "ModelsSecurityGroup")[0], "GroupId"]}
    hosts = {"Fn::GetAtt": [one(deployed, "AWS::EC2::SecurityGroup", "GpuHostsSecurityGroup")[0], "GroupId"]}
    rules = [found["Properties"] for found in resources(deployed, "AWS::EC2::SecurityGroupIngress").values()]

    assert [(rule["SourceSecurityGroupId"], rule["FromPort"]) for rule in rules if rule["GroupId"] == cache] == [
        (hosts, 2049)
    ]


def test_agents_may_call_their_routes_and_read_four_keys(deployed: Deployed) -> None:
    """An agent reads the keys of LiveKit, the model, the voices and the second recogniser, calls its own routes, and
    may nothing else.
    """
    said = statements(deployed, "AgentsTaskTaskRole")
    secrets = {
        str(resource).rpartition(f"bellhop/{deployed.stage.name}/")[2].partition("-")[0]
        for statement in said
        for resource in statement["Resource"]
        if any(action.startswith("secretsmanager:") for action in statement["Action"])
    }
    routes = [
        resource
        for statement in said
        for resource in statement["Resource"]
        if "execute-api:Invoke" in statement["Action"]
    ]
    services = {action.partition(":")[0] for statement in said for action in statement["Action"]}

    assert secrets <= {"livekit", "llm", "speech", "azure"}
    assert {"livekit", "llm"} <= secrets
    assert len(routes) == sum(endpoint.caller is Caller.AGENT for endpoint in ENDPOINTS)
    assert services == {"secretsmanager", "execute-api", "logs"}


def test_containers_write_nothing_but_what_they_must(deployed: Deployed) -> None:
    """A root that can be written has a reason; what is ours has no rights of the kernel's either."""
    for prefix in ("RivaTask", "AgentsTask"):
        for name, container in containers(deployed, prefix).items():
            assert container.get("ReadonlyRootFilesystem") or name in WRITES_ITS_ROOT, name
            assert not container.get("Privileged")
            if name in ("agent", "probe", "proxy"):
                assert container["LinuxParameters"]["Capabilities"]["Drop"] == ["ALL"]
                assert container["LinuxParameters"]["InitProcessEnabled"]


def test_nobody_waits_for_a_log_line(deployed: Deployed) -> None:
    """A container's lines go to an encrypted log group, and CloudWatch's slowness is not the guest's."""
    groups = resources(deployed, "AWS::Logs::LogGroup")

    assert all("KmsKeyId" in group["Properties"] for group in groups.values())
    for prefix in ("RivaTask", "AgentsTask"):
        for name, container in containers(deployed, prefix).items():
            logging = container["LogConfiguration"]
            assert logging["Options"]["awslogs-group"]["Ref"] in groups
            assert logging["Options"].get("mode") == "non-blocking" or name == "collector"


def test_there_are_enough_by_day_and_two_by_night(deployed: Deployed) -> None:
    """The plan's fleet stands in the morning; in the night two of each remain where the day has two."""
    plan = deployed.stage.fleet
    for prefix, by_day in ((AGENTS, plan.agent_tasks), (RECOGNISERS, plan.riva_tasks)):
        target = one(deployed, "AWS::ApplicationAutoScaling::ScalableTarget", prefix)[1]["Properties"]
        least = {
            action["ScheduledActionName"]: action["ScalableTargetAction"]["MinCapacity"]
            for action in target["ScheduledActions"]
        }

        assert least == {"Morning": by_day, "Evening": min(2, by_day)}
        assert target["MinCapacity"] == by_day, "a deployment at noon would let the fleet shrink to the night's"
        assert {action["Timezone"] for action in target["ScheduledActions"]} == {"Europe/Berlin"}


def test_agents_grow_with_their_calls(deployed: Deployed) -> None:
    """Half of what the workers can take is taken on average, by what they say themselves."""
    policy = one(deployed, "AWS::ApplicationAutoScaling::ScalingPolicy", AGENTS)[1]["Properties"]
    tracked = policy["TargetTrackingScalingPolicyConfiguration"]

    assert tracked["TargetValue"] == 0.5
    assert tracked["CustomizedMetricSpecification"]["MetricName"] == "bellhop_agent_load"
    assert tracked["CustomizedMetricSpecification"]["Statistic"] == "Average"


def test_recognisers_grow_with_the_calls(prod: Deployed) -> None:
    """For each number of calls there is one number of recognisers, and it rises before their streams are used up."""
    model = MODELS[prod.stage.riva_model]
    steps = sorted(recogniser_steps(prod))

    assert [count for _, count in steps] == list(range(1, prod.stage.most_gpu_hosts + 1))
    for (_, count), (begins, _) in itertools.pairwise(steps):
        assert 0 < begins < count * model.streams_per_gpu


def recogniser_steps(stage: Deployed) -> Iterator[tuple[float, int]]:
    """From how many calls on there are how many recognisers."""
    for found in resources(stage, "AWS::CloudWatch::Alarm").values():
        alarm = found["Properties"]
        for action in alarm["AlarmActions"]:
            policy = stage.templates["gpu_fleet"]["Resources"][action["Ref"]]["Properties"]
            stepwise = policy["StepScalingPolicyConfiguration"]
            assert stepwise["AdjustmentType"] == "ExactCapacity"
            for step in stepwise["StepAdjustments"]:
                begins = step.get("MetricIntervalLowerBound", -alarm["Threshold"])
                yield alarm["Threshold"] + begins, step["ScalingAdjustment"]
