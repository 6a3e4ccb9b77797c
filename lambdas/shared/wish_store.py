"""Where wishes live: beside the call they were made in, each step of one a transaction.

CALL#<id>      WISH#<wish>            the wish
CALL#<id>      CLAIM#<what>#<n>       wish: the nth wish of the call for the same thing that was sent
HOTEL#<hotel>  UNSETTLED#<wish>       what was sent and is not known to be done or refused
HOTEL#<hotel>  FOLLOWUP#<at>#doubt:…  what the front desk has to find out, and what came of it
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event
from lambdas.shared.domain.errors import NotFound
from lambdas.shared.domain.hotel import PhoneNumber
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.items import Write, encode, transact
from lambdas.shared.leases import only_for
from lambdas.shared.tables import (
    CLAIMS,
    EXPIRES,
    UNSETTLED,
    WISHES,
    call_pk,
    follow_up_sk,
    hotel_pk,
    unsettled_sk,
    wish_sk,
)

FOUND: Final = "booked"
FOUND_OTHERWISE: Final = "booked_otherwise"
NOT_FOUND: Final = "not_booked"
OTHER_PRICE: Final = "other_price"
"""The reason of a wish that the hotel's system has done, at a price that nobody has agreed to."""


NO_CLAIMS: Final[Mapping[str, str]] = {}


class Moved(Exception):
    """Somebody else has taken the wish further, or what it claims is taken: read it again."""


class Unsettled(BaseModel):
    """A wish that was sent; the front desk's follow-up while nobody needs one yet."""

    model_config = ConfigDict(frozen=True)

    wish_id: str
    call_id: str
    hotel: str
    sent_at: datetime
    callback: PhoneNumber | None = None
    guest_name: str | None = None


class Wishes(Protocol):
    """The wishes of calls."""

    def hold(self, wish: Wish) -> None:
        """Keeps a new wish; one that is kept already stays as it is."""

    def get(self, call_id: str, wish_id: str) -> Wish:
        """Raises NotFound when this call has no such wish."""

    def of_call(self, call_id: str) -> list[Wish]:
        """All wishes of a call, in the order of their ids."""

    def claims(self, call_id: str, what: str | None = None) -> Mapping[str, str]:
        """Which places among the call's wishes, for `what` or for anything, are taken, and by which wish."""

    def send(self, before: Wish, after: Wish, *, epoch: int, unsettled: Unsettled | None = None) -> None:
        """Takes a wish up for sending, with the claim it has from now on, or does nothing at all.

        Raises StaleEpoch when another agent holds the call, Moved when the wish is not as `before` or its claim is
        taken, Unreachable when others kept writing.
        """

    def move(
        self,
        before: Wish,
        after: Wish,
        *,
        event: Event | None = None,
        follow_up: Mapping[str, Any] | None = None,
        freed: Mapping[str, str] = NO_CLAIMS,
    ) -> None:
        """Replaces a wish by what became of it, with all that follows from it, or does nothing at all.

        What follows: the event that reports it; that it is unsettled, and claimed, no longer; the front desk's
        follow-up, or what came of the one there is; that places which other wishes have claimed are `freed` (each with
        the wish that has it). Needs no lease, since what the hotel's system has done is so whoever tells it. Raises
        Moved, also when a place has changed hands, and Unreachable as `send` does.
        """

    def unsettled(self, hotel: str) -> list[Unsettled]:
        """What a hotel's calls have sent and nobody has settled."""

    def unsettled_of(self, wish: Wish) -> Unsettled | None:
        """What is kept of a wish while it is unsettled."""

    def forget(self, unsettled: Unsettled) -> None:
        """It was settled, and nothing waits for it; what was sent anew since waits on."""

    def leave(self, wish: Wish, follow_up: Mapping[str, Any]) -> None:
        """A follow-up for the front desk about a wish that moves no more; told again it is still one."""


def finding(settled: Wish) -> str:
    """What came of the doubt that a wish was in."""
    if settled.state is WishState.BOOKED:
        return FOUND
    return FOUND_OTHERWISE if settled.reason == OTHER_PRICE else NOT_FOUND


