"""What a month may cost before somebody is told."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_budgets, aws_sns
from constructs import Construct

from cdk.stages import Stage

TOLD_AT: Final = ((80, "ACTUAL"), (100, "ACTUAL"), (100, "FORECASTED"))
"""Percent of the budget, of what has been spent or of what the month will come to."""


class Budget(Construct):
    """The stage's monthly budget in US dollars. It stops nothing: guests go on being answered.

    It counts what carries the stage's tags `project` and `stage`, and those count from the day on which the account's
    owner activates them as cost allocation tags
    (https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/activating-tags.html).
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, topic: aws_sns.ITopic) -> None:
        super().__init__(scope, id)
        aws_budgets.CfnBudget(
            self,
            "Month",
            budget=aws_budgets.CfnBudget.BudgetDataProperty(
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=aws_budgets.CfnBudget.SpendProperty(amount=stage.monthly_budget_usd, unit="USD"),
                metrics=["UnblendedCost"],
                filter_expression=aws_budgets.CfnBudget.ExpressionProperty(
                    and_=[_tagged("project", "bellhop"), _tagged("stage", stage.name)]
                ),
            ),
            notifications_with_subscribers=[
                aws_budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=aws_budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type=kind,
                        threshold=percent,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[
                        aws_budgets.CfnBudget.SubscriberProperty(address=topic.topic_arn, subscription_type="SNS")
                    ],
                )
                for percent, kind in TOLD_AT
            ],
        )


def _tagged(key: str, value: str) -> aws_budgets.CfnBudget.ExpressionProperty:
    return aws_budgets.CfnBudget.ExpressionProperty(
        tags=aws_budgets.CfnBudget.TagValuesProperty(key=key, values=[value], match_options=["EQUALS"])
    )
