"""How often and how long a broken request stream is opened again before somebody else must hear the guest."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from livekit.agents import APIError

_RANDOM: Final = random.Random()  # noqa: S311 - it spreads load, and guards nothing


@dataclass(frozen=True)
class Recovery:
    """The budget of one outage: at most `tries` new request streams within `seconds`, with growing, random pauses.

    The first pause is at most `first` seconds, each further one twice as long, none longer than `longest`. They are
    random so that the calls of a recogniser that restarts do not all come back in the same moment.
    """

    tries: int = 12
    seconds: float = 4.0
    first: float = 0.05
    longest: float = 0.5

    def pause(self, failures: int, chance: random.Random = _RANDOM) -> float:
        """Seconds to wait after so many failures in a row."""
        longest = min(self.first * 2.0 ** (failures - 1), self.longest)
        return longest * chance.uniform(0.5, 1.0)


class Outage:
    """One outage after the other, each from its first failure to the next answer; no longer than `seconds` each."""

    def __init__(self, recovery: Recovery, *, seconds: float) -> None:
        self._recovery = recovery
        self._seconds = min(recovery.seconds, seconds)
        self.told = False
        """Whether this outage has been told of; for whoever tells of it."""
        self._began: float | None = None
        self._failures = 0

    def failed(self, error: APIError, now: float) -> float:
        """Counts a failure and tells how many seconds to wait; raises the error when the budget is used up."""
        if self._began is None:
            self._began = now
        self._failures += 1
        if self._failures > self._recovery.tries or now - self._began > self._seconds:
            raise error
        return self._recovery.pause(self._failures)

    def over(self) -> None:
        """Riva has answered, or has held a request stream for long enough: the next failure is a new outage."""
        self.told = False
        self.renew()

    def renew(self) -> None:
        """Begins the budget anew, though the outage lasts."""
        self._began = None
        self._failures = 0
