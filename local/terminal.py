"""A call as it happens, in the terminal: who speaks, what was understood, which tool ran, how long the guest waits.

On a terminal a last line moves with the call; elsewhere there are plain lines.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.text import Text

from local.caller import Moment, What
from local.report import CallReport

REFRESHES: Final = 10


class Screen:
    """Shows one call; `label` tells it from others that are made at the same time."""

    def __init__(self, console: Console, label: str = "") -> None:
        self._console, self._label = console, label
        self._now = Text()
        self._waiting_since: float | None = time.monotonic()
        self._silent_at = 0.0
        self._picked_up = False

    def show(self, moment: Moment) -> None:
        """Show what happened."""
        match moment.what:
            case What.RINGING:
                self._wait("the phone rings", moment)
                self._line(moment.at, "[dim]the phone rings[/]")
            case What.HOTEL_SPEAKS:
                self._hotel_speaks(moment)
            case What.GUEST_SPEAKS:
                self._say("Guest", "green", "speaks")
                self._line(moment.at, f"[bold green]Guest[/]  {escape(moment.text)}")
            case What.GUEST_SILENT:
                self._wait("the guest waits", moment)
            case What.UNDERSTOOD:
                self._line(None, f"[dim]understood “{escape(moment.text)}”[/]")
            case What.SAYING:
                self._say("Hotel", "blue", moment.text)
            case What.SAID:
                self._now = Text()
                self._line(moment.at, f"[bold blue]Hotel[/]  {escape(moment.text)}")
            case What.HOTEL_SILENT:
                pass
            case What.HUNG_UP:
                self._waiting_since, self._now = None, Text()
                self._line(moment.at, f"[dim]the {moment.text} hangs up[/]")

    def tool(self, name: str, ms: int, error: str | None) -> None:
        """Show that a tool ran."""
        fault = f" [red]{escape(error)}[/]" if error else ""
        self._line(None, f"[magenta]⚙ {escape(name)}[/] [dim]{ms} ms[/]{fault}")

    def live(self) -> AbstractContextManager[object]:
        """While it is entered, the last line of a terminal shows the present."""
        if not self._console.is_terminal:
            return nullcontext()
        return Live(get_renderable=self._present, console=self._console, refresh_per_second=REFRESHES, transient=True)

    def _hotel_speaks(self, moment: Moment) -> None:
        if self._waiting_since is None:
            return
        self._waiting_since = None
        waited = f"{moment.at - self._silent_at:.2f} s"
        self._say("Hotel", "blue", "speaks")
        self._line(None, f"[yellow]{'answered' if self._picked_up else 'picked up'} after {waited}[/]")
        self._picked_up = True

    def _wait(self, what: str, moment: Moment) -> None:
        self._silent_at, self._waiting_since = moment.at, time.monotonic()
        self._now = Text(f"… {what}", style="yellow")

    def _say(self, who: str, colour: str, words: str) -> None:
        self._now = Text.assemble(("● ", colour), (f"{who} ", f"bold {colour}"), words, overflow="ellipsis")
        self._now.no_wrap = True

    def _present(self) -> Text:
        if self._waiting_since is None or not self._now.plain:
            return self._now
        return Text.assemble(self._now, (f" {time.monotonic() - self._waiting_since:.1f} s", "yellow"))

    def _line(self, at: float | None, markup: str) -> None:
        when = "        " if at is None else f"{int(at // 60):>3}:{at % 60:04.1f}"
        label = f"[dim]{escape(self._label)}[/] " if self._label else ""
        self._console.print(f"{label}[dim]{when}[/]  {markup}", highlight=False, soft_wrap=True)


def verdict_line(report: CallReport) -> str:
    """What came of a call, in one line of markup."""
    sign = "[bold green]✓[/]" if report.passed else "[bold red]✕[/]"
    stay = report.reservation
    result = str(report.outcome or report.state).replace("_", " ")
    if stay:
        dates = f"{stay.stay.arrival:%-d %b} to {stay.stay.departure:%-d %b %Y}"
        result += f": {stay.room}, {dates}, {stay.guest.name}, {stay.total}"
    elif report.reason and report.outcome == "failed":
        result += f" ({report.reason})"
    waits = [
        f"{name} {ms / 1000:.2f} s"
        for name, ms in {
            "picked up after": report.pick_up_ms,
            "turns p50": report.turn_ms.p50,
            "p95": report.turn_ms.p95,
            "fell silent after": max(report.barge_in_ms, default=None),
        }.items()
        if ms is not None
    ]
    return f"{sign} [bold]{escape(result)}[/] · {', '.join(waits) or 'nothing was heard'}"
