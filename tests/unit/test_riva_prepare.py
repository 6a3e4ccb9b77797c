"""What CodeBuild does for a model: copying images, warming up, and telling CloudFormation whatever comes of it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from gpu_fleet.riva import prepare
from gpu_fleet.riva.prepare import KEY, Places, PreparationError, Request, mirror, secret_arn, warm_up

pytestmark = pytest.mark.unit

PROGRAM: Final = Path(prepare.__file__)
ECR: Final = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
MODEL: Final = {"model-ear-1": "nvcr.io/nim/nvidia/ear:1"}
BOTH: Final = {**MODEL, "tool-2": "nvcr.io/nvidia/tool:2"}
PLACES: Final = Places(
    repository=f"{ECR}/riva-images",
    ngc_secret="bellhop/dev/ngc",
    cluster="fleet",
    task_definition="RivaTask",
    provider="gpu",
    subnets="subnet-1,subnet-2",
    security_group="sg-1",
)


@dataclass
class Cloud:
    """A repository, a secret, a cluster and a docker, by the commands that CodeBuild's image has."""

    tags: set[str] = field(default_factory=set)
    secret: str = json.dumps({"username": "$oauthtoken", "password": "ngc-key"})
    states: list[dict[str, Any]] = field(default_factory=list)
    """What ECS says of the task, one answer after the other; the last one again and again."""
    refuses: str = ""
    """The start of a command that fails."""
    now: float = 0
    signed_in: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    local: set[str] = field(default_factory=set)
    running: bool = False

    def run(self, command: Sequence[str], *, given: str | None = None) -> str:
        if self.refuses and " ".join(command).startswith(self.refuses):
            raise PreparationError(f"{self.refuses} is refused")
        match list(command):
            case ["docker", *does]:
                self._docker(does, given)
                return ""
            case ["aws", _, what, *_]:
                return json.dumps(getattr(self, what.replace("-", "_"))(command))
        raise AssertionError(command)

    def list_images(self, _: Sequence[str]) -> Any:
        return {"imageIds": [{"imageTag": tag} for tag in self.tags] + [{"imageDigest": "sha256:untagged"}]}

    def get_authorization_token(self, _: Sequence[str]) -> Any:
        return {"authorizationData": [{"authorizationToken": base64.b64encode(b"AWS:ecr-key").decode()}]}

    def get_secret_value(self, _: Sequence[str]) -> Any:
        return {"SecretString": self.secret}

    def describe_secret(self, _: Sequence[str]) -> Any:
        return {"ARN": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:bellhop/dev/ngc-Ab3dE6"}

    def describe_stack_resource(self, command: Sequence[str]) -> Any:
        assert {"a-stack", "RivaTask"} <= set(command)
        return {"StackResourceDetail": {"PhysicalResourceId": "arn:task-definition/riva:7"}}

    def run_task(self, command: Sequence[str]) -> Any:
        assert "arn:task-definition/riva:7" in command, "another revision than the stack's"
        self.running = True
        return {"tasks": [{"taskArn": "arn:task"}], "failures": []}

    def describe_tasks(self, _: Sequence[str]) -> Any:
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {"tasks": [state] if state else []}

    def stop_task(self, _: Sequence[str]) -> Any:
        self.running = False
        return {}

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def warm_up(self, *, until: float = 3000) -> str:
        return warm_up(PLACES, "a-stack", run=self.run, clock=lambda: self.now, sleep=self.sleep, until=until)

    def _docker(self, does: list[str], given: str | None) -> None:
        match does:
            case ["login", "--username", user, "--password-stdin", registry]:
                self.signed_in[registry] = (user, given)
            case ["pull", "--quiet", image]:
                assert image.partition("/")[0] in self.signed_in
                self.local.add(image)
            case ["tag", image, ours]:
                assert image in self.local
                self.local.add(ours)
            case ["push", "--quiet", ours]:
                assert ours in self.local
                assert ours.partition("/")[0] in self.signed_in
                self.tags.add(ours.partition(":")[2])
            case ["rmi", *images]:
                self.local -= set(images)
            case _:
                raise AssertionError(does)


PROVISIONING: Final = {"lastStatus": "PROVISIONING", "healthStatus": "UNKNOWN"}
STARTING: Final = {"lastStatus": "RUNNING", "healthStatus": "UNKNOWN"}
DEAF: Final = {"lastStatus": "RUNNING", "healthStatus": "UNHEALTHY"}
HEARS: Final = {"lastStatus": "RUNNING", "healthStatus": "HEALTHY"}
STOPPED: Final = {
    "lastStatus": "STOPPED",
    "stoppedReason": "Essential container in task exited",
    "containers": [{"name": "riva", "exitCode": 1}, {"name": "probe", "exitCode": 0}],
}


def test_images_are_copied_with_the_tags_of_our_repository() -> None:
    """What is not there yet is there afterwards, each registry asked by its own key, and the disk is free again."""
    cloud = Cloud()

    said = mirror(PLACES, BOTH, run=cloud.run)

    assert cloud.tags == set(BOTH)
    assert cloud.signed_in == {ECR: ("AWS", "ecr-key"), "nvcr.io": ("$oauthtoken", "ngc-key")}
    assert not cloud.local
    assert "model-ear-1" in said


def test_an_image_that_is_there_is_not_copied_again() -> None:
    """Tags are immutable, so pushing one again would fail; NVIDIA is asked for what is missing only."""
    cloud = Cloud(tags={"model-ear-1"})

    mirror(PLACES, BOTH, run=cloud.run)

    assert cloud.tags == set(BOTH)
    assert mirror(PLACES, BOTH, run=Cloud(tags=set(BOTH), refuses="docker").run) == "every image was there"


def test_the_keys_whole_name_is_told() -> None:
    """ECS finds a secret by its ARN with the letters that Secrets Manager has put at its end, and by nothing less."""
    assert secret_arn(PLACES, run=Cloud().run).endswith("bellhop/dev/ngc-Ab3dE6")


@pytest.mark.parametrize("secret", ["ngc-key", "[]", '{"username": "$oauthtoken"}', "null"])
def test_a_key_of_the_wrong_form_is_named_and_not_shown(secret: str) -> None:
    """Whoever deploys reads which secret is wrong and how it should look."""
    with pytest.raises(PreparationError, match="bellhop/dev/ngc is not") as refused:
        mirror(PLACES, MODEL, run=Cloud(secret=secret).run)

    assert "ngc-key" not in str(refused.value)


def test_a_warm_up_ends_when_the_recogniser_hears() -> None:
    """It runs until the spoken probe is understood, however long the engines take, and is stopped then."""
    cloud = Cloud(states=[{}, PROVISIONING, STARTING, *[DEAF] * 100, HEARS])

    said = cloud.warm_up()

    assert said == "a recogniser heard after 26 minutes"
    assert not cloud.running


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ([PROVISIONING], "no GPU host came in 15 minutes.*quota"),
        ([PROVISIONING, STARTING, STOPPED], "Essential container in task exited; riva: exit code 1$"),
    ],
)
def test_a_warm_up_that_fails_says_why_and_leaves_nothing_running(states: list[dict[str, Any]], why: str) -> None:
    """No GPU is paid for after the deployment has been given up."""
    cloud = Cloud(states=states)

    with pytest.raises(PreparationError, match=why):
        cloud.warm_up()

    assert not cloud.running


