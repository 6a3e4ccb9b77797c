"""Fewer tasks while guests sleep, all of them before the first phones."""

from __future__ import annotations

from typing import Final

from aws_cdk import TimeZone
from aws_cdk.aws_applicationautoscaling import Schedule
from aws_cdk.aws_ecs import BaseService, ScalableTaskCount

MORNING: Final = Schedule.cron(hour="6", minute="30")
EVENING: Final = Schedule.cron(hour="22", minute="30")
ZONE: Final = TimeZone.EUROPE_BERLIN
"""Every hotel's own morning is within an hour or two of this one."""
NIGHT: Final = 2
"""Tasks that remain, where the day has as many: one that dies leaves one."""


def scale_by_day(service: BaseService, *, by_day: int, most: int) -> ScalableTaskCount:
    """Let the service have `by_day` to `most` tasks by day and from NIGHT on by night.

    Until the first evening after a deployment that says so anew it is day: guests phone when it is deployed. The
    service, which begins with one task, has them at once
    (https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html).
    """
    by_night = min(NIGHT, by_day)
    scaling = service.auto_scale_task_count(min_capacity=by_day, max_capacity=most)
    for name, schedule, least in (("Morning", MORNING, by_day), ("Evening", EVENING, by_night)):
        scaling.scale_on_schedule(name, schedule=schedule, time_zone=ZONE, min_capacity=least, max_capacity=most)
    return scaling
