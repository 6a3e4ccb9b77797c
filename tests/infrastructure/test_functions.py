"""The functions of the API's stack run as they were proven, may do what they do and no more, and lose no event."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Final

import pytest
from botocore.client import BaseClient

from lambdas.endpoints import ENDPOINTS
from local.invoke import invoke
from tests.infrastructure.conftest import ROOT, Deployed
from tests.infrastructure.templates import function_of, listed, of_type
from tests.triggers import TRIGGERS

pytestmark = pytest.mark.infrastructure

SNAP_STARTED: Final = {"calls", "pms", "tts_router"}
"""The functions an agent waits for while a guest waits for the agent."""
CALLED_FOR: Final = {
    "calls": "CallsTable",
    "leases": "LeasesTable",
    "bellhop/local/livekit": "/livekit-??????",
    "bellhop/local/sip": "/sip-??????",
    "bellhop/local/guest-key": "GuestKeySecret",
    "bellhop/local/legacy-token": "LegacyTokenSecret",
}
"""A table or secret as it is called on one machine, and what its ARN holds in a template."""
PARTS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@pytest.fixture
def template(deployed: Deployed) -> dict[str, Any]:
    return dict(deployed.templates["api"])


def granted(template: Mapping[str, Any], folder: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    role = function_of(template, folder)["Role"]["Fn::GetAtt"][0]
    assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]
    return [
        statement
        for policy in of_type(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_functions_run_as_they_were_proven(template: dict[str, Any]) -> None:
    """Every function is a folder's handler on arm64 and Python 3.13, traced, with its own encrypted log."""
    functions = of_type(template, "AWS::Lambda::Function").values()
    logs = of_type(template, "AWS::Logs::LogGroup")

    assert {(one["Runtime"], *one["Architectures"]) for one in functions} == {("python3.13", "arm64")}
    assert {one["TracingConfig"]["Mode"] for one in functions} == {"Active"}
    assert len({json.dumps(one["Layers"]) for one in functions}) == 1
    assert len({one["LoggingConfig"]["LogGroup"]["Ref"] for one in functions}) == len(functions)
    assert all("KmsKeyId" in logs[one["LoggingConfig"]["LogGroup"]["Ref"]] for one in functions)
    for one in functions:
        folder = one["Handler"].removeprefix("lambdas.").removesuffix(".handler.lambda_handler")
        assert (ROOT / "lambdas" / folder / "handler.py").is_file()
        assert one["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == folder


def test_what_a_guest_waits_for_starts_from_a_snapshot(template: dict[str, Any]) -> None:
    """The functions on the way of a call have SnapStart on their versions; others start cold and cost nothing idle."""
    functions = of_type(template, "AWS::Lambda::Function").values()

    snapped = {one["Handler"].split(".")[1] for one in functions if "SnapStart" in one}

    assert snapped == SNAP_STARTED
    assert len(of_type(template, "AWS::Lambda::Version")) == len(functions)


def test_what_fails_unseen_is_kept(template: dict[str, Any]) -> None:
    """A function that nobody waits for has a dead-letter queue with our key that takes no unencrypted connection."""
    functions = of_type(template, "AWS::Lambda::Function").values()
    queues = of_type(template, "AWS::SQS::Queue")

    asynchronous = {one["Handler"].split(".")[1] for one in functions if "DeadLetterConfig" in one}

    assert asynchronous == {one["Handler"].split(".")[1] for one in functions} - {one.function for one in ENDPOINTS}
    assert len(queues) == len(asynchronous)
    assert all("KmsMasterKeyId" in queue for queue in queues.values())
    denied = [one["PolicyDocument"]["Statement"][0] for one in of_type(template, "AWS::SQS::QueuePolicy").values()]
    assert len(denied) == len(queues)
    assert all(one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for one in denied)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """What handlers ask of AWS from now on: the IAM action and the table or secret."""
    seen: set[tuple[str, str]] = set()
    send = vars(BaseClient)["_make_api_call"]

    def watched(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if _in_handler():
            for part in parameters.get("TransactItems", ()):
                ((kind, write),) = part.items()
                seen.add((f"{service}:{PARTS[kind]}", write["TableName"]))
            name = parameters.get("TableName") or parameters.get("SecretId")
            if name:
                seen.add((f"{service}:{operation}", name))
        return send(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", watched)
    return seen


def _in_handler() -> bool:
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
        if frame.f_code.co_name == "lambda_handler":
            return True
    return False


@pytest.mark.parametrize("folder", ["calls", "livekit_webhook", "pms", "tts_router"])
def test_a_function_may_do_what_it_does_and_no_more(folder: str, dev: Deployed, asked: set[tuple[str, str]]) -> None:
    """Every table and secret that a function asks for on its triggers is granted, and no more of the tables is."""
    statements = granted(dev.templates["api"], folder)
    allowed = {
        (action, name)
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        for name, part in CALLED_FOR.items()
        if part in json.dumps(resource)
    }

    for trigger in TRIGGERS:
        if trigger.function == folder:
            invoke(folder, trigger.file)

    assert asked <= allowed
    assert {one for one in allowed if one[0].startswith("dynamodb:")} <= asked


@pytest.mark.parametrize("folder", sorted(SNAP_STARTED))
def test_a_snapshot_holds_nothing_that_grows_old(folder: str, dev: Deployed) -> None:
    """A function that starts from a snapshot asks AWS for nothing, a secret least of all, while it is imported."""
    variables = function_of(dev.templates["api"], folder)["Environment"]["Variables"]
    environment = {name: value if isinstance(value, str) else "reference" for name, value in variables.items()}
    watched = (
        "import botocore.client\n"
        "def refuse(*_): raise SystemExit('asked AWS')\n"
        "botocore.client.BaseClient._make_api_call = refuse\n"
        f"import lambdas.{folder}.handler"
    )

    imported = subprocess.run(
        [sys.executable, "-c", watched],
        cwd=ROOT,
        env={"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (imported.returncode, imported.stderr) == (0, "")
