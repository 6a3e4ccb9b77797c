"""The function that has a recogniser prepared: it starts builds, and speaks for those that died."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from gpu_fleet.riva.prepare import Request
from lambdas.riva_setup.service import PHYSICAL_ID, RivaSetup
from lambdas.shared.custom_resource import ResourceError

pytestmark = pytest.mark.unit

BUILD: Final = "arn:aws:codebuild:eu-central-1:123456789012:build/Preparation:8745a7a9"
CREATE: Final[Mapping[str, Any]] = {
    "RequestType": "Create",
    "ResponseURL": "https://cloudformation.example/answer",
    "StackId": "stack",
    "RequestId": "request-1",
    "LogicalResourceId": "Mirror",
    "ResourceProperties": {"Step": "mirror", "Images": {"model-ear-1": "nvcr.io/nim/nvidia/ear:1"}},
}


class CodeBuild:
    """The builds of one project, as its client knows them."""

    def __init__(self, *, fault: Exception | None = None) -> None:
        self.builds: dict[str, dict[str, Any]] = {}
        self._fault = fault

    def start_build(self, **request: Any) -> Mapping[str, Any]:
        if self._fault:
            raise self._fault
        variables = request["environmentVariablesOverride"]
        build = {"project": request["projectName"], "environment": {"environmentVariables": variables}}
        # A token that is known starts nothing.
        return self.builds.setdefault(request["idempotencyToken"], build)

    def batch_get_builds(self, *, ids: list[str]) -> Mapping[str, Any]:
        assert ids == [BUILD]
        return {"builds": [{**build, "buildStatus": "TIMED_OUT"} for build in self.builds.values()]}

    def variables(self) -> dict[str, str]:
        """Those of the only build."""
        (build,) = self.builds.values()
        return {said["name"]: said["value"] for said in build["environment"]["environmentVariables"]}


class Answers:
    """What CloudFormation was told."""

    def __init__(self) -> None:
        self.told: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def __call__(self, event: dict[str, Any], **said: Any) -> None:
        self.told.append((event, said))


def test_the_build_gets_what_the_program_reads() -> None:
    """Every variable that the preparation reads of a request is one that the function writes."""
    codebuild = CodeBuild()

    answered = RivaSetup(codebuild, project="Preparation", answer=Answers()).handle(CREATE)

    assert answered is None, "the build answers"
    assert Request.read(codebuild.variables()) == Request(
        step="mirror",
        images=json.dumps(CREATE["ResourceProperties"]["Images"]),
        response_url="https://cloudformation.example/answer",
        stack_id="stack",
        request_id="request-1",
        logical_resource_id="Mirror",
        physical_resource_id=PHYSICAL_ID,
    )


def test_each_request_has_a_build_of_its_own() -> None:
    """The update that follows a creation is not taken for the same request."""
    codebuild = CodeBuild()
    setup = RivaSetup(codebuild, project="Preparation", answer=Answers())

    for event in (CREATE, {**CREATE, "RequestType": "Update", "RequestId": "request-2"}):
        setup.handle(event)

    assert len(codebuild.builds) == 2


def test_a_step_without_images_can_be_read_too() -> None:
    """A warm-up copies nothing."""
    codebuild = CodeBuild()
    event = {**CREATE, "ResourceProperties": {"Step": "warm-up", "Model": "ear", "Tag": "1"}}

    RivaSetup(codebuild, project="Preparation", answer=Answers()).handle(event)

    assert json.loads(Request.read(codebuild.variables()).images) == {}


def test_an_update_keeps_the_resource() -> None:
    """A new model is no new resource, so CloudFormation deletes nothing afterwards."""
    codebuild = CodeBuild()

    RivaSetup(codebuild, project="Preparation", answer=Answers()).handle(
        {**CREATE, "RequestType": "Update", "PhysicalResourceId": "the-first"}
    )

    assert codebuild.variables()["PHYSICAL_RESOURCE_ID"] == "the-first"


def test_a_request_that_comes_twice_is_one_build() -> None:
    """Lambda delivers an event at least once."""
    codebuild = CodeBuild()
    setup = RivaSetup(codebuild, project="Preparation", answer=Answers())

    setup.handle(CREATE)
    setup.handle(CREATE)

    assert len(codebuild.builds) == 1


def test_a_deletion_is_done_at_once() -> None:
    """What a stack has prepared goes with other resources, and deleting needs no build."""
    codebuild = CodeBuild()

    answered = RivaSetup(codebuild, project="Preparation", answer=Answers()).handle({**CREATE, "RequestType": "Delete"})

    assert answered == {}
    assert not codebuild.builds


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (ClientError({"Error": {"Code": "AccessDeniedException"}}, "StartBuild"), "AccessDeniedException"),
        (EndpointConnectionError(endpoint_url="https://codebuild.example"), "EndpointConnectionError"),
    ],
)
def test_a_build_that_cannot_start_is_told_at_once(fault: Exception, told: str) -> None:
    """Nobody waits for a build that is not there, and AWS's own word says why there is none."""
    with pytest.raises(ResourceError, match=f"did not start the step mirror: {told}$"):
        RivaSetup(CodeBuild(fault=fault), project="Preparation", answer=Answers()).handle(CREATE)


def test_a_build_that_died_is_spoken_for() -> None:
    """CloudFormation hears of it in the build's place, with where to look."""
    codebuild, answers = CodeBuild(), Answers()
    setup = RivaSetup(codebuild, project="Preparation", answer=answers)
    setup.handle(CREATE)

    setup.speak_for(BUILD)

    ((request, said),) = answers.told
    assert request["ResponseURL"] == CREATE["ResponseURL"]
    assert (request["StackId"], request["RequestId"], request["LogicalResourceId"]) == ("stack", "request-1", "Mirror")
    assert said == {
        "physical_id": PHYSICAL_ID,
        "error": "the step mirror ended as TIMED_OUT; the log of build Preparation:8745a7a9 says why",
    }


def test_a_build_that_nobody_asked_for_is_nobodys_answer() -> None:
    """One that was started by hand has nobody who waits."""
    codebuild, answers = CodeBuild(), Answers()
    codebuild.start_build(projectName="Preparation", idempotencyToken="by hand", environmentVariablesOverride=[])

    RivaSetup(codebuild, project="Preparation", answer=answers).speak_for(BUILD)

    assert not answers.told
