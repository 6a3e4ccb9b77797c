"""Nobody may do more than they need: every right is listed, and a wide one has a reason."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Final

import pytest

from tests.infrastructure.conftest import Deployed
from tests.infrastructure.rights import LISTED, Right, rights
from tests.infrastructure.templates import widgets

pytestmark = pytest.mark.infrastructure

AGENT: Final = "gpu_fleet/AgentsTaskTaskRole"
WIDE: Final[Mapping[str, str]] = {
    "ecr:GetAuthorizationToken": "Signing in to ECR is of the registry; what may be pulled is said by repository.",
    "xray:PutTelemetryRecords": "A trace has no resource that could be named.",
    "xray:PutTraceSegments": "A trace has no resource that could be named.",
    "ecs:DiscoverPollEndpoint": "A host asks where to poll before it is known to its cluster.",
    "ecs:Poll": "A host has no name before it has joined; a condition holds it to its cluster.",
    "ecs:StartTelemetrySession": "A host has no name before it has joined; a condition holds it to its cluster.",
    "ecs:DescribeTasks": "A warm-up task has no name before it runs; a condition holds it to its cluster.",
    "ecs:StopTask": "A warm-up task has no name before it runs; a condition holds it to its cluster.",
}
"""Actions that are allowed on every resource, and why."""
HELD_BY_A_CONDITION: Final = {"ecs:Poll", "ecs:StartTelemetrySession", "ecs:DescribeTasks", "ecs:StopTask"}
OPEN_ENDED: Final[Mapping[str, str]] = {
    r"arn:aws:execute-api:.*/(GET|POST|PUT|DELETE)/v1/(calls|hotels)/\*(/[a-z-]+(/\*/[a-z-]+(/\*(/[a-z-]+)?)?)?)?": (
        "A route's path names calls and hotels, which are known when a guest phones."
    ),
    r"arn:aws:logs:[a-z0-9-]+:accountid:log-group:\S+:\*": "A log group's streams are named by whoever writes them.",
    r"arn:aws:ecs:[a-z0-9-]+:accountid:task-definition/bellhop-\w+-riva:\*": (
        "The recogniser's revision that the stack has when it is warmed up; a condition holds it to its cluster."
    ),
}
"""ARNs with a `*` in them, as regular expressions, and why."""
OF_AWS: Final[Mapping[str, str]] = {
    "AmazonAPIGatewayPushToCloudWatchLogs": "API Gateway asks for it in the role that writes the logs of all APIs.",
}
"""Policies that AWS maintains, and why they are used."""


def of_role(deployed: Deployed, role: str) -> set[Right]:
    return {right for right in rights(deployed) if right.role == role}


def test_every_right_is_listed(prod: Deployed) -> None:
    """A change of rights is seen in review, as a line of rights.txt, which tests/infrastructure/rights.py writes."""
    now = sorted(set(map(str, rights(prod))))
    changed = list(
        difflib.unified_diff(LISTED.read_text().splitlines(), now, "rights.txt", "templates", lineterm="", n=0)
    )

    assert changed == []


def test_both_stages_give_the_same_rights(dev: Deployed, prod: Deployed) -> None:
    """What is tried in dev is what runs in prod."""

    def without_stage(deployed: Deployed) -> set[str]:
        zones = re.compile(r"(?<=Subnet)\d|\d(?=RouteTable)")
        return {zones.sub("", str(right).replace(deployed.stage.name, "stage")) for right in rights(deployed)}

    assert without_stage(dev) == without_stage(prod)


def test_no_action_is_open_ended(deployed: Deployed) -> None:
    """Actions are spelled out; the only whole policies are AWS's own, each with a reason."""
    for right in rights(deployed):
        if right.resource.startswith("policy "):
            assert right.resource.rpartition("/")[2] in OF_AWS, right
        else:
            assert "*" not in right.action, right


def test_a_right_to_everything_has_a_reason(deployed: Deployed) -> None:
    """`*` stands only where AWS knows no resource, or where a condition narrows it."""
    everywhere = {right for right in rights(deployed) if right.resource == "*"}

    assert {right.action for right in everywhere} - WIDE.keys() == set()
    assert {right for right in everywhere if right.action in HELD_BY_A_CONDITION and not right.only_if} == set()


def test_a_right_to_many_has_a_reason(deployed: Deployed) -> None:
    """A `*` inside an ARN is one of a few kinds."""
    many = {right for right in rights(deployed) if "*" in right.resource and right.resource != "*"}

    assert {right for right in many if not any(re.fullmatch(kind, right.resource) for kind in OPEN_ENDED)} == set()


