"""Which agent holds a call: a lease with an epoch, a number by which its holder is told from every earlier one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambdas.shared.domain.errors import LeaseHeld, StaleEpoch
from lambdas.shared.items import Write, decode, encode, reaching, stamp
from lambdas.shared.tables import EXPIRES, call_pk

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_REMEMBERED: Final = timedelta(days=7)
"""How long an epoch outlives its lease: longer than any call, or a number would be given twice."""


@dataclass(frozen=True)
class Lease:
    """A call is the holder's until `expires_at`."""

    epoch: int
    expires_at: datetime


class Leases(Protocol):
    """Who holds which call."""

    def take(self, call_id: str, holder: str) -> Lease:
        """The call for this holder: a new epoch, or the one it has; raises LeaseHeld while somebody else has it."""

    def require(self, call_id: str, epoch: int) -> None:
        """Raises StaleEpoch unless this is the epoch of the last lease."""


class DynamoLeases(Leases):
    """Leases in DynamoDB."""

    def __init__(
        self,
        *,
        leases_table: str,
        client: DynamoDBClient,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        seconds: float = 60,
    ) -> None:
        self._table = leases_table
        self._client = client
        self._clock = clock
        self._length = timedelta(seconds=seconds)

    def take(self, call_id: str, holder: str) -> Lease:
        now = self._clock()
        lease = self._update(
            call_id,
            holder,
            now,
            changes="epoch = if_not_exists(epoch, :none) + :one, holder = :holder",
            only_if="attribute_not_exists(pk) OR (expires_at <= :now AND holder <> :holder)",
            values={":none": 0, ":one": 1, ":now": stamp(now)},
        )
        lease = lease or self._update(call_id, holder, now, only_if="holder = :holder")
        if lease is None:
            raise LeaseHeld(f"another agent holds {call_id}")
        return lease

    def require(self, call_id: str, epoch: int) -> None:
        with reaching("a lease"):
            found = self._client.get_item(
                TableName=self._table, Key=encode({"pk": call_pk(call_id)}), ConsistentRead=True
            )
        if decode(found.get("Item", {})).get("epoch") != epoch:
            raise _stale(call_id, epoch)

    def _update(
        self,
        call_id: str,
        holder: str,
        now: datetime,
        *,
        only_if: str,
        changes: str = "",
        values: dict[str, Any] | None = None,
    ) -> Lease | None:
        """The lease as it is from now on; None when the condition does not hold."""
        ends = now + self._length
        with reaching("a lease"):
            try:
                written = self._client.update_item(
                    TableName=self._table,
                    Key=encode({"pk": call_pk(call_id)}),
                    UpdateExpression=", ".join(filter(None, [f"SET expires_at = :ends, {EXPIRES} = :gone", changes])),
                    ConditionExpression=only_if,
                    ExpressionAttributeValues=encode(
                        {
                            ":ends": stamp(ends),
                            ":gone": int((ends + _REMEMBERED).timestamp()),
                            ":holder": holder,
                            **(values or {}),
                        }
                    ),
                    ReturnValues="ALL_NEW",
                )
            except self._client.exceptions.ConditionalCheckFailedException:
                return None
        return Lease(epoch=decode(written["Attributes"])["epoch"], expires_at=ends)


def only_for(leases_table: str, call_id: str, epoch: int) -> Write:
    """The part of a transaction that lets it happen only while this epoch is the last; otherwise StaleEpoch."""
    return Write(
        {
            "ConditionCheck": {
                "TableName": leases_table,
                "Key": encode({"pk": call_pk(call_id)}),
                "ConditionExpression": "epoch = :epoch",
                "ExpressionAttributeValues": encode({":epoch": epoch}),
            }
        },
        otherwise=_stale(call_id, epoch),
    )


def _stale(call_id: str, epoch: int) -> StaleEpoch:
    return StaleEpoch(f"epoch {epoch} does not hold {call_id}")
