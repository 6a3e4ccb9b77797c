"""What comes back from Riva as the framework wants it: transcripts with times in seconds, and faults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import grpc
from livekit.agents import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    LanguageCode,
    NotGivenOr,
    stt,
    utils,
)
from livekit.agents.types import TimedString

_HTTP_STATUS: Final = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    # A 4xx, because the framework would try every 5xx again, and a method that is not there stays away.
    grpc.StatusCode.UNIMPLEMENTED: 405,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INTERNAL: 500,
    grpc.StatusCode.UNKNOWN: 500,
    grpc.StatusCode.DATA_LOSS: 500,
}


def api_error(code: grpc.StatusCode, details: str | None) -> APIError:
    """The framework's error for a gRPC status: retryable unless the request itself is wrong."""
    message = f"Riva: {code.name}: {details}"
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return APITimeoutError(message)
    if code in _HTTP_STATUS:
        return APIStatusError(message, status_code=_HTTP_STATUS[code])
    return APIConnectionError(message)


def speech_data(result: Any, language: str, *, offset: float, told: Sequence[TimedString] = ()) -> stt.SpeechData:
    """Riva's first alternative with its times in seconds, `offset` being when the request stream began.

    Leading words that are among those of `told` and were spoken before these ended are left out.
    """
    alternative = result.alternatives[0]
    words = [
        TimedString(word.word, offset + word.start_time / 1000, offset + word.end_time / 1000, word.confidence)
        for word in alternative.words
    ]
    text = alternative.transcript.strip()
    if again := _repeated(words, told):
        spelled = text.split()
        # The transcript has the punctuation; its words are the listed ones unless numbers were put into digits.
        text = " ".join((spelled if len(spelled) == len(words) else words)[again:])
        words = words[again:]
    return stt.SpeechData(
        language=LanguageCode(next(iter(alternative.language_code), language)),
        text=text,
        start_time=_time(words[0].start_time) if words else 0.0,
        end_time=_time(words[-1].end_time) if words else 0.0,
        confidence=min(max(alternative.confidence, 0.0), 1.0),
        words=words,
    )


def recording_data(results: Sequence[Any], language: str) -> stt.SpeechData:
    """All results of one recording as one transcript; an empty text when nothing was heard."""
    heard = [speech_data(result, language, offset=0.0) for result in results if result.alternatives]
    return stt.SpeechData(
        language=heard[0].language if heard else LanguageCode(language),
        text=" ".join(data.text for data in heard if data.text),
        start_time=heard[0].start_time if heard else 0.0,
        end_time=heard[-1].end_time if heard else 0.0,
        confidence=min((data.confidence for data in heard), default=0.0),
        words=[word for data in heard for word in data.words or []],
    )


def processed(result: Any) -> float | None:
    """Up to which second of its request stream a final tells what was said; None if Riva does not say."""
    if result.audio_processed > 0:
        return float(result.audio_processed)
    words = result.alternatives[0].words if result.alternatives else ()
    return words[-1].end_time / 1000 if words else None


def _repeated(words: Sequence[TimedString], told: Sequence[TimedString]) -> int:
    """How many words at the beginning have been told already: the same words, at the same time."""
    if not told:
        return 0
    until, known = _time(told[-1].end_time), {_plain(word) for word in told}
    for count, word in enumerate(words):
        middle = (_time(word.start_time) + _time(word.end_time)) / 2
        if middle >= until or _plain(word) not in known:
            return count
    return len(words)


def _plain(word: str) -> str:
    return word.strip(".,;:!?").casefold()


def _time(moment: NotGivenOr[float]) -> float:
    return moment if utils.is_given(moment) else 0.0
