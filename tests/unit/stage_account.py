"""A stage that is about to be deployed, with moto's account in place of AWS's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import boto3

from cdk.preflight.deployment import Deployment
from cdk.stages import Stage
from lambdas.shared.domain.hotel import Hotels

HOTELS: Final = Hotels.load(Path("hotels"))
SESSION: Final = boto3.Session("testing", "testing", region_name="eu-central-1")
"""One for all tests: a session reads the descriptions of AWS's services once."""


def deployment(*, hotels: Hotels = HOTELS, **said: Any) -> Deployment:
    """Of prod with these hotels, whose operator has said this."""
    return Deployment(Stage.of("prod", said), hotels, SESSION)
