"""A vendor knows who we are, also after a token has ended or a secret was rotated."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.pms.credentials import ApiKey, ClientCredentials, JsonKey, NoAuth, TokenRequest, read_as
from lambdas.shared.pms.vendor_http import OpenGate, VendorHttp

pytestmark = pytest.mark.unit

URL = "https://identity.example.com/token"


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Identity:
    """A vendor that gives numbered tokens to whoever knows the password."""

    def __init__(self) -> None:
        self.password = "first"
        self.given = 0
        self.requests: list[httpx.Request] = []
        self.answers: list[Callable[[], httpx.Response]] = []
        self.token: dict[str, Any] = {"token_type": "Bearer", "expires_in": 3600}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.answers:
            return self.answers.pop(0)()
        if httpx.BasicAuth("id", self.password)._auth_header != request.headers["authorization"]:
            return httpx.Response(401, json={"error": "invalid_client"})
        self.given += 1
        return httpx.Response(200, json={"access_token": f"token{self.given}", **self.token})


class Secrets:
    """A secret whose cached value is old until it is read anew."""

    def __init__(self) -> None:
        self.stored, self.cached = "first", "first"
        self.read_anew = 0

    def __call__(self, fresh: bool) -> Mapping[str, str]:
        if fresh:
            self.read_anew += 1
            self.cached = self.stored
        return {"password": self.cached}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity() -> Identity:
    return Identity()


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
def auth(identity: Identity, secrets: Secrets, clock: Clock) -> ClientCredentials:
    def ask(fresh: bool) -> TokenRequest:
        form = {"grant_type": "client_credentials"}
        return TokenRequest(
            URL, form, basic=("id", secrets(fresh)["password"]), headers={"X-Kind": "t"}, carried={"X-App": "a"}
        )

    return ClientCredentials(httpx.Client(transport=httpx.MockTransport(identity)), ask, now=clock)


def test_a_token_is_asked_for_once(auth: ClientCredentials, identity: Identity) -> None:
    """One token serves until a minute before its end, with what goes beside it."""
    assert auth.headers() == auth.headers() == {"Authorization": "Bearer token1", "X-App": "a"}

    (request,) = identity.requests
    assert (str(request.url), request.method, request.content) == (URL, "POST", b"grant_type=client_credentials")
    assert request.headers["x-kind"] == "t"


def test_a_token_is_renewed_before_its_end(auth: ClientCredentials, clock: Clock) -> None:
    """A minute before its end a token is not used any more."""
    auth.headers()
    clock.forward(3539)
    assert auth.headers()["Authorization"] == "Bearer token1"

    clock.forward(1)

    assert auth.headers()["Authorization"] == "Bearer token2"


def test_a_short_token_is_used_for_half_its_life(auth: ClientCredentials, identity: Identity, clock: Clock) -> None:
    """A token that lives less than two minutes is still used."""
    identity.token["expires_in"] = 60
    auth.headers()
    clock.forward(29)
    assert auth.headers()["Authorization"] == "Bearer token1"

    clock.forward(1)

    assert auth.headers()["Authorization"] == "Bearer token2"


def test_a_token_whose_end_is_not_told_is_used_for_minutes(
    auth: ClientCredentials, identity: Identity, clock: Clock
) -> None:
    """Where the vendor leaves the end out, a token is used for four minutes."""
    del identity.token["expires_in"]
    auth.headers()
    clock.forward(241)

    assert auth.headers()["Authorization"] == "Bearer token2"


def test_a_refused_token_is_replaced_from_a_secret_read_anew(
    auth: ClientCredentials, identity: Identity, secrets: Secrets
) -> None:
    """After the vendor refused a token, the next one is asked for with what the secret holds by now."""
    auth.headers()
    identity.password = secrets.stored = "second"

    auth.renew()

    assert auth.headers()["Authorization"] == "Bearer token2"
    assert (len(identity.requests), secrets.read_anew) == (2, 1)


def test_a_rotated_secret_gives_a_token(auth: ClientCredentials, identity: Identity, secrets: Secrets) -> None:
    """When the vendor does not know the cached secret any more, it is read anew and tried once more."""
    identity.password = secrets.stored = "second"

    assert auth.headers()["Authorization"] == "Bearer token1"
    assert secrets.read_anew == 1


def test_a_wrong_secret_is_unreachable(auth: ClientCredentials, identity: Identity) -> None:
    """A vendor that does not know us is a system that cannot be reached, and the error says nothing of the secret."""
    identity.password = "other"

    with pytest.raises(Unreachable, match="gives no token") as caught:
        auth.headers()

    assert caught.value.vendor_code == "token"
    assert "first" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"access_token": "", "token_type": "Bearer"},
        {"access_token": "a b", "token_type": "Bearer"},
        {"access_token": "a\r\nX-Evil: 1", "token_type": "Bearer"},
        {"access_token": "a", "token_type": "mac"},
        {"access_token": "a", "token_type": "Bearer", "expires_in": 0},
    ],
)
def test_an_odd_token_is_not_used(auth: ClientCredentials, identity: Identity, body: dict[str, Any]) -> None:
    """What is not a bearer token as RFC 6749 has it is not sent to anybody."""
    identity.answers.append(lambda: httpx.Response(200, json=body))

    with pytest.raises(Unreachable):
        auth.headers()


def test_a_token_is_asked_for_again_when_the_vendor_fails(auth: ClientCredentials, identity: Identity) -> None:
    """Asking for a token changes nothing, so a fault is followed by another try."""
    identity.answers.append(lambda: httpx.Response(503))

    assert auth.headers()["Authorization"] == "Bearer token1"


def test_those_who_need_a_token_at_once_wait_for_one(auth: ClientCredentials, identity: Identity) -> None:
    """Threads that find no token make one request together."""
    together = Barrier(8)

    def needed(_: int) -> str:
        together.wait()
        return auth.headers()["Authorization"]

    with ThreadPoolExecutor(8) as threads:
        tokens = set(threads.map(needed, range(8)))

    assert (tokens, identity.given) == ({"Bearer token1"}, 1)


def test_a_refused_key_is_read_anew_once(secrets: Secrets) -> None:
    """A key in a header is read anew after the vendor refused it, and cached again afterwards."""
    key = ApiKey("x-api-key", lambda fresh: secrets(fresh)["password"])
    assert key.headers() == {"x-api-key": "first"}
    secrets.stored = "second"

    key.renew()

    assert (key.headers(), key.headers()) == ({"x-api-key": "second"}, {"x-api-key": "second"})
    assert secrets.read_anew == 1


def test_a_key_goes_into_the_body(secrets: Secrets) -> None:
    """Fields of a secret join what a request's JSON says, and are read anew after the vendor refused them."""
    sent: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert int(request.headers["content-length"]) == len(request.content)
        sent.append(json.loads(request.content))
        return httpx.Response(401 if sent[-1]["key"] == "first" else 200, json={})

    key = JsonKey(lambda fresh: {"key": secrets(fresh)["password"]})
    http = httpx.Client(transport=httpx.MockTransport(answer))
    line = VendorHttp(http, base_url="https://vendor.example.com", auth=key, gate=OpenGate())
    secrets.stored = "second"

    told = line.read("rooms", "POST", "/rooms", json={"night": "2026-12-30"}, auth=key)

    assert told.ok
    assert sent == [{"key": "first", "night": "2026-12-30"}, {"key": "second", "night": "2026-12-30"}]


def test_no_auth_carries_nothing() -> None:
    """A vendor that is told in the body who we are gets no header."""
    auth = NoAuth()
    auth.renew()

    assert auth.headers() == {}


def test_a_secret_that_is_not_as_it_must_be_shows_no_value() -> None:
    """The error names the wrong fields of a secret and none of its values."""

    class Shape(BaseModel):
        client_id: str
        port: int

    assert read_as(lambda _: {"client_id": "a", "port": "1"}, Shape, fresh=False) == Shape(client_id="a", port=1)
    with pytest.raises(Unreachable) as caught:
        read_as(lambda _: {"port": "geheim"}, Shape, fresh=False)

    assert str(caught.value) == "the booking system's secret is not as it must be: client_id, port"
    assert caught.value.vendor_code == "secret"


def test_what_holds_a_secret_does_not_show_it() -> None:
    """Neither a token request nor its form or key appears in a log by accident."""
    request = TokenRequest(URL, {"secret": "geheim"}, basic=("id", "geheim"), headers={"x": "geheim"})

    assert "geheim" not in repr(request)
