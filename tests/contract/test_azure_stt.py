"""Azure as a call's second recogniser, by Microsoft's SDK, before a stand-in of its websocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, APITimeoutError, stt
from livekit.agents.metrics import STTMetrics

from agent.speech.azure_stt import AzureSTT
from tests.contract.numbered_speech import RATE, quiet, spoken
from tests.contract.scripted_azure import KEY, ScriptedAzure, serving_azure

pytestmark = pytest.mark.contract

FINAL: Final = stt.SpeechEventType.FINAL_TRANSCRIPT
END: Final = stt.SpeechEventType.END_OF_SPEECH
ONCE: Final = APIConnectOptions(max_retry=0, timeout=5)
LANGUAGES: Final = ("en-US", "de-DE")


@pytest.fixture
def azure() -> ScriptedAzure:
    return ScriptedAzure()


@pytest.fixture
async def host(azure: ScriptedAzure) -> AsyncIterator[str]:
    async with serving_azure(azure) as address:
        yield address


def approx(value: float) -> Any:
    """Give or take a thousandth."""
    return pytest.approx(value, abs=0.001)


class Listening:
    """One stream of a recogniser, and the metrics that it told of."""

    def __init__(self, recogniser: AzureSTT) -> None:
        self.recogniser = recogniser
        self.metrics: list[STTMetrics] = []
        recogniser.on("metrics_collected", self.metrics.append)
        self.stream = recogniser.stream(conn_options=ONCE)

    def push(self, audio: bytes) -> None:
        """In frames of 50 ms, as LiveKit pushes them."""
        for place in range(0, len(audio), RATE // 10):
            chunk = audio[place : place + RATE // 10]
            self.stream.push_frame(rtc.AudioFrame(chunk, RATE, 1, len(chunk) // 2))

    def turn(self, *numbers: int) -> None:
        """Says these words and flushes."""
        self.push(spoken(*numbers))
        self.stream.flush()

    async def begins(self) -> None:
        """Returns when somebody was heard to speak."""
        async with asyncio.timeout(20):
            while (await anext(self.stream)).type is not stt.SpeechEventType.START_OF_SPEECH:
                pass

    async def events(self, ends: int) -> list[stt.SpeechEvent]:
        """What the stream tells until so many ends of speech."""
        events: list[stt.SpeechEvent] = []
        async with asyncio.timeout(20):
            while sum(event.type is END for event in events) < ends:
                events.append(await anext(self.stream))
        return events

    async def finals(self, ends: int) -> list[str]:
        return [event.alternatives[0].text for event in await self.events(ends) if event.type is FINAL]


@contextlib.asynccontextmanager
async def listening(host: str, **options: Any) -> AsyncIterator[Listening]:
    """A recogniser at the stand-in, in English of English and German."""
    patient = {"connect_timeout": 15.0, "final_timeout": 15.0}
    hotel = {"region": "test", "key": KEY, "language": "en-US", "languages": LANGUAGES, "host": host}
    said: dict[str, Any] = {**patient, **hotel, **options}
    async with contextlib.aclosing(AzureSTT(**said)) as recogniser:
        yield Listening(recogniser)


async def test_each_turn_is_heard_with_its_words(host: str) -> None:
    """A flush completes the turn at once; words have their times in the call, language and confidence."""
    async with listening(host) as heard:
        heard.turn(1, 2)
        first = await heard.events(1)
        heard.push(quiet(1))
        heard.turn(3)
        second = await heard.events(1)

    assert [event.type.value for event in first if event.type.value != "recognition_usage"] == [
        "start_of_speech",
        "final_transcript",
        "end_of_speech",
    ]
    (said,) = [event.alternatives[0] for event in first if event.type is FINAL]
    (then,) = [event.alternatives[0] for event in second if event.type is FINAL]
    assert (said.text, str(said.language)) == ("w1 w2", "en-US")
    assert said.confidence == approx(0.9)
    assert [(str(word), word.start_time, word.end_time) for word in said.words or []] == [
        ("w1", approx(0.0), approx(0.08)),
        ("w2", approx(0.1), approx(0.18)),
    ]
    # The silence that the flush added is not of the call.
    assert (then.text, then.start_time) == ("w3", approx(1.2))


async def test_interim_results_come_when_they_are_wanted(host: str) -> None:
    """Words are told while they are said, and only to who asked for that."""
    told: dict[bool, Iterable[str]] = {}
    for wanted in (True, False):
        async with listening(host, interim_results=wanted) as heard:
            heard.push(spoken(1, 2, 3))
            heard.stream.flush()
            kinds = [event.type.value for event in await heard.events(1)]
            told[wanted] = {kind for kind in kinds if kind == "interim_transcript"}

    assert told == {True: {"interim_transcript"}, False: set()}


async def test_the_audio_is_counted(host: str) -> None:
    """Usage is the guest's own audio, without the silence that a flush adds."""
    async with listening(host) as heard:
        heard.turn(1, 2)
        await heard.events(1)
        heard.stream.end_input()
        async for _ in heard.stream:
            pass
        await asyncio.sleep(0)

    assert sum(metric.audio_duration for metric in heard.metrics) == pytest.approx(0.2)
    assert [metric.connection_reused for metric in heard.metrics if metric.acquire_time] == [False]


