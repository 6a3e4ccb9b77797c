"""A program's environment is read once, completely, or not at all."""

import boto3
import pytest
from moto import mock_aws

from lambdas.shared import settings as module
from lambdas.shared.settings import Settings, SettingsError, read_secret

pytestmark = pytest.mark.unit


class PhoneSettings(Settings):
    llm_url: str
    max_calls: int = 4
    riva_tls: bool = False
    region: str | None = None


def test_a_field_is_a_variable() -> None:
    """Variables are the fields' names in capitals; others are left alone."""
    settings = PhoneSettings.read({"LLM_URL": "http://127.0.0.1:1", "MAX_CALLS": "2", "RIVA_TLS": "true", "HOME": "/"})

    assert settings == PhoneSettings(llm_url="http://127.0.0.1:1", max_calls=2, riva_tls=True)


def test_an_empty_variable_is_absent() -> None:
    """A variable that is set to nothing leaves the default."""
    assert PhoneSettings.read({"LLM_URL": "x", "MAX_CALLS": ""}).max_calls == 4


def test_the_error_names_every_variable_that_is_wrong() -> None:
    """Whoever starts a program learns at once all that is missing or wrong."""
    with pytest.raises(SettingsError, match=r"PhoneSettings: LLM_URL: .*required.*; MAX_CALLS: .*integer"):
        PhoneSettings.read({"MAX_CALLS": "many"})


def test_what_is_written_is_what_is_read() -> None:
    """The program that starts another one writes exactly what that one reads."""
    settings = PhoneSettings(llm_url="http://127.0.0.1:1", riva_tls=True)

    assert PhoneSettings.read(settings.write()) == settings


def test_the_environment_is_the_programs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping the process's environment is read."""
    monkeypatch.setenv("LLM_URL", "http://here")

    assert PhoneSettings.read().llm_url == "http://here"


@pytest.fixture
def _no_secrets_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(module, "_secrets", {})


@mock_aws
@pytest.mark.usefixtures("_no_secrets_kept")
def test_a_secret_is_read_by_its_name_and_kept() -> None:
    """A secret is asked for once in five minutes, so a busy function does not pay for each request, or when it must be
    the one of now.
    """
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="bellhop/test/x", SecretString="first")

    read = read_secret("bellhop/test/x")
    secrets.put_secret_value(SecretId="bellhop/test/x", SecretString="second")

    assert (read, read_secret("bellhop/test/x")) == ("first", "first")
    assert (read_secret("bellhop/test/x", fresh=True), read_secret("bellhop/test/x")) == ("second", "second")


@mock_aws
@pytest.mark.usefixtures("_no_secrets_kept")
def test_a_secret_that_is_not_there_is_named() -> None:
    """The error says which secret, and what to look for."""
    with pytest.raises(SettingsError, match=r"secret 'bellhop/test/none' cannot be read \(ResourceNotFoundException\)"):
        read_secret("bellhop/test/none")
