"""The router says which voices speak for a hotel in a language on this stage."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from lambdas.shared.domain.hotel import Hotel, Hotels, Voice
from lambdas.tts_router.models import SpeechPlan
from lambdas.tts_router.routes import build_app
from lambdas.tts_router.service import Router

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
ANNA, BERT, CARL = (
    Voice(engine="http", voice="anna"),
    Voice(engine="other", voice="bert", region="swedencentral"),
    Voice(engine="http", voice="carl"),
)


@pytest.fixture
def hotels() -> Hotels:
    hotel = Hotel.model_validate(
        {
            "name": "lindenhof",
            "title": "Lindenhof",
            "city": "Berlin",
            "timezone": "Europe/Berlin",
            "currency": "EUR",
            "languages": ["en", "de"],
            "check_in": "15:00",
            "check_out": "11:00",
            "phone": {"numbers": ["+493023125003"], "front_desk": "+493023125004"},
            "pms": {"connector": "demo"},
            "rooms": {"single": {"title": "single room", "sleeps": 1}},
            "voices": {"en": [ANNA, BERT, CARL], "de": [BERT]},
        }
    )
    return Hotels(by_name={hotel.name: hotel}, by_number={})


def ask(hotels: Hotels, body: dict[str, str], engines: tuple[str, ...] = ("http",)) -> tuple[int, Any]:
    app = build_app(Router(hotels, engines, now=lambda: NOW))
    event = {
        "httpMethod": "POST",
        "path": "/v1/speech/plan",
        "resource": "/v1/speech/plan",
        "headers": {"Content-Type": "application/json"},
        "multiValueHeaders": {},
        "requestContext": {"path": "/v1/speech/plan", "stage": "test"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
    answer = app.resolve(event, SimpleNamespace(aws_request_id="r1"))  # type: ignore[arg-type]
    return answer["statusCode"], json.loads(answer["body"])


def test_a_plan_has_the_hotels_order_without_engines_this_stage_lacks(hotels: Hotels) -> None:
    """The voices to try are the hotel's, in its order, as far as this stage has their engines."""
    status, body = ask(hotels, {"hotel": "lindenhof", "language": "en"})

    plan = SpeechPlan.model_validate(body)
    assert status == 200
    assert plan.choices == (ANNA, CARL)


def test_a_plan_holds_for_a_minute(hotels: Hotels) -> None:
    """An agent asks again after sixty seconds."""
    _, body = ask(hotels, {"hotel": "lindenhof", "language": "en"})

    assert body["expires_at"] == "2026-11-24T18:31:00Z"


def test_a_language_no_engine_of_the_stage_speaks_is_refused_by_name(hotels: Hotels) -> None:
    """Whoever set up the stage learns which engine is missing."""
    status, body = ask(hotels, {"hotel": "lindenhof", "language": "de"})

    assert status == 409
    assert body["error"]["code"] == "refused"
    assert "no voice of lindenhof for 'de' can speak here: it wants other, this stage has http" in str(body)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"hotel": "adlon", "language": "en"}, "there is no hotel 'adlon'"),
        ({"hotel": "lindenhof", "language": "fr"}, "does not speak 'fr'; it speaks en, de"),
    ],
)
def test_what_is_not_there_is_not_found(hotels: Hotels, body: dict[str, str], told: str) -> None:
    """An unknown hotel, and a language that the hotel does not have, are told apart."""
    status, answer = ask(hotels, body)

    assert status == 404
    assert told in answer["error"]["message"]


@pytest.mark.parametrize(
    "body", [{}, {"hotel": "lindenhof", "language": "English"}, {"hotel": "../x", "language": "en"}]
)
def test_a_request_of_another_shape_is_no_question(hotels: Hotels, body: dict[str, str]) -> None:
    """A body that is not a plan request is answered 400."""
    status, answer = ask(hotels, body)

    assert status == 400
    assert answer["error"]["code"] == "invalid"
