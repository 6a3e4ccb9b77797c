"""What the fleet's containers have in common: how they write, how they are asked, what they may not."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, Size, aws_ecs, aws_logs
from constructs import Construct

WAITING_LINES: Final = Size.mebibytes(8)
"""What waits for CloudWatch in memory. Beyond it lines are lost, for a container that waits lets guests wait."""


def lines(logs: aws_logs.ILogGroup, prefix: str) -> aws_ecs.LogDriver:
    """A container's lines go to that log group."""
    return aws_ecs.LogDrivers.aws_logs(
        stream_prefix=prefix,
        log_group=logs,
        mode=aws_ecs.AwsLogDriverMode.NON_BLOCKING,
        max_buffer_size=WAITING_LINES,
    )


def without_rights(scope: Construct, id: str) -> aws_ecs.LinuxParameters:
    """None of the kernel's capabilities, and a first process that hands signals on and buries the dead."""
    linux = aws_ecs.LinuxParameters(scope, id, init_process_enabled=True)
    linux.drop_capabilities(aws_ecs.Capability.ALL)
    return linux


def answers(port: int, path: str, *, every: Duration, start: Duration) -> aws_ecs.HealthCheck:
    """Healthy while that path is answered with a status below 400; three times not, after its start, is unhealthy."""
    url = f"http://127.0.0.1:{port}{path}"
    return aws_ecs.HealthCheck(
        command=["CMD", "python", "-c", f"import urllib.request as u; u.urlopen('{url}', timeout=3)"],
        interval=every,
        timeout=Duration.seconds(5),
        retries=3,
        start_period=start,
    )
