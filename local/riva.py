"""NVIDIA Riva's recognition service on the CPU: `python -m local.riva`, for a machine without a GPU.

The real service's protocol, messages and errors over whisper base. What differs: punctuation is always on, one
alternative, no FLAC, Opus or A-law, no diarisation, of the endpointing parameters only `stop_history`. An interim
result comes only when the guest pauses: the one worker is then decoding what will be the final anyway, so an interim
never delays it.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final

import grpc
import structlog
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc, riva_audio_pb2

from lambdas.shared.observability import trace_of
from local.audio_decoder import ENCODINGS, SAMPLE_RATES, UNSPECIFIED, AudioDecoder, AudioError
from local.recogniser import Recogniser, Samples, Transcript, prepare_model
from local.service import log_json
from local.settings import RivaSettings
from local.utterances import Listener, Moment

LANGUAGES: Final = ("en-US", "en-GB", "de-DE", "fr-FR", "es-ES", "es-US", "it-IT", "nl-NL")
DETECT: Final = "multi"
MODELS: Final = {"online": "whisper-base-streaming", "offline": "whisper-base-offline"}
_LARGEST_MESSAGE: Final = 64 * 1024 * 1024

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


@dataclass(frozen=True)
class Wanted:
    """A client's configuration, checked."""

    language: str | None
    language_code: str
    encoding: str
    sample_rate: int
    hotwords: tuple[str, ...]
    words: bool
    interims: bool
    end_silence: float

    @classmethod
    def read(cls, config: Any, kind: str, *, interims: bool = False) -> Wanted:
        """The configuration of a request of kind `online` or `offline`; AudioError says what is wrong with it."""
        code = config.language_code
        if code not in ("", DETECT, *LANGUAGES) or config.model not in ("", MODELS[kind]):
            raise AudioError(
                f"Error: Unavailable model requested given these parameters: language_code={code}; "
                f"sample_rate={config.sample_rate_hertz}; type={kind};"
            )
        encoding = str(riva_audio_pb2.AudioEncoding.Name(config.encoding))
        if encoding not in (UNSPECIFIED, *ENCODINGS):
            raise AudioError(f"Error: encoding {encoding} is not supported; send LINEAR_PCM or MULAW")
        # 0 is what NVIDIA's clients send with a file: its header says the rate.
        if config.sample_rate_hertz not in (0, *SAMPLE_RATES):
            rates = ", ".join(str(rate) for rate in SAMPLE_RATES)
            raise AudioError(f"Error: sample_rate_hertz {config.sample_rate_hertz} is not one of {rates}")
        if config.audio_channel_count > 1:
            raise AudioError(f"Error: audio_channel_count {config.audio_channel_count}: only mono is supported")
        stop_history = config.endpointing_config.stop_history
        return cls(
            language=None if code in ("", DETECT) else code.split("-")[0],
            language_code=code,
            encoding=encoding,
            sample_rate=config.sample_rate_hertz,
            hotwords=tuple(phrase for context in config.speech_contexts for phrase in context.phrases),
            words=config.enable_word_time_offsets,
            interims=interims,
            end_silence=stop_history / 1000 if stop_history > 0 else 0.7,
        )


