"""The stack that the spoken calls of this folder share."""

from collections.abc import AsyncIterator

import pytest_asyncio

from local.stack import Stack


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stack() -> AsyncIterator[Stack]:
    async with Stack.start() as running:
        yield running
