"""Calls of the last days prove that LiveKit's reports arrive."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from moto import mock_aws

from cdk.preflight import webhook
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import State
from lambdas.shared.items import encode
from lambdas.shared.tables import create_tables
from tests.unit.stage_account import HOTELS, SESSION, deployment

pytestmark = pytest.mark.unit

WEBHOOK = "https://abc.execute-api.eu-central-1.amazonaws.com/live/v1/livekit/webhook"
CALL = "call_+493023125001_aB3dE5gH7jK9"


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    with mock_aws():
        yield


def deploy_stacks(*stacks: str) -> None:
    cloudformation = SESSION.client("cloudformation")
    table = {
        "Type": "AWS::DynamoDB::Table",
        "Properties": {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        },
    }
    for stack in stacks:
        template = {
            "Resources": {"CallsTable1234": table} if stack == "data" else {"Topic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {"WebhookUrl": {"Value": WEBHOOK}} if stack == "api" else {},
        }
        cloudformation.create_stack(StackName=f"bellhop-prod-{stack}", TemplateBody=json.dumps(template))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts a call with events of these sources into the table of a stage that is deployed."""
    deploy_stacks("data", "api")
    database = SESSION.client("dynamodb")
    create_tables(database)
    monkeypatch.setattr(Deployment, "stack_resources", lambda *_: {"CallsTable1234": "calls"})
    monkeypatch.setattr(Deployment, "stack_outputs", lambda *_: {"WebhookUrl": WEBHOOK})
    hotel = next(iter(HOTELS))

    def put(*sources: str, ago: timedelta = timedelta()) -> None:
        at = datetime.now(UTC) - ago
        head = {
            "pk": f"CALL#{CALL}",
            "sk": "CALL",
            "id": CALL,
            "hotel_day": f"HOTEL#{hotel.name}#{hotel.day_of(at)}",
            "started_at": at.isoformat(),
        }
        events = [{"pk": f"CALL#{CALL}", "sk": f"EVENT#{source}#1"} for source in sources]
        for item in (head, *events):
            database.put_item(TableName="calls", Item=encode(item))

    return put


def test_a_stage_that_is_not_deployed_hears_nobody_yet() -> None:
    """Before the first deployment there is nothing that LiveKit could report to."""
    assert webhook.events_arrive(deployment()).state is State.NOT_YET


def test_what_has_no_name_of_its_own_is_found_by_its_stack() -> None:
    """The table and the webhook's address are what the stacks say, once they are deployed."""
    assert deployment().stack_resources("data") is None
    assert deployment().stack_outputs("api") is None

    deploy_stacks("data", "api")

    assert (deployment().stack_resources("data") or {})["CallsTable1234"]
    assert deployment().stack_outputs("api") == {"WebhookUrl": WEBHOOK}


def test_a_call_that_livekit_reported_proves_the_webhook(calls: Callable[..., None]) -> None:
    """The webhook's address is registered when a call has events of LiveKit's."""
    calls("agent", "livekit", ago=timedelta(days=3))

    assert webhook.events_arrive(deployment()).state is State.FINE


def test_a_call_that_only_an_agent_knows_of_accuses_the_webhook(calls: Callable[..., None]) -> None:
    """Agents report as well, so their calls without LiveKit's events show that its address is not registered."""
    calls("agent")

    finding = webhook.events_arrive(deployment())

    assert finding.state is State.WRONG
    assert finding.fix.startswith(f"enter {WEBHOOK} at LiveKit Cloud")


@pytest.mark.parametrize("ago", [None, timedelta(days=8)])
def test_without_a_call_nothing_is_known_of_the_webhook(calls: Callable[..., None], ago: timedelta | None) -> None:
    """Calls of long ago prove nothing of today."""
    if ago:
        calls("livekit", ago=ago)

    assert webhook.events_arrive(deployment()).state is State.NOT_YET
