"""What is asked of Riva, checked: language, hints and endpointing, and the messages that carry them and the audio."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Self

from riva.client.proto import riva_asr_pb2, riva_audio_pb2, riva_common_pb2

MOST_PHRASES: Final = 8
LONGEST_PHRASE: Final = 32
HIGHEST_BOOST: Final = 100.0
"""NVIDIA recommends 20 to 100 (docs.nvidia.com/nim/speech, "Word Boosting")."""
_STEP: Final = 80
"""Milliseconds: the models' encoders have one output for each, and endpointing counts outputs."""
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True)
class Endpointing:
    """When Riva itself takes an utterance to begin and to end; what is None is left to the model.

    The histories are windows in milliseconds, the thresholds the share (0 to 1) of a window that must be speech for a
    start and silence for an end. `stop_history_eou` and its threshold give an early interim result of stability 1
    before the end. Raises ValueError unless histories are multiples of 80 ms and `stop_history_eou` is the shorter.
    """

    start_history: int | None = None
    start_threshold: float | None = None
    stop_history: int | None = None
    stop_threshold: float | None = None
    stop_history_eou: int | None = None
    stop_threshold_eou: float | None = None

    def __post_init__(self) -> None:
        for name, value in self._given():
            if "history" in name and (value <= 0 or value % _STEP):
                raise ValueError(f"endpointing {name} is {value} ms; it must be a positive multiple of {_STEP} ms")
            if "threshold" in name and not 0 <= value <= 1:
                raise ValueError(f"endpointing {name} is {value}; it must be between 0 and 1")
        if None not in (self.stop_history, self.stop_history_eou) and self.stop_history_eou >= self.stop_history:  # type: ignore[operator]
            raise ValueError("endpointing stop_history_eou must be shorter than stop_history")

    def message(self) -> Any:
        """The protocol's message."""
        return riva_asr_pb2.EndpointingConfig(**dict(self._given()))

    def _given(self) -> list[tuple[str, Any]]:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [(name, value) for name, value in values if value is not None]


@dataclass(frozen=True)
class Wanted:
    """What a request asks of Riva; the hints in `phrases` have the weight `boost`.

    Few words only, the most recent wishes first: at most 8 phrases of at most 32 characters. Raises ValueError for
    more, for a weight outside 0 to 100, and for a language that is none.
    """

    language: str
    model: str = ""
    interim_results: bool = False
    phrases: tuple[str, ...] = ()
    boost: float = 20.0
    endpointing: Endpointing | None = None

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError('the language of a request to Riva must be a BCP-47 code such as "en-US"')
        if len(self.phrases) > MOST_PHRASES:
            raise ValueError(f"{len(self.phrases)} hints for Riva; more than {MOST_PHRASES} swallow other words")
        for phrase in self.phrases:
            if not phrase.strip() or len(phrase) > LONGEST_PHRASE:
                raise ValueError(
                    f"a hint for Riva has {len(phrase)} characters; it needs some, at most {LONGEST_PHRASE}"
                )
        if not (math.isfinite(self.boost) and 0 <= self.boost <= HIGHEST_BOOST):
            raise ValueError(f"the hints' boost is {self.boost}; it must be between 0 and {HIGHEST_BOOST:g}")

    def changed(
        self, *, language: str | None = None, phrases: Sequence[str] | None = None, boost: float | None = None
    ) -> Self:
        """The same with what is given in place of what was; a phrase that comes twice counts once."""
        return replace(
            self,
            language=self.language if language is None else language,
            phrases=self.phrases if phrases is None else once_each(phrases),
            boost=self.boost if boost is None else boost,
        )

    def config(self, sample_rate: int, language: str | None = None) -> Any:
        """The configuration of a request with 16-bit mono audio, in another language when one is given."""
        config = riva_asr_pb2.RecognitionConfig(
            encoding=riva_audio_pb2.LINEAR_PCM,
            sample_rate_hertz=sample_rate,
            audio_channel_count=1,
            language_code=language or self.language,
            model=self.model,
            max_alternatives=1,
            enable_word_time_offsets=True,
            enable_automatic_punctuation=True,
        )
        if self.phrases:
            config.speech_contexts.add(phrases=self.phrases, boost=self.boost)
        if self.endpointing is not None:
            config.endpointing_config.CopyFrom(self.endpointing.message())
        return config

    def first_message(self, sample_rate: int, request_id: str) -> Any:
        """The configuration that opens a request stream."""
        return riva_asr_pb2.StreamingRecognizeRequest(
            streaming_config=riva_asr_pb2.StreamingRecognitionConfig(
                config=self.config(sample_rate), interim_results=self.interim_results
            ),
            id=riva_common_pb2.RequestId(value=request_id),
        )


def once_each(phrases: Iterable[str]) -> tuple[str, ...]:
    """The phrases in their order, each once."""
    return tuple(dict.fromkeys(phrases))


def audio_message(chunk: bytes) -> Any:
    """Audio that follows."""
    return riva_asr_pb2.StreamingRecognizeRequest(audio_content=chunk)


def end_of_utterance(sample_rate: int) -> Any:
    """One step of silence that tells Riva not to wait for more of it: the final is due now.

    The runtime flag is NVIDIA's (docs.nvidia.com/nim/speech, ASR customization); models that lack it ignore it. It is
    sent with audio, because the protocol asks for audio in every message but the first.
    """
    return riva_asr_pb2.StreamingRecognizeRequest(
        audio_content=bytes(2 * sample_rate * _STEP // 1000), runtime_config={"force_eou": "true"}
    )
