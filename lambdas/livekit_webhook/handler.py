"""LiveKit's webhooks, as Lambda receives them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.livekit_webhook.routes import build_app
from lambdas.livekit_webhook.service import Reports
from lambdas.livekit_webhook.settings import WebhookSettings
from lambdas.livekit_webhook.signature import verifier
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.livekit_key import LiveKitKey
from lambdas.shared.observability import count
from lambdas.shared.settings import parse_secret, read_secret
from lambdas.shared.tables import open_dynamodb

settings = WebhookSettings.read()
calls = DynamoCallStore(calls_table=settings.calls_table, hotels=Hotels.load(settings.hotels), client=open_dynamodb())
app = build_app(
    Reports(calls, guest_secret=lambda: read_secret(settings.guest_key_secret).encode(), count=count),
    verifier(lambda: parse_secret(LiveKitKey, settings.livekit_secret, read_secret(settings.livekit_secret))),
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
