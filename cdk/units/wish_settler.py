"""Who finds out what became of wishes that were sent to a hotel's booking system and not heard of."""

from __future__ import annotations

from typing import Final

from aws_cdk import Duration, aws_events, aws_events_targets, aws_kms
from constructs import Construct

from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from lambdas.wish_settler.settings import WishSettlerSettings

EVERY: Final = Duration.minutes(5)


class WishSettler(Construct):
    """Asks every five minutes, of each hotel's system, after the wishes that are not settled.

    The metrics are `WishesInDoubt` and `WishesSettled`, of dimension `service` (wish_settler). A run ends before the
    next one begins.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        settings: WishSettlerSettings,
        code: FunctionCode,
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.function = PythonFunction(
            self,
            "Function",
            stage=stage,
            folder="wish_settler",
            code=code,
            settings=settings,
            logs_key=logs_key,
            timeout_s=240,
            asynchronous=True,
        )
        aws_events.Rule(
            self,
            "Regularly",
            description="Settles the wishes that were sent to booking systems and not heard of",
            schedule=aws_events.Schedule.rate(EVERY),
            targets=[aws_events_targets.LambdaFunction(self.function.alias)],
        )
