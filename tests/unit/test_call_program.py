"""`make call`: what it prints while a call goes on, and the options it understands."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from local.call import _fault, _tools_of, main
from local.caller import Moment, What
from local.terminal import Screen

pytestmark = pytest.mark.unit


class Page(Console):
    """A place that is no terminal and keeps what is printed."""

    def __init__(self) -> None:
        self.paper = io.StringIO()
        super().__init__(file=self.paper, width=60)

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.paper.getvalue().splitlines()]


def test_a_call_is_told_in_plain_lines() -> None:
    """Who speaks, what was understood and how long the guest waited, one line each, however long."""
    page = Page()
    screen = Screen(page)
    words = "I would like to book a double room [with a view] for two people and two nights, please."

    with screen.live():
        screen.show(Moment(0.0, What.RINGING, "call_+493023125001_x"))
        screen.show(Moment(0.7, What.HOTEL_SPEAKS))
        screen.show(Moment(1.2, What.HOTEL_SILENT))
        screen.show(Moment(1.4, What.HOTEL_SPEAKS))
        screen.show(Moment(2.0, What.SAID, "Good day."))
        screen.show(Moment(3.0, What.GUEST_SPEAKS, words))
        screen.show(Moment(5.0, What.GUEST_SILENT))
        screen.show(Moment(5.5, What.UNDERSTOOD, "a double room"))
        screen.tool("check_availability", 31, None)
        screen.show(Moment(6.25, What.HOTEL_SPEAKS))
        screen.show(Moment(65.0, What.HUNG_UP, "hotel"))

    assert page.lines == [
        "0:00.0  the phone rings",
        "picked up after 0.70 s",
        "0:02.0  Hotel  Good day.",
        f"0:03.0  Guest  {words}",
        "understood “a double room”",
        "⚙ check_availability 31 ms",
        "answered after 1.25 s",
        "1:05.0  the hotel hangs up",
    ]


async def test_only_the_tools_of_a_call_are_shown(tmp_path: Path) -> None:
    """Of the receptionist's log, the tools of the calls that are watched are shown, from now on and in whole lines."""
    page, log = Page(), tmp_path / "agent.log"
    ran = json.dumps({"event": "tool ran", "call_id": "mine", "tool": "end_call", "ms": 2, "error": "refused"}) + "\n"
    other = json.dumps({"event": "tool ran", "call_id": "other", "tool": "book_stay", "ms": 2}) + "\n"
    log.write_text(ran, encoding="utf-8")

    async with _tools_of(log, {"mine": Screen(page)}):
        await asyncio.sleep(0)
        with log.open("a", encoding="utf-8") as file:
            file.write("no JSON\n[1]\n" + other + ran[:20])
            file.flush()
            await asyncio.sleep(0.15)
            file.write(ran[20:])
            file.flush()
        await asyncio.sleep(0.25)

    assert page.lines == ["⚙ end_call 2 ms refused"]


def test_parts_can_be_told_to_fail() -> None:
    """A function fails for good or for some seconds; what is no part is refused."""
    assert _fault("pms") == ("pms", None)
    assert _fault("calls:10") == ("calls", 10.0)
    assert _fault("riva") == ("riva", None)
    for wrong in ("nobody", "pms:soon", "riva:3"):
        with pytest.raises(argparse.ArgumentTypeError):
            _fault(wrong)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["cancel", "--calls", "2"], "cancel is about one guest's reservation: it is played by one guest at a time"),
        (["dance"], "there is no scenario 'dance'; there are book, "),
    ],
)
def test_what_cannot_be_played_is_said_before_anything_starts(
    options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two guests cannot cancel one reservation, and a scenario has a name."""
    monkeypatch.setattr(sys, "argv", ["call", *options])

    with pytest.raises(SystemExit, match=said):
        main()


def test_a_booking_system_that_nobody_stands_in_for_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever mistypes a connector reads which there are."""
    monkeypatch.setattr(sys, "argv", ["call", "--pms", "fidelio"])

    with pytest.raises(SystemExit):
        main()

    told = capsys.readouterr().err
    assert all(vendor in told for vendor in ("apaleo", "cloudbeds", "mews", "oracle_ohip"))
