"""How often a system may be asked in a minute by all processes together, counted in the table of leases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.items import encode, reaching
from lambdas.shared.tables import EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_FORGOTTEN: Final = timedelta(hours=1)


class Budget:
    """So many requests in each minute of the clock to one system, such as `pms#aurora`.

    A minute is an item of its own, so that a request costs one conditional update, whichever minute it falls into.
    """

    def __init__(
        self, system: str, *, per_minute: int, client: DynamoDBClient, leases_table: str, now: Callable[[], datetime]
    ) -> None:
        self._system = system
        self._per_minute = per_minute
        self._client = client
        self._table = leases_table
        self._now = now

    def spend(self) -> None:
        """Counts one request. Raises Unreachable when this minute's are spent."""
        now = self._now()
        minute = int(now.timestamp()) // 60
        with reaching("a budget"):
            try:
                self._client.update_item(
                    TableName=self._table,
                    Key=encode({"pk": f"BUDGET#{self._system}#{minute}"}),
                    UpdateExpression=f"SET {EXPIRES} = :gone ADD spent :one",
                    ConditionExpression="attribute_not_exists(spent) OR spent < :all",
                    ExpressionAttributeValues=encode(
                        {":gone": int((now + _FORGOTTEN).timestamp()), ":one": 1, ":all": self._per_minute}
                    ),
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                raise Unreachable(
                    f"{self._system} was asked {self._per_minute} times in this minute", vendor_code="budget"
                ) from None
