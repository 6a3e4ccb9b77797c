"""What keeps LiveKit from being set up is told to whoever deploys, in time and without secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from lambdas.livekit_setup import service
from local.telephony import Fault
from tests.contract.livekit_project import AURORA, KEY, NUMBER, Project, livekit_project, refused, turning_away
from tests.function_log import log_of
from tests.serving import served

pytestmark = pytest.mark.contract


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    async with livekit_project() as project:
        yield project


@pytest.mark.parametrize("stage", ["dev", "prod"])
async def test_a_first_deployment_without_a_secret_says_so_and_can_go(project: Project, stage: str) -> None:
    """The missing secret is named, and the failed stack is deleted without it."""
    project.secrets.clear()
    stack = project.stack(stage)

    reason = await refused(stack, project.wanting({"aurora": (NUMBER,)}))

    assert reason.startswith("secret 'bellhop/livekit' cannot be read")
    assert project.names() == []


@pytest.mark.parametrize(
    ("secret", "value", "said"),
    [
        (
            "bellhop/livekit",
            '{"api_key": "APIbellhop"}',
            "secret 'bellhop/livekit' is not JSON with api_key and api_secret",
        ),
        ("bellhop/sip", "hunter2", "secret 'bellhop/sip' is not JSON with username and password"),
        ("bellhop/sip", '{"username": "carrier", "password": ""}', "is not JSON with username and password"),
    ],
)
async def test_a_malformed_secret_is_named_and_never_shown(
    project: Project, secret: str, value: str, said: str
) -> None:
    """The reason says what the secret must hold, and neither it nor the log says what it holds."""
    project.secrets[secret] = value
    log = log_of("livekit_setup")

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}, allowed_addresses=()))

    told = reason + log.getvalue()
    assert said in reason
    assert "resource refused" in told
    assert not any(word in told for word in ("hunter2", KEY, "carrier"))


async def test_a_key_of_another_project_is_named(project: Project) -> None:
    """A key that LiveKit does not know is told with the address it was tried at."""
    project.secrets["bellhop/livekit"] = json.dumps(
        {"api_key": KEY, "api_secret": "the secret of another project, long"}
    )

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert reason == f"LiveKit at {project.url} does not accept the key (unknown): is it of this project?"


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_turned_away_is_named(project: Project, status: int) -> None:
    """A key that LiveKit does not know and one that it does not let in are told alike."""
    async with served(turning_away(status)) as url:
        reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}, livekit_url=url))

    assert reason == f"LiveKit at {url} does not accept the key (denied): is it of this project?"


async def test_a_livekit_that_is_not_there_is_named(project: Project) -> None:
    """A wrong address fails the deployment with the address."""
    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}, livekit_url="http://127.0.0.1:9"))

    assert reason == "LiveKit at http://127.0.0.1:9 cannot be reached (ClientConnectorError)"


async def test_a_livekit_that_does_not_finish_is_told_in_time(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation gets an answer while the function still can give one."""
    monkeypatch.setattr(service, "WITHIN_SECONDS", 0.2)
    project.failing["ListSIPDispatchRule"] = silence = asyncio.Event()

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))
    silence.set()

    assert reason == "LiveKit did not finish within 0.2 s"


async def test_what_livekit_itself_refuses_is_told_with_its_reason(project: Project) -> None:
    """The line and LiveKit's own words are in the reason."""
    project.failing["CreateSIPInboundTrunk"] = Fault("invalid_argument", "too many trunks")

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert reason == f"LiveKit refuses trunk {AURORA}: too many trunks (invalid_argument)"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Lines": []}, "Lines: "),
        ({"Lines": [{"Hotel": "aurora", "Numbers": ["030 1234"]}]}, "Lines.0.Numbers.0: "),
        ({"AllowedAddresses": ["everywhere"]}, "AllowedAddresses.0: "),
        ({"RingingSeconds": "180"}, "RingingSeconds: "),
        ({"Headers": {"Proxy-Authorization": "auth"}}, "Proxy-Authorization is a credential"),
        ({"IncludeHeaders": "ALL"}, "IncludeHeaders: "),
    ],
)
async def test_properties_that_are_wrong_are_named(project: Project, changed: dict[str, Any], said: str) -> None:
    """Each wrong property is named and nothing is asked of LiveKit."""
    reason = await refused(project.stack(), {**project.wanting({"aurora": (NUMBER,)}), **changed})

    assert reason.startswith("the resource's properties are wrong: ")
    assert said in reason
    assert project.names() == []
