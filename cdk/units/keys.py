"""The keys that encrypt what a stage stores and writes. Whoever disables one has closed all of it.

Roles use a key by their own policies, as the default key policy allows, so a grant in another stack changes nothing.
"""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, RemovalPolicy, Stack, aws_iam, aws_kms
from constructs import Construct

SENDERS: Final = {
    "budgets.amazonaws.com": "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-sns-policy.html",
    "cloudwatch.amazonaws.com": "https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html",
}
"""The services of AWS that send to our encrypted topics and queues, each with the page that asks for the permission.

EventBridge cannot be one of them as it is: it does not say for which account it asks, so it would be refused.
"""


class CustomerKey(aws_kms.Key):
    """A key of the account's own, with new material every year."""

    def __init__(self, scope: Construct, id: str, *, description: str, removal_policy: RemovalPolicy) -> None:
        super().__init__(
            scope,
            id,
            description=description,
            enable_key_rotation=True,
            # The shortest that KMS allows: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
            pending_window=Duration.days(7) if removal_policy is RemovalPolicy.DESTROY else Duration.days(30),
            removal_policy=removal_policy,
        )

    def let_log_groups(self) -> None:
        """Let CloudWatch Logs use the key for this account's log groups and for nothing else.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
        """
        stack = Stack.of(self)
        self.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="LogGroups",
                principals=[aws_iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                conditions={
                    "ArnLike": {
                        "kms:EncryptionContext:aws:logs:arn": stack.format_arn(service="logs", resource="*"),
                    }
                },
            )
        )

    def let_senders(self) -> None:
        """Let this account's alarms and budgets send to encrypted topics."""
        self.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="Senders",
                principals=[aws_iam.ServicePrincipal(name) for name in sorted(SENDERS)],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )

    def let_callers_of(self, service: str) -> None:
        """Let whoever of this account may use what the service keeps use the key too, by way of the service alone.

        Amazon's own keys for a service say the same. Otherwise each role would have to be named here, though it is made
        in a stack that comes after this one.
        Source: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
        """
        stack = Stack.of(self)
        self.add_to_resource_policy(
            aws_iam.PolicyStatement(
                sid="CallersOfService",
                principals=[aws_iam.AnyPrincipal()],
                actions=["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
                resources=["*"],
                conditions={
                    "StringEquals": {
                        "kms:CallerAccount": stack.account,
                        "kms:ViaService": f"{service}.{stack.region}.amazonaws.com",
                    }
                },
            )
        )
