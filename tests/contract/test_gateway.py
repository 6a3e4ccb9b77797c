"""The gateway treats requests and functions as API Gateway's REST APIs do."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lambdas.endpoints import Function
from local.gateway import Fault, Gateway, GatewayTransport, asgi
from local.sigv4 import SignatureCheck
from tests.serving import served

pytestmark = pytest.mark.contract

URL = "http://127.0.0.1:8800"
CALL = "call_+493023125001_aB3dE5gH7jK9"
EVENTS = f"/v1/calls/{CALL}/events"
WEBHOOK = "/v1/livekit/webhook"
KEYS = {"access_key": "LOCALACCESSKEY", "secret_key": "local-secret-key"}
REGION = "eu-central-1"
CHECK = SignatureCheck(**KEYS, region=REGION)
TEXT = {"statusCode": 200, "headers": {"Content-Type": "text/plain"}, "body": "done", "isBase64Encoded": False}


class Echo:
    """A function that keeps the events it gets and answers what it was given."""

    def __init__(self, answer: Any = None) -> None:
        self.events: list[Mapping[str, Any]] = []
        self.answer = answer or TEXT

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        self.events.append(event)
        if isinstance(self.answer, Exception):
            raise self.answer
        answer: dict[str, Any] = self.answer
        return answer

    @property
    def event(self) -> Mapping[str, Any]:
        (event,) = self.events
        return event


def client(function: Any, now: datetime | None = None) -> httpx.AsyncClient:
    """A client of a gateway where every function is this one."""
    gateway = Gateway(dict.fromkeys(get_args(Function), function), CHECK, now=lambda: now or datetime.now(UTC))
    return httpx.AsyncClient(transport=GatewayTransport(gateway), base_url=URL)


def signed(
    method: str,
    path: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    keys: Mapping[str, str] = KEYS,
    region: str = REGION,
    service: str = "execute-api",
) -> httpx.Request:
    """A request as botocore signs it."""
    request = AWSRequest(method, URL + path, headers={"Content-Type": "application/json", **(headers or {})}, data=body)
    SigV4Auth(Credentials(keys["access_key"], keys["secret_key"]), service, region).add_auth(request)
    return httpx.Request(method, URL + path, headers=dict(request.headers.items()), content=body)


async def test_a_request_becomes_a_proxy_event() -> None:
    """Route, path, parameters, headers, query and body arrive where API Gateway puts them."""
    echo = Echo()
    request = signed("POST", f"{EVENTS}?day=1&day=2&name=a%20b", b'{"x": 1}', {"X-Call-Epoch": "3"})

    await client(echo).send(request)

    event = echo.event
    assert (event["httpMethod"], event["resource"]) == ("POST", "/v1/calls/{call_id}/events")
    assert (event["path"], event["pathParameters"]) == (EVENTS, {"call_id": CALL})
    assert event["queryStringParameters"] == {"day": "2", "name": "a b"}
    assert event["multiValueQueryStringParameters"] == {"day": ["1", "2"], "name": ["a b"]}
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)
    assert {name.lower(): value for name, value in event["headers"].items()}["x-call-epoch"] == "3"
    assert event["requestContext"]["identity"]["accessKey"] == KEYS["access_key"]
    assert event["requestContext"]["resourcePath"] == "/v1/calls/{call_id}/events"


async def test_a_header_sent_twice_arrives_twice() -> None:
    """`headers` has the last value, `multiValueHeaders` all of them."""
    echo = Echo()

    await client(echo).post(WEBHOOK, headers=[("X-Way", "a"), ("X-Way", "b")])

    assert echo.event["headers"]["X-Way"] == "b"
    assert echo.event["multiValueHeaders"]["X-Way"] == ["a", "b"]
    assert (echo.event["body"], echo.event["pathParameters"]) == (None, None)


@pytest.mark.parametrize("sent", [CALL, CALL.replace("+", "%2B"), CALL.replace("+", "%2b")])
async def test_an_id_in_a_path_passes_as_it_was_sent(sent: str) -> None:
    """A REST API does not decode a path, and its signature holds for either spelling."""
    echo = Echo()

    answer = await client(echo).send(signed("GET", f"/v1/calls/{sent}"))

    assert answer.status_code == 200
    assert echo.event["path"] == f"/v1/calls/{sent}"
    assert echo.event["pathParameters"] == {"call_id": sent}


async def test_a_binary_body_arrives_as_base64() -> None:
    """Audio is passed on byte by byte."""
    echo = Echo()
    audio = bytes(range(256))

    await client(echo).post(WEBHOOK, content=audio, headers={"Content-Type": "audio/wav"})

    assert echo.event["isBase64Encoded"] is True
    assert base64.b64decode(echo.event["body"]) == audio


async def test_a_text_body_keeps_its_bytes() -> None:
    """LiveKit's own content type is text, and what it signed can be hashed again."""
    echo = Echo()
    body = '{ "name":"Zoë"}\n'.encode()

    await client(echo).post(WEBHOOK, content=body, headers={"Content-Type": "application/webhook+json"})

    assert echo.event["body"].encode() == body


