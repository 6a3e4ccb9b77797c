"""Where calls live: their events, what the events come to, what was said, and what is left to do.

An event and the projection it leads to are written in one transaction, and only if nobody else has written meanwhile;
so the projection is `Call.of` all stored events, whatever order they came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Protocol

from lambdas.shared.domain.call import Call, Event, dialled_number
from lambdas.shared.domain.errors import NotFound
from lambdas.shared.domain.hotel import UNKNOWN_HOTEL, Hotel, Hotels
from lambdas.shared.items import Conflict, Patience, Write, decode, encode, reaching, stamp, transact
from lambdas.shared.tables import (
    AFTER_EVENTS,
    CALL,
    EVENTS,
    EXPIRES,
    TURNS,
    call_pk,
    event_sk,
    follow_up_sk,
    hotel_day,
    hotel_pk,
    turn_sk,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef, PutTypeDef, QueryInputTypeDef

UNKNOWN_RETENTION_DAYS: Final = 30
"""How long a call to a number that no hotel has is kept."""


class CallStore(Protocol):
    """Calls, as functions see them."""

    def apply(self, event: Event) -> Call:
        """The call with this event among its events; an event told again changes nothing.

        Raises Unreachable when others wrote the same call at each of eight tries, or the database does not answer.
        """

    def call(self, call_id: str) -> Call:
        """Raises NotFound when nobody has reported on such a call."""

    def hotel_of(self, call_id: str) -> Hotel | None:
        """The hotel whose number was dialled."""

    def add_turn(self, call_id: str, epoch: int, turn: Mapping[str, Any]) -> None:
        """Keeps a turn, plain and with its `number`; the same number of the same epoch again changes nothing."""

    def turns(self, call_id: str) -> list[dict[str, Any]]:
        """What was given to `add_turn`, by epoch and number."""

    def add_follow_up(self, call_id: str, follow_up: Mapping[str, Any]) -> None:
        """Leaves the front desk something to do, plain and with its `id` and `at`; told again it is still one."""


@dataclass(frozen=True)
class _Told:
    """What the table holds of a call at one moment; version 0 is a call it does not know."""

    events: tuple[Event, ...]
    version: int
    expires: int | None

    def knows(self, event: Event) -> bool:
        return any((event.source, event.id) == (known.source, known.id) for known in self.events)


class DynamoCallStore(CallStore):
    """Calls in DynamoDB."""

    def __init__(
        self,
        *,
        calls_table: str,
        hotels: Hotels,
        client: DynamoDBClient,
        patience: Patience | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.table = calls_table
        self.client = client
        self.patience = patience or Patience()
        self._hotels = hotels
        self._clock = clock

    def apply(self, event: Event) -> Call:
        return self.apply_along(event)

    def apply_along(self, event: Event, *along: Write) -> Call:
        """`apply`, with further writes in the same transaction: all are done or none, also when the event is known.

        Raises what a write of these says when its condition does not hold.
        """

        def attempt() -> Call:
            told = self._told(event.call_id)
            if told.knows(event):
                if along:
                    transact(self.client, along)
                return Call.of(told.events)
            call = Call.of((*told.events, event))
            expires = told.expires or self.expiry(call.id)
            transact(self.client, (*along, self._put_event(event, expires), self._put_call(call, told, expires)))
            return call

        return self.patience.until_done(attempt)

    def call(self, call_id: str) -> Call:
        with reaching("a call"):
            item = self.client.get_item(TableName=self.table, Key=_key(call_id, CALL), ConsistentRead=True).get("Item")
        if item is None:
            raise NotFound(f"no call {call_id}")
        return _call_from(decode(item))

    def hotel_of(self, call_id: str) -> Hotel | None:
        return self._hotels.by_number.get(dialled_number(call_id) or "")

    def add_turn(self, call_id: str, epoch: int, turn: Mapping[str, Any]) -> None:
        self.put_once({**turn, **_names(call_id, turn_sk(epoch, turn["number"])), EXPIRES: self.expiry(call_id)})

    def turns(self, call_id: str) -> list[dict[str, Any]]:
        found = self.items(call_id, "begins_with(sk, :from)", {":from": TURNS})
        found.sort(key=lambda item: (int(item["sk"].split("#")[1]), item["number"]))
        return [_without_keys(item) for item in found]

    def add_follow_up(self, call_id: str, follow_up: Mapping[str, Any]) -> None:
        self.put_once(self.follow_up_values(call_id, follow_up))

    def follow_up_values(self, call_id: str, follow_up: Mapping[str, Any]) -> dict[str, Any]:
        """A follow-up as its item."""
        hotel = self.hotel_name(call_id)
        at = datetime.fromisoformat(follow_up["at"])
        return {
            "state": "open",
            **{name: value for name, value in follow_up.items() if value is not None},
            "pk": hotel_pk(hotel),
            "sk": follow_up_sk(at, follow_up["id"]),
            "hotel": hotel,
            "call_id": call_id,
            EXPIRES: self.expiry(call_id),
        }

    def put_once(self, values: Mapping[str, Any]) -> None:
        """Writes an item under its `pk` and `sk`, unless there is one."""
        with reaching("an item of a call"):
            try:
                self.client.put_item(
                    TableName=self.table, Item=encode(values), ConditionExpression="attribute_not_exists(pk)"
                )
            except self.client.exceptions.ConditionalCheckFailedException:
                return

    def items(self, call_id: str, where: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
        """A call's items of a range of sort keys, read consistently and in the keys' order."""
        return list(self._pages(call_pk(call_id), where, values))

    def items_of_hotel(self, hotel: str, where: str, values: Mapping[str, str]) -> list[dict[str, Any]]:
        """A hotel's items of a range of sort keys, read consistently and in the keys' order."""
        return list(self._pages(hotel_pk(hotel), where, values))

    def expiry(self, call_id: str) -> int:
        """When what is written of a call now is let go, in seconds since 1970."""
        hotel = self.hotel_of(call_id)
        days = hotel.retention.calls_days if hotel else UNKNOWN_RETENTION_DAYS
        return int((self._clock() + timedelta(days=days)).timestamp())

    def _pages(self, pk: str, where: str, values: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        request: QueryInputTypeDef = {
            "TableName": self.table,
            "KeyConditionExpression": f"pk = :pk AND {where}",
            "ExpressionAttributeValues": encode({":pk": pk, **values}),
            "ConsistentRead": True,
        }
        while True:
            with reaching("items of the calls"):
                page = self.client.query(**request)
            yield from map(decode, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _told(self, call_id: str) -> _Told:
        """Raises Conflict when the query saw a transaction half done: the projection without all of its events."""
        projection, events = None, []
        for item in self._pages(call_pk(call_id), "sk BETWEEN :from AND :to", {":from": CALL, ":to": AFTER_EVENTS}):
            if item["sk"] == CALL:
                projection = item
            elif item["sk"].startswith(EVENTS):
                events.append(Event.model_validate(_without_keys(item)))
        if projection is None:
            return _Told(tuple(events), 0, None)
        if projection["events"] > len(events):
            raise Conflict("an event of the projection has not been read")
        return _Told(tuple(events), projection["version"], projection[EXPIRES])

    def _put_event(self, event: Event, expires: int) -> Write:
        values = event.model_dump(mode="json") | {"at": stamp(event.at), EXPIRES: expires}
        return Write(
            {
                "Put": {
                    "TableName": self.table,
                    "Item": encode({**values, **_names(event.call_id, event_sk(event.source, event.id))}),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            otherwise=Conflict("the event was stored meanwhile"),
        )

    def _put_call(self, call: Call, told: _Told, expires: int) -> Write:
        hotel, name = self.hotel_of(call.id), self.hotel_name(call.id)
        day = hotel.day_of(call.started_at) if hotel else call.started_at.astimezone(UTC).date()
        values = {
            **_names(call.id, CALL),
            **_values_of(call),
            "hotel": name,
            "hotel_day": hotel_day(name, day),
            "version": told.version + 1,
            EXPIRES: expires,
        }
        put: PutTypeDef = {
            "TableName": self.table,
            "Item": encode(values),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        if told.version:
            put["ConditionExpression"] = "version = :read"
            put["ExpressionAttributeValues"] = encode({":read": told.version})
        return Write({"Put": put}, otherwise=Conflict("the call was written meanwhile"))

    def hotel_name(self, call_id: str) -> str:
        """Under which hotel's name a call is kept."""
        hotel = self.hotel_of(call_id)
        return hotel.name if hotel else UNKNOWN_HOTEL


def _names(call_id: str, sk: str) -> dict[str, str]:
    return {"pk": call_pk(call_id), "sk": sk}


def _key(call_id: str, sk: str) -> dict[str, AttributeValueTypeDef]:
    return encode(_names(call_id, sk))


def _without_keys(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in ("pk", "sk", EXPIRES)}


def _values_of(call: Call) -> dict[str, Any]:
    """A call's fields as attributes; its guest is named as the index by guest wants it."""
    values = call.model_dump(mode="json", exclude_none=True)
    for field in ("started_at", "answered_at", "ended_at"):
        if moment := getattr(call, field):
            values[field] = stamp(moment)
    if "guest" in values:
        values["guest_key"] = values.pop("guest")
    return values


def _call_from(item: Mapping[str, Any]) -> Call:
    fields = {name: item[name] for name in Call.model_fields if name in item}
    return Call.model_validate({**fields, "guest": item.get("guest_key")})
