"""Preflight tries LiveKit's key at the real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import State
from cdk.preflight.livekit import key_counts
from cdk.preflight.look import Check, look_at
from cdk.stages import Stage
from lambdas.shared.domain.hotel import Hotels
from tests.livekit_server import livekit_server

pytestmark = pytest.mark.integration

KEY = {"api_key": "APItest", "api_secret": "a-secret-of-more-than-32-characters"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a LiveKit server that knows KEY."""
    async with livekit_server(KEY["api_key"], KEY["api_secret"], tmp_path) as address:
        yield f"ws://{address}"


@pytest.mark.parametrize(
    ("secret", "state", "told"),
    [
        (KEY, State.FINE, "accepts the key; rooms open now: 0"),
        ({**KEY, "api_secret": "another-secret-of-32-characters-and-more"}, State.WRONG, "refuses the key"),
        ({**KEY, "api_key": "APIother"}, State.WRONG, "refuses the key"),
    ],
)
async def test_a_key_counts_when_livekit_accepts_it(
    secret: dict[str, str], state: State, told: str, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key is fine when the project lets us list its rooms with it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        secrets = boto3.client("secretsmanager", region_name="eu-central-1")
        secrets.create_secret(Name="bellhop/prod/livekit", SecretString=json.dumps(secret))
        deployment = Deployment(Stage.of("prod", {}), Hotels.load(Path("hotels")), boto3.Session(), livekit=server)

        found = await asyncio.to_thread(look_at, deployment, [Check("it", key_counts)])

    assert found["it"].state is state
    assert told in found["it"].seen
    assert secret["api_secret"] not in found["it"].seen + found["it"].fix
