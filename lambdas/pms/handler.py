"""The hotels' facts, rooms and reservations, as Lambda runs them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.pms.notes import DynamoNotes
from lambdas.pms.routes import build_app
from lambdas.pms.service import Bookings
from lambdas.pms.settings import PmsSettings
from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.pms import Parts, open_pms
from lambdas.shared.pms.parts import secrets_under
from lambdas.shared.tables import open_dynamodb
from lambdas.shared.wish_store import DynamoWishes

settings = PmsSettings.read()
client = open_dynamodb()
hotels = Hotels.load(settings.hotels)
calls = DynamoCallStore(calls_table=settings.calls_table, hotels=hotels, client=client)
parts = Parts(
    client=client,
    calls_table=settings.calls_table,
    leases_table=settings.leases_table,
    secret=secrets_under(settings.pms_secrets),
)
app = build_app(
    Bookings(
        hotels=hotels,
        calls=calls,
        leases=DynamoLeases(leases_table=settings.leases_table, client=client),
        wishes=DynamoWishes(calls=calls, leases_table=settings.leases_table),
        verified=DynamoVerifiedCodes(calls),
        notes=DynamoNotes(calls),
        pms=open_pms(hotels, parts),
    )
)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
