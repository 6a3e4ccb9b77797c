"""Recorded events: what AWS hands to a function, one file for each thing that can trigger one.

A file holds everything but what cannot be kept: the signature of a webhook is valid for minutes, the token of the
earlier clients is a secret, the address at which CloudFormation awaits an answer is made for one request, and LiveKit's
is a stand-in's. Those are filled in by whoever reads the file.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from livekit.api import AccessToken

from lambdas.endpoints import ENDPOINTS, Caller, Endpoint
from lambdas.shared.livekit_key import LiveKitKey
from local.outside import Outside

_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "httpMethod": ("resource", "path", "headers", "requestContext", "body", "isBase64Encoded"),
    "RequestType": ("ResponseURL", "StackId", "RequestId", "LogicalResourceId", "ResourceType", "ResourceProperties"),
    "detail-type": ("id", "source", "account", "time", "region", "resources", "detail"),
}
"""By the field that only one sender's events have (API Gateway's, CloudFormation's, EventBridge's): what else they
have."""


class EventError(Exception):
    """A file is no event; the message names the file and what is wrong with it."""


def read_event(path: Path) -> dict[str, Any]:
    """The event in a file; raises EventError."""
    try:
        event = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise EventError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise EventError(f"{path} is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise EventError(f"{path} is not a JSON object")
    sender = next((field for field in _NEEDED if field in event), None)
    if sender is None:
        raise EventError(
            f"{path} is no event of API Gateway, CloudFormation or EventBridge: it has none of {', '.join(_NEEDED)}"
        )
    missing = [field for field in _NEEDED[sender] if field not in event]
    if missing:
        raise EventError(f"{path} lacks {', '.join(missing)}")
    return event


def route_of(event: Mapping[str, Any]) -> Endpoint | None:
    """The route that API Gateway found for an event; None when it is of another sender, or of no route."""
    asked = (event.get("httpMethod"), event.get("resource"))
    return next((route for route in ENDPOINTS if (route.method, route.path) == asked), None)


def complete(event: Mapping[str, Any], *, livekit: LiveKitKey, legacy_token: str, around: Outside) -> dict[str, Any]:
    """The event with what cannot be kept: a signature, a token, where CloudFormation and LiveKit are."""
    completed = json.loads(json.dumps(event))
    route = route_of(event)
    if "ResponseURL" in event:
        completed["ResponseURL"] = around.answer_to
        if "LivekitUrl" in event["ResourceProperties"]:
            completed["ResourceProperties"]["LivekitUrl"] = around.url
    elif route and route.caller is Caller.LIVEKIT:
        _authorize(completed, _signed(event, livekit))
    elif route and route.caller is Caller.LEGACY:
        _authorize(completed, f"Bearer {legacy_token}")
    return dict(completed)


def _signed(event: Mapping[str, Any], livekit: LiveKitKey) -> str:
    digest = base64.b64encode(hashlib.sha256((event["body"] or "").encode()).digest()).decode()
    token = AccessToken(livekit.api_key, livekit.api_secret).with_ttl(timedelta(minutes=5))
    return token.with_sha256(digest).to_jwt()


def _authorize(event: dict[str, Any], value: str) -> None:
    event["headers"]["Authorization"] = value
    if event.get("multiValueHeaders") is not None:
        event["multiValueHeaders"]["Authorization"] = [value]
