"""What a role may do with tables that are not its own: single actions on single tables."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_dynamodb, aws_iam


def let_use_table(
    grantee: aws_iam.IGrantable, table: aws_dynamodb.Table, *actions: str, keys: Sequence[str] = ()
) -> None:
    """Let it do these of DynamoDB's actions with the table's items, though not by an index.

    With `keys`, only with items whose partition key is like one of these
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).

    A transaction needs the actions of its parts, for a condition `ConditionCheckItem`
    (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html). The table's key lets
    itself be used by whoever may use the table (`CustomerKey.let_callers_of`).
    """
    grantee.grant_principal.add_to_principal_policy(
        aws_iam.PolicyStatement(
            actions=[f"dynamodb:{action}" for action in actions],
            resources=[table.table_arn],
            conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [*keys]}} if keys else None,
        )
    )
