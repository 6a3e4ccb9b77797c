"""What is seen of a stage: its alarms, dashboard, saved questions and budget."""

from __future__ import annotations

from typing import Any, Final, cast

import pytest
from aws_cdk import App, CfnElement, Stack, aws_kms
from aws_cdk.assertions import Template

from cdk.stages import Stage
from cdk.units.alarms import AlarmTopic
from cdk.units.livekit_setup import LONGEST_CALL_SECONDS
from cdk.units.queries import QUESTIONS
from tests.infrastructure.conftest import FILLED_IN, Deployed
from tests.infrastructure.references import Found, find
from tests.infrastructure.templates import of_type, widgets

pytestmark = pytest.mark.infrastructure

ALARMS_ASKED_FOR: Final = {
    "GuestWithoutAgent",
    "UnknownHotel",
    "WebhooksDropped",
    "WebhooksMissing",
    "CallsFailed",
    "TurnLatency",
    "RivaNotReady",
    "GpuMemory",
    "AgentsDown",
    "ApiErrors",
    "FunctionErrors-calls",
    "FunctionThrottles-pms",
    "TableThrottles-calls",
    "DeadLetters-riva_setup",
    "SecretAge-livekit",
}
ALARMS_OF_A_WIDGET: Final = 100
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""


def all_of(deployed: Deployed, kind: str) -> list[dict[str, Any]]:
    """The properties of all resources of a type in the observability stack."""
    return list(of_type(deployed.templates["observability"], kind).values())


def test_alarms_are_told_by_mail(deployed: Deployed) -> None:
    """The topic is encrypted, takes TLS only, and only those of AWS who tell of this account may publish."""
    (topic,) = all_of(deployed, "AWS::SNS::Topic")
    (policy,) = all_of(deployed, "AWS::SNS::TopicPolicy")
    (subscription,) = all_of(deployed, "AWS::SNS::Subscription")

    assert find(deployed, "observability", topic["KmsMasterKeyId"]) == Found("data", "LogKey", "AWS::KMS::Key")
    deny, allow = policy["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert allow["Principal"] == {"Service": ["budgets.amazonaws.com", "cloudwatch.amazonaws.com"]}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    assert (subscription["Protocol"], subscription["Endpoint"]) == ("email", FILLED_IN["alarm_email"])


def test_without_an_address_nobody_is_written_to() -> None:
    """An operator who gives no address has a topic to subscribe to."""
    stack = Stack(App(), "Seen")
    stage = Stage.of("dev", {**FILLED_IN, "alarm_email": None})

    AlarmTopic(stack, "Tell", stage=stage, key=aws_kms.Key(stack, "Key"))

    Template.from_stack(stack).resource_count_is("AWS::SNS::Subscription", 0)


def test_there_is_an_alarm_for_whatever_keeps_a_guest_from_being_heard(deployed: Deployed) -> None:
    """What an operator must know has an alarm, and functions, tables, queues and log groups have one each."""
    alarms = set(deployed.cloud.observability.alarms)
    counts = {
        "FunctionErrors-": len(deployed.resources("AWS::Lambda::Function")),
        "FunctionThrottles-": len(deployed.resources("AWS::Lambda::Function")),
        "TableThrottles-": len(deployed.resources("AWS::DynamoDB::Table")),
        "DeadLetters-": len(deployed.resources("AWS::SQS::Queue")),
        "PersonalData-": sum(not name.startswith("network/") for name in deployed.resources("AWS::Logs::LogGroup")),
        "WayOut-": deployed.stage.nat_gateways,
    }

    assert alarms >= ALARMS_ASKED_FOR
    assert {prefix: sum(name.startswith(prefix) for name in alarms) for prefix in counts} == counts
    assert len(alarms) <= ALARMS_OF_A_WIDGET


def test_each_alarm_says_what_it_means_and_tells_of_its_beginning_and_end(deployed: Deployed) -> None:
    """Whoever is woken reads one sentence, and learns when it is over."""
    (topic,) = deployed.templates["observability"]["Outputs"]["AlarmTopic"]["Value"].values()

    for alarm in all_of(deployed, "AWS::CloudWatch::Alarm"):
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": topic}]
        assert alarm["AlarmDescription"].endswith((".", "?"))
        assert alarm["TreatMissingData"] in {"breaching", "notBreaching"}


@pytest.mark.parametrize("name", ["RivaNotReady", "AgentsDown"])
def test_silence_of_those_who_must_be_there_is_an_alarm(dev: Deployed, name: str) -> None:
    """A recogniser or an agent that is gone says nothing, which must not look like peace."""
    alarm = dev.templates["observability"]["Resources"][logical_id(dev, name)]["Properties"]

    assert alarm["TreatMissingData"] == "breaching"
    assert alarm["ComparisonOperator"] == "LessThanThreshold"


def test_a_long_call_alone_is_no_sign_of_missing_webhooks(dev: Deployed) -> None:
    """LiveKit tells of a call's beginning and end; only when that is missing for longer than a call lasts is it odd."""
    alarm = dev.templates["observability"]["Resources"][logical_id(dev, "WebhooksMissing")]["Properties"]
    periods = {part["MetricStat"]["Period"] for part in alarm["Metrics"] if "MetricStat" in part}

    assert periods == {300}
    assert alarm["DatapointsToAlarm"] * 300 > LONGEST_CALL_SECONDS


def test_webhooks_are_missed_though_none_has_ever_come(dev: Deployed) -> None:
    """What never ran has no metric at all. Where a comparison meets nothing it is false, and where IF's second argument
    is nothing its value is 0, so the invocations are not compared but given to IF."""
    alarm = dev.templates["observability"]["Resources"][logical_id(dev, "WebhooksMissing")]["Properties"]
    (expression,) = [part["Expression"] for part in alarm["Metrics"] if "Expression" in part]

    assert expression == "IF(calls > 0, FILL(webhooks, 0), 1)"
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)


