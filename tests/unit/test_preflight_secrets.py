"""The operator's secrets are there and have the right form, and none is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from moto import mock_aws

from cdk.preflight import secrets
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding, State
from lambdas.shared.domain.hotel import BookingSystem
from tests.systems import hotels_on
from tests.unit.stage_account import SESSION, deployment

pytestmark = pytest.mark.unit

HIDDEN = "hunter2-hunter2-hunter2"


@pytest.fixture(autouse=True)
def _aws() -> Iterator[None]:
    with mock_aws():
        yield


def keep(name: str, value: str | Mapping[str, str]) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    SESSION.client("secretsmanager").create_secret(Name=f"bellhop/prod/{name}", SecretString=text)


SECRETS = (
    (secrets.livekit, "livekit", {"api_key": "APIx", "api_secret": HIDDEN}),
    (secrets.ngc, "ngc", {"username": "$oauthtoken", "password": HIDDEN}),
    (secrets.sip, "sip", {"username": "trunk", "password": HIDDEN}),
    (secrets.llm, "llm", HIDDEN),
    (secrets.speech, "speech", HIDDEN),
    (secrets.azure_speech, "azure-speech", HIDDEN),
)
ALL_ASKED_FOR: Mapping[str, Any] = {"speech_key": True, "azure_speech_region": "westeurope"}
Look = Callable[[Deployment], Finding]


@pytest.mark.parametrize(("look", "name", "value"), SECRETS)
def test_a_secret_of_the_right_form_is_fine(look: Look, name: str, value: Any) -> None:
    """Every secret that the operator creates is looked at."""
    keep(name, value)

    assert look(deployment(**ALL_ASKED_FOR)).state is State.FINE


@pytest.mark.parametrize(("look", "name", "_"), SECRETS)
def test_a_secret_that_is_missing_can_be_made_with_one_command(look: Look, name: str, _: Any) -> None:
    """The fix names the secret, the region and its form."""
    finding = look(deployment(**ALL_ASKED_FOR))

    assert finding.state is State.WRONG
    assert f"create-secret --region eu-central-1 --name bellhop/prod/{name} --secret-string file://" in finding.fix


WRONG_FORMS = (
    (secrets.livekit, "livekit", {"api_key": "APIx"}),
    (secrets.livekit, "livekit", {"key": HIDDEN, "secret": HIDDEN}),
    (secrets.livekit, "livekit", f"APIx:{HIDDEN}"),
    (secrets.livekit, "livekit", f'["{HIDDEN}"]'),
    (secrets.livekit, "livekit", {"api_key": "APIx", "api_secret": " "}),
    (secrets.ngc, "ngc", {"username": "me@example.com", "password": HIDDEN}),
    (secrets.ngc, "ngc", HIDDEN),
    (secrets.sip, "sip", {"username": "trunk"}),
    (secrets.llm, "llm", {"api_key": HIDDEN}),
    (secrets.llm, "llm", f"{HIDDEN}\n"),
    (secrets.llm, "llm", f'"{HIDDEN}"'),
    (secrets.llm, "llm", f"Bearer {HIDDEN}"),
)


@pytest.mark.parametrize(("look", "name", "value"), WRONG_FORMS)
def test_a_secret_of_another_form_is_told_without_its_value(look: Look, name: str, value: Any) -> None:
    """What is wrong with a secret is said without showing any of it."""
    keep(name, value)

    finding = look(deployment())

    assert finding.state is State.WRONG
    assert f"bellhop/prod/{name}" in finding.seen
    assert HIDDEN not in finding.seen + finding.fix
    assert "APIx" not in finding.seen + finding.fix


def test_a_voice_that_asks_for_no_key_needs_none() -> None:
    """A speech engine in the stage's own network may let everybody in."""
    assert secrets.speech(deployment()).state is State.FINE


def test_without_a_region_azure_needs_no_key() -> None:
    """The second recogniser is off unless the operator says where it is."""
    assert secrets.azure_speech(deployment()).state is State.FINE


def test_a_telephone_company_that_is_known_by_its_addresses_needs_no_password() -> None:
    """With addresses nobody signs in."""
    assert secrets.sip(deployment(sip_addresses="192.0.2.0/24")).state is State.FINE


ON_MEWS = hotels_on(boreal=BookingSystem(connector="mews"), aurora=BookingSystem(connector="demo"))


def test_a_hotels_booking_system_has_its_key() -> None:
    """Every hotel whose system is somebody's has a secret with all that its connector signs in with."""
    keep("pms/boreal", {"client_token": HIDDEN, "access_token": HIDDEN})

    finding = secrets.booking_systems(deployment(hotels=ON_MEWS))

    assert (finding.state, finding.seen) == (State.FINE, "there for boreal")


def test_a_key_that_is_missing_is_made_with_one_command() -> None:
    """The fix names the hotel's secret and its connector's form."""
    finding = secrets.booking_systems(deployment(hotels=ON_MEWS))

    assert (finding.state, finding.seen) == (State.WRONG, "there is no secret bellhop/prod/pms/boreal")
    assert "--name bellhop/prod/pms/boreal --secret-string file://" in finding.fix
    assert '{"client_token": "…", "access_token": "…"}' in finding.fix


def test_every_hotels_key_is_looked_at() -> None:
    """Of several hotels each that lacks something is named, and none of what the others have."""
    hotels = hotels_on(
        north=BookingSystem(connector="cloudbeds"),
        south=BookingSystem(connector="apaleo"),
        west=BookingSystem(connector="fidelio"),
    )
    keep("pms/north", {"key": HIDDEN})
    keep("pms/south", {"client_id": "id", "client_secret": HIDDEN})

    finding = secrets.booking_systems(deployment(hotels=hotels))

    assert finding.state is State.WRONG
    assert finding.seen == "bellhop/prod/pms/north is not JSON with api_key; hotel west has connector 'fidelio'"
    assert HIDDEN not in finding.seen + finding.fix


def test_a_demo_hotel_needs_no_key() -> None:
    """Its booking system is our own table."""
    assert secrets.booking_systems(deployment()).state is State.FINE
