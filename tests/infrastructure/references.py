"""To which resource of a stage's stacks a value of a template refers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.infrastructure.conftest import Deployed


@dataclass(frozen=True)
class Found:
    """A resource, the stack it is in, by its short name, and its type."""

    stack: str
    logical_id: str
    type: str


def find(stage: Deployed, stack: str, value: Any) -> Found:
    """The resource that a value of that stack means; fails when it means none."""
    match value:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), _]} if name in stage.templates[stack]["Resources"]:
            return Found(stack, name, stage.templates[stack]["Resources"][name]["Type"])
        case {"Fn::ImportValue": str(exported)}:
            return find(stage, *exporter(stage, exported))
    raise AssertionError(f"{stack}: {json.dumps(value)} refers to no resource of the stage")


def exporter(stage: Deployed, exported: str) -> tuple[str, Any]:
    """The stack that exports a value under that name, by its short name, and the value; fails when none does."""
    for stack, template in stage.templates.items():
        for output in template.get("Outputs", {}).values():
            if output.get("Export", {}).get("Name") == exported:
                return stack, output["Value"]
    raise AssertionError(f"no stack of the stage exports {exported}")
