"""Events as Lambda receives them from API Gateway, for tests that ask a function without a gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from lambdas.shared.http import Api


def request_event(
    method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, as_base64: bool = False
) -> dict[str, Any]:
    """A REST API's proxy event; a body that is not text or bytes is sent as JSON."""
    if isinstance(body, bytes):
        body = body.decode()
    elif body is not None and not isinstance(body, str):
        body = json.dumps(body)
    if as_base64 and body is not None:
        body = base64.b64encode(body.encode()).decode()
    sent = {"content-type": "application/json", **(headers or {})}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "requestContext": {"stage": "test", "path": path},
        "body": body,
        "isBase64Encoded": as_base64,
    }


def ask(app: Api, event: Mapping[str, Any]) -> tuple[int, Any]:
    """Status and parsed body of a function's answer."""
    answer = app.resolve(event, SimpleNamespace(aws_request_id="r1"))  # type: ignore[arg-type]
    return answer["statusCode"], json.loads(answer["body"])
