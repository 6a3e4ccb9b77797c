"""The routes by which agents hold and report calls, and the two paths of the earlier orchestrator."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from lambdas.calls.models import (
    Accepted,
    AgentEvent,
    CallView,
    FollowUp,
    Lease,
    LeaseRequest,
    LegacyEvent,
    LegacyTranscription,
    Turn,
)
from lambdas.calls.service import Told
from lambdas.shared.http import Api, CallInPath, Epoch, Unauthenticated, parse_body, raw_body
from lambdas.shared.leases import Leases

STORED = Accepted(state="stored")


def build_app(told: Told, leases: Leases, legacy_token: Callable[[], str]) -> Api:
    """The function's routes over these ports; `legacy_token` reads the earlier clients' token."""
    app = Api("calls")

    @app.get("/v1/calls/<call_id>")
    def call(call_id: CallInPath) -> CallView:
        return told.view(call_id)

    @app.post("/v1/calls/<call_id>/lease")
    def lease(call_id: CallInPath, request: LeaseRequest) -> Lease:
        taken = leases.take(call_id, request.holder)
        app.logger.info("lease taken", call_id=call_id, epoch=taken.epoch, holder=request.holder)
        return Lease(epoch=taken.epoch, expires_at=taken.expires_at)

    @app.post("/v1/calls/<call_id>/events")
    def event(call_id: CallInPath, request: AgentEvent, epoch: Epoch) -> Accepted:
        call = told.agent_event(call_id, epoch, request)
        app.logger.info(
            "agent reported",
            call_id=call_id,
            epoch=epoch,
            kind=request.kind,
            state=call.state,
            anomalies=len(call.anomalies),
        )
        return Accepted(state=call.state)

    @app.post("/v1/calls/<call_id>/turns")
    def turn(call_id: CallInPath, request: Turn, epoch: Epoch) -> Accepted:
        told.turn(call_id, epoch, request)
        app.logger.info("turn stored", call_id=call_id, epoch=epoch, number=request.number)
        return STORED

    @app.post("/v1/calls/<call_id>/follow-ups")
    def follow_up(call_id: CallInPath, request: FollowUp) -> Accepted:
        told.follow_up(call_id, request)
        app.logger.info("follow-up left", call_id=call_id, kind=request.kind)
        return STORED

    @app.post("/call/event")
    def legacy_event() -> Accepted:
        body = _from_earlier_client()
        return Accepted(state=told.legacy_event(parse_body(LegacyEvent, body), body).state)

    @app.post("/v1/livekit/transcription")
    def legacy_transcription() -> Accepted:
        body = _from_earlier_client()
        return Accepted(state=told.legacy_transcription(parse_body(LegacyTranscription, body), body).state)

    def _from_earlier_client() -> bytes:
        """The body, once its sender has shown the token; a stranger does not even learn whether it is well formed."""
        sent = (app.current_event.headers.get("authorization") or "").encode()
        if not hmac.compare_digest(sent, f"Bearer {legacy_token()}".encode()):
            raise Unauthenticated("send the bearer token", challenge="Bearer")
        return raw_body(app.current_event.raw_event)

    return app
