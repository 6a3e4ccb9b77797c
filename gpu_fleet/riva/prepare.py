"""What has to be done once for a model before any recogniser can start; CodeBuild runs it as `python3 prepare.py`.

`mirror` copies images from NVIDIA's registry into ours, so that no host's start depends on theirs. `warm-up` runs one
recogniser until it hears, which fills the model cache: the first start of a model takes up to 40 minutes.

CloudFormation waits for the outcome, so every one is told to it. The build gets this file alone, and only the standard
library and the commands of CodeBuild's image are used: what had to be installed first could fail before there is
anybody to tell.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    # The Python of CodeBuild's image may be older than ours.
    from typing import Self

ANSWER_WITHIN: Final = 52 * 60.0
"""Seconds; CloudFormation waits for an hour, of which starting a build takes some minutes
(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html)."""
HOST_WITHIN: Final = 15 * 60.0
"""Seconds within which a GPU host takes the task, or something is wrong that waiting does not mend."""
LOOK_EVERY: Final = 15.0
KEY: Final = "NgcSecret"
"""What the template reads of a mirror: the whole ARN of the secret with NVIDIA's key."""

Run = Callable[..., str]


class PreparationError(Exception):
    """The step failed; the message is one sentence for whoever deploys."""


@dataclass(frozen=True)
class Variables:
    """Variables of a build, of which each field is one in capitals."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """These variables; raises PreparationError that names those which are missing."""
        missing = [field.name.upper() for field in fields(cls) if not environ.get(field.name.upper())]
        if missing:
            raise PreparationError(f"the build lacks the variables {', '.join(missing)}")
        return cls(**{field.name: environ[field.name.upper()] for field in fields(cls)})

    def write(self) -> dict[str, str]:
        """The variables from which `read` makes these again."""
        return {field.name.upper(): getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Request(Variables):
    """What CloudFormation asked for, and where it waits for the answer. The function `riva_setup` writes it."""

    step: str
    """`mirror` or `warm-up`."""
    images: str
    """JSON: the tag in our repository → the image at NVIDIA's registry."""
    response_url: str
    stack_id: str
    request_id: str
    logical_resource_id: str
    physical_resource_id: str


@dataclass(frozen=True)
class Places(Variables):
    """Where the steps are done. The stack writes it into the build project."""

    repository: str
    """Ours: `<registry>/<name>`."""
    ngc_secret: str
    """The secret with `username` and `password` for NVIDIA's registry."""
    cluster: str
    task_definition: str
    """The recogniser's, by its name in the stack: which revision that is, CloudFormation knows."""
    provider: str
    subnets: str
    """Comma-separated."""
    security_group: str


def run(command: Sequence[str], *, given: str | None = None) -> str:
    """What a command prints; `given` is its input. Raises PreparationError with the end of what it said otherwise."""
    print("$", " ".join(command), flush=True)
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        said = " ".join(done.stderr.split())[-400:]
        raise PreparationError(f"`{' '.join(command[:3])}` failed: {said or f'exit status {done.returncode}'}")
    return done.stdout


def aws(run: Run, *command: str) -> Any:
    """The answer of one of AWS' commands."""
    return json.loads(run(["aws", *command, "--output", "json"]) or "{}")


def secret_arn(places: Places, *, run: Run = run) -> str:
    """The secret's whole ARN, which ends in letters of Secrets Manager's own choice: ECS takes no other.

    https://github.com/aws/aws-cdk/issues/20744
    """
    return str(aws(run, "secretsmanager", "describe-secret", "--secret-id", places.ngc_secret)["ARN"])


def mirror(places: Places, images: Mapping[str, str], *, run: Run = run) -> str:
    """Copy the images that are not in our repository yet; returns what was done."""
    registry, _, repository = places.repository.partition("/")
    known = {
        tag
        for image in aws(run, "ecr", "list-images", "--repository-name", repository)["imageIds"]
        if (tag := image.get("imageTag"))
    }
    wanted = {tag: image for tag, image in images.items() if tag not in known}
    if not wanted:
        return "every image was there"
    _sign_in(registry, *_of_ecr(run), run=run)
    _sign_in(_registry(next(iter(wanted.values()))), *_of_ngc(places.ngc_secret, run), run=run)
    for tag, image in wanted.items():
        run(["docker", "pull", "--quiet", image])
        run(["docker", "tag", image, f"{places.repository}:{tag}"])
        run(["docker", "push", "--quiet", f"{places.repository}:{tag}"])
        # The next one needs the disk.
        run(["docker", "rmi", image, f"{places.repository}:{tag}"])
    return f"copied {', '.join(wanted)}"


def warm_up(
    places: Places,
    stack: str,
    *,
    run: Run = run,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    until: float,
) -> str:
    """Run one recogniser until it hears, or until that time of the clock, and stop it; returns what was done.

    A slow one is no failure: the service is more patient. Raises PreparationError for one that stops, or gets no host.
    """
    began = clock()
    task = _start(places, stack, run)
    try:
        while (state := _state(places, task, run)).get("healthStatus") != "HEALTHY":
            waited = clock() - began
            if state["lastStatus"] == "STOPPED":
                raise PreparationError(f"the recogniser stopped: {_why(state)}")
            if state["lastStatus"] == "PROVISIONING" and waited > HOST_WITHIN:
                raise PreparationError(
                    f"no GPU host came in {HOST_WITHIN / 60:.0f} minutes: the Auto Scaling group's activities say why; "
                    "a new account's quota for G instances is often 0"
                )
            if clock() > until:
                # To fail now would take the volume away again with all that the first deployment has made.
                done = f"a recogniser did not hear within {waited / 60:.0f} minutes; the service waits for its own"
                break
            sleep(LOOK_EVERY)
        else:
            done = f"a recogniser heard after {(clock() - began) / 60:.0f} minutes"
    except PreparationError:
        with contextlib.suppress(PreparationError):
            _stop(places, task, run)
        raise
    _stop(places, task, run)
    return done


