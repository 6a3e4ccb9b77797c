"""The second agent: neither hears nor thinks, so it can still say what went wrong when hearing or thinking failed."""

from __future__ import annotations

import asyncio
import math
from array import array
from collections.abc import AsyncIterator
from typing import Final

from livekit import rtc
from livekit.agents import Agent, AgentSession

SAMPLE_RATE: Final = 24_000
TONE_HZ: Final = 425
TONE_SECONDS: Final = 0.25
"""Congestion tone of most European networks (ITU-T E.180): 425 Hz, a quarter of a second on, as long off."""
TONES: Final = 6
LONGEST_SENTENCE: Final = 15.0


class Operator(Agent):
    """Takes a call that no receptionist can take."""

    def __init__(self) -> None:
        super().__init__(instructions="", stt=None, vad=None, llm=None)


async def apologise(session: AgentSession[object], sentence: str) -> bool:
    """Say one sentence to its end whatever the guest does; False when no voice said it."""
    speech = session.say(sentence, allow_interruptions=False)
    try:
        async with asyncio.timeout(LONGEST_SENTENCE):
            await speech.wait_for_playout()
    except TimeoutError:
        return False
    return any(item.type == "message" for item in speech.chat_items)


async def sound_congestion(session: AgentSession[object]) -> None:
    """What is left when no voice speaks: the tone every telephone uses for "call again later"."""
    speech = session.say("", audio=congestion_tone(), allow_interruptions=False, add_to_chat_ctx=False)
    async with asyncio.timeout(LONGEST_SENTENCE):
        await speech.wait_for_playout()


async def congestion_tone() -> AsyncIterator[rtc.AudioFrame]:
    """The tone and its pauses, a frame each."""
    samples = round(SAMPLE_RATE * TONE_SECONDS)
    turn = 2 * math.pi * TONE_HZ / SAMPLE_RATE
    tone = array("h", (round(8_000 * math.sin(turn * sample)) for sample in range(samples)))
    for _ in range(TONES):
        for sound in (tone.tobytes(), bytes(2 * samples)):
            yield rtc.AudioFrame(sound, SAMPLE_RATE, 1, samples)
