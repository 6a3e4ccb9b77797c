"""Every route of the HTTP API: read by the cloud's stacks, the local gateway and the API page.

Paths are written as API Gateway writes them. A path parameter arrives percent-encoded and is decoded by the function.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

Method = Literal["GET", "POST", "PUT", "DELETE"]
Function = Literal["livekit_webhook", "calls", "pms", "tts_router"]


class Caller(StrEnum):
    """Who may call a route, and who finds out."""

    AGENT = "agent"
    """An IAM identity; API Gateway checks the SigV4 signature before the function is invoked."""
    LIVEKIT = "livekit"
    """LiveKit, by the signature over its body; the function checks it."""
    LEGACY = "legacy"
    """A client of the earlier orchestrator, by its bearer token; the function checks it."""


@dataclass(frozen=True)
class Endpoint:
    """One route: `function` is the folder of the Lambda that answers."""

    method: Method
    path: str
    function: Function
    caller: Caller


_CALL = "/v1/calls/{call_id}"
_STAYS = "/v1/hotels/{hotel}/calls/{call_id}"
_RESERVATION = f"{_STAYS}/reservations/{{code}}"

ENDPOINTS: Final = (
    Endpoint("POST", "/v1/livekit/webhook", "livekit_webhook", Caller.LIVEKIT),
    Endpoint("GET", _CALL, "calls", Caller.AGENT),
    Endpoint("POST", f"{_CALL}/lease", "calls", Caller.AGENT),
    Endpoint("POST", f"{_CALL}/events", "calls", Caller.AGENT),
    Endpoint("POST", f"{_CALL}/turns", "calls", Caller.AGENT),
    Endpoint("POST", f"{_CALL}/follow-ups", "calls", Caller.AGENT),
    Endpoint("POST", "/call/event", "calls", Caller.LEGACY),
    Endpoint("POST", "/v1/livekit/transcription", "calls", Caller.LEGACY),
    Endpoint("GET", "/v1/hotels/{hotel}", "pms", Caller.AGENT),
    Endpoint("POST", f"{_STAYS}/offers", "pms", Caller.AGENT),
    Endpoint("POST", f"{_STAYS}/verification", "pms", Caller.AGENT),
    Endpoint("GET", f"{_STAYS}/reservations", "pms", Caller.AGENT),
    Endpoint("POST", f"{_STAYS}/reservations", "pms", Caller.AGENT),
    Endpoint("GET", _RESERVATION, "pms", Caller.AGENT),
    Endpoint("PUT", _RESERVATION, "pms", Caller.AGENT),
    Endpoint("DELETE", _RESERVATION, "pms", Caller.AGENT),
    Endpoint("POST", f"{_RESERVATION}/notes", "pms", Caller.AGENT),
    Endpoint("POST", "/v1/speech/plan", "tts_router", Caller.AGENT),
)

EPOCH_HEADER: Final = "X-Call-Epoch"
"""The header in which every request of an agent carries the epoch of its lease."""
