"""LiveKit's face of the speech library: a sentence is said by the first voice of the router's plan that can."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from http import HTTPStatus
from typing import Final, Never

import structlog
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError, tts, utils
from livekit.agents.tokenize import blingfire
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS

from agent.speech.speech_plan import AskRouter, SpeechPlans
from lambdas.shared.domain.errors import BellhopError, NotFound, Unreachable
from lambdas.shared.domain.hotel import Hotel, Voice
from lambdas.shared.speech.engine import Engine
from lambdas.shared.speech.failover import speak_with

logger: structlog.stdlib.BoundLogger = structlog.get_logger()

# LiveKit's own default of 20 characters keeps "Certainly." back until the sentence behind it is complete.
SHORTEST_SENTENCE: Final = 4


class RoutedTTS(tts.TTS[Never]):
    """Speech by the router's plan. The engines' owner closes them; `aclose` ends what this class began."""

    def __init__(
        self, engines: Mapping[str, Engine], *, hotel: Hotel, plan: AskRouter, language: str | None = None
    ) -> None:
        """Raises ValueError when the engines do not agree on a sample rate; `language` defaults to the hotel's."""
        rates = {engine.sample_rate for engine in engines.values()}
        if len(rates) != 1:
            raise ValueError(f"the engines must have one sample rate in common, not {sorted(rates) or 'none'}")
        super().__init__(capabilities=tts.TTSCapabilities(streaming=True), sample_rate=rates.pop(), num_channels=1)
        self.engines = engines
        self.language = language or hotel.language
        self.plans = SpeechPlans(hotel, plan)
        self.sentences = blingfire.SentenceTokenizer(min_sentence_len=SHORTEST_SENTENCE, retain_format=True)
        self.spoke_last: Voice | None = None

    @property
    def model(self) -> str:
        return self.spoke_last.voice if self.spoke_last else "unknown"

    @property
    def provider(self) -> str:
        return self.spoke_last.engine if self.spoke_last else "unknown"

    def prewarm(self) -> None:
        """Have the plan at hand before the first sentence."""
        self.plans.renew(self.language)

    def update_options(self, *, language: str) -> None:
        """Speak this language from the next speech on; one that has begun is said to its end in its own."""
        self.language = language
        self.prewarm()

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text, conn_options=conn_options)

    def stream(self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS) -> tts.SynthesizeStream:
        return _Speech(self, conn_options)

    async def aclose(self) -> None:
        await self.plans.close()


class _Speech(tts.SynthesizeStream):
    """One answer: text comes in as the model writes it, every sentence is asked for when it is complete."""

    def __init__(self, routed: RoutedTTS, conn_options: APIConnectOptions) -> None:
        super().__init__(tts=routed, conn_options=conn_options)
        self._routed, self._language = routed, routed.language

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=self._routed.sample_rate,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=utils.shortuuid())
        sentences = self._routed.sentences.stream()

        async def split() -> None:
            async for text in self._input_ch:
                if isinstance(text, str):
                    sentences.push_text(text)
                else:
                    sentences.flush()
            sentences.end_input()

        splitting = asyncio.create_task(split(), name="sentences")
        try:
            async for sentence in sentences:
                if any(map(str.isalnum, sentence.token)):
                    await self._say(sentence.token.strip(), output_emitter)
        finally:
            await utils.aio.cancel_and_wait(splitting)
            await sentences.aclose()

    async def _say(self, sentence: str, output_emitter: tts.AudioEmitter) -> None:
        routed, heard = self._routed, False
        self._mark_started()
        try:
            choices = await routed.plans.choices(self._language)
            audio = speak_with(routed.engines, choices, sentence, self._language, failed=_log_failure)
            async with aclosing(audio):
                async for voice, chunk in audio:
                    heard, routed.spoke_last = True, voice
                    output_emitter.push(chunk)
        except BellhopError as error:
            raise _as_livekit(error, retryable=not heard) from error
        output_emitter.flush()


def _log_failure(voice: Voice, error: BellhopError) -> None:
    logger.warning("voice failed", engine=voice.engine, voice=voice.voice, error=error.code, fault=str(error))


def _as_livekit(error: BellhopError, *, retryable: bool) -> APIError:
    if not isinstance(error, Unreachable):
        status = HTTPStatus.NOT_FOUND if isinstance(error, NotFound) else HTTPStatus.BAD_REQUEST
        return APIStatusError(str(error), status_code=status, retryable=False)
    causes = [error.__cause__, error.__cause__.__cause__ if error.__cause__ else None]
    if any(isinstance(cause, TimeoutError) for cause in causes):
        return APITimeoutError(str(error), retryable=retryable)
    return APIConnectionError(str(error), retryable=retryable)
