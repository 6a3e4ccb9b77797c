"""Who we are to a vendor: keys and tokens, made of a secret that is read when it is needed and again when refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.pms.vendor_http import OpenGate, VendorHttp

RENEWED_BEFORE: Final = timedelta(seconds=60)
"""How long before its end a token is not used any more."""
_SHORTEST_LIFE: Final = 300
"""Seconds, for a token whose end is not told: RFC 6749, 5.1, recommends telling it and does not demand it."""

Secret = Callable[[bool], Mapping[str, str]]
"""A hotel's secret: what it holds by name; the argument says whether it is read anew. Raises Unreachable."""
Shape = TypeVar("Shape", bound=BaseModel)


def read_as(secret: Secret, shape: type[Shape], *, fresh: bool) -> Shape:
    """The secret as a connector's model; raises Unreachable that names the wrong fields and shows no value."""
    try:
        return shape.model_validate({**secret(fresh)})
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, fault["loc"])) or "(all)" for fault in error.errors())
        raise Unreachable(f"the booking system's secret is not as it must be: {fields}", vendor_code="secret") from None


class NoAuth:
    """The vendor asks for nothing, or for what stands in the requests' bodies."""

    def headers(self) -> Mapping[str, str]:
        return {}

    def renew(self) -> None:
        return None


class ApiKey:
    """A key in a header; `value` gives it, from a secret read anew when its argument says so."""

    def __init__(self, header: str, value: Callable[[bool], str]) -> None:
        self._header = header
        self._value = value
        self._refused = False

    def headers(self) -> Mapping[str, str]:
        fresh, self._refused = self._refused, False
        return {self._header: self._value(fresh)}

    def renew(self) -> None:
        self._refused = True


class JsonKey(httpx.Auth):
    """Fields in the JSON body of every request; `fields` gives them, from a secret read anew when its argument says so.

    A request is signed twice over: by the line, which reads the secret, and as its `auth=`, since httpx alone can add
    to a body.
    """

    requires_request_body = True

    def __init__(self, fields: Callable[[bool], Mapping[str, str]]) -> None:
        self._ask = fields
        self._refused = False
        self._fields: Mapping[str, str] = {}

    def headers(self) -> Mapping[str, str]:
        fresh, self._refused = self._refused, False
        self._fields = self._ask(fresh)
        return {}

    def renew(self) -> None:
        self._refused = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        headers = request.headers.copy()
        headers.pop("Content-Length", None)
        yield httpx.Request(
            request.method,
            request.url,
            headers=headers,
            json={**self._fields, **json.loads(request.content)},
            extensions=request.extensions,
        )


@dataclass(frozen=True)
class TokenRequest:
    """How a token is asked for: a form sent to `url`; `carried` goes with every request beside the token."""

    url: str
    form: Mapping[str, str] = field(repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    carried: Mapping[str, str] = field(default_factory=dict, repr=False)


class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, 4.4): one token a process, renewed a minute before its end.

    `ask` says how a token is asked for, of a secret read anew when its argument says so. Threads that need a token at
    the same time wait for one request. When the vendor does not accept a token, or refuses to give one, the secret may
    have been rotated: it is read anew once.
    """

    def __init__(self, http: httpx.Client, ask: Callable[[bool], TokenRequest], *, now: Callable[[], datetime]) -> None:
        # The request that needs the token is in the hotel's gate already.
        self._line = VendorHttp(http, base_url="", auth=None, gate=OpenGate())
        self._ask = ask
        self._now = now
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._refused = False

    def headers(self) -> Mapping[str, str]:
        """Raises Unreachable when no token is to be had."""
        with self._lock:
            # The wall clock, not a monotonic one: a function's sandbox is frozen between requests.
            if self._token is None or self._now() >= self._token.good_until:
                self._token = self._new_token()
            return {**self._token.carried, "Authorization": f"Bearer {self._token.value}"}

    def renew(self) -> None:
        with self._lock:
            self._token = None
            self._refused = True

    def _new_token(self) -> _Token:
        fresh, self._refused = self._refused, False
        token = self._requested(fresh=fresh)
        if token is None and not fresh:
            token = self._requested(fresh=True)
        if token is None:
            raise Unreachable("the vendor gives no token for what the secret holds", vendor_code="token")
        return token

    def _requested(self, *, fresh: bool) -> _Token | None:
        """None when the vendor says that it does not know us."""
        asked = self._ask(fresh)
        began = self._now()
        answer = self._line.read(
            "a token", "POST", asked.url, data={**asked.form}, headers={**asked.headers}, auth=asked.basic
        )
        if answer.status in (400, 401, 403):
            return None
        if not answer.ok:
            raise answer.unexpected()
        given = answer.read_as(_Given)
        if given.token_type.lower() != "bearer":
            raise answer.unexpected("token_type")
        life = timedelta(seconds=given.expires_in)
        return _Token(given.access_token, began + life - min(RENEWED_BEFORE, life / 2), asked.carried)


class _Given(BaseModel):
    """RFC 6749, 5.1."""

    access_token: str = Field(min_length=1, pattern=r"^[\x21-\x7e]+$")
    token_type: str
    expires_in: int = Field(default=_SHORTEST_LIFE, gt=0)


@dataclass(frozen=True)
class _Token:
    value: str = field(repr=False)
    good_until: datetime
    carried: Mapping[str, str] = field(repr=False)
