"""Words that a recogniser is not sure of are heard again in the hotel's other languages.

A recogniser that is told a language puts whatever it hears into it: German becomes bad English, in which no detector
finds any German. What gives it away is how little the recogniser believes in it. So a doubtful turn of some words goes
to the recogniser once more, in each of the other languages, and the hearing that is believed most is what the guest is
taken to have said.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, stt

from agent.hearing import RIVA_LANGUAGES
from lambdas.shared.speech.language import SHORT, SURE, Detector

DOUBTFUL: Final = 0.7
"""Below this confidence a turn is heard again. With the local stand-in what is heard in the wrong language has 0.3 to
0.7, and in the right one 0.65 to 0.95."""
BELIEVED: Final = 0.6
BETTER: Final = 0.1
"""A hearing in another language is taken when it has this confidence, and so much more than the first one."""
WITHIN: Final = 2.0
"""Seconds in which the second hearing must come; else the first one stands."""
LONGEST: Final = 20.0
"""Seconds of audio that are kept for it."""
AROUND: Final = 2.0
"""Seconds heard again beside the words themselves: what passed until they were recognised, and a margin."""

FINAL: Final = stt.SpeechEventType.FINAL_TRANSCRIPT
_ONCE: Final = APIConnectOptions(max_retry=0, timeout=WITHIN)

logger = structlog.get_logger()


@dataclass(frozen=True)
class _Heard:
    """A second hearing, and how likely its words are in its language."""

    data: stt.SpeechData
    likely: float


class SecondHearing:
    """Hears a conversation's doubtful turns again, by a recogniser of its own, which can be told any language."""

    def __init__(self, recogniser: stt.STT[Any], detector: Detector, languages: Sequence[str], current: str) -> None:
        self._recogniser, self._detector, self._languages = recogniser, detector, tuple(languages)
        self.current = current
        """The language that the first recogniser is told, as an ISO 639-1 code."""
        self._frames: deque[rtc.AudioFrame] = deque()
        self._kept = 0.0

    async def keep(self, audio: AsyncIterable[rtc.AudioFrame]) -> AsyncIterator[rtc.AudioFrame]:
        """The same audio, of which the last seconds can be heard again."""
        async for frame in audio:
            self._frames.append(frame)
            self._kept += frame.duration
            while self._kept > LONGEST:
                self._kept -= self._frames.popleft().duration
            yield frame

    async def settle(self, event: stt.SpeechEvent) -> stt.SpeechEvent:
        """The event, or in place of a doubtful final the one that is believed most.

        A confidence of 0 means that the recogniser tells none. Then the detector decides, by the words alone.
        """
        if event.type is not FINAL or not event.alternatives:
            return event
        first = event.alternatives[0]
        doubt = self._doubt(first)
        if doubt is None:
            return event
        frames = self._latest(first.end_time - first.start_time + AROUND)
        others = [language for language in self._languages if language != self.current]
        heard = [found for found in await asyncio.gather(*(self._hear(frames, each) for each in others)) if found]
        best = max(heard, key=lambda found: (found.data.confidence, found.likely), default=None)
        if first.confidence > 0:
            taken = best is not None and best.data.confidence >= max(BELIEVED, first.confidence + BETTER)
        else:
            taken = best is not None and best.likely >= SURE
        logger.info("heard again", doubt=doubt, changed=taken)
        if best is None or not taken:
            return event
        best.data.start_time, best.data.end_time = first.start_time, first.end_time
        return stt.SpeechEvent(type=event.type, request_id=event.request_id, alternatives=[best.data])

    def _doubt(self, first: stt.SpeechData) -> str | None:
        """Why a final is doubtful: its confidence is low, or its words may be in another language."""
        if len(first.text.split()) <= SHORT or first.confidence >= DOUBTFUL:
            return None
        if first.confidence > 0:
            return "confidence"
        guess = self._detector.guess(first.text)
        sure = guess is not None and guess.language == self.current and guess.probability >= SURE
        return None if sure else "words"

    async def aclose(self) -> None:
        """Close the recogniser."""
        await self._recogniser.aclose()

    def _latest(self, seconds: float) -> list[rtc.AudioFrame]:
        latest: list[rtc.AudioFrame] = []
        for frame in reversed(self._frames):
            if seconds <= 0:
                break
            seconds -= frame.duration
            latest.append(frame)
        return latest[::-1]

    async def _hear(self, frames: Sequence[rtc.AudioFrame], language: str) -> _Heard | None:
        """What is heard in a language, if it is words of that language."""
        stream = self._recogniser.stream(language=RIVA_LANGUAGES[language], conn_options=_ONCE)
        try:
            async with asyncio.timeout(WITHIN):
                for frame in frames:
                    stream.push_frame(frame)
                stream.flush()
                stream.end_input()
                finals = [event.alternatives[0] async for event in stream if event.type is FINAL and event.alternatives]
        except (APIError, TimeoutError) as error:
            logger.warning("not heard again", language=language, error=type(error).__name__)
            return None
        finally:
            await stream.aclose()
        spoken = [final for final in finals if final.text]
        text = " ".join(final.text for final in spoken)
        guess = self._detector.guess(text) if text else None
        if guess is None or guess.language != language:
            return None
        confidence = min(final.confidence for final in spoken)
        return _Heard(stt.SpeechData(spoken[0].language, text, confidence=confidence), guess.probability)
