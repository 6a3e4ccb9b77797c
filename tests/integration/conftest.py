"""DynamoDB for tests of what is stored: moto in this process, or whatever DYNAMODB_URL names (DynamoDB Local)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from tests.integration.stores import Tables
from tests.tables import database

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[DynamoDBClient]:
    """A database that is nobody else's for the length of a module."""
    if url := os.environ.get("DYNAMODB_URL"):
        region, key = "eu-central-1", "test"
        yield boto3.client(
            "dynamodb", endpoint_url=url, region_name=region, aws_access_key_id=key, aws_secret_access_key=key
        )
        return
    with database() as client:
        yield client


@pytest.fixture
def tables(dynamodb: DynamoDBClient) -> Iterator[Tables]:
    """Both tables, empty."""
    with Tables.made(dynamodb) as tables:
        yield tables
