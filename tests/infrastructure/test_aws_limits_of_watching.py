"""Logs, alarms, dashboard and questions are ones that CloudWatch takes."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.infrastructure.conftest import Deployed
from tests.infrastructure.limits import Limit, count, length
from tests.infrastructure.templates import found, widgets

pytestmark = pytest.mark.infrastructure

ALARM: Final = "AWS::CloudWatch::Alarm"
GROUP: Final = "AWS::Logs::LogGroup"
QUESTION: Final = "AWS::Logs::QueryDefinition"

PUT_ALARM: Final = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html"
CLOUDWATCH: Final = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"
LOGS: Final = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html"
PUT_QUERY: Final = "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html"
IDENTIFIERS: Final = "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL-custom-data-identifiers.html"
PUT_POLICY: Final = (
    "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutDataProtectionPolicy.html"
)
CUSTOM: Final = ("DataProtectionPolicy", "Configuration", "CustomDataIdentifier")

LIMITS: Final = (
    Limit("characters of name", ALARM, length("AlarmName"), 255, PUT_ALARM, least=1, unset=True),
    Limit("characters of description", ALARM, length("AlarmDescription"), 1024, PUT_ALARM),
    Limit("whom it tells", ALARM, count("AlarmActions"), 5, PUT_ALARM),
    Limit("whom it tells of the end", ALARM, count("OKActions"), 5, PUT_ALARM),
    Limit("dimensions", ALARM, count("Dimensions"), 30, PUT_ALARM),
    Limit("metrics of a formula", ALARM, count("Metrics"), 10, CLOUDWATCH, least=1),
    Limit("characters of policy", GROUP, length("DataProtectionPolicy"), 30_720, PUT_POLICY),
    Limit("identifiers of our own", GROUP, count(*CUSTOM), 10, IDENTIFIERS),
    Limit("characters of an identifier", GROUP, length(*CUSTOM, "*", "Regex"), 200, IDENTIFIERS),
    Limit("log groups", QUESTION, count("LogGroupNames"), 50, PUT_QUERY),
    Limit("characters of name", QUESTION, length("Name"), 255, PUT_QUERY, least=1),
    Limit("characters", QUESTION, length("QueryString"), 10_000, PUT_QUERY, least=1),
)


def test_an_alarm_looks_back_a_day_or_a_week(deployed: Deployed) -> None:
    """Periods under an hour may make up a day, others seven days; a period is 10, 20, 30 or n × 60 s: PUT_ALARM."""
    for name, alarm in deployed.resources(ALARM).items():
        properties = alarm["Properties"]
        periods = [properties.get("Period"), *found(properties, "Metrics", "*", "MetricStat", "Period")]
        for period in (int(one) for one in periods if one):
            longest = 604_800 if period >= 3600 else 86_400
            assert period in (10, 20, 30) or period % 60 == 0, name
            assert period * properties["EvaluationPeriods"] <= longest, name
        assert properties.get("DatapointsToAlarm", 1) <= properties["EvaluationPeriods"], name


def test_a_dashboard_is_small_enough(deployed: Deployed) -> None:
    """500 widgets, 500 metrics a widget and 2,500 a dashboard; a widget is 1 to 24 wide and 1 to 1,000 high.

    CLOUDWATCH; https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    shown = widgets(deployed)
    metrics = [len(widget["properties"].get("metrics", [])) for widget in shown]
    assert 0 < len(shown) <= 500
    assert max(metrics) <= 500
    assert sum(metrics) <= 2_500
    for widget in shown:
        assert 1 <= widget["width"] <= 24
        assert 1 <= widget["height"] <= 1_000
        assert widget["x"] + widget["width"] <= 24


def test_an_alarm_widget_shows_no_more_than_it_can(deployed: Deployed) -> None:
    """100 alarms a widget.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    shown = [len(widget["properties"]["alarms"]) for widget in widgets(deployed) if widget["type"] == "alarm"]
    assert shown
    assert max(shown) <= 100


def test_log_groups_keep_for_days_that_exist(deployed: Deployed) -> None:
    """Only some numbers of days are taken.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    """
    allowed = {1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
    for name, group in deployed.resources(GROUP).items():
        assert group["Properties"]["RetentionInDays"] in allowed, name


def test_identifiers_of_our_own_use_what_is_allowed(deployed: Deployed) -> None:
    """An identifier's name is of letters, digits, `_` and `-`, its expression of few characters: IDENTIFIERS."""
    for group in deployed.resources(GROUP).values():
        for own in found(group["Properties"], *CUSTOM, "*"):
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,128}", own["Name"])
            assert re.fullmatch(r"[A-Za-z0-9 _#=@/;,\-|^$?\[\]{}\\.*+()]+", own["Regex"])


def test_no_account_wide_policy_of_logs_is_used_up(deployed: Deployed) -> None:
    """A region of an account has ten resource policies of CloudWatch Logs, for everybody together: LOGS."""
    assert len(deployed.resources("AWS::Logs::ResourcePolicy")) <= 1
