"""Who hears a call: Riva, and the second recogniser from where Riva has ended for good."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import pytest
from livekit import rtc
from livekit.agents import APIConnectionError, APIConnectOptions, stt

from agent.hearing import Recognisers, open_recogniser
from agent.settings import AgentSettings
from agent.speech.azure_stt import AzureSTT
from agent.speech.riva_recovery import Recovery
from agent.speech.riva_stt import RivaSTT
from agent.trace import Traces
from tests.agent import AURORA
from tests.contract.numbered_riva import NumberedRiva
from tests.contract.numbered_speech import RATE, quiet, spoken
from tests.contract.scripted_azure import KEY, ScriptedAzure, serving_azure

pytestmark = pytest.mark.contract

FINAL: Final = stt.SpeechEventType.FINAL_TRANSCRIPT
ONCE: Final = APIConnectOptions(max_retry=0, timeout=5)


@dataclass
class World:
    """Both services, the recognisers before them, and one call's stream."""

    riva: NumberedRiva
    azure: ScriptedAzure
    hearing: Recognisers
    stream: stt.RecognizeStream

    async def say(self, audio: bytes) -> None:
        """In frames of 50 ms, one after the other."""
        for place in range(0, len(audio), RATE // 10):
            chunk = audio[place : place + RATE // 10]
            self.stream.push_frame(rtc.AudioFrame(chunk, RATE, 1, len(chunk) // 2))
            await asyncio.sleep(0)

    async def turn(self, audio: bytes) -> None:
        """Says it and flushes after a moment of silence, as the framework does."""
        await self.say(audio + quiet(0.3))
        self.stream.flush()

    async def heard(self, words: int) -> list[str]:
        """So many words, in the order in which finals told of them."""
        found: list[str] = []
        async with asyncio.timeout(30):
            while len(found) < words:
                event = await anext(self.stream)
                if event.type is FINAL:
                    found += event.alternatives[0].text.split()
        return found


@contextlib.asynccontextmanager
async def a_call(*, key: str = KEY) -> AsyncIterator[World]:
    """Riva gives up within half a second here."""
    riva, azure = NumberedRiva(), ScriptedAzure()
    await riva.start()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(riva.stop)
        host = await stack.enter_async_context(serving_azure(azure))
        first = RivaSTT(riva.address, language="en-US", recovery=Recovery(tries=3, seconds=0.5))
        second = AzureSTT(
            region="test",
            key=key,
            host=host,
            language="en-US",
            languages=("en-US", "de-DE"),
            unheard=first.take_unheard,
            connect_timeout=15.0,
            final_timeout=15.0,
        )
        hearing = await stack.enter_async_context(contextlib.aclosing(Recognisers(first, second)))
        yield World(riva, azure, hearing, hearing.stream(conn_options=ONCE))


async def test_the_second_recogniser_hears_the_rest() -> None:
    """Riva ends in the middle of a sentence and never comes back: every word is heard once, in its order.

    What Riva was told and had not answered is handed over, so the sentence it died in is whole.
    """
    async with a_call() as call:
        await call.turn(spoken(1, 2, 3))
        before = await call.heard(3)
        call.riva.heard = 0.0
        await call.say(quiet(0.3) + spoken(4, 5))
        async with asyncio.timeout(10):
            while call.riva.heard < 0.45:
                await asyncio.sleep(0.01)
        await call.riva.stop()
        await call.turn(spoken(6, 7))
        during = await call.heard(4)
        await call.turn(quiet(0.3) + spoken(8, 9))
        after = await call.heard(2)

    assert before == ["w1", "w2", "w3"]
    assert during == ["w4", "w5", "w6", "w7"]
    assert after == ["w8", "w9"]


async def test_nothing_goes_to_azure_while_riva_hears() -> None:
    """The guest's voice leaves the fleet only when it must."""
    async with a_call() as call:
        await call.turn(spoken(1))
        await call.heard(1)

        assert call.azure.turns == []


async def test_both_are_told_of_language_and_hints() -> None:
    """Azure goes on in the language to which the call had changed."""
    async with a_call() as call:
        call.hearing.update_options(language="de-DE", phrases=["Buchungsnummer"], boost=10)
        await call.turn(spoken(1))
        await call.heard(1)
        await call.riva.stop()
        await call.turn(spoken(2))
        await call.heard(1)

        (asked,) = call.azure.turns
        assert (asked.language, asked.phrases) == ("de-DE", ["Buchungsnummer"])


async def test_what_cannot_be_asked_of_one_changes_neither() -> None:
    """A language that is not the hotel's is refused, and the call goes on as it was."""
    async with a_call() as call:
        with pytest.raises(ValueError, match="'fr-FR' is not one of"):
            call.hearing.update_options(language="fr-FR")
        await call.riva.stop()
        await call.turn(spoken(1))
        await call.heard(1)

        assert [asked.language for asked in call.azure.turns] == ["en-US"]


async def test_when_both_are_gone_the_session_is_told() -> None:
    """Neither hears: the framework's error reaches the session, which apologises."""
    async with a_call(key="another key") as call:
        await call.riva.stop()
        await call.turn(spoken(1))

        with pytest.raises(APIConnectionError, match="all STTs failed"):
            await call.heard(1)
    assert call.azure.refused >= 1


def settings(**said: str) -> AgentSettings:
    environment = {
        "LIVEKIT_URL": "ws://127.0.0.1:7880",
        "LIVEKIT_SECRET": "bellhop/test/livekit",
        "API_URL": "http://127.0.0.1:8800",
        "RIVA_URL": "127.0.0.1:50051",
        "LLM_URL": "http://127.0.0.1:8803/v1",
        "LLM_MODEL": "bellhop-brain",
        "LLM_SECRET": "bellhop/test/llm",
        "SPEECH_ENGINES": "http",
    }
    return AgentSettings.read({**environment, **said})


async def test_azure_is_off_unless_it_is_configured() -> None:
    """Riva alone hears for a stage without Azure; with its region and key there are two."""
    region = {"AZURE_SPEECH_REGION": "germanywestcentral", "AZURE_SPEECH_SECRET": "bellhop/test/azure-speech"}

    async with (
        contextlib.aclosing(open_recogniser(settings(), AURORA, Traces())) as alone,
        contextlib.aclosing(open_recogniser(settings(**region), AURORA, Traces(), azure_key=KEY)) as two,
    ):
        assert isinstance(alone, RivaSTT)
        assert isinstance(two, Recognisers)
        assert two.capabilities.manual_flush
