"""Limits of AWS that neither the CDK nor cfn-lint knows, as rows of a table.

A row says which resources it is about, what of each is measured, between what it has to be, and where AWS says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.infrastructure.conftest import Deployed

Properties = Mapping[str, Any]
LONG_REFERENCE: Final = "x" * 120
"""Stands for what a reference will be: no ARN, name or address of ours is longer."""


@dataclass(frozen=True)
class Limit:
    """`measure` gives the values of one resource that have to be at least `least` and at most `most`."""

    what: str
    kind: str
    measure: Callable[[Properties], Iterable[float]]
    most: float
    source: str
    least: float = 0

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"

    def measured(self, deployed: Deployed) -> Iterator[tuple[str, float]]:
        """Every measured value with `<stack>/<logical id>` of its resource."""
        for name, resource in deployed.resources(self.kind).items():
            for value in self.measure(resource.get("Properties", {})):
                yield name, value

    def broken(self, deployed: Deployed) -> list[str]:
        """A line for each value that is outside."""
        return [
            f"{name}: {self.what} is {value:g}, not {self.least:g} to {self.most:g} ({self.source})"
            for name, value in self.measured(deployed)
            if not self.least <= value <= self.most
        ]


def each(*path: str) -> Callable[[Properties], list[float]]:
    """Measures the numbers at a path; `*` goes into every item of a list, and what is absent is not measured."""
    return lambda properties: [float(value) for value in found(properties, *path)]


def count(*path: str) -> Callable[[Properties], list[float]]:
    """Measures how many items the lists and mappings at a path have."""
    return lambda properties: [len(value) for value in found(properties, *path)]


def length(*path: str) -> Callable[[Properties], list[float]]:
    """Measures how many characters the texts at a path have, with references filled in."""
    return lambda properties: [len(text(value)) for value in found(properties, *path)]


def found(value: Any, *path: str) -> list[Any]:
    """What lies at a path of keys, of which `*` stands for every item of a list."""
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
