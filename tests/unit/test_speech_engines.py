"""Engines are chosen by name, and one speaks for another that cannot."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

import pytest

from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.domain.hotel import Voice
from lambdas.shared.settings import SettingsError
from lambdas.shared.speech.failover import speak_with
from lambdas.shared.speech.registry import SpeechSettings, open_engine, open_engines

pytestmark = pytest.mark.unit

ANNA, BERT = Voice(engine="first", voice="anna"), Voice(engine="second", voice="bert")


class ScriptedEngine:
    """Says its chunks and then fails, if it is to."""

    sample_rate = 24_000

    def __init__(self, chunks: Sequence[bytes] = (), error: BellhopError | None = None) -> None:
        self.chunks, self.error = chunks, error
        self.said: list[tuple[str, str, str]] = []
        self.let_go = 0

    async def speak(self, text: str, voice: str, language: str) -> AsyncGenerator[bytes, None]:
        self.said.append((text, voice, language))
        try:
            for chunk in self.chunks:
                yield chunk
            if self.error:
                raise self.error
        finally:
            self.let_go += 1

    async def close(self) -> None:
        pass


async def said_by(
    engines: dict[str, ScriptedEngine], failed: list[tuple[Voice, BellhopError]]
) -> list[tuple[Voice, bytes]]:
    audio = speak_with(
        engines, (ANNA, BERT), "Good evening.", "en", failed=lambda voice, error: failed.append((voice, error))
    )
    return [heard async for heard in audio]


def test_an_unknown_engine_stops_the_start_with_the_known_ones() -> None:
    """A typing error in SPEECH_ENGINES says which names there are."""
    with pytest.raises(SettingsError, match=r"SPEECH_ENGINES: .*'htp' is not a speech engine; known are http"):
        SpeechSettings.read({"SPEECH_ENGINES": "http,htp"})


def test_a_stage_without_engines_does_not_start() -> None:
    """A list of commas is no list of engines."""
    with pytest.raises(SettingsError, match="names no speech engine"):
        SpeechSettings.read({"SPEECH_ENGINES": " , "})


def test_an_engine_without_its_settings_is_absent() -> None:
    """Asking for an engine that lacks a variable names the variable; no other engine takes its place."""
    settings = SpeechSettings.read({"SPEECH_ENGINES": "http"})

    with pytest.raises(SettingsError, match="'http' is absent: it needs SPEECH_URL"):
        open_engines(settings)


def test_only_engines_of_the_registry_are_opened() -> None:
    """An engine is opened by a name of the registry or not at all."""
    settings = SpeechSettings.read({"SPEECH_ENGINES": "http"})

    with pytest.raises(SettingsError, match="'tts' is not a speech engine; known are http"):
        open_engine("tts", settings)


def test_settings_survive_the_way_through_an_environment() -> None:
    """What the stack writes is what the agent reads."""
    settings = SpeechSettings.read({"SPEECH_ENGINES": "http", "SPEECH_URL": "http://127.0.0.1:8802"})

    assert SpeechSettings.read(settings.write()) == settings


async def test_every_engine_of_the_stage_speaks_at_one_rate() -> None:
    """Engines are opened by their names, all at the rate that is asked for."""
    settings = SpeechSettings.read({"SPEECH_ENGINES": "http", "SPEECH_URL": "http://127.0.0.1:8802"})

    engines = open_engines(settings, sample_rate=16_000)

    assert {name: engine.sample_rate for name, engine in engines.items()} == {"http": 16_000}


async def test_the_preferred_voice_speaks() -> None:
    """While the first choice speaks, no other engine is asked."""
    engines = {"first": ScriptedEngine([b"aa", b"bb"]), "second": ScriptedEngine([b"cc"])}
    failed: list[tuple[Voice, BellhopError]] = []

    heard = await said_by(engines, failed)

    assert heard == [(ANNA, b"aa"), (ANNA, b"bb")]
    assert engines["first"].said == [("Good evening.", "anna", "en")]
    assert engines["second"].said == []
    assert failed == []


@pytest.mark.parametrize("error", [Unreachable("gone"), Refused("no"), NotFound("who?")])
async def test_the_next_voice_speaks_when_one_fails_before_any_audio(error: BellhopError) -> None:
    """An engine that fails before its first sample is replaced in the same sentence, whatever its reason."""
    failed: list[tuple[Voice, BellhopError]] = []

    heard = await said_by({"first": ScriptedEngine(error=error), "second": ScriptedEngine([b"cc"])}, failed)

    assert heard == [(BERT, b"cc")]
    assert failed == [(ANNA, error)]


async def test_an_engine_that_says_nothing_has_failed() -> None:
    """An answer without a sample is no speech."""
    failed: list[tuple[Voice, BellhopError]] = []

    heard = await said_by({"first": ScriptedEngine(), "second": ScriptedEngine([b"cc"])}, failed)

    assert heard == [(BERT, b"cc")]


async def test_an_engine_this_program_lacks_is_passed_over() -> None:
    """A plan may name an engine that this program does not have."""
    failed: list[tuple[Voice, BellhopError]] = []

    heard = await said_by({"second": ScriptedEngine([b"cc"])}, failed)

    assert heard == [(BERT, b"cc")]
    assert "engine first is not one this program has: second" in str(failed[0][1])


async def test_a_sentence_is_not_begun_twice() -> None:
    """An engine that breaks off after audio raises its own error: another one would begin the sentence again."""
    broken = Unreachable("broke off")
    engines = {"first": ScriptedEngine([b"aa"], broken), "second": ScriptedEngine([b"cc"])}

    with pytest.raises(Unreachable, match="broke off"):
        await said_by(engines, [])

    assert engines["second"].said == []


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (Unreachable("gone"), Refused("no"), Unreachable),
        (NotFound("who?"), Refused("no"), Refused),
    ],
)
async def test_when_nobody_can_speak_the_error_tells_why(
    first: BellhopError, second: BellhopError, outcome: type[BellhopError]
) -> None:
    """Trying again makes sense when somebody was unreachable and none when all refused; every reason is told."""
    engines = {"first": ScriptedEngine(error=first), "second": ScriptedEngine(error=second)}

    with pytest.raises(outcome, match=rf"nobody can speak: {first}; {second}".replace("?", r"\?")):
        await said_by(engines, [])


async def test_closing_the_speech_lets_go_of_the_engine() -> None:
    """Whoever stops listening stops the engine."""
    engine = ScriptedEngine([b"aa", b"bb"])
    audio = speak_with({"first": engine}, (ANNA,), "Good evening.", "en", failed=lambda *_: None)
    await anext(audio)

    await audio.aclose()

    assert engine.let_go == 1
