"""The router of speech, as Lambda runs it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.speech.registry import engine_names
from lambdas.tts_router.routes import build_app
from lambdas.tts_router.service import Router
from lambdas.tts_router.settings import TtsRouterSettings

settings = TtsRouterSettings.read()
app = build_app(Router(Hotels.load(settings.hotels), engine_names(settings.speech_engines)))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
