"""Where the fleet runs: which zones, who comes in, what goes out and which way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from cdk.units.private_endpoints import CALLED
from cdk.units.zoned_vpc import ADDRESSES
from tests.infrastructure.conftest import Deployed

pytestmark = pytest.mark.infrastructure

GATEWAYS = {"s3", "dynamodb"}
ACTIONS = {"ecr.api": "ecr", "ecr.dkr": "ecr", "ecs-agent": "ecs", "ecs-telemetry": "ecs"}
"""The prefix of a service's actions in a policy, where it is not the endpoint's name."""
WITHOUT_A_DOOR = {"elasticfilesystem": "a volume is mounted inside the network", "execute-api": "our API is public"}


def endpoints(deployed: Deployed) -> dict[str, dict[str, Any]]:
    """The properties of each VPC endpoint by its service's name."""
    found = (resource["Properties"] for resource in deployed.resources("AWS::EC2::VPCEndpoint").values())
    return {service(json.dumps(one["ServiceName"]).rstrip('"]}')): one for one in found}


def service(written: str) -> str:
    """`ecr.api` of `com.amazonaws.eu-central-1.ecr.api`, whether or not the region is a reference."""
    return next((name for name in (*CALLED, *GATEWAYS) if written.endswith(f".{name}")), written)


def called_from_inside(deployed: Deployed) -> set[str]:
    """The services of which the fleet's hosts and tasks, which are in the network, may call something."""
    resources = deployed.templates["gpu_fleet"]["Resources"]

    def inside(role: Mapping[str, Any]) -> bool:
        (trusted,) = resources[role["Ref"]]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        return trusted["Principal"]["Service"] in {"ec2.amazonaws.com", "ecs-tasks.amazonaws.com"}

    policies = (one["Properties"] for one in resources.values() if one["Type"] == "AWS::IAM::Policy")
    statements = (
        statement
        for policy in policies
        if any(inside(role) for role in policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    )
    named = (statement["Action"] for statement in statements)
    return {action.partition(":")[0] for some in named for action in (some if isinstance(some, list) else [some])}


def test_subnets_are_where_the_hosts_are_offered(deployed: Deployed) -> None:
    """Each zone that offers the GPU hosts has a public and a private subnet, found by the zone's id in any account."""
    subnets = [resource["Properties"] for resource in deployed.resources("AWS::EC2::Subnet").values()]

    assert not [subnet for subnet in subnets if "AvailabilityZone" in subnet]
    assert sorted(subnet["AvailabilityZoneId"] for subnet in subnets) == sorted(deployed.stage.gpu_zones * 2)
    assert not any(subnet["MapPublicIpOnLaunch"] for subnet in subnets)


def test_nothing_is_looked_up_in_the_account(deployed: Deployed) -> None:
    """Synthesis asks no account for anything, so it gives the same everywhere."""
    manifest = json.loads((deployed.assembly / "manifest.json").read_text())

    assert "missing" not in manifest


def test_prod_outlives_a_zone_and_dev_is_cheap(dev: Deployed, prod: Deployed) -> None:
    """Prod has a way out and doors to AWS in each of its zones, dev in one."""
    ways_out = {one.stage.name: len(one.resources("AWS::EC2::NatGateway")) for one in (dev, prod)}
    doors = {
        one.stage.name: {len(door["SubnetIds"]) for door in endpoints(one).values() if "SubnetIds" in door}
        for one in (dev, prod)
    }

    assert ways_out == {"dev": 1, "prod": 2}
    assert doors == {"dev": {1}, "prod": {2}}


def test_what_the_fleet_calls_stays_inside(prod: Deployed) -> None:
    """Each service that hosts and tasks may call has an endpoint, and none has one without a caller."""
    doors = endpoints(prod)

    assert set(doors) == {*CALLED, *GATEWAYS}
    assert all(doors[name]["PrivateDnsEnabled"] for name in CALLED)
    assert {ACTIONS.get(name, name) for name in CALLED} | set(WITHOUT_A_DOOR) == called_from_inside(prod)


def test_doors_open_to_the_network_alone(prod: Deployed) -> None:
    """An endpoint answers on 443 to addresses of the network and starts no connection."""
    (group,) = (
        resource["Properties"]
        for name, resource in prod.resources("AWS::EC2::SecurityGroup").items()
        if name.startswith("network/")
    )

    (rule,) = group["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) == (ADDRESSES, 443, 443, "tcp")
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]


def group_lists(value: Any) -> Iterator[Any]:
    """Every list of security groups anywhere in a resource's properties."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key in {"SecurityGroups", "SecurityGroupIds", "Groups"}:
                yield part
            else:
                yield from group_lists(part)
    elif isinstance(value, list):
        for part in value:
            yield from group_lists(part)


INTERFACES = {
    "AWS::EC2::LaunchTemplate",
    "AWS::ECS::Service",
    "AWS::EFS::MountTarget",
    "AWS::EC2::VPCEndpoint",
}
"""What puts network interfaces into subnets, and would take the default group if it named none."""


def test_nothing_is_in_the_default_security_group(prod: Deployed) -> None:
    """Whatever has an interface in the network names a group made for it, so the default group admits nobody."""
    ungrouped = [
        name
        for kind in sorted(INTERFACES)
        for name, resource in prod.resources(kind).items()
        if resource["Properties"].get("VpcEndpointType") != "Gateway" and not any(group_lists(resource["Properties"]))
    ]
    in_the_network = [
        name
        for kind in ("AWS::Lambda::Function", "AWS::CodeBuild::Project")
        for name, resource in prod.resources(kind).items()
        if "VpcConfig" in resource["Properties"]
    ]

    assert ungrouped == []
    assert in_the_network == []


def test_flows_are_logged(deployed: Deployed) -> None:
    """Accepted and refused traffic is logged, encrypted with a key that only this account's log groups may use."""
    resources = deployed.templates["network"]["Resources"]

    (flow,) = deployed.resources("AWS::EC2::FlowLog").values()
    logs = resources[flow["Properties"]["LogGroupName"]["Ref"]]
    key = resources[logs["Properties"]["KmsKeyId"]["Fn::GetAtt"][0]]
    assert flow["Properties"]["TrafficType"] == "ALL"
    assert logs["Properties"]["RetentionInDays"] == deployed.stage.log_days
    (statement,) = (one for one in key["Properties"]["KeyPolicy"]["Statement"] if "Service" in one["Principal"])
    assert statement["Condition"]["ArnLike"].keys() == {"kms:EncryptionContext:aws:logs:arn"}
