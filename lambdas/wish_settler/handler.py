"""The wishes in doubt, as a schedule asks after them."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.shared.bookings.carrying_out import CarryingOut
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.due_follow_ups import DynamoDueFollowUps
from lambdas.shared.observability import count, open_logger
from lambdas.shared.pms import Parts, open_pms
from lambdas.shared.pms.parts import secrets_under
from lambdas.shared.tables import open_dynamodb
from lambdas.shared.wish_store import DynamoWishes
from lambdas.wish_settler.service import Settling
from lambdas.wish_settler.settings import WishSettlerSettings

settings = WishSettlerSettings.read()
client = open_dynamodb()
hotels = Hotels.load(settings.hotels)
calls = DynamoCallStore(calls_table=settings.calls_table, hotels=hotels, client=client)
parts = Parts(
    client=client,
    calls_table=settings.calls_table,
    leases_table=settings.leases_table,
    secret=secrets_under(settings.pms_secrets),
)
settling = Settling(
    hotels=hotels,
    carrying_out=CarryingOut(DynamoWishes(calls=calls, leases_table=settings.leases_table), open_pms(hotels, parts)),
    due=DynamoDueFollowUps(calls),
    count=count,
    logger=open_logger("wish_settler"),
)


def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    settling.run()
