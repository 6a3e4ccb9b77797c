"""The stack that the spoken calls of this folder share, with a hotel whose rooms are free for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with Stack.start() as running:
        yield running


@pytest.fixture(autouse=True)
def free_rooms(stack: Stack) -> None:
    """No room is booked: the tests ask for more doubles of one night than the hotel has."""
    client = stack.aws_client("dynamodb")
    pages = client.get_paginator("query").paginate(
        TableName=stack.calls_table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "PMS#aurora"}},
        ProjectionExpression="pk, sk",
    )
    for item in [item for page in pages for item in page["Items"]]:
        client.delete_item(TableName=stack.calls_table, Key=item)