async def test_an_answer_may_be_binary_and_repeat_headers() -> None:
    """base64 answers are decoded, and each value of a header is sent."""
    packed = gzip.compress(b"audio")
    echo = Echo(
        {
            "statusCode": 201,
            "body": base64.b64encode(packed).decode(),
            "isBase64Encoded": True,
            "headers": {"X-One": "1"},
            "multiValueHeaders": {"Set-Thing": ["a", "b"], "Content-Type": ["audio/wav"]},
        }
    )

    answer = await client(echo).post(WEBHOOK)

    assert (answer.status_code, answer.content) == (201, packed)
    assert answer.headers.get_list("set-thing") == ["a", "b"]
    assert (answer.headers["x-one"], answer.headers["content-type"]) == ("1", "audio/wav")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v2/calls/x"),
        ("DELETE", f"/v1/calls/{CALL}"),
        ("POST", f"/v1/calls/{CALL}/events/"),
        ("POST", "/v1/calls//events"),
        ("GET", WEBHOOK),
        ("OPTIONS", WEBHOOK),
    ],
)
async def test_a_route_nobody_has_lacks_a_token(method: str, path: str) -> None:
    """API Gateway's answer to an unknown path or method is its odd 403."""
    echo = Echo()

    answer = await client(echo).request(method, path)

    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})
    assert answer.headers["x-amzn-errortype"] == "MissingAuthenticationTokenException"
    assert not echo.events


def unsigned() -> httpx.Request:
    return httpx.Request("POST", URL + EVENTS, content=b"{}")


def tampered() -> httpx.Request:
    request = signed("POST", EVENTS, b'{"seq": 1}')
    return httpx.Request("POST", URL + EVENTS, headers=request.headers, content=b'{"seq": 2}')


def redirected() -> httpx.Request:
    request = signed("POST", EVENTS, b"{}")
    return httpx.Request("POST", URL + EVENTS.replace("events", "turns"), headers=request.headers, content=b"{}")


def extended() -> httpx.Request:
    request = signed("POST", EVENTS, b"{}")
    return httpx.Request("POST", f"{URL}{EVENTS}?admin=1", headers=request.headers, content=b"{}")


def with_changed_header() -> httpx.Request:
    request = signed("POST", EVENTS, b"{}", {"X-Call-Epoch": "1"})
    return httpx.Request("POST", URL + EVENTS, headers={**request.headers, "X-Call-Epoch": "2"}, content=b"{}")


def with_hash_of_its_own() -> httpx.Request:
    return signed("POST", EVENTS, b"{}", {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})


def without_host() -> httpx.Request:
    request = signed("POST", EVENTS, b"{}")
    shorter = request.headers["authorization"].replace(";host;", ";")
    return httpx.Request("POST", URL + EVENTS, headers={**request.headers, "Authorization": shorter}, content=b"{}")


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (unsigned(), "MissingAuthenticationTokenException"),
        (tampered(), "InvalidSignatureException"),
        (redirected(), "InvalidSignatureException"),
        (extended(), "InvalidSignatureException"),
        (with_changed_header(), "InvalidSignatureException"),
        (with_hash_of_its_own(), "InvalidSignatureException"),
        (without_host(), "IncompleteSignatureException"),
        (signed("POST", EVENTS, keys={**KEYS, "secret_key": "guessed"}), "InvalidSignatureException"),
        (signed("POST", EVENTS, keys={**KEYS, "access_key": "SOMEBODY"}), "UnrecognizedClientException"),
        (signed("POST", EVENTS, region="us-east-1"), "InvalidSignatureException"),
        (signed("POST", EVENTS, service="dynamodb"), "InvalidSignatureException"),
        (httpx.Request("POST", URL + EVENTS, headers={"Authorization": "Bearer x"}), "IncompleteSignatureException"),
    ],
)
async def test_an_agents_route_needs_its_signature(request_: httpx.Request, kind: str) -> None:
    """A request that is not signed as it stands never reaches the function."""
    echo = Echo()

    answer = await client(echo).send(request_)

    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (403, kind)
    assert answer.json()["message"]
    assert not echo.events


@pytest.mark.parametrize(("minutes", "status"), [(-6, 403), (-4, 200), (0, 200), (4, 200), (6, 403)])
async def test_a_signature_holds_for_five_minutes(minutes: int, status: int) -> None:
    """A signature of long ago, or of a clock that is far ahead, is refused."""
    there = client(Echo(), now=datetime.now(UTC) + timedelta(minutes=minutes))

    answer = await there.send(signed("POST", EVENTS, b"{}"))

    assert answer.status_code == status


