"""The earlier orchestrator's two paths take the bodies its clients send: the fixtures are the contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.calls.routes import build_app
from lambdas.calls.service import Told
from lambdas.shared.domain.call import Kind, Source
from lambdas.shared.domain.hotel import Hotels
from tests.events import ask, request_event
from tests.memory import MemoryCalls, MemoryLeases, MemoryMeasure

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[2]
BODIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/fixtures/legacy").glob("*"))}
HOTELS = Hotels.load(ROOT / "hotels")


def send(name: str, body: str, calls: MemoryCalls) -> tuple[int, Any]:
    path = "/call/event" if name.startswith("event") else "/v1/livekit/transcription"
    app = build_app(Told(calls, MemoryMeasure()), MemoryLeases(), legacy_token=lambda: "token")
    return ask(app, request_event("POST", path, body, {"Authorization": "Bearer token"}))


@pytest.mark.parametrize("name", BODIES)
def test_a_known_body_is_accepted(name: str) -> None:
    """Every body an earlier client sends is one event of the call, told twice or not, and moves nothing."""
    calls = MemoryCalls(HOTELS)

    answers = [send(name, BODIES[name], calls) for _ in range(2)]

    assert answers == [(200, {"state": "ringing"})] * 2
    assert (calls.only_event().source, calls.only_event().kind) == (Source.LEGACY, Kind.REPORTED)


@pytest.mark.parametrize("name", BODIES)
def test_what_is_personal_in_a_body_is_not_stored(name: str) -> None:
    """Names, numbers and addresses of guests stay out, wherever a body has them."""
    calls = MemoryCalls(HOTELS)

    send(name, BODIES[name], calls)

    stored = calls.only_event().model_dump_json()
    assert not [personal for personal in ("Meier", "3920055", "example.org", "sip_") if personal in stored]


def test_what_was_heard_is_kept_redacted() -> None:
    """A transcription is stored with marks in the places of what is personal."""
    calls = MemoryCalls(HOTELS)

    send("transcription_final", BODIES["transcription_final"], calls)

    data = calls.only_event().data
    assert (data["event"], data["language"], data["is_final"]) == ("transcription", "en-US", "true")
    assert data["text"] == "My name is [name], my number is [phone] and my address is [email]."


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_lacks_a_field_is_refused(name: str) -> None:
    """Each of the contract's fields is needed but for the id and the data."""
    whole = json.loads(BODIES[name])

    for field in set(whole) - {"id", "data"}:
        calls = MemoryCalls(HOTELS)
        status, answer = send(name, json.dumps({key: whole[key] for key in whole if key != field}), calls)

        assert (status, answer["error"]["message"]) == (400, f"body.{field}: Field required")
        assert not calls.events