class RivaStandIn(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """The service; its methods have the names that the protocol gives them."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        """Results while audio comes in: a final at the end of a turn, and at once when the client stops sending."""
        first = await anext(aiter(requests), None)
        if first is None:
            return
        if first.WhichOneof("streaming_request") != "streaming_config":
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "Error: First message must be the streaming config")
        try:
            config = first.streaming_config
            wanted = Wanted.read(config.config, "online", interims=config.interim_results)
            hearing = _Hearing(self._recogniser, wanted, context, request_id=first.id)
            async with contextlib.aclosing(hearing):
                decoder = AudioDecoder(wanted.encoding, wanted.sample_rate)
                async for request in requests:
                    if request.WhichOneof("streaming_request") == "streaming_config":
                        raise AudioError("Error: the streaming config may only be in the first message")
                    await hearing.hear(decoder.decode(request.audio_content))
                    # As NVIDIA's servers take it: in any message, with or without audio.
                    if request.runtime_config.get("force_eou") == "true":
                        await hearing.end_turn()
                await hearing.hear(decoder.decode(b"", last=True))
                await hearing.finish()
        except AudioError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    async def Recognize(self, request: Any, context: Any) -> Any:  # noqa: N802
        """All results of a whole recording, one for each utterance in it."""
        try:
            wanted = Wanted.read(request.config, "offline")
            decoder = AudioDecoder(wanted.encoding, wanted.sample_rate)
            samples = decoder.decode(request.audio, last=True)
        except AudioError as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        # A minute of audio takes the detector half a second: not on the loop that serves the calls.
        utterances = await asyncio.to_thread(lambda: list(_utterances(samples, wanted.end_silence)))
        response = riva_asr_pb2.RecognizeResponse(id=request.id)
        for start, audio in utterances:
            transcript = await _recognise(self._recogniser, audio, wanted)
            if transcript.text:
                result = response.results.add(channel_tag=1, audio_processed=start + len(audio) / 16_000)
                result.alternatives.append(_alternative(transcript, start, wanted))
        return response

    async def GetRivaSpeechRecognitionConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """The two models, streaming and offline, and the languages they know."""
        response = riva_asr_pb2.RivaSpeechRecognitionConfigResponse()
        for kind, name in MODELS.items():
            if request.model_name in ("", name):
                parameters = {
                    "language_code": ",".join((*LANGUAGES, DETECT)),
                    "type": kind,
                    "streaming": str(kind == "online"),
                    "sample_rate": "16000",
                }
                response.model_config.add(model_name=name, parameters=parameters)
        if not response.model_config:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"Error: model {request.model_name} is not available")
        return response


class _Hearing:
    """One request stream: the utterances found in it and the results sent about them."""

    def __init__(self, recogniser: Recogniser, wanted: Wanted, context: Any, *, request_id: Any) -> None:
        self._recogniser = recogniser
        self._wanted = wanted
        self._context = context
        self._request_id = request_id
        self._trace_id = trace_of(dict(context.invocation_metadata() or ()))
        self._listener = Listener(end_silence=wanted.end_silence)
        self._guess: asyncio.Task[Transcript] | None = None
        self._interim: asyncio.Task[None] | None = None

    async def hear(self, samples: Samples) -> None:
        """Listens on; returns when every final that is due has been sent."""
        for moment in self._listener.feed(samples):
            await self._act(moment)

    async def finish(self) -> None:
        """No more audio comes: what was said since the last final becomes one now."""
        for moment in self._listener.finish():
            await self._act(moment)
        if self._listener.speech:
            await self._send_final()

    async def end_turn(self) -> None:
        """The client knows that the turn is over: what was said since the last final becomes one now."""
        if self._listener.speech:
            await self._send_final()
        self._listener.forget()

    async def aclose(self) -> None:
        """Gives up what is still being decoded."""
        await self._drop_guess()

    async def _act(self, moment: Moment) -> None:
        match moment:
            case Moment.PAUSED:
                audio, start = self._listener.audio, self._listener.start
                self._guess = asyncio.create_task(_recognise(self._recogniser, audio, self._wanted))
                if self._wanted.interims:
                    self._interim = asyncio.create_task(self._send_interim(self._guess, start))
            case Moment.RESUMED:
                await self._drop_guess()
            case Moment.ENDED:
                await self._send_final()

    async def _drop_guess(self) -> None:
        if self._guess is not None:
            self._guess.cancel()
            await asyncio.wait([self._guess])
        if self._interim is not None:
            await self._interim
        self._guess = self._interim = None

    async def _send_interim(self, guess: asyncio.Task[Transcript], start: float) -> None:
        await asyncio.wait([guess])
        if not guess.cancelled() and guess.exception() is None and guess.result().text:
            await self._send(guess.result(), start, final=False)

    async def _send_final(self) -> None:
        began, start = time.monotonic(), self._listener.start
        if self._guess is not None:
            transcript = await self._guess
        else:
            transcript = await _recognise(self._recogniser, self._listener.audio, self._wanted)
        logger.info(
            "utterance recognised",
            audio_ms=round(len(self._listener.audio) / 16),
            waited_ms=round((time.monotonic() - began) * 1000),
            guessed=self._guess is not None,
            empty=not transcript.text,
            trace_id=self._trace_id,
        )
        await self._drop_guess()
        if transcript.text:
            await self._send(transcript, start, final=True)

    async def _send(self, transcript: Transcript, start: float, *, final: bool) -> None:
        response = riva_asr_pb2.StreamingRecognizeResponse(id=self._request_id)
        result = response.results.add(
            is_final=final, stability=1.0 if final else 0.5, channel_tag=1, audio_processed=self._listener.heard
        )
        result.alternatives.append(_alternative(transcript, start, self._wanted))
        await self._context.write(response)


async def _recognise(recogniser: Recogniser, audio: Samples, wanted: Wanted) -> Transcript:
    return await recogniser.recognise(audio, language=wanted.language, hotwords=wanted.hotwords, words=wanted.words)


def _utterances(samples: Samples, end_silence: float) -> Iterator[tuple[float, Samples]]:
    listener = Listener(end_silence=end_silence)
    for moments in (listener.feed(samples), listener.finish()):
        for moment in moments:
            if moment is Moment.ENDED:
                yield listener.start, listener.audio
    if listener.speech:
        yield listener.start, listener.audio


def _alternative(transcript: Transcript, start: float, wanted: Wanted) -> Any:
    """Like the real one: a blank after the text, word times in milliseconds from the start of the stream."""
    language = transcript.language if wanted.language is None else wanted.language_code
    alternative = riva_asr_pb2.SpeechRecognitionAlternative(
        transcript=f"{transcript.text} ", confidence=transcript.confidence, language_code=[language]
    )
    for word in transcript.words:
        alternative.words.add(
            word=word.text,
            start_time=round((start + word.start) * 1000),
            end_time=round((start + word.end) * 1000),
            confidence=word.confidence,
            language_code=language,
        )
    return alternative


async def serve(settings: RivaSettings) -> None:
    """Serves on the loopback interface until SIGTERM or SIGINT; answers only once the model is loaded."""
    recogniser = Recogniser(prepare_model(settings.model_dir), threads=settings.threads)
    # Without so_reuseport=0 two servers would silently share a port.
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _LARGEST_MESSAGE)]
    server = grpc.aio.server(options=options)
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(RivaStandIn(recogniser), server)
    port = server.add_insecure_port(f"127.0.0.1:{settings.port}")
    stopped = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    await server.start()
    logger.info("recognition is ready", port=port, model=MODELS["online"])
    await stopped.wait()
    await server.stop(grace=1.0)
    recogniser.close()


def main() -> None:
    """The program: JSON lines on standard output, never a word of what was said."""
    log_json()
    asyncio.run(serve(RivaSettings.read()))


if __name__ == "__main__":
    main()
