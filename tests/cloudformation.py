"""CloudFormation, as far as a custom resource's function meets it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from lambdas.shared.custom_resource import Put

STACK: Final = "arn:aws:cloudformation:eu-central-1:123456789012:stack/bellhop-dev-api/5f1f4c90"
Handler = Callable[[dict[str, Any], Any], None]


class DeploymentFailed(Exception):
    """The resource was refused; the message is the reason that the console shows."""


class CloudFormation:
    """Asks for one resource. A failed update is undone by one more update, a failed creation by a deletion, and a new
    physical id is a replacement: the old resource is deleted.

    Every value of the properties arrives as text
    (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes.html).
    """

    def __init__(self, function: Callable[[Put], Handler]) -> None:
        self._handler = function(self._put)
        self._answers: dict[str, dict[str, Any]] = {}
        self.physical_id: str | None = None
        self.physical_ids: list[str] = []
        self.data: dict[str, str] = {}
        self._properties: dict[str, Any] | None = None

    def deploy(self, properties: Mapping[str, Any]) -> None:
        """Create or update the resource; raises DeploymentFailed after what was there has been restored."""
        wanted = {"ServiceToken": "arn:aws:lambda:eu-central-1:123456789012:function:f:live", **_as_text(properties)}
        before = self._properties
        answer = self._ask("Create" if before is None else "Update", wanted, before)
        self.physical_ids.append(answer["PhysicalResourceId"])
        if answer["Status"] == "SUCCESS":
            replaced, self.physical_id = self.physical_id, answer["PhysicalResourceId"]
            self._properties, self.data = wanted, answer["Data"]
            if replaced not in {None, self.physical_id}:
                self._ask("Delete", before or {}, None, replaced)
            return
        if before is None:
            self._ask("Delete", wanted, None, answer["PhysicalResourceId"])
        else:
            self._ask("Update", before, wanted)
        raise DeploymentFailed(answer["Reason"])

    def destroy(self) -> None:
        """Delete the resource; raises DeploymentFailed when its function says that it cannot."""
        answer = self._ask("Delete", self._properties or {}, None)
        if answer["Status"] == "FAILED":
            raise DeploymentFailed(answer["Reason"])
        self.physical_id = self._properties = None

    def _ask(
        self, request: str, properties: Mapping[str, Any], old: Mapping[str, Any] | None, resource: str | None = None
    ) -> dict[str, Any]:
        url = f"https://cloudformation-custom-resource-response.example/{uuid.uuid4()}"
        event: dict[str, Any] = {
            "RequestType": request,
            "ResponseURL": url,
            "StackId": STACK,
            "RequestId": str(uuid.uuid4()),
            "ResourceType": "Custom::Telephony",
            "LogicalResourceId": "Telephony",
            "ResourceProperties": dict(properties),
        }
        if old is not None:
            event["OldResourceProperties"] = dict(old)
        if known := resource or self.physical_id:
            event["PhysicalResourceId"] = known
        self._handler(event, SimpleNamespace(aws_request_id="r1"))
        answer = self._answers[url]
        assert {answer[name] for name in ("StackId", "RequestId")} == {STACK, event["RequestId"]}
        return answer

    def _put(self, url: str, body: bytes) -> None:
        self._answers[url] = json.loads(body)


def _as_text(value: Any) -> Any:
    match value:
        case Mapping():
            return {name: _as_text(part) for name, part in value.items()}
        case list() | tuple():
            return [_as_text(part) for part in value]
        case bool():
            return str(value).lower()
    return str(value)
