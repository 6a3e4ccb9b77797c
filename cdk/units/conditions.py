"""When an alarm is due by what we measure ourselves: for guests, for secrets, for the fleet that answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from aws_cdk import Duration, aws_cloudwatch, aws_ecs

from cdk.stages import Stage
from cdk.units import scrapes
from cdk.units.alarms import Condition
from cdk.units.function import PythonFunction
from cdk.units.metrics import told_by

SLOW_TURN_MS: Final = 2500
"""How long one guest in twenty may wait for an answer; whoever waits longer asks "hello?"."""
OLD_SECRET_DAYS: Final = 90
GPU_MEMORY_PERCENT: Final = 92
"""A recogniser allocates its memory when it starts; what grows beyond that ends it."""
FULL: Final = 0.9
"""The share of their calls at which agents have hardly room for another."""
MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)


def of_guests(stage: Stage, functions: Mapping[str, PythonFunction]) -> Mapping[str, Condition]:
    """What a guest notices, as our functions tell it."""

    def webhook(metric: str) -> aws_cloudwatch.Metric:
        return told_by("livekit_webhook", metric, stage=stage, statistic="Sum", over=MINUTE)

    return {
        "GuestWithoutAgent": Condition(
            webhook("GuestWithoutAgent"), 1, "A guest's call ended without an agent: the phone rang until it stopped."
        ),
        "UnknownHotel": Condition(
            webhook("UnknownHotel"), 1, "A number was dialled that reaches us and that no hotel's file has."
        ),
        "WebhooksDropped": Condition(
            webhook("WebhooksDropped"), 1, "LiveKit gave up sending us events: calls lack facts they had."
        ),
        "WebhooksMissing": Condition(
            aws_cloudwatch.MathExpression(
                # A function that has never run has no series whose gaps FILL could fill; IF puts 0 in its place:
                # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
                expression="IF(calls > 0, FILL(webhooks, 0), 1)",
                using_metrics={
                    "calls": scrapes.AGENT.metric("bellhop_agent_calls", stage=stage, statistic="Maximum").with_(
                        period=FIVE_MINUTES
                    ),
                    "webhooks": functions["livekit_webhook"].function.metric_invocations(statistic="Sum"),
                },
                label="Events of LiveKit while agents have calls",
                period=FIVE_MINUTES,
            ),
            1,
            "For longer than a call may last, agents had calls and LiveKit sent no event: is the webhook registered?",
            below=True,
            times=4,
            periods=4,
        ),
        "CallsFailed": Condition(
            told_by("calls", "CallFailed", stage=stage, statistic="Sum", over=Duration.minutes(15)),
            3,
            "Three calls within a quarter of an hour ended with an apology: a part that they need fails.",
        ),
        "TurnLatency": Condition(
            told_by("calls", "TurnLatency", stage=stage, statistic="p95"),
            SLOW_TURN_MS,
            f"One answer in twenty comes more than {SLOW_TURN_MS} ms after the guest's last word.",
            times=2,
            periods=3,
        ),
    }


def of_wishes(stage: Stage) -> Mapping[str, Condition]:
    """Whether what guests wished for has become something, as the settler of wishes tells it every five minutes."""

    def told(statistic: str) -> aws_cloudwatch.Metric:
        return told_by("wish_settler", "WishesInDoubt", stage=stage, statistic=statistic, over=FIVE_MINUTES)

    return {
        "WishesInDoubt": Condition(
            told("Maximum"),
            1,
            "For a quarter of an hour it is not known whether a booking, change or cancellation was made.",
            times=3,
            periods=3,
        ),
        "WishesUnattended": Condition(
            told("SampleCount"),
            1,
            "Nobody finds out what became of bookings that were sent and not heard of.",
            below=True,
            times=4,
            periods=4,
            always=True,
        ),
    }


def of_secrets(stage: Stage, names: Sequence[str]) -> Mapping[str, Condition]:
    """Whether each of these secrets is there and has been changed of late, as it is measured once a day."""

    def told(metric: str, name: str) -> aws_cloudwatch.Metric:
        return told_by(
            "secret_age", metric, stage=stage, statistic="Maximum", over=Duration.days(1), secret=stage.secret(name)
        )

    old = {
        f"SecretAge-{_alarm_of(name)}": Condition(
            told("SecretAgeDays", name),
            OLD_SECRET_DAYS,
            f"The secret {name} has not been changed for {OLD_SECRET_DAYS} days.",
        )
        for name in names
    }
    unknown = {
        f"SecretUnknown-{_alarm_of(name)}": Condition(
            told("SecretAgeUnknown", name), 1, f"The secret {name} is not there, or has no value."
        )
        for name in names
    }
    return {**old, **unknown}


def _alarm_of(secret: str) -> str:
    return secret.replace("/", "-")


def of_fleet(
    stage: Stage, *, agents: aws_ecs.Ec2Service, riva: aws_ecs.Ec2Service, cluster: aws_ecs.ICluster
) -> Mapping[str, Condition]:
    """Whether there is somebody who hears and somebody who answers."""

    def hears(statistic: str) -> aws_cloudwatch.Metric:
        return scrapes.PROBE.metric("bellhop_riva_ready", stage=stage, statistic=statistic)

    return {
        "RivaNotReady": Condition(
            hears("Maximum"),
            1,
            "No recogniser understands a spoken sentence: guests are not heard.",
            below=True,
            times=3,
            periods=3,
            always=True,
        ),
        "RivaTaskNotReady": Condition(
            hears("Minimum"),
            1,
            "A recogniser has not understood a spoken sentence for an hour, longer than a first start takes.",
            below=True,
            times=60,
            periods=60,
        ),
        "GpuMemory": Condition(
            gpu_memory(stage),
            GPU_MEMORY_PERCENT,
            f"A GPU's memory is more than {GPU_MEMORY_PERCENT} % full: its recogniser is about to end.",
            times=3,
            periods=5,
        ),
        "AgentsDown": Condition(
            scrapes.AGENT.metric("bellhop_agent_calls", stage=stage, statistic="SampleCount"),
            1,
            "No agent can be given a call: every guest hears the phone ring.",
            below=True,
            times=3,
            periods=3,
            always=True,
        ),
        "AgentsFull": Condition(
            scrapes.AGENT.metric("bellhop_agent_load", stage=stage, statistic="Average"),
            FULL,
            f"Agents have {FULL:.0%} of the calls they may have: the next guests find none.",
            times=3,
            periods=3,
        ),
        "AgentMemory": Condition(
            agents.metric_memory_utilization(period=MINUTE, statistic="Maximum"),
            90,
            "Agents have used 90 % of their memory: whoever runs out loses all calls of its task.",
            times=3,
            periods=5,
        ),
        "AgentTasksMissing": Condition(
            _missing(agents, cluster), 1, "Agents that should run do not for 15 minutes.", times=3, periods=3
        ),
        "RivaTasksMissing": Condition(
            _missing(riva, cluster),
            1,
            "Recognisers that should run do not for an hour: is there no host, or no image?",
            times=12,
            periods=12,
        ),
    }


def gpu_memory(stage: Stage) -> aws_cloudwatch.MathExpression:
    """How full the fullest GPU's memory is, in percent; all GPUs of a stage are of one size."""
    return aws_cloudwatch.MathExpression(
        expression="100 * used / (used + free)",
        using_metrics={
            "used": scrapes.GPU.metric("DCGM_FI_DEV_FB_USED", stage=stage, statistic="Maximum"),
            "free": scrapes.GPU.metric("DCGM_FI_DEV_FB_FREE", stage=stage, statistic="Minimum"),
        },
        label="Memory of the fullest",
        period=MINUTE,
    )


def _missing(service: aws_ecs.Ec2Service, cluster: aws_ecs.ICluster) -> aws_cloudwatch.MathExpression:
    """Tasks that a service should have and has not, by Container Insights
    (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Container-Insights-metrics-ECS.html)."""
    return aws_cloudwatch.MathExpression(
        expression="desired - running",
        using_metrics={
            part: aws_cloudwatch.Metric(
                namespace="ECS/ContainerInsights",
                metric_name=metric,
                dimensions_map={"ClusterName": cluster.cluster_name, "ServiceName": service.service_name},
                statistic="Average",
            )
            for part, metric in (("desired", "DesiredTaskCount"), ("running", "RunningTaskCount"))
        },
        label="Tasks that are missing",
    )
