"""A DynamoDB table as `lambdas/shared/tables.py` describes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aws_cdk import RemovalPolicy, aws_dynamodb, aws_kms
from constructs import Construct

from cdk.stages import Stage
from lambdas.shared.tables import EXPIRES

# A v2 table (AWS::DynamoDB::GlobalTable) is unknown to moto, so what reads the templates could not be tried on one.

ATTRIBUTE_TYPES: Final = {
    "S": aws_dynamodb.AttributeType.STRING,
    "N": aws_dynamodb.AttributeType.NUMBER,
    "B": aws_dynamodb.AttributeType.BINARY,
}


class SchemaTable(aws_dynamodb.Table):
    """A table with the keys, indexes and stream of a schema, restorable to any second of the last 35 days.

    `schema` is what CreateTable takes. Items go when their `expires` has passed.
    """

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, schema: Mapping[str, Any], encryption_key: aws_kms.IKey
    ) -> None:
        types = {row["AttributeName"]: ATTRIBUTE_TYPES[row["AttributeType"]] for row in schema["AttributeDefinitions"]}

        def key(described: Mapping[str, Any], kind: str) -> aws_dynamodb.Attribute | None:
            names = [part["AttributeName"] for part in described["KeySchema"] if part["KeyType"] == kind]
            return aws_dynamodb.Attribute(name=names[0], type=types[names[0]]) if names else None

        stream = schema.get("StreamSpecification", {}).get("StreamViewType")
        super().__init__(
            scope,
            id,
            partition_key=key(schema, "HASH"),
            sort_key=key(schema, "RANGE"),
            billing_mode=aws_dynamodb.BillingMode[schema["BillingMode"]],
            stream=aws_dynamodb.StreamViewType[stream] if stream else None,
            time_to_live_attribute=EXPIRES,
            encryption=aws_dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=encryption_key,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=stage.retain,
            # Not `kept`: a protected table cannot be deleted, so a failed first deployment would hang on it.
            removal_policy=RemovalPolicy.RETAIN if stage.retain else RemovalPolicy.DESTROY,
        )
        for index in schema.get("GlobalSecondaryIndexes", ()):
            projection = index["Projection"]
            self.add_global_secondary_index(
                index_name=index["IndexName"],
                partition_key=key(index, "HASH"),
                sort_key=key(index, "RANGE"),
                projection_type=aws_dynamodb.ProjectionType[projection["ProjectionType"]],
                non_key_attributes=projection.get("NonKeyAttributes"),
            )
