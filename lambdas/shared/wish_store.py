"""Where wishes live: beside the call they were made in, moved only by the agent that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event
from lambdas.shared.domain.errors import NotFound, Refused
from lambdas.shared.domain.wish import Wish
from lambdas.shared.items import Write, encode, transact
from lambdas.shared.leases import only_for
from lambdas.shared.tables import EXPIRES, WISHES, call_pk, wish_sk


class Wishes(Protocol):
    """The wishes of calls."""

    def hold(self, wish: Wish) -> None:
        """Keeps a new wish; one that is kept already stays as it is."""

    def get(self, call_id: str, wish_id: str) -> Wish:
        """Raises NotFound when this call has no such wish."""

    def of_call(self, call_id: str) -> list[Wish]:
        """All wishes of a call, in the order of their ids."""

    def move(self, before: Wish, after: Wish, *, epoch: int, event: Event | None = None) -> None:
        """Replaces a wish by what became of it, together with the event that reports it, or does nothing at all.

        Raises StaleEpoch when another agent holds the call, Refused when the wish is no longer in the state of
        `before`, Unreachable when others kept writing to the call.
        """


class DynamoWishes(Wishes):
    """Wishes in DynamoDB, in the table of their calls."""

    def __init__(self, *, calls: DynamoCallStore, leases_table: str) -> None:
        self._calls = calls
        self._leases_table = leases_table

    def hold(self, wish: Wish) -> None:
        self._calls.put_once(self._values(wish))

    def get(self, call_id: str, wish_id: str) -> Wish:
        for item in self._calls.items(call_id, "sk = :sk", {":sk": wish_sk(wish_id)}):
            return _wish_from(item)
        raise NotFound(f"call {call_id} has no wish {wish_id}")

    def of_call(self, call_id: str) -> list[Wish]:
        return [_wish_from(item) for item in self._calls.items(call_id, "begins_with(sk, :from)", {":from": WISHES})]

    def move(self, before: Wish, after: Wish, *, epoch: int, event: Event | None = None) -> None:
        # The lease comes first: an agent that lost its call learns that, whatever else has changed.
        writes = (
            only_for(self._leases_table, before.call_id, epoch),
            Write(
                {
                    "Put": {
                        "TableName": self._calls.table,
                        "Item": encode(self._values(after)),
                        "ConditionExpression": "#state = :before",
                        "ExpressionAttributeNames": {"#state": "state"},
                        "ExpressionAttributeValues": encode({":before": before.state}),
                    }
                },
                otherwise=Refused(f"wish {before.id} is no longer {before.state}"),
            ),
        )
        if event:
            self._calls.apply_along(event, *writes)
        else:
            self._calls.patience.until_done(lambda: transact(self._calls.client, writes))

    def _values(self, wish: Wish) -> dict[str, Any]:
        return {
            **wish.model_dump(mode="json", exclude_none=True),
            "pk": call_pk(wish.call_id),
            "sk": wish_sk(wish.id),
            EXPIRES: self._calls.expiry(wish.call_id),
        }


def _wish_from(item: Mapping[str, Any]) -> Wish:
    return Wish.model_validate({name: item[name] for name in Wish.model_fields if name in item})
