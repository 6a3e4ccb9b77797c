"""The event API Gateway makes of a request for a REST API's proxy integration (payload version 1)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from lambdas.endpoints import ENDPOINTS, Caller, Endpoint
from local.sigv4 import Headers

ACCOUNT: Final = "000000000000"
STAGE: Final = "local"
BINARY: Final = ("audio/", "application/octet-stream", "multipart/form-data")
"""Bodies of these types reach a function as base64."""


@dataclass(frozen=True)
class Match:
    """The route of a request, and its path parameters as they were sent."""

    endpoint: Endpoint
    parameters: Mapping[str, str]


def route_of(method: str, raw_path: str) -> Match | None:
    """The route of a method and a path that is still percent-encoded; None when there is none."""
    for endpoint, pattern in _ROUTES:
        found = pattern.fullmatch(raw_path)
        if found and endpoint.method == method:
            return Match(endpoint, found.groupdict())
    return None


def proxy_event(
    found: Match,
    *,
    method: str,
    raw_path: str,
    query: str,
    headers: Headers,
    body: bytes,
    request_id: str,
    access_key: str,
    now: datetime,
) -> dict[str, Any]:
    """REST APIs pass the path and its parameters percent-encoded as sent, the query decoded."""
    queries = _gathered(parse_qsl(query, keep_blank_values=True))
    sent = _gathered(list(headers))
    types = next((values for name, values in sent.items() if name.lower() == "content-type"), [""])
    agents = next((values for name, values in sent.items() if name.lower() == "user-agent"), [None])
    binary = types[-1].lower().startswith(BINARY)
    text = base64.b64encode(body).decode("ascii") if binary else body.decode("utf-8", "replace")
    signed = found.endpoint.caller is Caller.AGENT
    return {
        "resource": found.endpoint.path,
        "path": raw_path,
        "httpMethod": method,
        "headers": {name: values[-1] for name, values in sent.items()},
        "multiValueHeaders": sent,
        "queryStringParameters": {name: values[-1] for name, values in queries.items()} or None,
        "multiValueQueryStringParameters": queries or None,
        "pathParameters": dict(found.parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "authorizer": None,
            "domainName": "127.0.0.1",
            "extendedRequestId": request_id,
            "httpMethod": method,
            "identity": {
                "accessKey": access_key if signed else None,
                "accountId": ACCOUNT if signed else None,
                "caller": access_key if signed else None,
                "sourceIp": "127.0.0.1",
                "user": access_key if signed else None,
                "userAgent": agents[-1],
                "userArn": f"arn:aws:iam::{ACCOUNT}:user/agent" if signed else None,
            },
            "path": raw_path,
            "protocol": "HTTP/1.1",
            "requestId": request_id,
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S %z"),
            "requestTimeEpoch": int(now.timestamp() * 1000),
            "resourceId": "local",
            "resourcePath": found.endpoint.path,
            "stage": STAGE,
        },
        "body": text or None,
        "isBase64Encoded": binary and bool(body),
    }


def _compiled(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    pattern = "".join(f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part) for index, part in enumerate(parts))
    return re.compile(pattern)


# A path that names everything is tried before one with parameters, as API Gateway does.
_ROUTES: Final = [
    (endpoint, _compiled(endpoint.path)) for endpoint in sorted(ENDPOINTS, key=lambda known: known.path.count("{"))
]


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered
