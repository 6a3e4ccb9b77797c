"""API Gateway in a box: HTTP becomes the events of a REST API's proxy integration, for the same handlers.

Served by uvicorn on 127.0.0.1, or as an httpx transport for tests. What API Gateway answers itself (unknown routes,
signatures, function faults) is answered with its statuses and words. `PUT /_faults` makes functions fail on purpose.
"""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

import httpx
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from lambdas.endpoints import ENDPOINTS, Caller, Function
from lambdas.shared.http import Handler
from lambdas.shared.observability import open_logger
from local.proxy_event import Match, proxy_event, route_of
from local.service import serve_http
from local.settings import GatewaySettings
from local.sigv4 import Forbidden, Headers, SignatureCheck

LARGEST_REQUEST: Final = 10 * 1024 * 1024
LARGEST_RESPONSE: Final = 6 * 1024 * 1024
PATIENCE: Final = 29.0
"""Seconds after which API Gateway gives up on a function."""

FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)

# Powertools keeps the request at hand in one place per process, as Lambda has one request per process: so one
# invocation at a time, and the others wait in line off the event loop.
_INVOCATIONS: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="invocation")

logger = open_logger("gateway")


@dataclass(frozen=True)
class Response:
    """What goes back over HTTP; a header may be there several times."""

    status: int
    headers: Headers
    body: bytes


class Fault(BaseModel):
    """A function that answers with this status instead of running, for so long or until told otherwise."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: int = Field(ge=400, le=599)
    seconds: float | None = Field(default=None, gt=0, le=86_400)


Faults: Final[TypeAdapter[dict[Function, Fault]]] = TypeAdapter(dict[Function, Fault])


class Gateway:
    """The HTTP API over handlers of functions; a signature is asked for where the table of routes says so."""

    def __init__(
        self,
        functions: Mapping[Function, Handler],
        check: SignatureCheck,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._functions = functions
        self._check = check
        self._now = now
        self._faults: dict[Function, tuple[int, datetime]] = {}

    async def handle(self, method: str, raw_path: str, query: str, headers: Headers, body: bytes) -> Response:
        """The answer to one request; `raw_path` and `query` as they were sent, `body` the bytes."""
        found = route_of(method, raw_path)
        if found is None:
            return self._about_itself(method, raw_path, body)
        try:
            if found.endpoint.caller is Caller.AGENT:
                self._check.check(method, raw_path, query, headers, body, self._now())
        except Forbidden as error:
            return _error(403, error.kind, str(error))
        if len(body) > LARGEST_REQUEST:
            return _error(413, "RequestTooLargeException", "Request Too Long")
        fault = self._fault_of(found.endpoint.function)
        if fault is not None:
            return _error(fault, "InternalServerErrorException", "Internal server error")
        return await self._invoke(found, method, raw_path, query, headers, body)

    def set_faults(self, faults: Mapping[Function, Fault]) -> None:
        """Make these functions fail from now on, and all others work."""
        self._faults = {
            name: (fault.status, self._now() + timedelta(seconds=fault.seconds) if fault.seconds else FOR_EVER)
            for name, fault in faults.items()
        }

    def _fault_of(self, function: Function) -> int | None:
        status, until = self._faults.get(function, (0, self._now()))
        return status if self._now() < until else None

    def _about_itself(self, method: str, raw_path: str, body: bytes) -> Response:
        match method, raw_path:
            case "GET", "/_health":
                return _answer(200, {"status": "ok"})
            case "PUT", "/_faults":
                try:
                    self.set_faults(Faults.validate_json(body))
                except ValidationError as error:
                    return _answer(400, {"message": str(error)})
                return _answer(200, {"status": "ok"})
        # API Gateway says the same about a path it does not know and about a method it does not know there.
        return _error(403, "MissingAuthenticationTokenException", "Missing Authentication Token")

    async def _invoke(
        self, found: Match, method: str, raw_path: str, query: str, headers: Headers, body: bytes
    ) -> Response:
        request_id = str(uuid.uuid4())
        event = proxy_event(
            found,
            method=method,
            raw_path=raw_path,
            query=query,
            headers=headers,
            body=body,
            request_id=request_id,
            access_key=self._check.access_key,
            now=self._now(),
        )
        run = asyncio.get_running_loop().run_in_executor(
            _INVOCATIONS, _run, self._functions[found.endpoint.function], event, LocalContext(found.endpoint.function)
        )
        try:
            result = await asyncio.wait_for(asyncio.shield(run), PATIENCE)
            return _from_result(result, request_id)
        except TimeoutError:
            return _error(504, "IntegrationTimeoutException", "Endpoint request timed out")
        except Exception as error:
            # API Gateway, too, answers 502 whatever it was that a function raised; the fault is the log's.
            logger.error("function failed", function=found.endpoint.function, error=type(error).__name__)
            return _error(502, "InternalServerErrorException", "Internal server error")


class GatewayTransport(httpx.AsyncBaseTransport):
    """A gateway as the other end of an httpx client, without a socket."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raw_path, _, query = request.url.raw_path.decode("ascii").partition("?")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        answer = await self._gateway.handle(request.method, raw_path, query, headers, await request.aread())
        return httpx.Response(answer.status, headers=list(answer.headers), content=answer.body, request=request)


