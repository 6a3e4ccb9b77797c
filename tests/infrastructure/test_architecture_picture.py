"""The README's picture of the cloud shows the stacks as they are."""

from __future__ import annotations

import re

import pytest

from tests.infrastructure.conftest import ROOT, Deployed

pytestmark = pytest.mark.infrastructure

PICTURE = re.search(r"```mermaid\n(flowchart .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def drawn() -> tuple[dict[str, set[str]], set[tuple[str, str]]]:
    """The names inside each box, and the arrows between boxes."""
    assert PICTURE, "README.md has no flowchart"
    boxes: dict[str, set[str]] = {}
    for box, inside in re.findall(r"subgraph (\w+)\n(.*?)\n\s*end\n", PICTURE[1], re.DOTALL):
        boxes[box] = set(re.findall(r"^\s*(\w+)", inside, re.MULTILINE))
    arrows = {
        (source, target)
        for source, targets in re.findall(r"^\s*(\w+) --> (.+)$", PICTURE[1], re.MULTILINE)
        for target in re.split(r"\s*&\s*", targets.strip())
    }
    return boxes, arrows


def functions(deployed: Deployed, stack: str) -> set[str]:
    """The folders of the stack's functions."""
    handlers = (
        resource["Properties"]["Handler"].split(".")
        for name, resource in deployed.resources("AWS::Lambda::Function").items()
        if name.startswith(f"{stack}/")
    )
    return {folder for _, folder, *_ in handlers}


def services(deployed: Deployed, stack: str) -> set[str]:
    """The containers that a stack's ECS services exist for: the first of each task."""
    tasks = deployed.templates[stack]["Resources"]
    wanted = (
        resource["Properties"]["TaskDefinition"]["Ref"]
        for resource in tasks.values()
        if resource["Type"] == "AWS::ECS::Service"
    )
    return {tasks[task]["Properties"]["ContainerDefinitions"][0]["Name"] for task in wanted}


def test_every_stack_is_a_box_and_every_program_is_in_its_own(prod: Deployed) -> None:
    """Who looks for a function or a service in the picture finds it in the stack that deploys it."""
    boxes, _ = drawn()

    assert set(boxes) == set(prod.templates)
    for stack, inside in boxes.items():
        programs = functions(prod, stack) | services(prod, stack)
        shown = {name for box in boxes.values() for name in box} & programs
        assert programs == shown & inside, stack


def test_the_arrows_are_the_order_of_deployment(prod: Deployed) -> None:
    """An arrow in the picture is what one stack takes from another, and none is missing."""
    _, arrows = drawn()

    by_name = {getattr(prod.cloud, part).stack_name: part for part in prod.templates}
    taken = {
        (by_name[needed.stack_name], part)
        for part in prod.templates
        for needed in getattr(prod.cloud, part).dependencies
    }

    assert arrows == taken
