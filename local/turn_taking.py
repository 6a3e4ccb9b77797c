"""When a person on the phone speaks: the other side has answered and fallen silent, or they interrupt it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from local.ear import Span

ANSWER_OVER: Final = 0.7
"""Seconds of silence after which an answer seems finished."""
REACTION: Final = 0.2
"""What a person needs from noticing it to speaking."""
PATIENCE: Final = 12.0
"""How long somebody stays on a line on which nothing is heard."""
LAST_WORD: Final = 6.0
"""How long somebody who has said everything waits for the other side to hang up."""


class Move(StrEnum):
    """What the guest does now."""

    LISTEN = "listen"
    SPEAK = "speak"
    GIVE_UP = "give_up"


@dataclass(frozen=True)
class TurnTaking:
    """A guest who waits for the answer to the words they spoke during `spoken`.

    A stretch of the hotel's speech that began before those words did is no answer to them: it was interrupted.
    """

    spoken: Span
    pause: float = 0.0
    interrupt_after: float | None = None
    patience: float = PATIENCE

    def move(self, hotel: Sequence[Span], speaking: bool, now: float) -> Move:
        """What to do at the moment `now`, having heard `hotel`; its last stretch still goes on if `speaking`."""
        answer = [span for span in hotel if span.start > self.spoken.start and span.end > self.spoken.end]
        if not answer:
            return Move.GIVE_UP if now - self._silent_since(hotel, speaking, now) > self.patience else Move.LISTEN
        if self.interrupt_after is not None:
            began = max(answer[0].start, self.spoken.end)
            return Move.SPEAK if now >= began + self.interrupt_after else Move.LISTEN
        over = not speaking and now >= answer[-1].end + ANSWER_OVER + REACTION + self.pause
        return Move.SPEAK if over else Move.LISTEN

    def _silent_since(self, hotel: Sequence[Span], speaking: bool, now: float) -> float:
        if speaking:
            return now
        return max(self.spoken.end, hotel[-1].end if hotel else self.spoken.end)
