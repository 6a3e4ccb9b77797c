"""A webhook counts only if LiveKit signed exactly these bytes, lately."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from livekit.api import AccessToken

from lambdas.livekit_webhook.routes import build_app
from lambdas.livekit_webhook.service import Reports
from lambdas.livekit_webhook.signature import verifier
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.http import Api
from lambdas.shared.livekit_key import LiveKitKey
from lambdas.shared.settings import SettingsError, parse_secret
from tests.events import ask, request_event
from tests.memory import MemoryCalls, MemoryCount

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
KEY = LiveKitKey(api_key="local", api_secret="local-secret-" * 5)
# As livekit-server 1.13 writes it, with the password that must go nowhere.
BODY = json.dumps(
    {
        "event": "participant_joined",
        "room": {
            "sid": "RM_yFPtkCvD9QjN",
            "name": "call_+493023125001_aB3dE5gH7jK9",
            "creationTime": "1795545000",
            "turnPassword": "t0p-secret",
        },
        "participant": {
            "sid": "PA_5nTdEUHbZDWR",
            "identity": "sip_+491713920055",
            "state": "ACTIVE",
            "name": "Phone +491713920055",
            "kind": "SIP",
            "attributes": {"sip.phoneNumber": "+491713920055", "hotel": "aurora"},
        },
        "id": "EV_wTzX5hKc2dUB",
        "createdAt": "1795545001",
        "numDropped": 0,
    },
    separators=(",", ":"),
    ensure_ascii=False,
).encode()


@pytest.fixture
def calls() -> MemoryCalls:
    return MemoryCalls(HOTELS)


@pytest.fixture
def app(calls: MemoryCalls) -> Api:
    reports = Reports(calls, guest_secret=lambda: b"key", count=MemoryCount())
    return build_app(reports, verifier(lambda: KEY))


def signature(body: bytes = BODY, key: LiveKitKey = KEY) -> str:
    """The token as LiveKit makes it."""
    token = AccessToken(key.api_key, key.api_secret).with_ttl(timedelta(minutes=5))
    return token.with_sha256(base64.b64encode(hashlib.sha256(body).digest()).decode()).to_jwt()


def claims(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    made = {
        "iss": KEY.api_key,
        "nbf": now,
        "exp": now + timedelta(minutes=5),
        "sha256": base64.b64encode(hashlib.sha256(BODY).digest()).decode(),
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not None}


def encoded(algorithm: str = "HS256", key: str = KEY.api_secret, **changes: Any) -> str:
    return jwt.encode(claims(**changes), key, algorithm=algorithm)


def post(app: Api, authorization: str | None, body: bytes = BODY, *, as_base64: bool = False) -> tuple[int, Any]:
    headers = {"Content-Type": "application/webhook+json"}
    if authorization is not None:
        headers["Authorization"] = authorization
    return ask(app, request_event("POST", "/v1/livekit/webhook", body, headers, as_base64=as_base64))


@pytest.mark.parametrize("as_base64", [False, True])
def test_a_signed_webhook_is_stored(app: Api, calls: MemoryCalls, as_base64: bool) -> None:
    """What LiveKit signed is accepted, however API Gateway passes the body on."""
    answer = post(app, signature(), as_base64=as_base64)

    assert answer == (200, {"state": "ringing"})
    assert calls.only_event().id == "EV_wTzX5hKc2dUB"


def test_a_signature_is_of_the_bytes(app: Api, calls: MemoryCalls) -> None:
    """A body in LiveKit's own spelling, with more than ASCII in it, is judged by its bytes."""
    body = BODY.replace(b'"hotel":"aurora"', '"hotel" : "auröra"'.encode())

    assert post(app, signature(body), body)[0] == 200
    assert post(app, signature(body), json.dumps(json.loads(body)).encode())[0] == 401
    assert len(calls.events) == 1


FORGERIES: dict[str, str | None] = {
    "no header": None,
    "empty": "",
    "no token": "nonsense",
    "a bearer": f"Bearer {signature()}",
    "another body's": signature(b"another body"),
    "another secret's": signature(key=LiveKitKey(api_key="local", api_secret="some-other-secret-" * 3)),
    "another key's": signature(key=LiveKitKey(api_key="somebody", api_secret=KEY.api_secret)),
    "cut off": signature()[:-4],
    "expired": encoded(exp=datetime.now(UTC) - timedelta(minutes=10)),
    "never expiring": encoded(exp=None),
    "of the future": encoded(nbf=datetime.now(UTC) + timedelta(minutes=10)),
    "of no body": encoded(sha256=None),
    "of an empty hash": encoded(sha256=""),
    "of a hash that is not base64": encoded(sha256="not base64!"),
    "of a number": encoded(sha256=5),
    "of a hash in hex": encoded(sha256=hashlib.sha256(BODY).hexdigest()),
    "unsigned": encoded(algorithm="none", key=""),
    "of another algorithm": encoded(algorithm="HS512"),
}


@pytest.mark.parametrize("authorization", FORGERIES.values(), ids=FORGERIES)
def test_anything_else_is_turned_away_and_writes_nothing(
    app: Api, calls: MemoryCalls, authorization: str | None
) -> None:
    """Forged, expired, unsigned or signed for another body: 401, and the call knows nothing of it."""
    status, answer = post(app, authorization)

    assert (status, answer["error"]["code"]) == (401, "unauthenticated")
    assert not calls.events


def test_a_tampered_body_is_turned_away(app: Api, calls: MemoryCalls) -> None:
    """One byte changed on the way is enough."""
    status, _ = post(app, signature(), BODY.replace(b"EV_w", b"EV_x"))

    assert status == 401
    assert not calls.events


def test_a_rotated_key_counts_at_once(calls: MemoryCalls) -> None:
    """The key is read for each request, so a new one needs no deploy."""
    new = LiveKitKey(api_key="new", api_secret="a-new-secret-of-more-than-32-characters")
    keys = [KEY]
    app = build_app(Reports(calls, lambda: b"key", MemoryCount()), verifier(lambda: keys[-1]))
    keys.append(new)

    assert post(app, signature())[0] == 401
    assert post(app, signature(key=new))[0] == 200


@pytest.mark.parametrize("secret", ["hush", '{"api_secret": "hush"}', '{"api_key": "hush", "api_secret": ""}'])
def test_a_secret_of_another_shape_is_told_without_its_value(secret: str) -> None:
    """Who stored the wrong thing as LiveKit's secret reads what belongs there, and nobody reads the secret."""
    with pytest.raises(SettingsError, match="'bellhop/dev/livekit' is not JSON with api_key and api_secret") as caught:
        parse_secret(LiveKitKey, "bellhop/dev/livekit", secret)

    assert "hush" not in str(caught.value)
