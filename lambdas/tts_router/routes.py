"""The routes by which an agent learns which voice speaks."""

from __future__ import annotations

from lambdas.shared.http import Api
from lambdas.tts_router.models import PlanRequest, SpeechPlan
from lambdas.tts_router.service import Router


def build_app(router: Router) -> Api:
    """The function's routes over this router."""
    app = Api("tts_router")

    @app.post("/v1/speech/plan")
    def plan(request: PlanRequest) -> SpeechPlan:
        return router.plan(request.hotel, request.language)

    return app