async def test_others_prove_themselves_to_the_function() -> None:
    """LiveKit and the earlier clients need no AWS signature; the function judges what they send."""
    echo = Echo()

    for path in (WEBHOOK, "/call/event", "/v1/livekit/transcription"):
        assert (await client(echo).post(path, content=b"{}")).status_code == 200

    assert len(echo.events) == 3


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("Anna Meier"),
        {"body": "no status"},
        {"statusCode": "fine", "body": ""},
        {"statusCode": 200, "body": {"not": "text"}},
        {"statusCode": 200, "body": "%%%", "isBase64Encoded": True},
        {"statusCode": 200, "body": "x" * (6 * 1024 * 1024)},
        {"statusCode": 200, "body": "", "extra": datetime.now(UTC)},
        "no mapping",
    ],
    ids=["raises", "no status", "odd status", "odd body", "odd base64", "too large", "no JSON", "no mapping"],
)
async def test_a_function_that_fails_is_a_bad_gateway(answer: Any) -> None:
    """Whatever a function does wrong, the client learns that something did, and nothing more."""
    received = await client(Echo(answer)).post(WEBHOOK)

    assert (received.status_code, received.json()) == (502, {"message": "Internal server error"})


async def test_a_request_can_be_too_long() -> None:
    """Ten megabytes are API Gateway's limit."""
    echo = Echo()

    answer = await client(echo).post(WEBHOOK, content=b"x" * (10 * 1024 * 1024 + 1))

    assert answer.status_code == 413
    assert not echo.events


async def test_a_function_runs_one_request_at_a_time() -> None:
    """Requests that come together wait for each other in the function, and the event loop for none of them."""
    function = Waiting()
    there = client(function)

    answers = [asyncio.create_task(there.post(WEBHOOK)) for _ in range(5)]
    while not function.running:
        await asyncio.sleep(0)
    function.may_end.set()

    assert [(await answer).status_code for answer in answers] == [200] * 5
    assert function.seen == [1] * 5


class Waiting:
    """A function that runs until it is told to end."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.running = 0
        self.seen: list[int] = []

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        self.running += 1
        self.seen.append(self.running)
        self.may_end.wait(10)
        self.running -= 1
        return TEXT


async def test_faults_are_switched_on_and_off() -> None:
    """A function told to fail does so until told otherwise, and the others go on."""
    echo = Echo()
    there = client(echo)

    assert (await there.put("/_faults", json={"calls": {"status": 500}})).status_code == 200
    assert (await there.post("/call/event")).status_code == 500
    assert (await there.post(WEBHOOK)).status_code == 200
    assert (await there.put("/_faults", json={})).status_code == 200
    assert (await there.post("/call/event")).status_code == 200


async def test_a_fault_may_pass_by_itself() -> None:
    """A fault of some seconds is over after them."""
    clock = [datetime(2026, 11, 24, tzinfo=UTC)]
    gateway = Gateway(dict.fromkeys(get_args(Function), Echo()), CHECK, now=lambda: clock[-1])
    there = httpx.AsyncClient(transport=GatewayTransport(gateway), base_url=URL)

    gateway.set_faults({"livekit_webhook": Fault(status=503, seconds=10)})

    assert (await there.post(WEBHOOK)).status_code == 503
    clock.append(clock[-1] + timedelta(seconds=10))
    assert (await there.post(WEBHOOK)).status_code == 200


@pytest.mark.parametrize("faults", [{"nobody": {"status": 500}}, {"pms": {"status": 200}}, {"pms": {"second": 1}}, []])
async def test_a_fault_nobody_can_have_is_refused(faults: Any) -> None:
    """A misspelt switch is told, or a test of a fault would pass without one."""
    assert (await client(Echo()).put("/_faults", json=faults)).status_code == 400


async def test_the_gateway_says_that_it_is_there() -> None:
    """Whoever starts the gateway can see when it is ready."""
    answer = await client(Echo()).get("/_health")

    assert (answer.status_code, json.loads(answer.content)) == (200, {"status": "ok"})


async def test_a_socket_changes_nothing() -> None:
    """Served by uvicorn, a path arrives as it was sent, its signature holds, and the answer's headers are whole."""
    echo = Echo({**TEXT, "multiValueHeaders": {"Set-Thing": ["a", "b"]}})
    gateway = Gateway(dict.fromkeys(get_args(Function), echo), CHECK)
    request = signed("POST", f"/v1/calls/{CALL.replace('+', '%2B')}/turns?x=%2B", b'{"x": 1}')

    async with served(asgi(gateway)) as url, httpx.AsyncClient() as there:
        request.url = request.url.copy_with(port=httpx.URL(url).port)
        answer = await there.send(request)

    assert (answer.status_code, answer.text) == (200, "done")
    assert answer.headers.get_list("set-thing") == ["a", "b"]
    assert echo.event["pathParameters"] == {"call_id": CALL.replace("+", "%2B")}
    assert echo.event["queryStringParameters"] == {"x": "+"}
