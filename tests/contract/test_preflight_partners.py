"""Preflight asks NVIDIA's registry and LiveKit as a deployment and a call would."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from livekit.api import SIPDispatchRuleInfo, SIPInboundTrunkInfo
from moto import mock_aws
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cdk.preflight import capacity, livekit, registry, telephony
from cdk.preflight.checks import CHECKS
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding, State
from cdk.preflight.look import Check, look_at
from cdk.stages import Stage
from gpu_fleet.riva.models import MODELS
from lambdas.shared.domain.hotel import Hotels
from local.telephony import Trunks, build_app
from tests.contract.livekit_project import turning_away
from tests.serving import served

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path("hotels"))
STAGE = Stage.of("prod", {"livekit_url": "wss://aurora-x1.eu.rtc.livekit.cloud"})
SESSION = boto3.Session("testing", "testing", region_name="eu-central-1")
NGC_KEY = "nvapi-only-for-this-test"
LIVEKIT_KEY = {"api_key": "APItest", "api_secret": "a-secret-of-more-than-32-characters"}
NUMBER = "+493023125001"


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # A proxy of the machine's would be asked for the loopback interface too.
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with mock_aws():
        yield


def keep(name: str, value: object) -> None:
    secrets = SESSION.client("secretsmanager")
    secrets.create_secret(Name=STAGE.secret(name), SecretString=json.dumps(value))


async def found(look: Callable[[Deployment], Finding], **places: str) -> Finding:
    deployment = Deployment(STAGE, HOTELS, SESSION, **places)
    return (await asyncio.to_thread(look_at, deployment, [Check("it", look)]))["it"]


def registry_app(*, terms_accepted: bool = True, realm: str = "", key: str = NGC_KEY) -> Starlette:
    """A registry as NVIDIA runs it: 401 with the address of its tokens, a token for a key, the manifest for a token."""
    model = MODELS[STAGE.riva_model]
    repository = model.image.removeprefix("nvcr.io/")

    async def manifest(request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer a-token":
            own = f"{request.base_url}proxy_auth"
            challenge = f'Bearer realm="{realm or own}",service="nvcr.io",scope="repository:{repository}:pull"'
            return Response(status_code=401, headers={"WWW-Authenticate": challenge})
        if not terms_accepted:
            return JSONResponse({"errors": [{"code": "DENIED"}]}, 403)
        known = request.path_params == {"repository": repository, "tag": model.tag}
        assert "manifest" in request.headers["accept"]
        return JSONResponse({"schemaVersion": 2} if known else {"errors": []}, 200 if known else 404)

    async def token(request: Request) -> Response:
        right = base64.b64encode(f"$oauthtoken:{key}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {right}":
            return JSONResponse({"errors": [{"code": "UNAUTHORIZED"}]}, 401)
        asked = {"account": "$oauthtoken", "service": "nvcr.io", "scope": f"repository:{repository}:pull"}
        assert dict(request.query_params) == asked
        return JSONResponse({"token": "a-token", "expires_in": 600})

    return Starlette(
        routes=[Route("/v2/{repository:path}/manifests/{tag}", manifest), Route("/proxy_auth", token)],
    )


@pytest.mark.parametrize(
    ("options", "state", "told"),
    [
        ({}, State.FINE, "may be pulled"),
        ({"key": "another"}, State.WRONG, "the key does not count"),
        ({"terms_accepted": False}, State.WRONG, "does not open this image"),
        ({"realm": "https://tokens.example.com/auth"}, State.UNSEEN, "cannot be reached"),
    ],
)
async def test_the_recognisers_image_is_asked_for_as_docker_would(
    options: dict[str, Any], state: State, told: str
) -> None:
    """A key is fine when it opens the manifest; it is sent to nobody but the registry itself."""
    keep("ngc", {"username": "$oauthtoken", "password": NGC_KEY})

    async with served(registry_app(**options)) as url:
        finding = await found(registry.ngc_access, registry=url)

    assert finding.state is state
    assert told in finding.seen
    assert NGC_KEY not in finding.seen + finding.fix


async def test_a_registry_that_does_not_answer_is_not_fine() -> None:
    """Without an answer nothing is known of the key."""
    keep("ngc", {"username": "$oauthtoken", "password": NGC_KEY})

    finding = await found(registry.ngc_access, registry="http://127.0.0.1:9")

    assert finding.state is State.UNSEEN


async def test_without_a_key_nobody_is_asked() -> None:
    """A secret that is missing is told, not tried."""
    finding = await found(registry.ngc_access)

    assert finding.state is State.UNSEEN
    assert "bellhop/prod/ngc" in finding.seen


def trunk(name: str, *numbers: str, trunk_id: str = "ST_1") -> SIPInboundTrunkInfo:
    return SIPInboundTrunkInfo(sip_trunk_id=trunk_id, name=name, numbers=numbers)


def rule(name: str, trunk_id: str = "ST_1") -> SIPDispatchRuleInfo:
    return SIPDispatchRuleInfo(sip_dispatch_rule_id=f"SDR_{name}", name=name, trunk_ids=[trunk_id])


OURS = "bellhop/prod/aurora"


@pytest.mark.parametrize(
    ("trunks", "rules", "state", "told"),
    [
        ([trunk(OURS, NUMBER)], [rule(OURS)], State.FINE, "aurora"),
        ([trunk(OURS, "49 30 23125001")], [rule(OURS)], State.FINE, "aurora"),
        ([trunk(OURS, NUMBER), trunk("a bank's", "+4969", trunk_id="ST_2")], [rule(OURS)], State.FINE, "aurora"),
        ([], [], State.NOT_YET, f"no line for {NUMBER}"),
        ([trunk(OURS, NUMBER)], [], State.NOT_YET, f"no line for {NUMBER}"),
        ([trunk(OURS, "+493099999")], [rule(OURS)], State.NOT_YET, f"no line for {NUMBER}"),
        ([trunk("by hand", NUMBER)], [], State.WRONG, f"trunk by hand has {NUMBER} of aurora"),
        ([trunk("bellhop/dev/aurora", NUMBER)], [], State.WRONG, "trunk bellhop/dev/aurora has"),
        ([trunk(OURS, NUMBER)], [rule("by hand")], State.WRONG, "rule by hand answers the trunk of aurora"),
    ],
)
async def test_hotels_numbers_are_looked_for_at_livekit(
    trunks: list[SIPInboundTrunkInfo], rules: list[SIPDispatchRuleInfo], state: State, told: str
) -> None:
    """A number is fine in its hotel's own trunk with its own rule, and wrong in anybody else's."""
    keep("livekit", LIVEKIT_KEY)
    project = Trunks({t.sip_trunk_id: t for t in trunks}, {r.sip_dispatch_rule_id: r for r in rules})

    async with served(build_app(project.methods(), **LIVEKIT_KEY)) as url:
        finding = await found(telephony.numbers, livekit=url)

    assert finding.state is state
    assert told in finding.seen


async def test_a_deployed_stage_has_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is missing after the deployment is a fault."""
    keep("livekit", LIVEKIT_KEY)
    monkeypatch.setattr(Deployment, "stack_resources", lambda *_: {})

    async with served(build_app(Trunks().methods(), **LIVEKIT_KEY)) as url:
        finding = await found(telephony.numbers, livekit=url)

    assert finding.state is State.WRONG
    assert finding.fix == "make deploy STAGE=prod"


