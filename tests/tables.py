"""The two tables on moto, for tests of the real stores, also for those that write from several threads."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, cast

import boto3
from moto import mock_aws

from lambdas.shared.tables import create_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_numbers = itertools.count(1)


class _OneAtATime:
    """A client whose requests do not overlap.

    moto cancels a transaction by putting a copy of the whole table back, which loses what others wrote meanwhile; in
    DynamoDB every request happens at one moment. Between requests the threads still interleave.
    """

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._client, name)
        if not callable(attribute):
            return attribute

        @wraps(attribute)
        def request(*arguments: Any, **keywords: Any) -> Any:
            with self._lock:
                return attribute(*arguments, **keywords)

        return request


@contextmanager
def database() -> Iterator[DynamoDBClient]:
    """An empty DynamoDB."""
    with mock_aws():
        yield cast("DynamoDBClient", _OneAtATime(boto3.client("dynamodb", region_name="eu-central-1")))


def new_tables(client: DynamoDBClient) -> tuple[str, str]:
    """The names of a table of calls and one of leases that nobody else uses."""
    number = next(_numbers)
    calls, leases = f"calls{number}", f"leases{number}"
    create_tables(client, calls, leases)
    return calls, leases
