"""Conversations of one process that send in the same moment share what waking up costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from agent.speech.riva_pace import WINDOW, Pace

pytestmark = pytest.mark.unit


class Clock:
    """An event loop's clock and its timers, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> None:
        self.timers.append((when, callback))

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer[0] <= self.now]
        self.timers = [timer for timer in self.timers if timer not in due]
        for _, callback in due:
            callback()


class Sent:
    """Who was called, in order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.names: list[str] = []
        self._pace = Pace(cast("Any", self.clock))

    def send_soon(self, name: str) -> None:
        self._pace.send_soon(lambda: self.names.append(name))


def test_a_conversation_that_is_alone_never_waits() -> None:
    """Frame after frame goes out in the moment it comes."""
    sent = Sent()
    for number in range(3):
        sent.send_soon(f"frame {number}")

        assert len(sent.names) == number + 1
        sent.clock.pass_by(0.05)


def test_those_who_come_within_a_window_go_together() -> None:
    """Whoever comes soon after another waits for the window's end, in the order of coming, and one timer wakes all."""
    sent = Sent()
    for name in ("first", "second", "third"):
        sent.send_soon(name)
        sent.clock.now += WINDOW / 4

    waiting, timers = list(sent.names), len(sent.clock.timers)
    sent.clock.pass_by(WINDOW)

    assert (waiting, timers) == (["first"], 1)
    assert sent.names == ["first", "second", "third"]


def test_who_comes_after_the_others_waits_again() -> None:
    """A window begins with each sending, the common one too, and ends."""
    sent = Sent()
    sent.send_soon("first")
    sent.send_soon("second")
    sent.clock.pass_by(WINDOW)
    sent.send_soon("third")

    waiting = list(sent.names)
    sent.clock.pass_by(WINDOW)
    sent.clock.pass_by(WINDOW)
    sent.send_soon("fourth")

    assert waiting == ["first", "second"]
    assert sent.names == ["first", "second", "third", "fourth"]


async def test_a_process_has_one_pace() -> None:
    """All who run on one event loop share it."""
    assert Pace.of_process() is Pace.of_process()
