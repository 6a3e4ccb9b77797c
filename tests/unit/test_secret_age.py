"""Every secret's age is measured, and one that is missing is told and hides no other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.secret_age.service import SecretAges, measure
from lambdas.secret_age.settings import SecretAgeSettings
from lambdas.shared.observability import open_logger
from lambdas.shared.settings import SettingsError
from tests.function_log import log_of

pytestmark = pytest.mark.unit

LLM, SIP, EMPTY = "bellhop/dev/llm", "bellhop/dev/sip", "bellhop/dev/empty"


class Measured:
    """Metrics by name and secret."""

    def __init__(self) -> None:
        self.of: dict[tuple[str, str], float] = {}

    def __call__(self, metric: str, value: float, secret: str) -> None:
        self.of[metric, secret] = value


def tell(client: Any, names: tuple[str, ...], *, later: timedelta = timedelta()) -> Measured:
    """What is measured of these secrets when so much time has passed."""
    measured = Measured()
    SecretAges(client, measured, open_logger("secret_age"), lambda: datetime.now(UTC) + later).tell(names)
    return measured


@mock_aws
def test_a_secret_is_as_old_as_its_value() -> None:
    """The age is that of the value that is read now: a tag does not make it younger, a new value does."""
    client = boto3.client("secretsmanager", region_name="eu-central-1")
    client.create_secret(Name=LLM, SecretString="one")
    client.tag_resource(SecretId=LLM, Tags=[{"Key": "stage", "Value": "dev"}])

    measured = tell(client, (LLM,), later=timedelta(days=100))

    assert measured.of["SecretAgeDays", LLM] == pytest.approx(100, abs=0.1)
    assert measured.of["SecretAgeUnknown", LLM] == 0


class Secrets:
    """Secrets Manager with these values' dates, by secret and stage; any other secret is not there."""

    def __init__(self, **since: Mapping[str, datetime]) -> None:
        self._since = since

    def list_secret_version_ids(self, *, SecretId: str) -> dict[str, Any]:  # noqa: N803
        name = SecretId.rpartition("/")[2]
        if name not in self._since:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "ListSecretVersionIds")
        dates = self._since[name].items()
        return {"Versions": [{"VersionStages": [stage], "CreatedDate": date} for stage, date in dates]}


def test_only_the_present_value_counts() -> None:
    """Neither the value before nor one that is being prepared says how old the secret is."""
    now = datetime.now(UTC)
    dates = {
        "AWSPENDING": now,
        "AWSPREVIOUS": now - timedelta(days=400),
        "AWSCURRENT": now - timedelta(days=30),
    }

    assert tell(Secrets(llm=dates), (LLM,)).of["SecretAgeDays", LLM] == pytest.approx(30, abs=0.1)


def test_a_missing_secret_is_told_and_hides_no_other() -> None:
    """The alarm learns which secret is unknown, and the ages of those before and after it."""
    log = log_of("secret_age")
    secrets = Secrets(llm={"AWSCURRENT": datetime.now(UTC)}, empty={})

    measured = tell(secrets, (SIP, EMPTY, LLM))

    assert {name: measured.of["SecretAgeUnknown", name] for name in (SIP, EMPTY, LLM)} == {SIP: 1, EMPTY: 1, LLM: 0}
    assert ("SecretAgeDays", LLM) in measured.of
    assert ("SecretAgeDays", SIP) not in measured.of
    logged = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["message"], line["secret"]) for line in logged] == [
        ("secret cannot be seen", SIP),
        ("secret has no value", EMPTY),
    ]
    assert logged[0]["fault"] == "ResourceNotFoundException"


def test_a_metric_is_of_one_secret(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Function and secret are its dimensions, and its namespace is the stage's."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "secret_age")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Bellhop/dev")

    measure("SecretAgeDays", 12.5, LLM)

    written = json.loads(capsys.readouterr().out)
    (metric,) = written["_aws"]["CloudWatchMetrics"]
    assert metric["Namespace"] == "Bellhop/dev"
    assert set(metric["Dimensions"][0]) == {"secret", "service"}
    assert (written["secret"], written["service"], written["SecretAgeDays"]) == (LLM, "secret_age", [12.5])


def test_the_names_are_a_list() -> None:
    """The variable holds names with commas between them, and nothing else."""
    assert SecretAgeSettings(secrets=f"{LLM},{SIP}").names == (LLM, SIP)

    with pytest.raises(SettingsError, match="SECRETS"):
        SecretAgeSettings.read({"SECRETS": f"{LLM}, {SIP}"})
