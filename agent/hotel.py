"""The Lambdas, as the agent of one call sees them; what goes wrong is told in the domain's errors.

no answer, 401, 403, 429, 5xx, an answer of another shape     Unreachable
404                                                           NotFound
any other 4xx                                                 Refused, or the kind of it that the body's code names
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.session import Session
from pydantic import BaseModel, ValidationError

from agent.trace import Traces, traceparent
from lambdas.calls.models import Lease, LeaseRequest
from lambdas.pms.models import Booked, BookRequest, HotelFacts, Offers, OffersRequest
from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.tts_router.models import PlanRequest, SpeechPlan

EPOCH_HEADER: Final = "X-Call-Epoch"
TIMEOUT: Final = 4.0
QUICK: Final = 1.0
"""What must be known before the guest hears the first word."""
PAUSE: Final = 0.2
"""Before the one retry."""

_REFUSALS: Final[Mapping[str, type[Refused]]] = {kind.code: kind for kind in Refused.__subclasses__()}

Answer = TypeVar("Answer", bound=BaseModel)


class SigV4(httpx.Auth):
    """Signs requests for API Gateway with the credentials this process has, renewed as botocore renews them."""

    requires_request_body = True

    def __init__(self, region: str, session: Session | None = None) -> None:
        credentials = (session or Session()).get_credentials()
        if credentials is None:
            raise RuntimeError("no AWS credentials: give the task a role, or set AWS_ACCESS_KEY_ID")
        self._credentials, self._region = credentials, region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        covered = {name: request.headers[name] for name in ("content-type", EPOCH_HEADER) if name in request.headers}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=covered)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


class HotelClient:
    """Everything the agent of one call asks of the Lambdas; `epoch` is 0 until a lease is held."""

    def __init__(self, http: httpx.AsyncClient, *, hotel: str, call_id: str, traces: Traces) -> None:
        self._http, self._hotel, self._traces = http, hotel, traces
        self._call = f"/v1/calls/{quote(call_id, safe='')}"
        self._stays = f"/v1/hotels/{quote(hotel, safe='')}/calls/{quote(call_id, safe='')}"
        self.epoch = 0

    async def lease(self, holder: str) -> Lease:
        """Take the call's lease, or renew it. Raises LeaseHeld and Unreachable; does not retry."""
        return await self._ask("POST", f"{self._call}/lease", Lease, LeaseRequest(holder=holder), timeout=QUICK)

    async def facts(self) -> HotelFacts:
        """What may be told about the hotel."""
        return await self._ask_again("GET", f"/v1/hotels/{quote(self._hotel, safe='')}", HotelFacts)

    async def plan(self, language: str) -> SpeechPlan:
        """Which voices speak; not retried, since the hotel's own file names voices too."""
        request = PlanRequest(hotel=self._hotel, language=language)
        return await self._ask("POST", "/v1/speech/plan", SpeechPlan, request, timeout=QUICK)

    async def offers(self, request: OffersRequest) -> Offers:
        """Rooms that are free, each held at its price."""
        return await self._ask_again("POST", f"{self._stays}/offers", Offers, request)

    async def book(self, request: BookRequest) -> Booked:
        """Carry a held offer out. Repeating it is safe: the same wish is one reservation."""
        return await self._ask_again("POST", f"{self._stays}/reservations", Booked, request)

    async def report(self, kind: str, body: str, *, trace_id: str, timeout: float = TIMEOUT) -> None:
        """Post to one of the call's collections (`events`, `turns`, `follow-ups`); does not retry."""
        await self._send("POST", f"{self._call}/{kind}", body, trace_id=trace_id, timeout=timeout)

    async def _ask_again(self, method: str, path: str, kind: type[Answer], body: BaseModel | None = None) -> Answer:
        """As `_ask`, with one retry when the first try finds nobody."""
        with contextlib.suppress(Unreachable):
            return await self._ask(method, path, kind, body)
        await asyncio.sleep(PAUSE)
        return await self._ask(method, path, kind, body)

    async def _ask(
        self, method: str, path: str, kind: type[Answer], body: BaseModel | None = None, timeout: float = TIMEOUT
    ) -> Answer:
        content = body.model_dump_json() if body else None
        response = await self._send(method, path, content, trace_id=self._traces.answering, timeout=timeout)
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            raise Unreachable(f"{method} {path.split('/')[2]} answered something else than {kind.__name__}") from None

    async def _send(
        self, method: str, path: str, content: str | None, *, trace_id: str, timeout: float
    ) -> httpx.Response:
        headers = {EPOCH_HEADER: str(self.epoch), "traceparent": traceparent(trace_id)}
        if content is not None:
            headers["Content-Type"] = "application/json"
        part = path.split("/")[2]
        try:
            async with asyncio.timeout(timeout):
                response = await self._http.request(method, path, content=content, headers=headers)
        except (TimeoutError, httpx.HTTPError, BotoCoreError) as error:
            raise Unreachable(f"{method} {part}: {type(error).__name__}") from None
        if response.is_success:
            return response
        raise _error(response, f"{method} {part}: {response.status_code}")


def _error(response: httpx.Response, what: str) -> BellhopError:
    status = response.status_code
    if status in (401, 403, 429) or not 400 <= status < 500:
        return Unreachable(what)
    if status == 404:
        return NotFound(what)
    return _REFUSALS.get(_code(response), Refused)(what)


def _code(response: httpx.Response) -> str:
    with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError):
        body: Any = response.json()
        return str(body["error"]["code"])
    return ""
