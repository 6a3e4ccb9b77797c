"""Brings what a task's containers tell Prometheus into CloudWatch: a CloudWatch agent beside them, which scrapes them
on the task's own localhost once a minute and writes what was asked for as embedded metrics into the task's log group.

The whole configuration is in the container's environment, as the agent's image reads it
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContainerInsights-Prometheus-Setup-configure-ECS.html).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from aws_cdk import Duration, Stack, aws_cloudwatch, aws_ecs, aws_logs

from cdk.stages import Stage
from cdk.units.metrics import namespace

IMAGE: Final = "public.ecr.aws/cloudwatch-agent/cloudwatch-agent:1.300066.1b1374"
NAME: Final = "collector"
PART: Final = "part"
"""The dimension that says which part of the system was scraped: a scrape's job, under a label of our own, because the
agent's newer releases rename Prometheus' own label `job`."""
CPU: Final = 64
"""Of a task's share of its host, in units of 1/1024 vCPU."""
MEMORY_MIB: Final = 384
SCRAPE_EVERY: Final = 60
"""Seconds."""


@dataclass(frozen=True)
class Scrape:
    """A Prometheus endpoint of the task and what of it becomes metrics.

    `job` names it in the dimension `part`; `dimensions` are labels of the metrics themselves that become further ones,
    so none may hold anything personal or take many values.
    """

    job: str
    port: int
    path: str = "/metrics"
    metrics: tuple[str, ...] = ()
    dimensions: tuple[str, ...] = ()

    def metric(self, name: str, *, stage: Stage, statistic: str, **labels: str) -> aws_cloudwatch.Metric:
        """One of its metrics as it arrives in CloudWatch; `labels` are the values of `dimensions`."""
        if name not in self.metrics or set(labels) != set(self.dimensions):
            raise ValueError(f"{self.job} is not scraped for {name} by {sorted(labels)}")
        return aws_cloudwatch.Metric(
            namespace=namespace(stage),
            metric_name=name,
            dimensions_map={PART: self.job, **labels},
            statistic=statistic,
            period=Duration.seconds(SCRAPE_EVERY),
        )


def add_collector(
    task: aws_ecs.TaskDefinition, *, stage: Stage, scrapes: Sequence[Scrape], logs: aws_logs.ILogGroup
) -> aws_ecs.ContainerDefinition:
    """Add the agent to a task; what it says itself and what it measures go to `logs`.

    A call does not end because its metrics do: the container is not essential, and is started again when it stops.
    """
    container = task.add_container(
        NAME,
        image=aws_ecs.ContainerImage.from_registry(IMAGE),
        essential=False,
        enable_restart_policy=True,
        cpu=CPU,
        memory_reservation_mib=128,
        memory_limit_mib=MEMORY_MIB,
        environment={
            "CW_CONFIG_CONTENT": json.dumps(_agent(stage, Stack.of(task).region, scrapes, logs.log_group_name)),
            "PROMETHEUS_CONFIG_CONTENT": json.dumps(_prometheus(scrapes)),
        },
        logging=aws_ecs.LogDrivers.aws_logs(stream_prefix=NAME, log_group=logs),
    )
    logs.grant(task.task_role, "logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams")
    return container


def _agent(stage: Stage, region: str, scrapes: Sequence[Scrape], log_group: str) -> dict[str, Any]:
    return {
        "agent": {"region": region, "omit_hostname": True},
        "logs": {
            "metrics_collected": {
                "prometheus": {
                    "cluster_name": stage.full_name,
                    "log_group_name": log_group,
                    "prometheus_config_path": "env:PROMETHEUS_CONFIG_CONTENT",
                    "emf_processor": {
                        "metric_namespace": namespace(stage),
                        "metric_declaration": [
                            {
                                "source_labels": [PART],
                                "label_matcher": f"^{scrape.job}$",
                                "dimensions": [[PART, *scrape.dimensions]],
                                "metric_selectors": [f"^{name}$" for name in scrape.metrics],
                            }
                            for scrape in scrapes
                        ],
                    },
                }
            },
            "force_flush_interval": 15,
        },
    }


def _prometheus(scrapes: Sequence[Scrape]) -> dict[str, Any]:
    """The scrapes as Prometheus' own configuration; JSON is YAML."""
    return {
        "global": {"scrape_interval": f"{SCRAPE_EVERY}s", "scrape_timeout": "10s"},
        "scrape_configs": [
            {
                "job_name": scrape.job,
                "metrics_path": scrape.path,
                "static_configs": [{"targets": [f"localhost:{scrape.port}"], "labels": {PART: scrape.job}}],
                "metric_relabel_configs": [
                    {"source_labels": ["__name__"], "regex": "|".join(scrape.metrics), "action": "keep"}
                ],
            }
            for scrape in scrapes
        ],
    }