def doubt_id(wish: Wish) -> str:
    """The id of the one follow-up that a wish in doubt has."""
    return f"doubt:{wish.id}"


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

    def claims(self, call_id: str, what: str | None = None) -> Mapping[str, str]:
        begin = f"{CLAIMS}{what}#" if what else CLAIMS
        found = self._calls.items(call_id, "begins_with(sk, :from)", {":from": begin})
        return {item["sk"]: item["wish"] for item in found}

    def send(self, before: Wish, after: Wish, *, epoch: int, unsettled: Unsettled | None = None) -> None:
        # The lease comes first: an agent that lost its call learns that, whatever else has changed.
        writes = [only_for(self._leases_table, before.call_id, epoch), self._put_wish(before, after)]
        if after.claim and after.claim != before.claim:
            claim = {"pk": call_pk(after.call_id), "sk": after.claim, "wish": after.id}
            writes.append(self._put_new(claim, after, Moved(f"{after.claim} is taken")))
        if unsettled:
            values = unsettled.model_dump(mode="json", exclude_none=True)
            writes.append(self._put({**values, **self._unsettled_key(after)}, after))
        self._transact(writes)

    def move(
        self,
        before: Wish,
        after: Wish,
        *,
        event: Event | None = None,
        follow_up: Mapping[str, Any] | None = None,
        freed: Mapping[str, str] = NO_CLAIMS,
    ) -> None:
        writes = [self._put_wish(before, after)]
        settled = after.state not in (WishState.SENT, WishState.IN_DOUBT)
        if settled and before.state is not WishState.PLANNED:
            writes.append(self._delete(self._unsettled_key(before)))
        if after.state in (WishState.PLANNED, WishState.REFUSED) and before.claim:
            freed = {**freed, before.claim: before.id}
        writes += [self._freed(before.call_id, claim, holder) for claim, holder in freed.items()]
        if follow_up:
            writes.append(self._put(self._calls.follow_up_values(before.call_id, follow_up), after))
        found_out = [self._found_out(before, after)] if settled and before.doubted_at else []
        try:
            self._transact([*writes, *found_out], event)
        except _FollowUpGone:
            self._transact(writes, event)

    def unsettled(self, hotel: str) -> list[Unsettled]:
        items = self._calls.items_of_hotel(hotel, "begins_with(sk, :from)", {":from": UNSETTLED})
        return [_unsettled_from(item) for item in items]

    def unsettled_of(self, wish: Wish) -> Unsettled | None:
        items = self._calls.items_of_hotel(wish.hotel, "sk = :sk", {":sk": unsettled_sk(wish.id)})
        return next(map(_unsettled_from, items), None)

    def forget(self, unsettled: Unsettled) -> None:
        key = {"pk": hotel_pk(unsettled.hotel), "sk": unsettled_sk(unsettled.wish_id)}
        sent_at = unsettled.model_dump(mode="json", include={"sent_at"})["sent_at"]
        try:
            self._transact([self._delete_if(key, "sent_at", sent_at, Moved("it was sent anew"))])
        except Moved:
            return

    def leave(self, wish: Wish, follow_up: Mapping[str, Any]) -> None:
        self._calls.add_follow_up(wish.call_id, follow_up)

    def _transact(self, writes: Sequence[Write], event: Event | None = None) -> None:
        if event:
            self._calls.apply_along(event, *writes)
        else:
            self._calls.patience.until_done(lambda: transact(self._calls.client, writes))

    def _put_wish(self, before: Wish, after: Wish) -> Write:
        return Write(
            {
                "Put": {
                    "TableName": self._calls.table,
                    "Item": encode(self._values(after)),
                    "ConditionExpression": "#state = :before AND attempts = :attempts",
                    "ExpressionAttributeNames": {"#state": "state"},
                    "ExpressionAttributeValues": encode({":before": before.state, ":attempts": before.attempts}),
                }
            },
            otherwise=Moved(f"wish {before.id} is no longer {before.state}"),
        )

    def _put_new(self, values: Mapping[str, Any], wish: Wish, otherwise: Exception) -> Write:
        put = self._put(values, wish).action["Put"]
        return Write({"Put": {**put, "ConditionExpression": "attribute_not_exists(pk)"}}, otherwise=otherwise)

    def _put(self, values: Mapping[str, Any], wish: Wish) -> Write:
        item = encode({EXPIRES: self._calls.expiry(wish.call_id), **values})
        return Write({"Put": {"TableName": self._calls.table, "Item": item}})

    def _delete(self, key: Mapping[str, str]) -> Write:
        return Write({"Delete": {"TableName": self._calls.table, "Key": encode(key)}})

    def _freed(self, call_id: str, claim: str, holder: str) -> Write:
        key = {"pk": call_pk(call_id), "sk": claim}
        return self._delete_if(key, "wish", holder, Moved(f"{claim} is another wish's"))

    def _delete_if(self, key: Mapping[str, str], name: str, value: str, otherwise: Exception) -> Write:
        """Deletes the item, if there is one, unless the attribute has another value."""
        delete = self._delete(key).action["Delete"]
        condition = f"attribute_not_exists(pk) OR {name} = :value"
        values = encode({":value": value})
        return Write(
            {"Delete": {**delete, "ConditionExpression": condition, "ExpressionAttributeValues": values}},
            otherwise=otherwise,
        )

    def _found_out(self, before: Wish, after: Wish) -> Write:
        """What came of a follow-up, written into it."""
        if before.doubted_at is None:
            raise ValueError(f"wish {before.id} was never in doubt")
        sk, found = follow_up_sk(before.doubted_at, doubt_id(before)), finding(after)
        return Write(
            {
                "Update": {
                    "TableName": self._calls.table,
                    "Key": encode({"pk": hotel_pk(before.hotel), "sk": sk}),
                    "UpdateExpression": "SET finding = :finding, reservation = :code",
                    "ConditionExpression": "attribute_exists(pk)",
                    "ExpressionAttributeValues": encode(
                        {":finding": found, ":code": after.code if found != NOT_FOUND else None}
                    ),
                }
            },
            otherwise=_FollowUpGone(before.id),
        )

    def _unsettled_key(self, wish: Wish) -> dict[str, str]:
        return {"pk": hotel_pk(wish.hotel), "sk": unsettled_sk(wish.id)}

    def _values(self, wish: Wish) -> dict[str, Any]:
        return {
            **wish.model_dump(mode="json", exclude_none=True),
            "pk": call_pk(wish.call_id),
            "sk": wish_sk(wish.id),
            EXPIRES: self._calls.expiry(wish.call_id),
        }


class _FollowUpGone(Exception):
    """The front desk's follow-up was deleted; what came of it is told nowhere else."""


def _wish_from(item: Mapping[str, Any]) -> Wish:
    return Wish.model_validate(_fields(item, Wish.model_fields))


def _unsettled_from(item: Mapping[str, Any]) -> Unsettled:
    return Unsettled.model_validate(_fields(item, Unsettled.model_fields))


def _fields(item: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: item[name] for name in names if name in item}
