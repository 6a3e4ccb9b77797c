"""The daily look at the secrets: which, how often, and without reading one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from cdk.stacks.api import renewed_secrets
from cdk.stages import Stage
from lambdas.secret_age.settings import SecretAgeSettings
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import function_of, of_type

pytestmark = pytest.mark.infrastructure


@pytest.fixture
def variables(prod: Deployed) -> dict[str, str]:
    return dict(function_of(prod.templates["api"], "secret_age")["Environment"]["Variables"])


def test_every_secret_is_of_the_stage(variables: dict[str, str]) -> None:
    """It looks at secrets of its own stage, those of LiveKit and of the model among them."""
    names = SecretAgeSettings.read(variables).names

    assert {"bellhop/prod/livekit", "bellhop/prod/llm"} <= set(names)
    assert all(name.startswith("bellhop/prod/") for name in names)


@pytest.mark.parametrize(
    ("said", "more"),
    [
        ({}, {"sip"}),
        ({"sip_addresses": "192.0.2.0/24"}, set()),
        ({"speech_key": True}, {"sip", "speech"}),
        ({"azure_speech_region": "francecentral"}, {"sip", "azure-speech"}),
    ],
)
def test_a_secret_is_watched_where_the_stage_has_it(said: Mapping[str, Any], more: set[str]) -> None:
    """Passwords and keys that only some stages have grow old too, and are missed nowhere else."""
    assert set(renewed_secrets(Stage.of("prod", said), [])) == {"livekit", "llm", "ngc", "legacy-token", *more}


def test_it_sees_their_dates_and_reads_none(prod: Deployed, variables: dict[str, str]) -> None:
    """Its role lists the versions of these secrets; no statement of it lets it have a value."""
    (policy,) = (
        properties["PolicyDocument"]["Statement"]
        for name, properties in of_type(prod.templates["api"], "AWS::IAM::Policy").items()
        if name.startswith("SecretAge")
    )
    of_secrets = [one for one in policy if "secretsmanager:" in json.dumps(one["Action"])]

    (statement,) = of_secrets
    assert statement["Action"] == "secretsmanager:ListSecretVersionIds"
    seen = {json.dumps(resource).rpartition(":")[2].split("-??????")[0] for resource in statement["Resource"]}
    assert seen == set(SecretAgeSettings.read(variables).names)


def test_it_looks_once_a_day(prod: Deployed) -> None:
    """The alias is called once a day."""
    (rule,) = (
        properties
        for name, properties in of_type(prod.templates["api"], "AWS::Events::Rule").items()
        if name.startswith("SecretAge")
    )
    (target,) = rule["Targets"]

    assert rule["ScheduleExpression"] == "rate(1 day)"
    assert prod.templates["api"]["Resources"][target["Arn"]["Ref"]]["Type"] == "AWS::Lambda::Alias"
