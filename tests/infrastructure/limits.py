"""Limits of AWS that neither the CDK nor cfn-lint knows, as rows of a table.

A row says which resources it is about, what of each is measured, between what it has to be, and where AWS says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import found, text

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Limit:
    """`measure` gives the values of one resource that have to be at least `least` and at most `most`."""

    what: str
    kind: str
    measure: Callable[[Properties], Iterable[float]]
    most: float
    source: str
    least: float = 0
    unset: bool = False
    """No template sets it today, and AWS's own default is inside."""

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
