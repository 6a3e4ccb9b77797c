"""The stores on tables of their own, with a clock that is set and with others who write at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self, cast

from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.items import Patience, decode, encode
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.tables import call_pk
from lambdas.shared.wish_store import DynamoWishes
from tests.tables import new_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

HOTELS: Final = Hotels.load(Path(__file__).parents[2] / "hotels")


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Interrupted:
    """A client that lets others act after everything was read and right before a transaction is written."""

    def __init__(self, client: DynamoDBClient) -> None:
        self.others: list[Callable[[], object]] = []
        self.asked: list[str] = []
        self._client = client

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in ("query", "transact_write_items", "get_item", "put_item", "update_item"):
            return operation

        def asked(**request: Any) -> Any:
            self.asked.append(name)
            if name == "transact_write_items" and self.others:
                self.others.pop(0)()
            return operation(**request)

        return asked


@dataclass
class Tables:
    """Two tables and the stores on them; `calls` and `wishes` can be interrupted, `other_…` cannot."""

    client: DynamoDBClient
    calls_table: str
    leases_table: str
    clock: Clock = field(default_factory=Clock)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.interrupted = Interrupted(self.client)
        self.calls = self._store(cast("DynamoDBClient", self.interrupted))
        self.other_calls = self._store(self.client)
        self.wishes = DynamoWishes(calls=self.calls, leases_table=self.leases_table)
        self.other_wishes = DynamoWishes(calls=self.other_calls, leases_table=self.leases_table)
        self.leases = DynamoLeases(leases_table=self.leases_table, client=self.client, clock=self.clock)

    @classmethod
    @contextmanager
    def made(cls, client: DynamoDBClient) -> Iterator[Self]:
        tables = cls(client, *new_tables(client))
        try:
            yield tables
        finally:
            for table in (tables.calls_table, tables.leases_table):
                client.delete_table(TableName=table)

    def stored(self, call_id: str) -> dict[str, dict[str, Any]]:
        """A call's items by sort key, as they stand in the table."""
        return self.partition(call_pk(call_id))

    def partition(self, pk: str) -> dict[str, dict[str, Any]]:
        found = self.client.query(
            TableName=self.calls_table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues=encode({":pk": pk}),
            ConsistentRead=True,
        )
        return {item["sk"]: item for item in map(decode, found["Items"])}

    def _store(self, client: DynamoDBClient) -> DynamoCallStore:
        patience = Patience(sleep=self.pauses.append, draw=lambda _, longest: longest)
        return DynamoCallStore(
            calls_table=self.calls_table, hotels=HOTELS, client=client, patience=patience, clock=self.clock
        )
