"""Follow-ups that are kept back while something is under way, and left for the front desk unless it is reported done.

    HOTEL#<hotel>  DUE#<call>#<follow-up>  the follow-up, and from when on it is due

So whoever dies in the middle has told the front desk already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.items import Write, encode, transact
from lambdas.shared.tables import DUE, EXPIRES, due_sk, hotel_pk


@dataclass(frozen=True)
class Due:
    """A follow-up of a call that is kept back."""

    call_id: str
    follow_up: Mapping[str, Any]


class DueFollowUps(Protocol):
    """What is kept back of a hotel."""

    def overdue(self, hotel: str, now: datetime) -> list[Due]:
        """What is due by now and was not withdrawn."""

    def leave(self, due: Due) -> None:
        """It is the front desk's from now on; told again it is still one."""


class DynamoDueFollowUps(DueFollowUps):
    """Kept beside the hotel, in the table of its calls."""

    def __init__(self, calls: DynamoCallStore) -> None:
        self._calls = calls

    def overdue(self, hotel: str, now: datetime) -> list[Due]:
        items = self._calls.items_of_hotel(hotel, "begins_with(sk, :from)", {":from": DUE})
        return [
            Due(call_id=item["of_call"], follow_up=item["follow_up"])
            for item in items
            if datetime.fromisoformat(item["due_at"]) <= now
        ]

    def leave(self, due: Due) -> None:
        writes = (self.left(due), self.withdrawn(due.call_id, due.follow_up["id"]))
        self._calls.patience.until_done(lambda: transact(self._calls.client, writes))

    def kept_back(self, due: Due, due_at: datetime) -> Write:
        """The write that keeps it back."""
        values = {
            "of_call": due.call_id,
            "follow_up": {name: value for name, value in due.follow_up.items() if value is not None},
            "due_at": due_at.isoformat(),
            EXPIRES: self._calls.expiry(due.call_id),
        }
        item = encode({**self._key(due.call_id, due.follow_up["id"]), **values})
        return Write({"Put": {"TableName": self._calls.table, "Item": item}})

    def withdrawn(self, call_id: str, follow_up_id: str) -> Write:
        """The write after which it is kept back no more."""
        return Write({"Delete": {"TableName": self._calls.table, "Key": encode(self._key(call_id, follow_up_id))}})

    def left(self, due: Due) -> Write:
        """The write that leaves it for the front desk."""
        item = encode(self._calls.follow_up_values(due.call_id, due.follow_up))
        return Write({"Put": {"TableName": self._calls.table, "Item": item}})

    def _key(self, call_id: str, follow_up_id: str) -> dict[str, str]:
        return {"pk": hotel_pk(self._calls.hotel_name(call_id)), "sk": due_sk(call_id, follow_up_id)}
