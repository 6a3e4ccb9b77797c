"""AWS as the functions use it: answers soon, or a fault that the caller can be told about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A guest waits on the phone: botocore's own 60 s would be silence.
_PATIENCE: Final = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "max_attempts": 3})


def dynamodb() -> DynamoDBClient:
    """DynamoDB of the environment's region, or of AWS_ENDPOINT_URL."""
    return boto3.client("dynamodb", config=_PATIENCE)