def test_a_slow_recogniser_does_not_undo_the_deployment() -> None:
    """What it has fetched is on a volume that a failed first deployment takes away; the service waits longer."""
    cloud = Cloud(states=[STARTING, DEAF])

    said = cloud.warm_up()

    assert said == "a recogniser did not hear within 50 minutes; the service waits for its own"
    assert not cloud.running


def test_a_fault_of_the_warm_up_is_not_hidden_by_one_of_its_end() -> None:
    """When the task cannot be stopped either, the first reason is the one that is told."""
    with pytest.raises(PreparationError, match="no GPU host"):
        Cloud(states=[PROVISIONING], refuses="aws ecs stop-task").warm_up()


def test_variables_are_read_as_they_were_written() -> None:
    """The stack and the program know the same places."""
    assert Places.read(PLACES.write()) == PLACES


def test_missing_variables_are_named() -> None:
    """A build that was started by hand says what it lacks."""
    with pytest.raises(PreparationError, match="CLUSTER, TASK_DEFINITION"):
        Places.read({**PLACES.write(), "CLUSTER": "", "TASK_DEFINITION": ""})


class CloudFormation(HTTPServer):
    """Takes the answers of custom resources."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.answers: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/answer?signature=secret"


class _Answers(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        assert isinstance(self.server, CloudFormation)
        assert not self.headers["Content-Type"]
        self.server.answers.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def cloudformation() -> Iterator[CloudFormation]:
    with CloudFormation() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("step", "script", "status", "reason"),
    [
        ("mirror", 'echo \'{"ARN": "arn:ngc-Ab3dE6", "imageIds": [{"imageTag": "model-ear-1"}]}\'', "SUCCESS", "done"),
        ("mirror", "echo An error occurred: AccessDenied >&2; exit 254", "FAILED", "AccessDenied"),
        ("mirror", "echo no json", "FAILED", "JSONDecodeError"),
        (
            "warm-up",
            'echo \'{"StackResourceDetail": {"PhysicalResourceId": "riva:7"}, "failures": [{"reason": "RESOURCE"}]}\'',
            "FAILED",
            "RESOURCE",
        ),
        ("dance", "", "FAILED", "'dance' is no step"),
    ],
)
def test_cloudformation_is_told(
    cloudformation: CloudFormation, tmp_path: Path, step: str, script: str, status: str, reason: str
) -> None:
    """The program as CodeBuild starts it, with nothing but Python's own library and a command `aws`."""
    aws = tmp_path / "aws"
    aws.write_text(f"#!/bin/sh\n{script}\n")
    aws.chmod(0o755)
    request = Request(
        step=step,
        images=json.dumps(MODEL),
        response_url=cloudformation.url,
        stack_id="stack",
        request_id="request",
        logical_resource_id="Mirror",
        physical_resource_id="riva-setup",
    )

    ended = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM],
        env={**PLACES.write(), **request.write(), "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    (told,) = cloudformation.answers
    assert told["Status"] == status
    assert reason in told["Reason"]
    assert {key: told[key] for key in ("StackId", "RequestId", "LogicalResourceId", "PhysicalResourceId")} == {
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Mirror",
        "PhysicalResourceId": "riva-setup",
    }
    assert told["Data"] == ({KEY: "arn:ngc-Ab3dE6"} if status == "SUCCESS" else {})
    assert (ended.returncode == 0) is (status == "SUCCESS")
    assert "signature=secret" not in ended.stdout + ended.stderr
