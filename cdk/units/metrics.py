"""Under which names a stage's own metrics are found: two stages in one account must not raise each other's alarms."""

from __future__ import annotations

from typing import Final

from cdk.stages import Stage

NAMESPACE_VARIABLE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""Tells a function's library where its metrics belong
(https://docs.powertools.aws.dev/lambda/python/latest/core/metrics/)."""


def namespace(stage: Stage) -> str:
    """The CloudWatch namespace of everything that the stage measures itself."""
    return f"Bellhop/{stage.name}"
