"""The stack that the spoken calls of this folder share, with empty tables for each test."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from lambdas.shared.tables import create_tables
from local.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with Stack.start() as running:
        yield running


@pytest.fixture(autouse=True)
def empty_tables(stack: Stack) -> None:
    """Nothing is booked: the tests ask for more doubles of one night than the hotel has.

    The tables are made anew, because moto copies all that a table and its stream have ever held in each transaction.
    """
    client = stack.aws_client("dynamodb")
    for table in (stack.calls_table, stack.leases_table):
        client.delete_table(TableName=table)
    create_tables(client, calls=stack.calls_table, leases=stack.leases_table)
