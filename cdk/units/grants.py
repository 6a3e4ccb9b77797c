"""What a role may do with tables that are not its own: single actions on single tables."""

from __future__ import annotations

from typing import Final

from aws_cdk import Stack, aws_dynamodb, aws_iam

_KEY_ACTIONS: Final = (
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
)
"""What DynamoDB does with a table's key in the name of whoever reads or writes items
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html)."""


def let_use_table(role: aws_iam.IGrantable, table: aws_dynamodb.Table, *actions: str) -> None:
    """Let it do these of DynamoDB's actions with the table's items, though not by an index.

    A transaction needs the actions of its parts, a condition `ConditionCheckItem`
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html).
    """
    principal = role.grant_principal
    principal.add_to_principal_policy(
        aws_iam.PolicyStatement(actions=[f"dynamodb:{action}" for action in actions], resources=[table.table_arn])
    )
    if table.encryption_key:
        principal.add_to_principal_policy(
            aws_iam.PolicyStatement(
                actions=list(_KEY_ACTIONS),
                resources=[table.encryption_key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"dynamodb.{Stack.of(table).region}.amazonaws.com"}},
            )
        )
