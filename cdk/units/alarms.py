"""What wakes somebody up: alarms, and the topic they tell it to.

`docs/operations.md` says of each what it means and what to do first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Stack, aws_cloudwatch, aws_cloudwatch_actions, aws_iam, aws_kms, aws_sns, aws_sns_subscriptions
from aws_cdk.aws_cloudwatch import ComparisonOperator, TreatMissingData
from constructs import Construct

from cdk.stages import Stage
from cdk.units.keys import SENDERS


@dataclass(frozen=True)
class Condition:
    """When a metric is worth an alarm: `says` is what it then means, in one sentence.

    It is reached at `threshold` or above, or below it with `below`, in `times` of the last `periods`. Without data
    nothing is wrong, unless the metric is one that is `always` there.
    """

    metric: aws_cloudwatch.IMetric
    threshold: float
    says: str
    below: bool = False
    times: int = 1
    periods: int = 1
    always: bool = False


class AlarmTopic(Construct):
    """Where alarms and the budget are told, and from where they go to the operator's address, if there is one."""

    def __init__(self, scope: Construct, id: str, *, stage: Stage, key: aws_kms.IKey) -> None:
        super().__init__(scope, id)
        self.topic = aws_sns.Topic(
            self, "Topic", display_name=f"Bellhop {stage.name}", master_key=key, enforce_ssl=True
        )
        # A topic with a policy of its own has not the one by which an account's services may publish.
        self.topic.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="Tellers",
                principals=[aws_iam.ServicePrincipal(name) for name in sorted(SENDERS)],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        if stage.operator.alarm_email:
            self.topic.add_subscription(aws_sns_subscriptions.EmailSubscription(stage.operator.alarm_email))


class Alarms(Construct):
    """An alarm for each condition, under its name; the topic is told when it begins and when it is over."""

    def __init__(
        self, scope: Construct, id: str, *, topic: aws_sns.ITopic, conditions: Mapping[str, Condition]
    ) -> None:
        super().__init__(scope, id)
        tell = aws_cloudwatch_actions.SnsAction(topic)
        self.by_name: Mapping[str, aws_cloudwatch.Alarm] = {
            name: self._alarm(name, condition) for name, condition in conditions.items()
        }
        for alarm in self.by_name.values():
            alarm.add_alarm_action(tell)
            alarm.add_ok_action(tell)

    def _alarm(self, name: str, condition: Condition) -> aws_cloudwatch.Alarm:
        return aws_cloudwatch.Alarm(
            self,
            name,
            metric=condition.metric,
            threshold=condition.threshold,
            comparison_operator=(
                ComparisonOperator.LESS_THAN_THRESHOLD
                if condition.below
                else ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            ),
            evaluation_periods=condition.periods,
            datapoints_to_alarm=condition.times,
            treat_missing_data=TreatMissingData.BREACHING if condition.always else TreatMissingData.NOT_BREACHING,
            alarm_description=condition.says,
        )
