"""LiveKit's framework speaks through the router's plan: real streams, real sessions, scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import (
    Agent,
    AgentSession,
    APIConnectionError,
    APIConnectOptions,
    APIError,
    APIStatusError,
    APITimeoutError,
)
from livekit.agents.metrics import TTSMetrics
from livekit.agents.voice import io
from structlog.testing import capture_logs

from agent.speech.routed_tts import RoutedTTS
from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.domain.hotel import Hotel, Voice, load_hotel
from lambdas.shared.speech.engine import Engine
from lambdas.shared.speech.http import HttpEngine
from lambdas.tts_router.models import SpeechPlan
from local.voices import build_app
from tests.contract.speech_service import SAMPLE_RATE, TENTH, VOICE, CountingVoice
from tests.serving import served

pytestmark = pytest.mark.contract

ONCE = APIConnectOptions(max_retry=0)
END_MARK = 0.0101
"""The framework ends what it streams with ten milliseconds of silence."""


class ScriptedEngine:
    """Says a tenth of a second a sentence; fails before or after it, or never stops, when it is told to."""

    sample_rate = SAMPLE_RATE

    def __init__(
        self, *, before: BellhopError | None = None, after: BellhopError | None = None, endless: bool = False
    ) -> None:
        self.before, self.after, self.endless = before, after, endless
        self.said: list[str] = []
        self.languages: list[str] = []
        self.speaking = 0

    async def speak(self, text: str, voice: str, language: str) -> AsyncGenerator[bytes, None]:
        self.said.append(text)
        self.languages.append(language)
        self.speaking += 1
        try:
            if self.before:
                raise self.before
            yield TENTH
            while self.endless:
                await asyncio.sleep(0.05)
                yield TENTH
            if self.after:
                raise self.after
        finally:
            self.speaking -= 1

    async def close(self) -> None:
        pass


def timed_out() -> Unreachable:
    error = Unreachable("no sound in time")
    error.__cause__ = TimeoutError()
    return error


@pytest.fixture
def hotel() -> Hotel:
    return load_hotel(Path("hotels/aurora"))


def routed(hotel: Hotel, **engines: Engine) -> RoutedTTS:
    """Speech whose plan tries the engines in the order in which they are given."""

    async def plan(hotel: str, language: str) -> SpeechPlan:
        choices = tuple(Voice(engine=name, voice=VOICE) for name in engines)
        expires_at = datetime.now(UTC) + timedelta(minutes=1)
        return SpeechPlan(hotel=hotel, language=language, choices=choices, expires_at=expires_at)

    return RoutedTTS(engines, hotel=hotel, plan=plan)


async def said(speech: RoutedTTS, *texts: str, options: APIConnectOptions = ONCE) -> list[rtc.AudioFrame]:
    async with speech.stream(conn_options=options) as stream:
        for text in texts:
            stream.push_text(text)
        stream.end_input()
        return [audio.frame async for audio in stream]


def seconds(frames: Sequence[rtc.AudioFrame]) -> float:
    return sum(frame.duration for frame in frames)


async def test_every_sentence_is_asked_for_by_itself_and_in_order(hotel: Hotel) -> None:
    """A text that the model writes word by word is said sentence by sentence, every sample once."""
    engine = ScriptedEngine()

    frames = await said(routed(hotel, only=engine), "Good eve", "ning. Hotel Aurora", ", how can I help", " you?")

    assert engine.said == ["Good evening.", "Hotel Aurora, how can I help you?"]
    assert 0.2 <= seconds(frames) <= 0.2 + END_MARK
    assert {(frame.sample_rate, frame.num_channels) for frame in frames} == {(SAMPLE_RATE, 1)}


async def test_a_speech_that_has_begun_is_said_to_its_end_in_its_language(hotel: Hotel) -> None:
    """A call goes over to another language between two speeches, and each asks for the plan of its own."""
    asked: list[str] = []
    engine = ScriptedEngine()

    async def plan(hotel: str, language: str) -> SpeechPlan:
        asked.append(language)
        choices = (Voice(engine="only", voice=f"voice {language}"),)
        return SpeechPlan(
            hotel=hotel, language=language, choices=choices, expires_at=datetime.now(UTC) + timedelta(minutes=1)
        )

    speech = RoutedTTS({"only": engine}, hotel=hotel, plan=plan)
    async with speech.stream(conn_options=ONCE) as begun:
        begun.push_text("Good evening. ")
        speech.update_options(language="de")
        begun.push_text("How can I help you?")
        begun.end_input()
        _ = [audio async for audio in begun]
    last = await said(speech, "Guten Abend.")

    assert engine.languages == ["en", "en", "de"]
    assert sorted(asked) == ["de", "en"]
    assert speech.model == "voice de"
    assert last


async def test_a_short_sentence_is_heard_while_the_next_is_being_written(hotel: Hotel) -> None:
    """ "Certainly." does not wait for what the model says after it."""
    engine = ScriptedEngine()
    async with routed(hotel, only=engine).stream(conn_options=ONCE) as stream:
        stream.push_text("Certainly. I have a")

        first = await asyncio.wait_for(anext(stream), 5)

        assert engine.said == ["Certainly."]
        assert first.frame.duration > 0


async def test_text_without_a_word_is_not_sent_to_an_engine(hotel: Hotel) -> None:
    """A lone dash between two sentences costs no request."""
    engine = ScriptedEngine()

    await said(routed(hotel, only=engine), "Yes, of course. \n— \n", "Shall I book it?")

    assert "—" not in engine.said


async def test_another_voice_speaks_when_the_first_cannot(hotel: Hotel) -> None:
    """The guest hears the sentence though the preferred engine is gone; the log says which one and why."""
    first, second = ScriptedEngine(before=Unreachable("gone")), ScriptedEngine()
    speech = routed(hotel, first=first, second=second)

    with capture_logs() as lines:
        frames = await said(speech, "Good evening.")

    assert 0.1 <= seconds(frames) <= 0.1 + END_MARK
    assert (speech.provider, speech.model) == ("second", VOICE)
    assert [(line["engine"], line["error"]) for line in lines] == [("first", "unreachable")]


@pytest.mark.parametrize(
    ("fault", "error", "retryable"),
    [
        (Unreachable("gone"), APIConnectionError, True),
        (timed_out(), APITimeoutError, True),
        (Refused("no"), APIStatusError, False),
        (NotFound("who?"), APIStatusError, False),
    ],
)
async def test_when_nobody_can_speak_the_framework_is_told(
    hotel: Hotel, fault: BellhopError, error: type[APIError], retryable: bool
) -> None:
    """An engine's fault becomes the framework's error, which says whether to try again."""
    with pytest.raises(error) as raised:
        await said(routed(hotel, only=ScriptedEngine(before=fault)), "Good evening.")

    assert raised.value.retryable is retryable


async def test_a_sentence_that_broke_off_is_not_begun_again(hotel: Hotel) -> None:
    """After its first sound a sentence is never repeated from its beginning, whatever the framework may retry."""
    engine = ScriptedEngine(after=Unreachable("broke off"))

    with pytest.raises(APIConnectionError):
        await said(routed(hotel, only=engine), "Good evening.", options=APIConnectOptions(max_retry=3))

    assert engine.said == ["Good evening."]


async def test_speech_is_measured(hotel: Hotel) -> None:
    """The framework learns the time to the first sound, and who spoke."""
    speech = routed(hotel, only=ScriptedEngine())
    measured: list[TTSMetrics] = []
    speech.on("metrics_collected", measured.append)

    await said(speech, "Good evening.")

    assert [found.characters_count for found in measured] == [len("Good evening.")]
    assert 0 < measured[0].ttfb < measured[0].duration
    assert measured[0].metadata is not None
    assert (measured[0].metadata.model_provider, measured[0].metadata.model_name) == ("only", VOICE)


async def test_a_whole_text_can_be_said_at_once(hotel: Hotel) -> None:
    """The framework's other way of asking gives the same sound."""
    frame = await routed(hotel, only=ScriptedEngine()).synthesize("Good evening. Good bye.").collect()

    assert 0.2 <= frame.duration <= 0.2 + 2 * END_MARK