async def test_a_key_of_another_project_sees_nothing() -> None:
    """What LiveKit does not show is not taken for fine."""
    keep("livekit", LIVEKIT_KEY)

    async with served(build_app(Trunks().methods(), api_key="APIother", api_secret="b" * 40)) as url:
        finding = await found(telephony.numbers, livekit=url)

    assert finding.state is State.UNSEEN


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_is_turned_away_is_wrong(status: int) -> None:
    """A key that LiveKit does not know and one that it does not let in are both put right in the secret."""
    keep("livekit", LIVEKIT_KEY)

    async with served(turning_away(status)) as url:
        finding = await found(livekit.key_counts, livekit=url)

    assert finding.state is State.WRONG
    assert finding.seen == "127.0.0.1 refuses the key (denied)"
    assert "bellhop/prod/livekit" in finding.fix


async def test_an_answer_that_is_not_about_the_key_does_not_accuse_it() -> None:
    """A server that has no rooms says nothing of the key."""
    keep("livekit", LIVEKIT_KEY)

    async with served(build_app(Trunks().methods(), **LIVEKIT_KEY)) as url:
        finding = await found(livekit.key_counts, livekit=url)

    assert finding.state is State.UNSEEN


async def test_no_check_fails_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """In an account that has nothing each check still looks, and says what to do about all that is not fine."""
    # moto has no quotas of these services.
    monkeypatch.setattr(capacity, "_granted", lambda *_: 0.0)
    looked_at = [check for check in CHECKS if check.look not in (capacity.builds_quota, capacity.functions_quota)]

    async with served(registry_app()) as image_registry, served(build_app({}, **LIVEKIT_KEY)) as telephone:
        deployment = Deployment(STAGE, HOTELS, SESSION, registry=image_registry, livekit=telephone)
        findings = await asyncio.to_thread(look_at, deployment, looked_at, seconds=90)

    assert {subject: one.seen for subject, one in findings.items() if "the check failed" in one.seen} == {}
    assert {subject for subject, one in findings.items() if one.state is not State.FINE and not one.fix} == set()
    assert findings["quota of GPU hosts"].state is State.WRONG


@pytest.mark.parametrize("look", [telephony.numbers, livekit.key_counts])
async def test_without_livekits_key_nobody_is_asked(look: Callable[[Deployment], Finding]) -> None:
    """A missing or incomplete secret is told as such."""
    keep("livekit", {"api_key": "APItest"})

    finding = await found(look)

    assert finding.state is State.UNSEEN
    assert "bellhop/prod/livekit is incomplete" in finding.seen
