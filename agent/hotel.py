"""The Lambdas, as the agent of one call sees them; what goes wrong is told in the domain's errors.

no answer, 401, 403, 429, 5xx, an answer of another shape     Unreachable
404                                                           NotFound
any other 4xx                                                 Refused, or the kind of it that the body's code names

Of a write in the hotel's system, Unreachable says that nothing was done: nobody was there, nobody was let in, or the
function says so. Whatever else keeps its answer away is Unheard.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
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
from lambdas.pms.models import (
    Booked,
    BookRequest,
    Cancelled,
    CancelRequest,
    ChangeRequest,
    HeldOffer,
    HotelFacts,
    NoteAdded,
    NoteRequest,
    Offers,
    OffersRequest,
    Reservations,
    VerificationRequest,
    Verified,
)
from lambdas.shared.domain.errors import BellhopError, InDoubt, NotFound, PriceChanged, Refused, Unreachable
from lambdas.tts_router.models import PlanRequest, SpeechPlan

EPOCH_HEADER: Final = "X-Call-Epoch"
TIMEOUT: Final = 4.0
QUICK: Final = 1.0
"""What must be known before the guest hears the first word."""
LOOKING: Final = 8.0
"""What the hotel's system is asked; its connector tries twice in that time."""
WRITING: Final = 20.0
"""What the hotel's system is to do: longer than the function waits for another one that is at the same wish."""
PAUSE: Final = 0.2
"""Before the one retry, which has what is left of the time."""

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, BotoCoreError)
"""What happens before a request is on its way."""
_REFUSALS: Final[Mapping[str, type[Refused]]] = {kind.code: kind for kind in Refused.__subclasses__()}

Answer = TypeVar("Answer", bound=BaseModel)


class NewPrice(PriceChanged):
    """The price is another by now; `offer` holds it, where there is one to be had."""

    def __init__(self, message: str, offer: HeldOffer | None) -> None:
        super().__init__(message)
        self.offer = offer


class Unheard(InDoubt):
    """A write was sent and no answer came: not even the hotel's functions may know of it."""


class _Untouched(Unreachable):
    """Nobody was there, or let us in, or has done anything."""


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
        """What is asked for at its price, each held as a wish. Raises NotVerified for another's reservation."""
        return await self._ask_again("POST", f"{self._stays}/offers", Offers, request, timeout=LOOKING)

    async def verify(self, said: VerificationRequest) -> Verified:
        """The reservation that what the guest said fits. Raises NotVerified, and TriesOver after the third time."""
        return await self._ask_again("POST", f"{self._stays}/verification", Verified, said, timeout=LOOKING)

    async def reservations(self) -> Reservations:
        """What this call has verified or made."""
        return await self._ask_again("GET", f"{self._stays}/reservations", Reservations, timeout=LOOKING)

    async def reservation(self, code: str) -> Booked:
        """One of those. Raises NotVerified for every other."""
        return await self._ask_again("GET", self._reservation(code), Booked, timeout=LOOKING)

    async def book(self, request: BookRequest) -> Booked:
        """Carry out the wish of a booking. Repeating it is safe: the same wish is one reservation.

        Raises NewPrice, SoldOut, OfferExpired, NotPossible, InDoubt, Unheard; so do the other writes.
        """
        return await self._write("POST", f"{self._stays}/reservations", Booked, request)

    async def change(self, code: str, request: ChangeRequest) -> Booked:
        """Carry out the wish of a change."""
        return await self._write("PUT", self._reservation(code), Booked, request)

    async def cancel(self, code: str, wish_id: str, request: CancelRequest) -> Cancelled:
        """Carry out the wish of a cancellation."""
        path = f"{self._reservation(code)}?wish_id={quote(wish_id, safe='')}"
        return await self._write("DELETE", path, Cancelled, request)

    async def add_note(self, code: str, request: NoteRequest) -> NoteAdded:
        """Add a line for the hotel's staff; the same id is added once."""
        return await self._write("POST", f"{self._reservation(code)}/notes", NoteAdded, request)

    async def report(self, kind: str, body: str, *, trace_id: str, timeout: float = TIMEOUT) -> None:
        """Post to one of the call's collections (`events`, `turns`, `follow-ups`); does not retry."""
        await self._send("POST", f"{self._call}/{kind}", body, trace_id=trace_id, timeout=timeout)

    def _reservation(self, code: str) -> str:
        return f"{self._stays}/reservations/{quote(code, safe='')}"

    async def _ask_again(
        self, method: str, path: str, kind: type[Answer], body: BaseModel | None = None, timeout: float = LOOKING
    ) -> Answer:
        """As `_ask`, with one retry when the first try finds nobody and time is left."""
        ends = time.monotonic() + timeout
        try:
            return await self._ask(method, path, kind, body, timeout)
        except Unreachable:
            if time.monotonic() + PAUSE >= ends:
                raise
        await asyncio.sleep(PAUSE)
        return await self._ask(method, path, kind, body, ends - time.monotonic())

    async def _write(self, method: str, path: str, kind: type[Answer], body: BaseModel | None = None) -> Answer:
        """As `_ask_again`; raises Unheard when an answer was lost, since finding nobody then tells nothing."""
        ends = time.monotonic() + WRITING
        try:
            return await self._ask(method, path, kind, body, WRITING)
        except Unreachable as error:
            first = error
        if time.monotonic() + PAUSE >= ends:
            raise _unheard(first)
        await asyncio.sleep(PAUSE)
        try:
            return await self._ask(method, path, kind, body, ends - time.monotonic())
        except Unreachable as second:
            raise _unheard(first, second) from None

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
                response = await self._http.request(method, path, content=content, headers=headers, timeout=timeout)
        except (TimeoutError, httpx.HTTPError, BotoCoreError) as error:
            kind = _Untouched if isinstance(error, _NOT_SENT) else Unreachable
            raise kind(f"{method} {part}: {type(error).__name__}") from None
        if response.is_success:
            return response
        raise _error(response, f"{method} {part}: {response.status_code}")


def _error(response: httpx.Response, what: str) -> BellhopError:
    status, error = response.status_code, _told(response)
    if status in (401, 403, 429) or (status == 503 and error.get("code") == Unreachable.code):
        return _Untouched(what)
    if not 400 <= status < 500:
        return Unreachable(what)
    if status == 404:
        return NotFound(what)
    kind = _REFUSALS.get(str(error.get("code")), Refused)
    return NewPrice(what, _offer(error)) if kind is PriceChanged else kind(what)


def _unheard(*errors: Unreachable) -> BellhopError:
    """What it means for a write that nobody answered these tries."""
    last = errors[-1]
    return last if all(isinstance(error, _Untouched) for error in errors) else Unheard(str(last))


def _told(response: httpx.Response) -> Mapping[str, Any]:
    """What the body tells of the error; empty when it is none of ours."""
    with contextlib.suppress(json.JSONDecodeError, UnicodeDecodeError, TypeError, KeyError):
        error: Any = response.json()["error"]
        return error if isinstance(error, dict) else {}
    return {}


def _offer(error: Mapping[str, Any]) -> HeldOffer | None:
    with contextlib.suppress(ValidationError):
        return HeldOffer.model_validate(error.get("offer"))
    return None
