"""Leases, events, turns and follow-ups of calls, as Lambda runs them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.calls.routes import build_app
from lambdas.calls.service import Told
from lambdas.calls.settings import CallsSettings
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.observability import measure
from lambdas.shared.settings import read_secret
from lambdas.shared.tables import open_dynamodb

settings = CallsSettings.read()
client = open_dynamodb()
calls = DynamoCallStore(calls_table=settings.calls_table, hotels=Hotels.load(settings.hotels), client=client)
app = build_app(
    Told(calls, measure),
    DynamoLeases(leases_table=settings.leases_table, client=client),
    legacy_token=lambda: read_secret(settings.legacy_token_secret),
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