def test_every_reason_is_needed(prod: Deployed) -> None:
    """A reason for what nobody may do would let somebody do it."""
    given = list(rights(prod))

    assert WIDE.keys() <= {right.action for right in given if right.resource == "*"}
    assert OF_AWS.keys() <= {right.resource.rpartition("/")[2] for right in given}


def secrets_of(deployed: Deployed, role: str) -> set[str]:
    """The names of the secrets whose value a role may read."""
    return {
        _secret_name(deployed, right.resource)
        for right in of_role(deployed, role)
        if right.action in ("secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue")
    }


def _secret_name(deployed: Deployed, resource: str) -> str:
    written = re.search(r":secret:(.+)-\?{6}$", resource)
    if written:
        return written[1]
    stack, _, logical = resource.partition("/")
    (secret,) = [
        one["Properties"]["Name"]
        for name, one in deployed.resources("AWS::SecretsManager::Secret").items()
        if re.fullmatch(rf"{stack}/{logical}([0-9A-F]{{8}})?", name)
    ]
    return str(secret)


def test_the_agent_reads_only_what_it_hears_speaks_and_thinks_with(deployed: Deployed) -> None:
    """A tricked model finds no key of a booking system, nor the key of the guests' hashes, nor a table."""
    stage = deployed.stage
    chosen = {secret for secret in (stage.speech_secret, stage.azure_speech_secret) if secret}
    assert secrets_of(deployed, AGENT) == {stage.secret("livekit"), stage.secret("llm"), *chosen}
    services = {right.action.partition(":")[0] for right in of_role(deployed, AGENT)}
    assert services <= {"secretsmanager", "execute-api", "logs", "ecs", "kms"}


def test_only_those_who_hash_numbers_read_the_guests_key(deployed: Deployed) -> None:
    """The key that turns a number into a guest is read by the functions that meet the number."""
    readers = {
        right.role
        for right in rights(deployed)
        if deployed.stage.secret("guest-key") in secrets_of(deployed, right.role)
    }

    assert readers == {"api/LiveKitWebhookRole"}


def test_every_secret_has_the_readers_it_is_for(deployed: Deployed) -> None:
    """Each function, task and build reads its own secrets and nobody else's."""
    readers: dict[str, set[str]] = {}
    for role in {right.role for right in rights(deployed)}:
        for secret in secrets_of(deployed, role):
            readers.setdefault(secret.rpartition("/")[2], set()).add(role)

    assert readers == {
        "azure-speech": {AGENT},
        "guest-key": {"api/LiveKitWebhookRole"},
        "legacy-token": {"api/CallsRole", "gpu_fleet/RivaTaskTaskRole"},
        "livekit": {"api/LiveKitWebhookRole", "api/LiveKitSetupFunctionRole", AGENT},
        "llm": {AGENT},
        "ngc": {"gpu_fleet/RivaTaskExecutionRole", "gpu_fleet/PreparationRole"},
    }


def test_what_is_shown_writes_nothing(deployed: Deployed) -> None:
    """The dashboard runs no function of ours: a widget of any other kind would act with rights, and needs a test.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
    """
    kinds = {widget["type"] for widget in widgets(deployed)}

    assert kinds
    assert kinds <= {"metric", "log", "alarm", "text", "explorer"}


def test_nobody_gives_rights_away(deployed: Deployed) -> None:
    """Of IAM's actions only passing a role to a task is allowed, to whoever starts tasks."""
    of_iam = {right for right in rights(deployed) if right.action.partition(":")[0] in ("iam", "sts", "organizations")}

    assert {(right.action, right.only_if) for right in of_iam} <= {("iam:PassRole", "iam:PassedToService StringEquals")}


def test_roles_are_for_services(deployed: Deployed) -> None:
    """No account, user or web identity may take a role of the stage."""
    for name, role in deployed.resources("AWS::IAM::Role").items():
        for statement in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]:
            assert set(statement["Principal"]) == {"Service"}, name


def test_everybody_is_only_ever_refused(deployed: Deployed) -> None:
    """A policy of a bucket, queue, topic, repository or secret names `*` only to deny."""
    for stack, template in deployed.templates.items():
        for name, resource in template["Resources"].items():
            documents = [
                value
                for key, value in resource.get("Properties", {}).items()
                if key.endswith(("Policy", "PolicyDocument", "PolicyText"))
            ]
            for document in documents:
                for statement in document.get("Statement", []) if isinstance(document, dict) else []:
                    if statement.get("Effect") == "Allow" and '"*"' in json.dumps(statement.get("Principal", "")):
                        assert statement.get("Condition"), f"{stack}/{name}"