def answer(request: Request, *, error: str | None, data: Mapping[str, str]) -> None:
    """Tell CloudFormation that the step is done and what the template may read of it, or why it is not."""
    body: dict[str, Any] = {
        "Status": "FAILED" if error else "SUCCESS",
        # CloudFormation reads 4,096 bytes of an answer, whose other parts may have most of them.
        "Reason": (error or "done")[:700],
        "PhysicalResourceId": request.physical_resource_id,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
        "Data": dict(data),
    }
    _put(request.response_url, json.dumps(body).encode())


def main(environ: Mapping[str, str] = os.environ) -> int:
    """Do what was asked and tell CloudFormation; the exit status says whether it worked."""
    until = time.monotonic() + ANSWER_WITHIN
    request = Request.read(environ)
    error, data = None, {}
    try:
        places = Places.read(environ)
        if request.step == "mirror":
            data = {KEY: secret_arn(places)}
            print(mirror(places, json.loads(request.images)))
        elif request.step == "warm-up":
            print(warm_up(places, request.stack_id, until=until))
        else:
            raise PreparationError(f"{request.step!r} is no step; there are mirror and warm-up")
    except PreparationError as refused:
        error = str(refused)
    except Exception as fault:  # CloudFormation is told of every fault; the traceback is in the build's log.
        answer(request, error=f"{type(fault).__name__}; the build's log says where", data={})
        raise
    answer(request, error=error, data=data)
    if error:
        print(error, file=sys.stderr)
    return 1 if error else 0


def _put(url: str, body: bytes) -> None:
    """As `put` of lambdas/shared/custom_resource.py, which the build has not: it gets this file alone."""
    # Both S310: the address is CloudFormation's own. It is never printed, for whoever has it can answer.
    request = urllib.request.Request(url, data=body, headers={"Content-Type": ""}, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass


def _registry(image: str) -> str:
    return image.partition("/")[0]


def _of_ecr(run: Run) -> tuple[str, str]:
    token = aws(run, "ecr", "get-authorization-token")["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return user, password


def _of_ngc(secret: str, run: Run) -> tuple[str, str]:
    value = aws(run, "secretsmanager", "get-secret-value", "--secret-id", secret)["SecretString"]
    try:
        keys = json.loads(value)
        return keys["username"], keys["password"]
    except (ValueError, TypeError, KeyError):
        raise PreparationError(
            f'secret {secret} is not {{"username": "$oauthtoken", "password": "<NGC key>"}}'
        ) from None


def _sign_in(registry: str, user: str, password: str, *, run: Run) -> None:
    run(["docker", "login", "--username", user, "--password-stdin", registry], given=password)


def _start(places: Places, stack: str, run: Run) -> str:
    name = ("--stack-name", stack, "--logical-resource-id", places.task_definition)
    known = aws(run, "cloudformation", "describe-stack-resource", *name)["StackResourceDetail"]
    network = {
        "awsvpcConfiguration": {
            "subnets": places.subnets.split(","),
            "securityGroups": [places.security_group],
            "assignPublicIp": "DISABLED",
        }
    }
    started = aws(
        run,
        "ecs",
        "run-task",
        "--cluster",
        places.cluster,
        "--task-definition",
        known["PhysicalResourceId"],
        "--capacity-provider-strategy",
        f"capacityProvider={places.provider},weight=1",
        "--network-configuration",
        json.dumps(network),
        "--started-by",
        "warm-up",
    )
    if not started.get("tasks"):
        faults = ", ".join(str(fault.get("reason")) for fault in started.get("failures", []))
        raise PreparationError(f"ECS did not start the recogniser: {faults or 'it gave no reason'}")
    return str(started["tasks"][0]["taskArn"])


def _state(places: Places, task: str, run: Run) -> Mapping[str, Any]:
    known = aws(run, "ecs", "describe-tasks", "--cluster", places.cluster, "--tasks", task)["tasks"]
    # A task that has just been started is not yet known everywhere.
    return dict(known[0]) if known else {"lastStatus": "PROVISIONING"}


def _stop(places: Places, task: str, run: Run) -> None:
    run(["aws", "ecs", "stop-task", "--cluster", places.cluster, "--task", task, "--reason", "warm-up has ended"])


def _why(state: Mapping[str, Any]) -> str:
    containers = (
        f"{container['name']}: {container.get('reason') or 'exit code ' + str(container.get('exitCode'))}"
        for container in state.get("containers", [])
        if container.get("reason") or container.get("exitCode")
    )
    return "; ".join([str(state.get("stoppedReason") or "no reason given"), *containers])


if __name__ == "__main__":
    sys.exit(main())