async def test_what_was_unheard_comes_first(host: str, azure: ScriptedAzure) -> None:
    """A stream begins with what it is handed over, turn by turn, before what is said next."""
    unheard = [spoken(1), None, spoken(2)]

    async with listening(host, unheard=lambda: unheard) as heard:
        heard.turn(3)
        finals = await heard.finals(2)

    assert finals == ["w1", "w2 w3"]
    assert len(azure.turns) == 1


async def test_the_language_changes_between_two_words(host: str, azure: ScriptedAzure) -> None:
    """What was said before is heard in the old language and what follows in the new one; no word is lost."""
    async with listening(host) as heard:
        heard.push(spoken(1, 2))
        async with asyncio.timeout(20):
            while not azure.turns or azure.turns[0].ear.heard < 0.15:
                await asyncio.sleep(0.01)
        heard.recogniser.update_options(language="de-DE", phrases=["Buchungsnummer"])
        heard.turn(3, 4)
        finals = [event.alternatives[0] for event in await heard.events(2) if event.type is FINAL]

    assert [(final.text, str(final.language)) for final in finals] == [("w1 w2", "en-US"), ("w3 w4", "de-DE")]
    assert [(one.language, one.phrases) for one in azure.turns] == [
        ("en-US", []),
        ("de-DE", ["Buchungsnummer"]),
    ]


def test_only_the_hotels_languages_can_be_asked_for() -> None:
    """Another language is refused with those there are, when it is opened and later."""
    recogniser = AzureSTT(region="westeurope", key=KEY, language="en-US", languages=LANGUAGES)

    with pytest.raises(ValueError, match="'fr-FR' is not one of en-US, de-DE"):
        recogniser.update_options(language="fr-FR")
    with pytest.raises(ValueError, match="'fr-FR'"):
        AzureSTT(region="westeurope", key=KEY, language="fr-FR", languages=LANGUAGES)


async def test_a_recording_is_recognised(host: str) -> None:
    """The framework's one-shot call has every phrase of a recording, and nothing of what a call left unheard."""
    audio = spoken(1, 2) + quiet(1) + spoken(3)
    async with listening(host, unheard=lambda: [spoken(9)]) as heard:
        event = await heard.recogniser.recognize(rtc.AudioFrame(audio, RATE, 1, len(audio) // 2), conn_options=ONCE)

    assert event.alternatives[0].text == "w1 w2 w3"


async def failure(heard: Listening) -> APIError:
    """The error that ends the stream."""
    with pytest.raises(APIError) as raised:
        await heard.events(1)
    return raised.value


async def test_a_wrong_key_is_told_and_not_tried_again(host: str, azure: ScriptedAzure) -> None:
    """Azure's refusal is a status that no retry mends; the key is in no message."""
    async with listening(host, key="another key") as heard:
        heard.turn(1)
        error = await failure(heard)

    assert isinstance(error, APIStatusError)
    assert (error.status_code, error.retryable) == (401, False)
    assert "another key" not in str(error)
    assert azure.refused >= 1


async def test_nobody_at_the_address() -> None:
    """A service that is not there is a fault that can be tried again."""
    async with listening("ws://127.0.0.1:9") as heard:
        heard.turn(1)
        error = await failure(heard)

    assert isinstance(error, (APIConnectionError, APITimeoutError))
    assert error.retryable


async def test_a_phrase_that_is_never_completed(host: str, azure: ScriptedAzure) -> None:
    """Who begins to hear and never ends is given up after a while."""
    azure.completes = False
    async with listening(host, final_timeout=0.3) as heard:
        heard.push(spoken(1, 2))
        await heard.begins()
        heard.stream.flush()
        error = await failure(heard)

    assert isinstance(error, APITimeoutError)


@pytest.mark.parametrize("status", ["NoMatch", "Success"])
async def test_what_turns_out_to_be_no_words_is_complete(host: str, azure: ScriptedAzure, status: str) -> None:
    """A cough that was taken for a word ends the speech without a final, and nothing more of it is waited for."""
    azure.wordless = status
    async with listening(host, final_timeout=1.0) as heard:
        heard.push(spoken(1))
        await heard.begins()
        heard.stream.flush()
        cough = await heard.events(1)
        azure.wordless = None
        await asyncio.sleep(1.2)
        heard.turn(2)
        finals = await heard.finals(1)

    assert [event for event in cough if event.type is FINAL] == []
    assert finals == ["w2"]


async def test_a_connection_that_does_not_end_is_given_up(host: str, azure: ScriptedAzure) -> None:
    """What is said in the next language does not wait for ever for what was said in the one before."""
    azure.completes, azure.late = False, 2.0
    async with listening(host, final_timeout=0.3) as heard:
        heard.push(spoken(1, 2))
        await heard.begins()
        heard.recogniser.update_options(language="de-DE")
        heard.push(spoken(3))
        error = await failure(heard)

    assert isinstance(error, APITimeoutError)


async def test_a_connection_that_breaks_is_opened_again(host: str, azure: ScriptedAzure) -> None:
    """The SDK goes on by itself where the service has not answered yet: no word is lost and none comes twice."""
    azure.hang_up_after = 1
    async with listening(host) as heard:
        heard.turn(1, 2)
        first = await heard.finals(1)
        azure.hang_up_after = None
        heard.turn(3, 4)
        second = await heard.finals(1)

    assert [*first, *second] == ["w1 w2", "w3 w4"]
