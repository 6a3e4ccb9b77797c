"""The resource that makes the hotels' lines: what it is told, what its function may, and what no change of it does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, aws_kms

from agent.settings import AgentSettings
from cdk.stages import Stage
from cdk.units.function_code import FunctionCode
from cdk.units.livekit_setup import LiveKitSetup
from lambdas.livekit_setup.service import WITHIN_SECONDS
from lambdas.livekit_setup.settings import LiveKitSetupSettings, Telephony
from lambdas.shared.domain.hotel import Hotels
from tests.infrastructure.conftest import FILLED_IN, ROOT, Deployed
from tests.infrastructure.templates import function_of, listed, of_type

pytestmark = pytest.mark.infrastructure

HOTELS = Hotels.load(ROOT / "hotels")


def resource_of(deployed: Deployed) -> dict[str, Any]:
    (resource,) = deployed.resources("Custom::Telephony").values()
    return resource


def set_up(outdir: Path, operator: Mapping[str, Any] = FILLED_IN, hotels: Hotels = HOTELS) -> dict[str, Any]:
    """A template with nothing but the unit, for a stage `prod` of which its operator has said this."""
    app = App(context={"aws:cdk:bundling-stacks": []}, outdir=str(outdir))
    stack = Stack(app, "telephony")
    stage, key = Stage.of("prod", operator), aws_kms.Key(stack, "Key")
    LiveKitSetup(stack, "Setup", stage=stage, hotels=hotels, code=FunctionCode(stack, "Code"), logs_key=key)
    template: dict[str, Any] = app.synth().get_stack_artifact(stack.artifact_id).template
    return template


def test_the_resource_is_told_what_the_hotels_and_the_operator_say(prod: Deployed) -> None:
    """What the function reads out of the template is every hotel, the company's addresses and the project's address."""
    properties = {**resource_of(prod)["Properties"], "Revision": "1"}

    telephony = Telephony.parse({name: value for name, value in properties.items() if name != "ServiceToken"})

    assert {line.hotel: line.numbers for line in telephony.lines} == {h.name: h.phone.numbers for h in HOTELS}
    assert telephony.livekit_url == FILLED_IN["livekit_url"]
    assert [str(network) for network in telephony.allowed_addresses] == [FILLED_IN["sip_addresses"]]
    assert telephony.ringing_seconds == 20
    assert dict(telephony.headers) == {}


def test_livekit_hangs_up_after_the_agent(prod: Deployed) -> None:
    """The agent's own limit comes first, so that the guest hears a goodbye."""
    told = int(resource_of(prod)["Properties"]["LongestCallSeconds"])

    assert told > AgentSettings.model_fields["longest_call_seconds"].default


@pytest.mark.parametrize(("stage", "policy"), [("dev", "Delete"), ("prod", "RetainExceptOnCreate")])
def test_prod_keeps_its_lines(stage: str, policy: str, request: pytest.FixtureRequest) -> None:
    """CloudFormation does not ask for the deletion of prod's lines, and the function would not do it."""
    deployed: Deployed = request.getfixturevalue(stage)

    settings = LiveKitSetupSettings.read(
        function_of(deployed.templates["api"], "livekit_setup")["Environment"]["Variables"]
    )

    assert resource_of(deployed)["DeletionPolicy"] == policy
    assert settings.retain is (stage == "prod")
    assert settings.stage == stage


def test_new_numbers_are_an_update_of_the_same_resource(tmp_path: Path) -> None:
    """Neither the resource's id nor the function that looks after it changes with a hotel's numbers, so CloudFormation
    has nothing to replace.
    """
    (aurora,) = HOTELS
    phone = aurora.phone.model_copy(update={"numbers": ("+493023125009",)})
    moved = aurora.model_copy(update={"phone": phone})
    changed = Hotels(by_name={moved.name: moved}, by_number={"+493023125009": moved})

    before, after = set_up(tmp_path / "before"), set_up(tmp_path / "after", hotels=changed)

    assert before["Resources"].keys() == after["Resources"].keys()
    different = [name for name in before["Resources"] if before["Resources"][name] != after["Resources"][name]]
    assert different == ["Telephony"]
    properties = (template["Resources"]["Telephony"]["Properties"] for template in (before, after))
    assert len({str(one["ServiceToken"]) for one in properties}) == 1


def test_new_code_is_asked_again(prod: Deployed) -> None:
    """The resource refers to the function's version, so a deployment of new code makes what that code wants."""
    version = resource_of(prod)["Properties"]["Revision"]["Fn::GetAtt"]

    kind = prod.templates["api"]["Resources"][version[0]]["Type"]
    assert (kind, version[1]) == ("AWS::Lambda::Version", "Version")


def test_a_new_password_is_asked_for(tmp_path: Path) -> None:
    """The day on which secret `sip` was changed is in the properties, so its deployment brings it to LiveKit."""
    template = set_up(tmp_path, {**FILLED_IN, "sip_addresses": None, "sip_changed": "2026-11-24"})

    assert "2026-11-24" in json.dumps(template["Resources"]["Telephony"]["Properties"]["Revision"])


@pytest.mark.parametrize(
    ("addresses", "readable"),
    [("192.0.2.0/24", {"livekit"}), (None, {"livekit", "sip"})],
)
def test_the_function_reads_its_own_secrets_and_no_others(
    tmp_path: Path, addresses: str | None, readable: set[str]
) -> None:
    """It may read LiveKit's key, and the company's password only where there is one; otherwise it may write its lines,
    its traces and its dead letters.
    """
    template = set_up(tmp_path, {**FILLED_IN, "sip_addresses": addresses})
    statements = [
        statement
        for policy in of_type(template, "AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
    ]
    allowed = {action for statement in statements for action in listed(statement["Action"])}
    read = {
        str(resource).rpartition("/")[2].split("-??????")[0]
        for statement in statements
        if "secretsmanager:GetSecretValue" in listed(statement["Action"])
        for resource in listed(statement["Resource"])
    }

    assert read == readable
    assert {action.partition(":")[0] for action in allowed} == {"kms", "logs", "secretsmanager", "sqs", "xray"}
    assert {action for action in allowed if action.startswith("secretsmanager:")} == {
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
    }


def test_a_request_is_answered_in_time_and_carried_out_once(prod: Deployed) -> None:
    """LiveKit's time ends before the function's, the function's before CloudFormation's; a request that failed is not
    tried again when CloudFormation has asked for something else since, but kept.
    """
    template = prod.templates["api"]
    function = function_of(template, "livekit_setup")
    waits = int(resource_of(prod)["Properties"]["ServiceTimeout"])
    configured = [
        properties
        for name, properties in of_type(template, "AWS::Lambda::EventInvokeConfig").items()
        if name.startswith("LiveKitSetup")
    ]

    assert WITHIN_SECONDS < function["Timeout"] < waits
    assert [one["MaximumRetryAttempts"] for one in configured] == [0]
    assert "DeadLetterConfig" in function


def test_whoever_deploys_sees_the_lines_without_a_hotel(prod: Deployed) -> None:
    """What is kept without use is shown at the end of each deployment."""
    output = prod.templates["api"]["Outputs"]["LinesWithoutHotel"]

    assert output["Value"] == {"Fn::GetAtt": ["Telephony", "WithoutHotel"]}
