"""The two tables: their keys, indexes and schemas.

`calls` holds everything about calls and hotels and has a stream; `leases` holds what changes by the second. Both let
an item go at its `expires` (seconds since 1970).
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.items import stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALL: Final = "CALL"
EVENTS: Final = "EVENT#"
TURNS: Final = "TURN#"
WISHES: Final = "WISH#"
CLAIMS: Final = "CLAIM#"
NOTES: Final = "NOTE#"
VERIFIED: Final = "VERIFIED"
UNSETTLED: Final = "UNSETTLED#"
FOLLOW_UPS: Final = "FOLLOWUP#"
DUE: Final = "DUE#"
AFTER_EVENTS: Final = "EVENT$"
"""The first sort key after every event's: from CALL up to here lie the projection and the events, in one query."""

EXPIRES: Final = "expires"
DAY_INDEX: Final = "by_day"
GUEST_INDEX: Final = "by_guest"


def call_pk(call_id: str) -> str:
    return f"CALL#{call_id}"


def event_sk(source: str, event_id: str) -> str:
    return f"{EVENTS}{source}#{event_id}"


def turn_sk(epoch: int, number: int) -> str:
    return f"{TURNS}{epoch}#{number:04d}"


def wish_sk(wish_id: str) -> str:
    return f"{WISHES}{wish_id}"


def claim_sk(wanted: str, number: int) -> str:
    """The place of the `number`th wish of a call for the same thing."""
    return f"{CLAIMS}{wanted}#{number}"


def note_sk(note_id: str) -> str:
    return f"{NOTES}{note_id}"


def unsettled_sk(wish_id: str) -> str:
    return f"{UNSETTLED}{wish_id}"


def hotel_pk(hotel: str) -> str:
    return f"HOTEL#{hotel}"


def follow_up_sk(at: datetime, follow_up_id: str) -> str:
    return f"{FOLLOW_UPS}{stamp(at)}#{follow_up_id}"


def due_sk(call_id: str, follow_up_id: str) -> str:
    return f"{DUE}{call_id}#{follow_up_id}"


def hotel_day(hotel: str, day: date) -> str:
    """The key under which index `by_day` lists a hotel's calls of a hotel-local day."""
    return f"HOTEL#{hotel}#{day.isoformat()}"


CALLS_SCHEMA: Final[dict[str, Any]] = {
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
        {"AttributeName": "hotel_day", "AttributeType": "S"},
        {"AttributeName": "guest_key", "AttributeType": "S"},
        {"AttributeName": "started_at", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": DAY_INDEX,
            "KeySchema": [
                {"AttributeName": "hotel_day", "KeyType": "HASH"},
                {"AttributeName": "started_at", "KeyType": "RANGE"},
            ],
            "Projection": {
                "ProjectionType": "INCLUDE",
                "NonKeyAttributes": ["id", "hotel", "state", "outcome", "reason", "answered_at", "ended_at", "stays"],
            },
        },
        {
            "IndexName": GUEST_INDEX,
            "KeySchema": [
                {"AttributeName": "guest_key", "KeyType": "HASH"},
                {"AttributeName": "started_at", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        },
    ],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
}
"""The table of calls, as CreateTable takes it but for its name."""

LEASES_SCHEMA: Final[dict[str, Any]] = {
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
"""The table of leases, as CreateTable takes it but for its name."""


def create_tables(client: DynamoDBClient, calls: str = "calls", leases: str = "leases") -> None:
    """Both tables, empty and ready."""
    for name, schema in ((calls, CALLS_SCHEMA), (leases, LEASES_SCHEMA)):
        client.create_table(TableName=name, **schema)
        client.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
        client.update_time_to_live(TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": EXPIRES})


def open_dynamodb() -> DynamoDBClient:
    """DynamoDB as the environment says, with time-outs a phone call can bear."""
    # Imported here: the schemas are also read where boto3 is not installed.
    import boto3
    from botocore.config import Config

    patience = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
    return boto3.client("dynamodb", config=patience)
