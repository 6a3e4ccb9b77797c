"""The stack that the spoken calls of this folder share, with empty tables for each test."""

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

import pytest
import pytest_asyncio

from lambdas.shared.tables import create_tables
from local.stack import Stack

MOST_TRIES: Final = 10


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
    for _ in range(MOST_TRIES):
        for table in (stack.calls_table, stack.leases_table):
            with suppress(client.exceptions.ResourceNotFoundException):
                client.delete_table(TableName=table)
        # The last call's webhooks may still come: a transaction that moto takes back puts all tables back that it saw.
        with suppress(client.exceptions.ResourceInUseException):
            create_tables(client, calls=stack.calls_table, leases=stack.leases_table)
            return
        time.sleep(0.5)
    pytest.fail("the tables could not be made anew: something wrote into them all the time")
