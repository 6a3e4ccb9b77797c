"""A stage's code run as it would run there, and what CloudWatch would make of what it tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.infrastructure import templates
from tests.infrastructure.conftest import Deployed


@dataclass(frozen=True)
class Measured:
    """What makes a metric itself to CloudWatch."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Running:
    """A stage's code as it would run there: with the variables of its template, its output read back."""

    stage: Deployed
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def function(self, folder: str) -> dict[str, str]:
        """Set the variables by which a function's metrics are named, and return all that are plain text."""
        for function in self.stage.resources("AWS::Lambda::Function").values():
            variables = function["Properties"]["Environment"]["Variables"]
            if variables["POWERTOOLS_SERVICE_NAME"] == folder:
                plain = {name: value for name, value in variables.items() if isinstance(value, str)}
                for name, value in plain.items():
                    if name.startswith("POWERTOOLS_"):
                        self.monkeypatch.setenv(name, value)
                return plain
        raise AssertionError(f"the stage has no function {folder}")

    def written(self) -> set[Measured]:
        """The metrics of the embedded metric format that were written to standard output."""
        return set(_embedded(self.capsys.readouterr().out))

    def container(self, name: str) -> dict[str, Any]:
        """A container of the one task definition that has it."""
        (found,) = (task[name] for task in self._tasks() if name in task)
        return found

    def scraped(self, beside: str, job: str, text: str) -> set[Measured]:
        """What the collector of a container's task makes of this answer to a scrape of that job."""
        (task,) = (task for task in self._tasks() if beside in task)
        return set(_collected(task["collector"], job, text))

    def port(self, beside: str, job: str) -> int:
        """Where the collector of a container's task asks for that job."""
        (task,) = (task for task in self._tasks() if beside in task)
        (target,) = _job(task["collector"], job)["static_configs"][0]["targets"]
        return int(target.removeprefix("localhost:"))

    def _tasks(self) -> Iterator[dict[str, dict[str, Any]]]:
        for definition in self.stage.resources("AWS::ECS::TaskDefinition").values():
            yield {container["Name"]: container for container in definition["Properties"]["ContainerDefinitions"]}


def _embedded(output: str) -> Iterator[Measured]:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html"""
    for line in output.splitlines():
        told = json.loads(line)
        for directive in told.get("_aws", {}).get("CloudWatchMetrics", ()):
            for metric in directive["Metrics"]:
                assert metric["Name"] in told
                for names in directive["Dimensions"]:
                    dimensions = frozenset((name, told[name]) for name in names)
                    yield Measured(directive["Namespace"], metric["Name"], dimensions)


def _variable(container: Mapping[str, Any], name: str) -> Any:
    (value,) = (entry["Value"] for entry in container["Environment"] if entry["Name"] == name)
    return json.loads(templates.text(value))


def _job(collector: Mapping[str, Any], job: str) -> dict[str, Any]:
    jobs: list[dict[str, Any]] = _variable(collector, "PROMETHEUS_CONFIG_CONTENT")["scrape_configs"]
    return next(one for one in jobs if one["job_name"] == job)


def _collected(collector: Mapping[str, Any], job: str, text: str) -> Iterator[Measured]:
    """The agent's own rules: what is kept of a scrape, and which declarations fit its labels and names
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights-Prometheus-Setup-configure-ECS.html).
    """
    asked = _job(collector, job)
    (keep,) = asked["metric_relabel_configs"]
    (target,) = asked["static_configs"]
    processor = _variable(collector, "CW_CONFIG_CONTENT")["logs"]["metrics_collected"]["prometheus"]["emf_processor"]
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {**sample.labels, **target["labels"]}
            for rule in processor["metric_declaration"]:
                fits = re.search(rule["label_matcher"], ";".join(labels[label] for label in rule["source_labels"]))
                named = any(re.search(selector, sample.name) for selector in rule["metric_selectors"])
                if re.fullmatch(keep["regex"], sample.name) and fits and named:
                    for names in rule["dimensions"]:
                        dimensions = frozenset((name, labels[name]) for name in names)
                        yield Measured(processor["metric_namespace"], sample.name, dimensions)
