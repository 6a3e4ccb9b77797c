"""Has a step of the recogniser's preparation done by CodeBuild, which may take most of an hour, longer than a function.

The build answers CloudFormation itself. One that dies before it can is reported by EventBridge, and then the function
answers in its place: otherwise the deployment would wait for an hour and say nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.custom_resource import Data, ResourceError

PHYSICAL_ID: Final = "riva-setup"


class Builds(Protocol):
    """The actions of CodeBuild's client that are used here, with its own names and shapes."""

    def start_build(self, **request: Any) -> Mapping[str, Any]: ...

    def batch_get_builds(self, *, ids: list[str]) -> Mapping[str, Any]: ...


Answer = Callable[..., None]
"""`lambdas.shared.custom_resource.respond`."""


class RivaSetup:
    """Starts builds of one project, and speaks for those that died."""

    def __init__(self, builds: Builds, *, project: str, answer: Answer) -> None:
        self._builds = builds
        self._project = project
        self._answer = answer

    def handle(self, event: Mapping[str, Any]) -> Data | None:
        """Start the step that a resource's request asks for; raises ResourceError when it cannot be started.

        A deletion is done at once: the images belong to another stack, the model cache goes with its own.
        """
        if event["RequestType"] == "Delete":
            return {}
        asked = event["ResourceProperties"]
        variables = {
            "STEP": asked["Step"],
            "IMAGES": json.dumps(asked.get("Images", {})),
            "RESPONSE_URL": event["ResponseURL"],
            "STACK_ID": event["StackId"],
            "REQUEST_ID": event["RequestId"],
            "LOGICAL_RESOURCE_ID": event["LogicalResourceId"],
            "PHYSICAL_RESOURCE_ID": event.get("PhysicalResourceId") or PHYSICAL_ID,
        }
        try:
            self._builds.start_build(
                projectName=self._project,
                # A request that is delivered twice is one build.
                idempotencyToken=event["RequestId"],
                environmentVariablesOverride=[
                    {"name": name, "value": value, "type": "PLAINTEXT"} for name, value in variables.items()
                ],
            )
        except (BotoCoreError, ClientError) as fault:
            code = fault.response["Error"]["Code"] if isinstance(fault, ClientError) else type(fault).__name__
            raise ResourceError(f"CodeBuild did not start the step {asked['Step']}: {code}") from fault
        return None

    def speak_for(self, build_id: str) -> None:
        """Tell CloudFormation that this build failed; nothing happens when the build was not started by a request.

        Where the build has answered before, CloudFormation takes no notice of this answer.
        """
        for build in self._builds.batch_get_builds(ids=[build_id])["builds"]:
            said = {variable["name"]: variable["value"] for variable in build["environment"]["environmentVariables"]}
            if "RESPONSE_URL" not in said:
                continue
            request = {
                "ResponseURL": said["RESPONSE_URL"],
                "StackId": said["STACK_ID"],
                "RequestId": said["REQUEST_ID"],
                "LogicalResourceId": said["LOGICAL_RESOURCE_ID"],
            }
            ended = f"the step {said['STEP']} ended as {build['buildStatus']}"
            where = f"the log of build {build_id.rpartition('/')[2]} says why"
            self._answer(request, physical_id=said["PHYSICAL_RESOURCE_ID"], error=f"{ended}; {where}")
