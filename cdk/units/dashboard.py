"""One page for whoever looks after a stage: calls, waits, speech, fleet, functions, from top to bottom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, Stack, aws_apigateway, aws_cloudwatch, aws_ecs
from aws_cdk.aws_cloudwatch import AlarmStatusWidget, GraphWidget, IAlarm, IMetric, IWidget, TextWidget
from constructs import Construct

from cdk.stages import Stage
from cdk.units import scrapes
from cdk.units.conditions import GPU_MEMORY_PERCENT, MINUTE, SLOW_TURN_MS, gpu_memory
from cdk.units.function import PythonFunction
from cdk.units.metrics import told_by

WHOLE: Final = 24
"""Columns of a dashboard (https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html)."""


class Dashboard(Construct):
    """Graphs of the stage's metrics. Nothing on it is about a single call, so whoever may see metrics may see it."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        alarms: Sequence[IAlarm],
        api: aws_apigateway.RestApi,
        functions: Mapping[str, PythonFunction],
        services: Mapping[str, aws_ecs.Ec2Service],
    ) -> None:
        super().__init__(scope, id)
        dashboard = aws_cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(6))
        dashboard.add_widgets(AlarmStatusWidget(title="Alarms", alarms=alarms, width=WHOLE, height=4))
        for title, graphs in (
            ("Calls", _calls(stage)),
            ("Bookings", _bookings(stage)),
            ("Waits", _waits(stage)),
            ("Speech", _speech(stage)),
            ("Fleet", _fleet(stage, services)),
            ("Functions", _functions(api, functions)),
        ):
            dashboard.add_widgets(TextWidget(markdown=f"## {title}", width=WHOLE, height=1))
            dashboard.add_widgets(*graphs)
        region = Stack.of(self).region
        self.url: str = (
            f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
            f"#dashboards:name={dashboard.dashboard_name}"
        )


def _graph(title: str, *metrics: IMetric, of: int, unit: str, line: float | None = None) -> IWidget:
    """One of `of` graphs beside each other; `line` is where its alarm is due."""
    return GraphWidget(
        title=title,
        left=list(metrics),
        left_y_axis=aws_cloudwatch.YAxisProps(label=unit, show_units=False, min=0),
        left_annotations=[aws_cloudwatch.HorizontalAnnotation(value=line)] if line is not None else None,
        width=WHOLE // of,
        height=6,
    )


def _calls(stage: Stage) -> list[IWidget]:
    odd = ("GuestWithoutAgent", "UnknownHotel", "WebhooksDropped", "WebhookUnreadable", "RoomIsNoCall")
    return [
        _graph(
            "Calls in progress",
            scrapes.AGENT.metric("bellhop_agent_calls", stage=stage, statistic="Sum").with_(label="Calls"),
            of=2,
            unit="Calls",
        ),
        _graph(
            "Odd ones",
            *(told_by("livekit_webhook", name, stage=stage, statistic="Sum").with_(label=name) for name in odd),
            told_by("calls", "CallFailed", stage=stage, statistic="Sum").with_(label="CallFailed"),
            of=2,
            unit="Events",
        ),
    ]


def _bookings(stage: Stage) -> list[IWidget]:
    return [
        _graph(
            "Bookings, changes and cancellations of which it is not known whether they were made",
            told_by("wish_settler", "WishesInDoubt", stage=stage, statistic="Maximum").with_(label="In doubt"),
            of=2,
            unit="Wishes",
            line=1,
        ),
        _graph(
            "Those that were found out later",
            told_by("wish_settler", "WishesSettled", stage=stage, statistic="Sum").with_(label="Settled"),
            of=2,
            unit="Wishes",
        ),
    ]


def _waits(stage: Stage) -> list[IWidget]:
    return [
        _graph(
            "From a guest's last word to the answer's first",
            *(
                told_by("calls", "TurnLatency", stage=stage, statistic=of).with_(label=of)
                for of in ("p50", "p95", "p99")
            ),
            of=2,
            unit="ms",
            line=SLOW_TURN_MS,
        ),
        _graph(
            "Answers given",
            told_by("calls", "TurnLatency", stage=stage, statistic="SampleCount").with_(label="Answers"),
            of=2,
            unit="Answers",
        ),
    ]


def _speech(stage: Stage) -> list[IWidget]:
    return [
        _graph(
            "Recognisers that understand a known sentence",
            scrapes.PROBE.metric("bellhop_riva_ready", stage=stage, statistic="Sum").with_(label="Understand"),
            scrapes.PROBE.metric("bellhop_riva_ready", stage=stage, statistic="SampleCount").with_(label="Are asked"),
            of=4,
            unit="Recognisers",
        ),
        _graph(
            "How long that sentence takes",
            scrapes.PROBE.metric("bellhop_riva_probe_seconds", stage=stage, statistic="Maximum").with_(label="Slowest"),
            of=4,
            unit="s",
        ),
        _graph(
            "GPUs",
            gpu_memory(stage),
            scrapes.GPU.metric("DCGM_FI_DEV_GPU_UTIL", stage=stage, statistic="Maximum").with_(
                label="Use of the busiest"
            ),
            of=4,
            unit="%",
            line=GPU_MEMORY_PERCENT,
        ),
        _graph(
            "Recordings that others have recognised",
            scrapes.PROXY.metric("bellhop_asr_streams", stage=stage, statistic="Maximum").with_(label="At once"),
            scrapes.PROXY.metric("bellhop_asr_requests_total", stage=stage, statistic="Sum").with_(label="Requests"),
            of=4,
            unit="Recordings",
        ),
    ]


def _fleet(stage: Stage, services: Mapping[str, aws_ecs.Ec2Service]) -> list[IWidget]:
    loads = [scrapes.AGENT.metric("bellhop_agent_load", stage=stage, statistic=of) for of in ("Average", "Maximum")]
    return [
        _graph("Share of the calls that agents may have", *loads, of=3, unit="Share"),
        _graph(
            "Memory",
            *(service.metric_memory_utilization(period=MINUTE, label=name) for name, service in services.items()),
            of=3,
            unit="%",
        ),
        _graph(
            "Processors",
            *(service.metric_cpu_utilization(period=MINUTE, label=name) for name, service in services.items()),
            of=3,
            unit="%",
        ),
    ]


def _functions(api: aws_apigateway.RestApi, functions: Mapping[str, PythonFunction]) -> list[IWidget]:
    live = api.deployment_stage
    return [
        _graph(
            "API",
            live.metric_count(label="Requests", statistic="Sum"),
            live.metric_client_error(label="4xx", statistic="Sum"),
            live.metric_server_error(label="5xx", statistic="Sum"),
            of=3,
            unit="Requests",
        ),
        _graph(
            "How long a function takes, p95",
            *(one.function.metric_duration(label=folder, statistic="p95") for folder, one in functions.items()),
            of=3,
            unit="ms",
        ),
        _graph(
            "Ended without an answer, or not started",
            *(one.function.metric_errors(label=f"{folder} failed") for folder, one in functions.items()),
            *(one.function.metric_throttles(label=f"{folder} throttled") for folder, one in functions.items()),
            of=3,
            unit="Events",
        ),
    ]
