"""The agent's recogniser while Riva is killed again and again: every word is told, once, in its order."""

from __future__ import annotations

import asyncio
import random
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, stt

from agent.speech.riva_recovery import Recovery
from agent.speech.riva_stt import RivaSTT
from tests.contract.riva_line import Line
from tests.contract.word_riva import RATE, Talk, WordRiva, breaks, frames, numbered

pytestmark = pytest.mark.contract

FASTER: Final = 10
"""How much faster than a guest speaks the audio comes."""
FRAME: Final = RATE // 20
PATIENT: Final = APIConnectOptions(max_retry=0, timeout=100)
FINAL: Final = stt.SpeechEventType.FINAL_TRANSCRIPT


@dataclass
class Heard:
    """What the agent was told."""

    words: list[str]
    languages: list[str]
    turns: list[str]
    broken: list[str]


async def converse(seed: int, *, words: int, kills: int) -> tuple[Talk, int, Heard]:
    """A guest talks while recognition is killed so often; in the middle the agent asks for another language."""
    chance = random.Random(seed)
    talk = Talk.of(chance, words=words, frame=FRAME)
    switch = chance.randrange(len(talk.samples) // FRAME) * FRAME
    riva = WordRiva(Line(), breaks(chance, count=kills, apart=len(talk.samples) // max(kills, 1)))
    heard = Heard([], [], [], riva.happened)
    async with riva.serving():
        recogniser = RivaSTT(
            riva.line.address,
            language="en-US",
            interim_results=chance.random() < 0.7,
            overlap=chance.choice([0.0, 0.2]),
            write_timeout=1.0,
            final_timeout=1.0,
            mute_timeout=2.0,
            kept=600.0,
            recovery=Recovery(tries=1000, seconds=60.0),
        )
        async with aclosing(recogniser):
            stream = recogniser.stream(conn_options=PATIENT)
            speaking = asyncio.create_task(speak(talk, recogniser, stream, switch))
            async for event in stream:
                if event.alternatives and event.type is FINAL:
                    said = event.alternatives[0].text.split()
                    heard.words += said
                    heard.languages += [str(event.alternatives[0].language)] * len(said)
                if event.type in (stt.SpeechEventType.START_OF_SPEECH, stt.SpeechEventType.END_OF_SPEECH):
                    heard.turns.append(event.type.value)
            await speaking
    return talk, switch, heard


async def speak(talk: Talk, recogniser: RivaSTT, stream: stt.RecognizeStream, switch: int) -> None:
    """Pushes the talk as it is spoken, only faster."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for end, samples in frames(talk, FRAME):
        if end - FRAME == switch:
            recogniser.update_options(language="de-DE")
        stream.push_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, len(samples)))
        if end in talk.flushes:
            stream.flush()
        await asyncio.sleep(began + end / RATE / FASTER - loop.time())
    stream.end_input()


async def test_an_undisturbed_talk_is_told_word_by_word() -> None:
    """The recogniser that judges the others is heard right itself."""
    talk, _, heard = await converse(1, words=60, kills=0)

    assert heard.words == numbered(range(len(talk.words)))
    assert heard.broken == []


@pytest.mark.parametrize("seeds", [range(first, first + 5) for first in range(0, 25, 5)], ids=str)
async def test_no_kill_loses_or_repeats_a_word(seeds: range) -> None:
    """Eight kills in each of five conversations: the words are those of an undisturbed talk, in their language."""
    talks = await asyncio.gather(*(converse(seed, words=60, kills=8) for seed in seeds))

    for seed, (talk, switch, heard) in zip(seeds, talks, strict=True):
        told = f"seed {seed}, after {heard.broken}"
        assert heard.words == numbered(range(len(talk.words))), told
        assert heard.languages == ["en-US" if place < switch else "de-DE" for place in talk.words], told
        assert heard.turns == ["start_of_speech", "end_of_speech"] * (len(heard.turns) // 2), told
        assert len(heard.broken) == 8, told
