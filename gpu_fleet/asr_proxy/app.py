"""The proxy's routes; all but the last two want Authorization: Bearer.

POST /transcribe          a recording → what was said
POST /detect-language     a text or a recording → its language
WS   /transcribe-stream   sound → what is being said (stream.py)
GET  /health              200 when Riva answers, else 503 with the reason
GET  /metrics             for Prometheus

the recording or its description is wrong    400, 415 when it is no JSON and no form, and 413 when it is too large
no token, or another                         401
the body does not arrive                     408
as much at once as is allowed                429, Retry-After
Riva or the secret does not answer           503, Retry-After
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request, WebSocket
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response

from gpu_fleet.asr_proxy.answers import answer_error
from gpu_fleet.asr_proxy.audio import AudioError, read_audio
from gpu_fleet.asr_proxy.bodies import Invalid, body_of, read_body
from gpu_fleet.asr_proxy.gate import Gate
from gpu_fleet.asr_proxy.models import Described, Detection, DetectRequest, ErrorBody, TranscribeRequest, Transcription
from gpu_fleet.asr_proxy.places import Busy, Metrics, Places
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.asr_proxy.stream import Limits, Streams
from gpu_fleet.riva.client import Audio, Riva, Transcript
from lambdas.shared.domain.errors import Refused, Unreachable
from lambdas.shared.speech.language import Detector

HEALTH_WITHIN: Final = 1.0
"""Seconds in which Riva answers a question about itself."""
PATIENCE: Final = 10.0
"""Seconds that a recognition may take beyond the recording's own length, faster than which Riva hears."""
_BESIDE_AUDIO: Final = 8_192
"""Bytes of a request that are not audio."""
_CODES: Final = {
    404: "not_found",
    405: "not_allowed",
    408: "too_slow",
    413: "too_large",
    415: "unsupported",
}
_FAULTS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody} for status in (400, 401, 408, 413, 415, 429, 503)
}

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class Recordings:
    """What was said in recordings, by that Riva."""

    def __init__(self, riva: Riva, settings: ProxySettings, metrics: Metrics) -> None:
        self._riva = riva
        self._settings = settings
        self._metrics = metrics

    async def read(self, data: bytes, described: Described) -> Audio:
        """The sound of a recording as it was sent; raises AudioError."""
        return await asyncio.to_thread(
            read_audio,
            data,
            encoding=described.encoding,
            sample_rate=described.sample_rate,
            longest=self._settings.max_audio_seconds,
        )

    async def transcribe(self, audio: Audio, *, language: str) -> Transcript:
        """The transcript; raises what Riva.transcribe raises."""
        with self._metrics.took.time():
            heard = await self._riva.transcribe(audio, language=language, timeout=PATIENCE + audio.seconds)
        self._metrics.audio.inc(audio.seconds)
        return heard


def build_app(riva: Riva, settings: ProxySettings, token: Callable[[], str], detector: Detector) -> FastAPI:
    """The proxy before that Riva; `token` reads the clients' token and may block."""
    metrics = Metrics()
    places = Places(settings.max_streams, metrics)
    recordings = Recordings(riva, settings, metrics)
    languages = settings.known_languages
    variants = {language[:2]: language for language in reversed(languages)}
    limits = Limits(longest=settings.max_stream_seconds, idle=settings.max_idle_seconds)
    streams = Streams(
        riva, languages=languages, default=settings.default_language, limits=limits, places=places, metrics=metrics
    )
    app = FastAPI(title="Bellhop speech recognition", version="1", docs_url=None, redoc_url=None)
    app.add_middleware(
        Gate,
        token=token,
        most_bytes=settings.max_audio_bytes * 4 // 3 + _BESIDE_AUDIO,
        longest=settings.max_upload_seconds,
        metrics=metrics,
    )
    _answer_errors(app)

    @app.middleware("http")
    async def counted(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        # What is raised here is answered further out, as a fault of ours.
        status = 500
        try:
            response = await go_on(request)
            status = response.status_code
        finally:
            route = getattr(request.scope.get("route"), "path", "other")
            metrics.requests.labels(route, str(status)).inc()
        return response

    @app.post("/transcribe", responses=_FAULTS, openapi_extra={"requestBody": body_of(TranscribeRequest)})
    async def transcribe(request: Request) -> Transcription:
        with places.one():
            sent = await read_body(request, TranscribeRequest, most_bytes=settings.max_audio_bytes)
            language = sent.fields.language or settings.default_language
            if language not in languages:
                raise Invalid(f"language: is none of {', '.join(languages)}")
            audio = await recordings.read(sent.audio, sent.fields)
            heard = await recordings.transcribe(audio, language=language)
        return Transcription(
            text=heard.text, language=heard.language, confidence=heard.confidence, seconds=round(audio.seconds, 3)
        )

    @app.post("/detect-language", responses=_FAULTS, openapi_extra={"requestBody": body_of(DetectRequest)})
    async def detect_language(request: Request) -> Detection:
        with places.one():
            sent = await read_body(request, DetectRequest, most_bytes=settings.max_audio_bytes)
            text = sent.fields.text
            if not text:
                audio = await recordings.read(sent.audio, sent.fields)
                text = (await recordings.transcribe(audio, language=settings.unknown_language)).text
            guess = detector.guess(text)
        return Detection(
            language=variants.get(guess.language) if guess else None,
            probability=guess.probability if guess else 0,
            detector=detector.name,
        )

    @app.websocket("/transcribe-stream")
    async def transcribe_stream(socket: WebSocket) -> None:
        await streams.serve(socket)

    @app.get("/health", response_class=PlainTextResponse, responses={503: {"description": "why Riva does not answer"}})
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
    app.exception_handler(Invalid)(answer(400, "invalid"))
    app.exception_handler(Refused)(answer(400, "invalid"))
    app.exception_handler(Unreachable)(answer(503, "unreachable"))
    app.exception_handler(Busy)(answer(429, "busy"))
    # Nobody is there to read it; it is counted.
    app.exception_handler(ClientDisconnect)(lambda *_: answer_error(400, "invalid", "the body ended early"))

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        answer = answer_error(error.status_code, _CODES.get(error.status_code, "invalid"), error.detail)
        if error.status_code in (408, 413):
            # What is still to come of the body is not waited for.
            answer.headers["Connection"] = "close"
        return answer

    @app.exception_handler(Exception)
    async def failed(_: Request, error: Exception) -> JSONResponse:
        logger.error("request failed", error=type(error).__name__)
        return answer_error(500, "internal", "something went wrong here")
