"""The age of the stage's secrets, as a schedule asks for it."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.secret_age.service import SecretAges, measure
from lambdas.secret_age.settings import SecretAgeSettings
from lambdas.shared.observability import open_logger

settings = SecretAgeSettings.read()
ages = SecretAges(boto3.client("secretsmanager"), measure, open_logger("secret_age"))


def lambda_handler(_event: dict[str, Any], _context: LambdaContext) -> None:
    ages.tell(settings.names)
