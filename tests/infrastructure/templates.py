"""What tests look up in a template: resources of a type, a function by its folder, values at a path, texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.infrastructure.conftest import Deployed

Template = Mapping[str, Any]
LONG_REFERENCE: Final = "x" * 120
"""Stands for what a reference will be: no ARN, name or address of ours is longer."""


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def the_one(template: Template, kind: str) -> dict[str, Any]:
    """The properties of the only resource of a type."""
    (properties,) = of_type(template, kind).values()
    return properties


def function_of(template: Template, folder: str) -> dict[str, Any]:
    """The properties of the function whose code is `lambdas/<folder>`."""
    (properties,) = (
        properties
        for properties in of_type(template, "AWS::Lambda::Function").values()
        if properties["Handler"] == f"lambdas.{folder}.handler.lambda_handler"
    )
    return properties


def widgets(deployed: Deployed) -> list[dict[str, Any]]:
    """What is on the stage's dashboard."""
    (dashboard,) = deployed.resources("AWS::CloudWatch::Dashboard").values()
    shown: list[dict[str, Any]] = json.loads(text(dashboard["Properties"]["DashboardBody"]))["widgets"]
    return shown


def listed(value: Any) -> list[Any]:
    """What a policy writes as one value or a list of them."""
    return value if isinstance(value, list) else [value]


def found(value: Any, *path: str) -> list[Any]:
    """What lies at a path of keys, of which `*` stands for every item of a list; what is absent is not found."""
    if not path:
        return [] if value is None else [value]
    head, *rest = path
    if head == "*":
        return [one for item in value or [] for one in found(item, *rest)]
    return found(value.get(head), *rest) if isinstance(value, Mapping) else []


def text(value: Any) -> str:
    """A value as CloudFormation hands it on: references become something long, objects become JSON without blanks."""
    match value:
        case str():
            return value
        case {"Fn::Join": [str(between), list(parts)]}:
            return between.join(text(part) for part in parts)
        case {"Fn::Base64": inner}:
            return text(inner)
        case {**one} if len(one) == 1 and str(next(iter(one))).startswith(("Fn::", "Ref")):
            return LONG_REFERENCE
        case {**members}:
            return "{" + ",".join(f"{json.dumps(name)}:{_quoted(member)}" for name, member in members.items()) + "}"
        case list():
            return "[" + ",".join(_quoted(item) for item in value) + "]"
    return json.dumps(value)


def _quoted(value: Any) -> str:
    written = text(value)
    is_object = isinstance(value, list | Mapping) and written[:1] in "{["
    return json.dumps(written) if not is_object and not isinstance(value, int | float) else written
