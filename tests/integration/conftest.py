"""DynamoDB for tests of what is stored: each runs on moto in this process and on DynamoDB Local, AWS's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest

from local.dynamodb import NotInstalled, command
from tests.integration.dynamodb_local import running
from tests.integration.stores import Tables
from tests.tables import database

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of DynamoDB Local: the one that DYNAMODB_URL names, or one that ends with the session."""
    if url := os.environ.get("DYNAMODB_URL"):
        yield url
        return
    try:
        command(port=1)
    except NotInstalled as missing:
        pytest.skip(str(missing))
    with running(tmp_path_factory.mktemp("dynamodb") / "log") as url:
        yield url


@pytest.fixture(scope="module", params=["moto", "dynamodb_local"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[DynamoDBClient]:
    """A database whose tables are nobody else's for the length of a module."""
    if request.param == "moto":
        with database() as client:
            yield client
        return
    url = request.getfixturevalue("dynamodb_local")
    region, key = "eu-central-1", "test"
    yield boto3.client(
        "dynamodb", endpoint_url=url, region_name=region, aws_access_key_id=key, aws_secret_access_key=key
    )


@pytest.fixture
def tables(dynamodb: DynamoDBClient) -> Iterator[Tables]:
    """Both tables, empty."""
    with Tables.made(dynamodb) as tables:
        yield tables
