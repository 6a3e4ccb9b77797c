"""The route LiveKit's webhooks arrive at."""

from __future__ import annotations

from lambdas.livekit_webhook.service import Reports
from lambdas.livekit_webhook.signature import Verify
from lambdas.shared.http import Api, raw_body


def build_app(reports: Reports, verify: Verify) -> Api:
    """The function's route over these ports."""
    app = Api("livekit_webhook")

    @app.post("/v1/livekit/webhook")
    def webhook() -> dict[str, str]:
        body = raw_body(app.current_event.raw_event)
        verify(body, app.current_event.headers.get("authorization") or "")
        call = reports.accept(body)
        if call is None:
            return {"state": "ignored"}
        app.logger.info(
            "livekit reported",
            call_id=call.id,
            state=call.state,
            events=call.events,
            anomalies=len(call.anomalies),
            unattended=call.unattended,
        )
        return {"state": call.state}

    return app
