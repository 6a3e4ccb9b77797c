"""What a check may look at: the stage, its hotels, AWS with the deployer's rights."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from cdk.stages import Stage
from lambdas.shared.domain.hotel import Hotels

_PATIENCE: Final = Config(connect_timeout=4, read_timeout=8, retries={"total_max_attempts": 2})


class SecretMissing(Exception):
    """There is no secret of that name, or it lacks what it should hold; the message names it and never quotes it."""


@dataclass(frozen=True)
class Deployment:
    """A stage that is about to be deployed. `registry` and `livekit` are addresses that tests put elsewhere."""

    stage: Stage
    hotels: Hotels
    session: boto3.Session
    registry: str = "https://nvcr.io"
    livekit: str | None = None
    _creating: Lock = field(default_factory=Lock, init=False, repr=False)

    @property
    def livekit_url(self) -> str:
        return self.livekit or self.stage.livekit_url

    def client(self, service: str) -> Any:
        """A client of the stage's region that gives up after seconds."""
        make: Callable[..., Any] = self.session.client
        with self._creating:  # A session makes clients for one thread at a time.
            return make(service, region_name=self.stage.region, config=_PATIENCE)

    def secret(self, name: str) -> str:
        """The text of one of the stage's secrets; raises SecretMissing, and ClientError when it may not be read."""
        secrets = self.client("secretsmanager")
        try:
            answer = secrets.get_secret_value(SecretId=self.stage.secret(name))
        except secrets.exceptions.ResourceNotFoundException:
            raise SecretMissing(f"there is no secret {self.stage.secret(name)}") from None
        text = answer.get("SecretString")
        if not text:
            raise SecretMissing(f"secret {self.stage.secret(name)} is empty")
        return str(text)

    def secret_fields(self, name: str) -> Mapping[str, str]:
        """The text fields of a secret that is a JSON object, none when it is something else; raises SecretMissing."""
        try:
            fields = json.loads(self.secret(name))
        except ValueError:
            return {}
        if not isinstance(fields, dict):
            return {}
        return {key: value for key, value in fields.items() if isinstance(value, str)}

    def stack_resources(self, stack: str) -> Mapping[str, str] | None:
        """Logical to physical ids of one of the stage's deployed stacks; None before its first deployment."""
        pager = self.client("cloudformation").get_paginator("list_stack_resources")
        pages = pager.paginate(StackName=self.stage.stack(stack))
        found = _unless_absent(lambda: [one for page in pages for one in page["StackResourceSummaries"]])
        return None if found is None else {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}

    def stack_outputs(self, stack: str) -> Mapping[str, str] | None:
        """What one of the stage's deployed stacks tells; None before its first deployment."""
        cloudformation = self.client("cloudformation")
        found = _unless_absent(lambda: cloudformation.describe_stacks(StackName=self.stage.stack(stack))["Stacks"])
        return None if found is None else {one["OutputKey"]: one["OutputValue"] for one in found[0].get("Outputs", [])}


def _unless_absent(look: Callable[[], list[Any]]) -> list[Any] | None:
    """What CloudFormation knows of a stack; None when there is none."""
    try:
        return look()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # CloudFormation's word for "does not exist".
            return None
        raise
