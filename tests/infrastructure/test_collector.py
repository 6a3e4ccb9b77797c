"""What the containers of a task tell Prometheus becomes metrics of the stage."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from aws_cdk import App, Stack, aws_ecs, aws_logs
from aws_cdk.assertions import Template

from cdk.stages import Stage
from cdk.units.collector import IMAGE, NAME, Scrape, add_collector
from tests.infrastructure.conftest import FILLED_IN, Deployed
from tests.infrastructure.templates import LONG_REFERENCE, text

pytestmark = pytest.mark.infrastructure

STANDARD_PARAMETER: Final = 4096
"""Bytes of a standard parameter, into which the guides put such a configuration
(https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html)."""
TASK_DEFINITION: Final = 64 * 1024
"""Bytes of a whole task definition
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html)."""


@pytest.fixture(scope="module")
def collector() -> dict[str, Any]:
    """The collector's container in a task of its own that is scraped in two ways."""
    stack = Stack(App(), "Fleet")
    stage = Stage.of("dev", FILLED_IN)
    task = aws_ecs.Ec2TaskDefinition(stack, "Task", network_mode=aws_ecs.NetworkMode.AWS_VPC)
    scrapes = [
        Scrape(job="agent", port=8082, metrics=("calls", "load")),
        Scrape(job="proxy", port=8000, path="/told", metrics=("asked",), dimensions=("language",)),
    ]
    add_collector(task, stage=stage, scrapes=scrapes, logs=aws_logs.LogGroup(stack, "Logs"))
    (definition,) = Template.from_stack(stack).find_resources("AWS::ECS::TaskDefinition").values()
    (container,) = definition["Properties"]["ContainerDefinitions"]
    found: dict[str, Any] = container
    return found


def configuration(container: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A variable of the container that is JSON, with LONG_REFERENCE for what CloudFormation fills in."""
    (value,) = (entry["Value"] for entry in container["Environment"] if entry["Name"] == name)
    written = text(value)
    assert len(written) <= STANDARD_PARAMETER
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_collector_asks_each_part_of_its_task(collector: dict[str, Any]) -> None:
    """Prometheus has a job for each scrape, on the task's own loopback, and keeps only what is wanted."""
    asked = configuration(collector, "PROMETHEUS_CONFIG_CONTENT")

    assert asked["global"] == {"scrape_interval": "60s", "scrape_timeout": "10s"}
    agent, proxy = asked["scrape_configs"]
    assert agent["static_configs"] == [{"targets": ["localhost:8082"], "labels": {"part": "agent"}}]
    assert agent["metric_relabel_configs"] == [{"source_labels": ["__name__"], "regex": "calls|load", "action": "keep"}]
    assert (proxy["job_name"], proxy["metrics_path"]) == ("proxy", "/told")


def test_a_collector_writes_what_it_was_told_to_the_stages_metrics(collector: dict[str, Any]) -> None:
    """The agent's configuration names the stage's namespace, the task's log group and each metric's dimensions."""
    agent = configuration(collector, "CW_CONFIG_CONTENT")["logs"]["metrics_collected"]["prometheus"]

    assert agent["prometheus_config_path"] == "env:PROMETHEUS_CONFIG_CONTENT"
    assert agent["log_group_name"] == LONG_REFERENCE
    assert agent["cluster_name"] == "bellhop-dev"
    assert agent["emf_processor"] == {
        "metric_namespace": "Bellhop/dev",
        "metric_declaration": [
            {
                "source_labels": ["part"],
                "label_matcher": "^agent$",
                "dimensions": [["part"]],
                "metric_selectors": ["^calls$", "^load$"],
            },
            {
                "source_labels": ["part"],
                "label_matcher": "^proxy$",
                "dimensions": [["part", "language"]],
                "metric_selectors": ["^asked$"],
            },
        ],
    }


def test_a_call_outlives_its_collector(collector: dict[str, Any]) -> None:
    """The collector is no part that a task cannot be without, and is started again when it stops."""
    assert collector["Essential"] is False
    assert collector["RestartPolicy"] == {"Enabled": True}


def test_a_collector_is_one_version() -> None:
    """Nobody publishes another collector into a running fleet."""
    assert re.fullmatch(r"public\.ecr\.aws/cloudwatch-agent/cloudwatch-agent:1\.\d{6}\.\d+b\d+", IMAGE)


def test_a_metric_is_only_named_if_it_is_scraped() -> None:
    """An alarm on a metric that nobody collects cannot be written."""
    stage = Stage.of("dev", FILLED_IN)
    scrape = Scrape(job="agent", port=8082, metrics=("calls",))

    with pytest.raises(ValueError, match="agent is not scraped for load"):
        scrape.metric("load", stage=stage, statistic="Sum")
    with pytest.raises(ValueError, match="by \\['language'\\]"):
        scrape.metric("calls", stage=stage, statistic="Sum", language="de")
    assert replace(scrape, dimensions=("language",)).metric("calls", stage=stage, statistic="Sum", language="de")


def test_task_definitions_are_as_small_as_ecs_wants_them(deployed: Deployed) -> None:
    """With all its collectors' configuration a task definition stays below AWS's limit."""
    definitions = deployed.resources("AWS::ECS::TaskDefinition")

    assert sum(NAME in json.dumps(definition) for definition in definitions.values()) == 2
    for name, definition in definitions.items():
        assert len(json.dumps(definition["Properties"])) < TASK_DEFINITION, name
