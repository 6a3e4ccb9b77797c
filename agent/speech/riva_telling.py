"""What Riva answers, told in the framework's events: who begins and ends to speak, interim results, finals, usage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from livekit.agents import LanguageCode, stt
from livekit.agents.types import TimedString

from agent.speech.riva_request import Request, Speech
from agent.speech.riva_results import processed, speech_data

_REMEMBERED: Final = 8
"""Words that the next request streams may hear again, because they begin before the flush."""


class Telling:
    """Tells of one conversation; whatever request a result comes from, each word of a final is told once.

    A speech remembers up to which sample finals have told of it. Speech that Riva began to understand and did not in
    the end has an end of speech, too.
    """

    def __init__(self, sample_rate: int, send: Callable[[stt.SpeechEvent], None]) -> None:
        self.origin: float | None = None
        """When the first sample was spoken, in seconds of the conversation."""
        self._sample_rate = sample_rate
        self._send = send
        self._told: list[TimedString] = []
        """The last words that finals have told."""
        self._speaking = False

    def answer(self, request: Request, response: Any) -> None:
        """One of Riva's answers to a request."""
        for result in response.results:
            if result.is_final:
                self._final(request, result)
        # A response can bring a sentence in several pieces, the steady one and the one that may still change.
        pieces = [result for result in response.results if result.alternatives and not result.is_final]
        text = "".join(piece.alternatives[0].transcript for piece in pieces).strip()
        if text:
            data = speech_data(pieces[0], request.speech.wanted.language, offset=self._seconds(request.start))
            data.text = text
            self._start_speaking(request)
            self._emit(stt.SpeechEventType.INTERIM_TRANSCRIPT, request.id, data)

    def complete(self, speech: Speech) -> None:
        """The speech is over: whoever waits for its words learns it, even if there were none."""
        if speech.flushed and not speech.words_came:
            nothing = stt.SpeechData(language=LanguageCode(speech.wanted.language), text="")
            self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, "", nothing)
        self._stop_speaking("")

    def usage(self, request: Request) -> None:
        """The seconds of audio that were sent since this was told last."""
        if seconds := request.usage():
            self._send(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.RECOGNITION_USAGE,
                    request_id=request.id,
                    recognition_usage=stt.RecognitionUsage(audio_duration=seconds),
                )
            )

    def _final(self, request: Request, result: Any) -> None:
        speech = request.speech
        # A server that does not say how far it heard has heard all that was sent.
        seconds = processed(result)
        told = request.position if seconds is None else request.start + round(seconds * self._sample_rate)
        speech.heard = max(speech.heard, min(told, request.position))
        if not result.alternatives:
            return
        data = speech_data(result, speech.wanted.language, offset=self._seconds(request.start), told=self._told)
        if not data.text:
            return
        speech.words_came = True
        self._told = [*self._told, *(data.words or [])][-_REMEMBERED:]
        self._start_speaking(request)
        self._emit(stt.SpeechEventType.FINAL_TRANSCRIPT, request.id, data)
        self._stop_speaking(request.id)
        self.usage(request)

    def _seconds(self, sample: int) -> float:
        """When that sample was spoken, in seconds of the conversation."""
        return (self.origin or 0.0) + sample / self._sample_rate

    def _start_speaking(self, request: Request) -> None:
        if not self._speaking:
            self._speaking = True
            self._emit(stt.SpeechEventType.START_OF_SPEECH, request.id)

    def _stop_speaking(self, request_id: str) -> None:
        if self._speaking:
            self._speaking = False
            self._emit(stt.SpeechEventType.END_OF_SPEECH, request_id)

    def _emit(self, kind: stt.SpeechEventType, request_id: str, data: stt.SpeechData | None = None) -> None:
        self._send(stt.SpeechEvent(type=kind, request_id=request_id, alternatives=[] if data is None else [data]))
