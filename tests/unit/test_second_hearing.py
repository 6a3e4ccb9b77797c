"""Doubtful words are heard again in the hotel's other languages, and the hearing that is believed is taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectionError,
    APIConnectOptions,
    LanguageCode,
    NotGivenOr,
    stt,
    utils,
)

from agent.second_hearing import LONGEST, SecondHearing
from lambdas.shared.speech.language import Guess
from tests.agent import WordsOfGerman

pytestmark = pytest.mark.unit

RATE: Final = 16_000
TRANSLATED: Final = "I need a double room."
GERMAN: Final = "ich brauche ein Doppelzimmer"


class Ear(stt.STT[Any]):
    """Hears the same whatever it is pushed, in the language it is asked for; keeps what it was pushed."""

    def __init__(self, text: str, confidence: float, fault: Exception | None = None) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))
        self.text, self.confidence, self.fault = text, confidence, fault
        self.asked: list[str] = []
        self.seconds = 0.0
        self.closed = 0

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> stt.RecognizeStream:
        self.asked.append(str(language))
        return _Listening(self, LanguageCode(str(language)), conn_options)

    async def aclose(self) -> None:
        self.closed += 1

    async def _recognize_impl(
        self, buffer: utils.AudioBuffer, *, language: NotGivenOr[str] = NOT_GIVEN, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        raise NotImplementedError


class _Listening(stt.RecognizeStream):
    def __init__(self, ear: Ear, language: LanguageCode, conn_options: APIConnectOptions) -> None:
        super().__init__(stt=ear, conn_options=conn_options)
        self._ear, self._language = ear, language

    async def _run(self) -> None:
        if self._ear.fault:
            raise self._ear.fault
        async for item in self._input_ch:
            if isinstance(item, rtc.AudioFrame):
                self._ear.seconds += item.duration
        self._event_ch.send_nowait(final(self._ear.text, self._ear.confidence, self._language))


def final(text: str, confidence: float, language: str = "en-US") -> stt.SpeechEvent:
    data = stt.SpeechData(
        language=LanguageCode(language), text=text, confidence=confidence, start_time=1.0, end_time=2.0
    )
    return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, request_id="r1", alternatives=[data])


async def listening(ear: Ear, detector: Any = None, seconds: float = 4.0) -> SecondHearing:
    """A second hearing in an English call that has lasted some seconds."""

    async def audio() -> AsyncIterator[rtc.AudioFrame]:
        for _ in range(round(seconds * 20)):
            yield rtc.AudioFrame(bytes(RATE // 10), RATE, 1, RATE // 20)

    again = SecondHearing(ear, detector or WordsOfGerman(), ["en", "de"], "en")
    passed = [frame async for frame in again.keep(audio())]
    assert len(passed) == round(seconds * 20)
    return again


async def test_german_that_was_put_into_english_is_heard_as_german() -> None:
    """A doubtful final gives way to one in another language that is believed; when it was said stays known."""
    ear = Ear(GERMAN, 0.9)
    again = await listening(ear)

    settled = await again.settle(final(TRANSLATED, 0.4))

    (heard,) = settled.alternatives
    assert (heard.text, heard.language, heard.confidence) == (GERMAN, LanguageCode("de-DE"), 0.9)
    assert (heard.start_time, heard.end_time, settled.request_id) == (1.0, 2.0, "r1")
    assert ear.asked == ["de-DE"]
    assert ear.seconds == pytest.approx(3.0, abs=0.06)


@pytest.mark.parametrize(
    ("text", "confidence"), [(TRANSLATED, 0.9), (TRANSLATED, 0.7), ("Yes, please.", 0.3), ("", 0.2)]
)
async def test_what_is_believed_or_says_nothing_is_heard_once(text: str, confidence: float) -> None:
    """Most turns cost one recognition: those that are sure, and those too short to tell a language by."""
    ear = Ear(GERMAN, 0.9)
    first = final(text, confidence)

    assert await (await listening(ear)).settle(first) is first
    assert ear.asked == []


@pytest.mark.parametrize(
    ("text", "confidence", "why"),
    [
        (GERMAN, 0.5, "it is hardly believed itself"),
        (GERMAN, 0.69, "it is hardly better than the first"),
        ("I need a room", 0.9, "these are no words of that language"),
        ("", 0.0, "nothing was heard"),
    ],
)
async def test_a_second_hearing_that_is_no_better_changes_nothing(text: str, confidence: float, why: str) -> None:
    """The first hearing stands, in the language that the call is in."""
    first = final(TRANSLATED, 0.65)

    assert await (await listening(Ear(text, confidence))).settle(first) is first, why


async def test_a_second_hearing_that_fails_changes_nothing() -> None:
    """A fault of the second recognition is none of the call's."""
    ear = Ear(GERMAN, 0.9, fault=APIConnectionError("gone", retryable=False))
    first = final(TRANSLATED, 0.4)

    assert await (await listening(ear)).settle(first) is first


class Unsure:
    """Is not sure of English."""

    name: Final = "classifier"

    def guess(self, text: str) -> Guess | None:
        german = text == GERMAN
        return Guess("de" if german else "en", 0.95 if german else 0.6)


async def test_where_no_confidence_is_told_the_words_decide() -> None:
    """A recogniser that tells no confidence has those turns heard again whose words may be of another language."""
    sure, unsure = Ear(GERMAN, 0.0), Ear(GERMAN, 0.0)
    first = final(TRANSLATED, 0.0)

    assert await (await listening(sure)).settle(first) is first
    settled = await (await listening(unsure, Unsure())).settle(first)

    assert sure.asked == []
    assert settled.alternatives[0].text == GERMAN


async def test_words_that_nobody_is_sure_of_stay_as_they_are_where_no_confidence_is_told() -> None:
    """Without a confidence only a sure detector puts another hearing in the first one's place."""
    first = final(TRANSLATED, 0.0)

    assert await (await listening(Ear("nobody knows this", 0.0), Unsure())).settle(first) is first


async def test_the_language_of_the_call_is_not_asked_for_again() -> None:
    """After a change the first language is one of the others."""
    ear = Ear("I need a double room please", 0.9)
    again = await listening(ear)
    again.current = "de"

    settled = await again.settle(final("ich nied ein Dabbelruhm", 0.3, "de-DE"))

    assert ear.asked == ["en-US"]
    assert settled.alternatives[0].text == ear.text


async def test_audio_is_kept_within_bounds() -> None:
    """However long a guest speaks, only the last seconds can be heard again."""
    ear = Ear(GERMAN, 0.9)
    again = await listening(ear, seconds=LONGEST + 5)
    event = final(TRANSLATED, 0.4)
    event.alternatives[0].end_time = 60.0

    await again.settle(event)

    assert ear.seconds == pytest.approx(LONGEST, abs=0.06)


async def test_its_recogniser_is_closed_with_it() -> None:
    """Nothing of it outlives the call."""
    ear = Ear(GERMAN, 0.9)

    await (await listening(ear)).aclose()

    assert ear.closed == 1
    assert not [task for task in asyncio.all_tasks() if "recognize" in task.get_name().lower()]