def test_waits_are_judged_by_the_worst_of_twenty(dev: Deployed) -> None:
    """An average would hide the guests who wait."""
    alarm = dev.templates["observability"]["Resources"][logical_id(dev, "TurnLatency")]["Properties"]

    assert alarm["ExtendedStatistic"] == "p95"
    assert 1500 <= alarm["Threshold"] <= 3000


def logical_id(deployed: Deployed, alarm: str) -> str:
    """Under which id the template has an alarm."""
    observability = deployed.cloud.observability
    resource = cast("CfnElement", observability.alarms[alarm].node.default_child)
    found: str = observability.get_logical_id(resource)
    return found


def test_the_dashboard_goes_from_calls_to_functions(deployed: Deployed) -> None:
    """One page goes from the guest to the machine, made of metrics alone: none of it is about a single call."""
    shown = widgets(deployed)
    titles = [widget["properties"]["markdown"] for widget in shown if widget["type"] == "text"]

    assert titles == ["## Calls", "## Bookings", "## Waits", "## Speech", "## Fleet", "## Functions"]
    assert {widget["type"] for widget in shown} == {"alarm", "metric", "text"}
    (alarms,) = (widget for widget in shown if widget["type"] == "alarm")
    assert len(alarms["properties"]["alarms"]) == len(deployed.cloud.observability.alarms)


def test_an_operator_finds_the_dashboard_and_the_topic(deployed: Deployed) -> None:
    """What a deployment prints leads to where one looks and where one is told."""
    outputs = deployed.templates["observability"]["Outputs"]

    assert {"DashboardUrl", "AlarmTopic"} <= set(outputs)
    address, dashboard = outputs["DashboardUrl"]["Value"]["Fn::Join"][1]
    assert address.startswith("https://eu-central-1.console.aws.amazon.com/cloudwatch/home?region=eu-central-1#")
    assert find(deployed, "observability", dashboard).type == "AWS::CloudWatch::Dashboard"


def test_questions_are_asked_of_all_that_write_about_calls(deployed: Deployed) -> None:
    """A call is followed through every log group at once."""
    questions = all_of(deployed, "AWS::Logs::QueryDefinition")
    writing = {name for name in deployed.resources("AWS::Logs::LogGroup") if not name.startswith("network/")}

    assert {question["Name"] for question in questions} == {
        f"bellhop/{deployed.stage.name}/{name}" for name in QUESTIONS
    }
    for question in questions:
        asked = {find(deployed, "observability", name) for name in question["LogGroupNames"]}
        assert {f"{group.stack}/{group.logical_id}" for group in asked} == writing


def test_the_budget_counts_the_stage_and_stops_nothing(deployed: Deployed) -> None:
    """A stage that costs more than it should tells so early, and goes on answering guests."""
    (budget,) = all_of(deployed, "AWS::Budgets::Budget")
    month = budget["Budget"]

    assert month["BudgetLimit"] == {"Amount": deployed.stage.monthly_budget_usd, "Unit": "USD"}
    tags = {part["Tags"]["Key"]: part["Tags"]["Values"] for part in month["FilterExpression"]["And"]}
    assert tags == {"project": ["bellhop"], "stage": [deployed.stage.name]}
    told = [
        (note["Notification"]["Threshold"], note["Notification"]["NotificationType"])
        for note in budget["NotificationsWithSubscribers"]
    ]
    assert told == [(80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED")]
    for note in budget["NotificationsWithSubscribers"]:
        assert [subscriber["SubscriptionType"] for subscriber in note["Subscribers"]] == ["SNS"]
