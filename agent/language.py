"""The language of a call: recogniser, instructions, phrases and voice are in one, and change it together.

They change between two turns, before anything is answered: the guest's words that brought the change are answered in
the new language already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from agent.call import OngoingCall
from agent.hearing import RIVA_LANGUAGES, Recogniser
from agent.prompts import Prompts
from agent.second_hearing import SecondHearing
from lambdas.shared.speech.language import SpokenLanguage

MOST_HINTS: Final = 8
LONGEST_HINT: Final = 32
"""Hints beyond these, in number and in characters, make a recogniser hear them where they were not said."""
ASKED_FOR: Final = 2
"""The guest's turns for which a question counts as just asked."""

logger = structlog.get_logger()


class Voice(Protocol):
    """Whoever speaks on a call."""

    def update_options(self, *, language: str) -> None:
        """The next speech is in this language, an ISO 639-1 code."""


class CallLanguage:
    """The language of one call to a hotel with these prompts; without `spoken` it never changes.

    `again` hears doubtful turns in the hotel's other languages.
    """

    def __init__(
        self,
        call: OngoingCall,
        prompts: Mapping[str, Prompts],
        *,
        spoken: SpokenLanguage | None,
        recogniser: Recogniser,
        voice: Voice,
        again: SecondHearing | None = None,
    ) -> None:
        self.again = again
        self._call, self._prompts, self._spoken = call, prompts, spoken
        self._recogniser, self._voice = recogniser, voice
        self._turns_left = 0
        self._hints: tuple[str, ...] = ()
        self._expect(None)

    def hear(self, words: str) -> bool:
        """Take what the guest said in a turn; True when the call is in another language from now on."""
        self._turns_left -= 1
        if self._spoken is None or not self._spoken.hear(words):
            if self._turns_left <= 0:
                self._expect(None)
            return False
        language = self._spoken.current
        self._call.speak(self._prompts[language])
        self._voice.update_options(language=language)
        if self.again:
            self.again.current = language
        self._recogniser.update_options(language=RIVA_LANGUAGES[language])
        self._call.traces.request_replaced()
        self._expect(None)
        logger.info("language changed", language=language, turn=self._call.turns.current)
        return True

    async def aclose(self) -> None:
        """Close what belongs to it alone."""
        if self.again:
            await self.again.aclose()

    def asked_for(self, what: str) -> None:
        """The guest has just been asked for something, such as `code`: words for it are likely now."""
        self._turns_left = ASKED_FOR
        self._expect(what)

    def _expect(self, asked: str | None) -> None:
        expected = hints(self._call.prompts, asked)
        if expected != self._hints:
            self._hints = expected
            self._recogniser.update_options(phrases=expected)
            self._call.traces.request_replaced()


def hints(prompts: Prompts, asked: str | None) -> tuple[str, ...]:
    """The words that a recogniser should expect, the likeliest first: of what was just asked, and the hotel's name.

    The names of its rooms are none of them: told what to expect in one language, a recogniser hears it in another.
    """
    wanted = (*(prompts.hints.get(asked, ()) if asked else ()), prompts.hotel.title)
    return tuple(word for word in wanted if len(word) <= LONGEST_HINT)[:MOST_HINTS]
