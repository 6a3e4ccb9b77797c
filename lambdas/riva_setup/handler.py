"""The preparation of a recogniser, as CloudFormation asks for it and as EventBridge reports on it."""

from __future__ import annotations

from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.riva_setup.service import PHYSICAL_ID, RivaSetup
from lambdas.riva_setup.settings import RivaSetupSettings
from lambdas.shared.custom_resource import custom_resource, respond

settings = RivaSetupSettings.read()
setup = RivaSetup(boto3.client("codebuild"), project=settings.build_project, answer=respond)
asked = custom_resource(setup.handle, service="riva_setup", physical_id=PHYSICAL_ID)


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    if event.get("source") == "aws.codebuild":
        setup.speak_for(event["detail"]["build-id"])
    else:
        asked(event, context)