async def test_an_interrupted_answer_leaves_nothing_behind(hotel: Hotel) -> None:
    """A guest who interrupts ends the request; no task goes on."""
    engine = ScriptedEngine(endless=True)
    before = asyncio.all_tasks()
    speech = routed(hotel, only=engine)
    stream = speech.stream(conn_options=ONCE)
    stream.push_text("Breakfast is served from seven to ten. Parking is behind the house. ")
    await anext(stream)

    await stream.aclose()
    await speech.aclose()

    assert engine.speaking == 0
    assert asyncio.all_tasks() == before


async def test_engines_without_a_common_rate_are_no_start(hotel: Hotel) -> None:
    """An answer cannot change its sample rate in the middle."""
    slow = ScriptedEngine()
    slow.sample_rate = 8_000

    with pytest.raises(ValueError, match=r"one sample rate in common, not \[8000, 24000\]"):
        routed(hotel, first=slow, second=ScriptedEngine())


class Ear(io.AudioOutput):
    """Where a session's voice goes: plays nothing and knows how much was sent."""

    def __init__(self) -> None:
        super().__init__(label="ear", capabilities=io.AudioOutputCapabilities(pause=False), sample_rate=SAMPLE_RATE)
        self.heard = asyncio.Event()
        self.seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.seconds += frame.duration
        self.heard.set()

    def flush(self) -> None:
        super().flush()
        self._finish(interrupted=False)

    def clear_buffer(self) -> None:
        self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        if self.seconds:
            self.on_playback_finished(playback_position=self.seconds, interrupted=interrupted)
        self.seconds = 0.0


@pytest.fixture
async def voice() -> CountingVoice:
    return CountingVoice(gated_after=2)


@pytest.fixture
async def speech(hotel: Hotel, voice: CountingVoice) -> AsyncIterator[RoutedTTS]:
    async with served(build_app(voice.speak)) as url:
        engine = HttpEngine(url, sample_rate=SAMPLE_RATE)
        speech = routed(hotel, http=engine)
        yield speech
        await speech.aclose()
        await engine.close()


async def test_a_session_speaks_and_falls_silent_when_interrupted(speech: RoutedTTS, voice: CountingVoice) -> None:
    """In a real session over a real service, an interruption stops the sentence and those that would have come."""
    session: AgentSession[Any] = AgentSession(tts=speech)
    ear = Ear()
    session.output.audio = ear
    await session.start(Agent(instructions=""), record=False)
    handle = session.say("One. " + "Another one for the road. " * 20)
    await asyncio.wait_for(ear.heard.wait(), 5)

    await session.interrupt()
    await asyncio.wait_for(handle, 5)
    voice.gate.set()
    await session.aclose()

    assert handle.interrupted
    assert voice.computed <= 3
