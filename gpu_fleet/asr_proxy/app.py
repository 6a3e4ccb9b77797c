"""The proxy's routes.

POST /transcribe   a recording → what was said; Authorization: Bearer
GET  /health       200 when Riva answers, else 503 with the reason
GET  /metrics      for Prometheus

the recording or its description is wrong    400, and 413 when it is too large
no token, or another                         401
as many recordings at once as are allowed    429, Retry-After
Riva or the secret does not answer           503, Retry-After
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_fleet.asr_proxy.answers import answer_error
from gpu_fleet.asr_proxy.audio import AudioError, decode_base64, read_audio
from gpu_fleet.asr_proxy.gate import Gate
from gpu_fleet.asr_proxy.models import ErrorBody, TranscribeRequest, Transcription
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Audio, Riva, Transcript
from lambdas.shared.domain.errors import Refused, Unreachable

HEALTH_WITHIN: Final = 1.0
"""Seconds in which Riva answers a question about itself."""
PATIENCE: Final = 10.0
"""Seconds that a recognition may take beyond the recording's own length, faster than which Riva hears."""
_BESIDE_AUDIO: Final = 4_096
"""Bytes of a request that are not audio."""
_CODES: Final = {404: "not_found", 413: "too_large"}

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class Busy(Exception):
    """As many recordings are being recognised as are allowed."""


class Metrics:
    """What the proxy counts; nothing in it tells recordings apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bellhop_asr_requests", "Requests by route and status", ("route", "status"), registry=self.registry
        )
        self.streams = Gauge("bellhop_asr_streams", "Recordings being recognised now", registry=self.registry)
        self.audio = Counter("bellhop_asr_audio_seconds", "Audio that was recognised", registry=self.registry)
        self.took = Histogram("bellhop_asr_seconds", "How long a recognition took", registry=self.registry)


class Recogniser:
    """Riva with a limit on how many recordings it hears at once; who comes too many is told, not queued."""

    def __init__(self, riva: Riva, *, most: int, metrics: Metrics) -> None:
        self._riva = riva
        self._most = most
        self._metrics = metrics
        self._running = 0

    async def transcribe(self, audio: Audio, *, language: str) -> Transcript:
        """The transcript; raises Busy, and what Riva.transcribe raises."""
        if self._running >= self._most:
            raise Busy
        self._running += 1
        self._metrics.streams.set(self._running)
        try:
            with self._metrics.took.time():
                within = PATIENCE + audio.seconds
                heard = await self._riva.transcribe(audio, language=language, timeout=within)
        finally:
            self._running -= 1
            self._metrics.streams.set(self._running)
        self._metrics.audio.inc(audio.seconds)
        return heard


def build_app(riva: Riva, settings: ProxySettings, token: Callable[[], str]) -> FastAPI:
    """The proxy before that Riva; `token` reads the clients' token and may block."""
    metrics = Metrics()
    recogniser = Recogniser(riva, most=settings.max_streams, metrics=metrics)
    app = FastAPI(title="Bellhop speech recognition", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(Gate, token=token, most_bytes=settings.max_audio_bytes * 4 // 3 + _BESIDE_AUDIO)
    _answer_errors(app)

    @app.middleware("http")
    async def counted(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await go_on(request)
        route = getattr(request.scope.get("route"), "path", "other")
        metrics.requests.labels(route, str(response.status_code)).inc()
        return response

    @app.post("/transcribe", responses={status: {"model": ErrorBody} for status in (400, 401, 413, 429, 503)})
    async def transcribe(wanted: TranscribeRequest) -> Transcription:
        data = decode_base64(wanted.audio, most_bytes=settings.max_audio_bytes)
        audio = await asyncio.to_thread(
            read_audio,
            data,
            encoding=wanted.encoding,
            sample_rate=wanted.sample_rate,
            longest=settings.max_audio_seconds,
        )
        heard = await recogniser.transcribe(audio, language=wanted.language or settings.default_language)
        return Transcription(
            text=heard.text, language=heard.language, confidence=heard.confidence, seconds=round(audio.seconds, 3)
        )

    @app.get("/health", response_class=PlainTextResponse)
    async def health() -> Response:
        try:
            await riva.require(timeout=HEALTH_WITHIN)
        except Unreachable as error:
            return PlainTextResponse(str(error), 503)
        return PlainTextResponse("ready")

    @app.get("/metrics", response_class=PlainTextResponse)
    async def scraped() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app


def _answer_errors(app: FastAPI) -> None:
    def answer(status: int, code: str) -> Callable[[Request, Exception], JSONResponse]:
        return lambda _, error: answer_error(status, code, str(error))

    app.exception_handler(AudioError)(answer(400, "invalid"))
    app.exception_handler(Refused)(answer(400, "invalid"))
    app.exception_handler(Unreachable)(answer(503, "unreachable"))
    app.exception_handler(Busy)(lambda *_: answer_error(429, "busy", "as many recordings as allowed are being heard"))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # Where and what, without the value: it may be a guest's voice.
        told = (
            f"{'.'.join(str(part) for part in fault['loc'][1:2]) or 'body'}: {fault['msg']}" for fault in error.errors()
        )
        return answer_error(400, "invalid", "; ".join(told))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return answer_error(error.status_code, _CODES.get(error.status_code, "invalid"), error.detail)

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        logger.error("request failed", error=type(error).__name__)
        return answer_error(500, "internal", "something went wrong here")
