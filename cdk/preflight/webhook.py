"""Whether LiveKit's reports arrive: the proof that the webhook's address is registered at the project.

Agents report on calls too, so a call that only they know of was made while LiveKit told nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from lambdas.shared.domain.call import Source
from lambdas.shared.tables import DAY_INDEX, call_pk, event_sk, hotel_day

DAYS: Final = 7
_CALLS: Final = 3
"""Calls of a hotel that are looked at, the latest first; one with LiveKit's events is enough."""


def events_arrive(deployment: Deployment) -> Finding:
    """A call of the last days has events that LiveKit reported."""
    tables = deployment.stack_resources("data")
    outputs = deployment.stack_outputs("api")
    if tables is None or outputs is None:
        return Finding.not_yet("nothing is deployed that could hear LiveKit", fix="look again after the first call")
    table = next(physical for logical, physical in tables.items() if logical.startswith("Calls"))
    database = deployment.client("dynamodb")
    calls = 0
    for call_id in _latest_calls(deployment, database, table):
        calls += 1
        if _has_reports(database, table, call_id):
            return Finding.fine(f"LiveKit reported on a call of the last {DAYS} days")
    enter = f"enter {outputs['WebhookUrl']} at LiveKit Cloud, Settings, Webhooks, signed with the secret's key"
    if calls:
        return Finding.wrong(f"agents know of calls of the last {DAYS} days, LiveKit has reported none", fix=enter)
    return Finding.not_yet(f"no call in the last {DAYS} days", fix=f"{enter}; then call a hotel")


def _latest_calls(deployment: Deployment, database: Any, table: str) -> Iterator[str]:
    now = datetime.now(UTC)
    for hotel in deployment.hotels:
        for ago in range(DAYS):
            found = database.query(
                TableName=table,
                IndexName=DAY_INDEX,
                KeyConditionExpression="hotel_day = :day",
                ExpressionAttributeValues={
                    ":day": {"S": hotel_day(hotel.name, hotel.day_of(now - timedelta(days=ago)))}
                },
                ScanIndexForward=False,
                Limit=_CALLS,
            )
            yield from (item["id"]["S"] for item in found["Items"])


def _has_reports(database: Any, table: str, call_id: str) -> bool:
    found = database.query(
        TableName=table,
        KeyConditionExpression="pk = :call AND begins_with(sk, :reported)",
        ExpressionAttributeValues={":call": {"S": call_pk(call_id)}, ":reported": {"S": event_sk(Source.LIVEKIT, "")}},
        Limit=1,
    )
    return bool(found["Items"])
