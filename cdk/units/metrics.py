"""Under which names a stage's own metrics are found: two stages in one account must not raise each other's alarms."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, aws_cloudwatch

from cdk.stages import Stage

NAMESPACE_VARIABLE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""Tells a function's library where its metrics belong
(https://docs.powertools.aws.dev/lambda/python/latest/core/metrics/)."""


def namespace(stage: Stage) -> str:
    """The CloudWatch namespace of everything that the stage measures itself."""
    return f"Bellhop/{stage.name}"


def told_by(
    folder: str, metric: str, *, stage: Stage, statistic: str, over: Duration | None = None, **about: str
) -> aws_cloudwatch.Metric:
    """A metric that the function of this folder writes to its log, over five minutes unless said otherwise.

    `about` are its further dimensions.
    """
    return aws_cloudwatch.Metric(
        namespace=namespace(stage),
        metric_name=metric,
        dimensions_map={"service": folder, **about},
        statistic=statistic,
        period=over or Duration.minutes(5),
    )