class LocalContext(LambdaContext):
    """The invocation, as a function sees it."""

    def __init__(self, function: str) -> None:
        self._function_name = function
        self._function_version = "$LATEST"
        self._invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function}"
        self._memory_limit_in_mb = 512
        self._aws_request_id = str(uuid.uuid4())
        self._log_group_name = f"/aws/lambda/{function}"
        self._log_stream_name = "local"


def _run(handler: Handler, event: Mapping[str, Any], context: LambdaContext) -> str:
    """One invocation: events and results cross as JSON, as they do in Lambda."""
    return json.dumps(handler(json.loads(json.dumps(event)), context))


def _from_result(result: str, request_id: str) -> Response:
    """The proxy integration's reading of a result; raises for one that it would answer 502 to."""
    if len(result) > LARGEST_RESPONSE:
        raise ValueError("the response is larger than Lambda lets it be")
    told = json.loads(result)
    text = told.get("body") or ""
    body = base64.b64decode(text, validate=True) if told.get("isBase64Encoded") else text.encode()
    headers = [("x-amzn-requestid", request_id)]
    headers += [(name, str(value)) for name, value in (told.get("headers") or {}).items()]
    headers += [
        (name, str(value)) for name, values in (told.get("multiValueHeaders") or {}).items() for value in values
    ]
    return Response(int(told["statusCode"]), headers, body)


def _error(status: int, kind: str, message: str) -> Response:
    answer = _answer(status, {"message": message})
    return Response(status, [*answer.headers, ("x-amzn-errortype", kind)], answer.body)


def _answer(status: int, body: Mapping[str, str]) -> Response:
    headers = [("content-type", "application/json"), ("x-amzn-requestid", str(uuid.uuid4()))]
    return Response(status, headers, json.dumps(body).encode())


Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def asgi(gateway: Gateway) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The gateway as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        raw_path, query = scope["raw_path"].decode("ascii"), scope["query_string"].decode("ascii")
        answer = await gateway.handle(scope["method"], raw_path, query, headers, body)
        told = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        told.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": told})
        await send({"type": "http.response.body", "body": answer.body})

    return app


def load_functions(names: Sequence[Function] = get_args(Function)) -> dict[Function, Handler]:
    """The functions' handlers, as Lambda imports them: each reads its settings now."""
    return {name: importlib.import_module(f"lambdas.{name}.handler").lambda_handler for name in names}


def main() -> None:
    settings = GatewaySettings.read()
    check = SignatureCheck(settings.access_key, settings.secret_key, settings.region)
    gateway = Gateway(load_functions(), check)
    logger.info("gateway is ready", port=settings.port, routes=len(ENDPOINTS))
    serve_http(asgi(gateway), settings.port)


if __name__ == "__main__":
    main()
