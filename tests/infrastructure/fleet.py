"""The fleet's template, as its tests look into it."""

from __future__ import annotations

from typing import Any

from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import listed


def resources(stage: Deployed, kind: str) -> dict[str, dict[str, Any]]:
    """The fleet's resources of a type, by logical id."""
    template = stage.templates["gpu_fleet"]
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def one(stage: Deployed, kind: str, prefix: str) -> tuple[str, dict[str, Any]]:
    """The only resource of a type whose logical id starts so."""
    ((name, found),) = ((name, found) for name, found in resources(stage, kind).items() if name.startswith(prefix))
    return name, found


def service(stage: Deployed, prefix: str) -> dict[str, Any]:
    properties: dict[str, Any] = one(stage, "AWS::ECS::Service", prefix)[1]["Properties"]
    return properties


def containers(stage: Deployed, prefix: str) -> dict[str, dict[str, Any]]:
    """The containers of a task by their names."""
    task = one(stage, "AWS::ECS::TaskDefinition", prefix)[1]["Properties"]
    return {container["Name"]: container for container in task["ContainerDefinitions"]}


def statements(stage: Deployed, policy: str) -> list[dict[str, Any]]:
    """What a role's own policy allows; its lists are always lists."""
    found = one(stage, "AWS::IAM::Policy", policy)[1]["Properties"]["PolicyDocument"]["Statement"]
    return [{**said, "Action": listed(said["Action"]), "Resource": listed(said["Resource"])} for said in found]


def reserved(stage: Deployed, prefix: str) -> tuple[int, int]:
    """CPU units and MiB that ECS keeps for a task."""
    parts = containers(stage, prefix).values()
    return (
        sum(part.get("Cpu", 0) for part in parts),
        sum(part.get("MemoryReservation", part.get("Memory", 0)) for part in parts),
    )
