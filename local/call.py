"""A guest phones the demo hotel, over real audio and through the real code of every part: `make call`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from lambdas.shared.domain.call import Outcome
from local.caller import Moment, Unanswered, What
from local.play import NoRecord, Played, play
from local.processes import ROOT, StartError
from local.scenario import Expected, ExpectedCall, Scenario, ScenarioError, list_scenarios
from local.stack import Replacements, Stack
from local.terminal import Screen, verdict_line
from local.vendor import VENDORS

SCENARIOS: Final = ROOT / "tests" / "e2e" / "scenarios"
DEFAULT: Final = "book"
FUNCTIONS: Final = ("pms", "tts_router", "calls", "livekit_webhook")
ABSENT: Final = ("riva", "voices", "brain")
NOBODY: Final = "127.0.0.1:9"
TAIL_EVERY: Final = 0.1


def main() -> None:
    """Play a guest phoning the demo hotel; the exit status is 0 when all was as the scenario expects."""
    options = _options()
    console = Console()
    try:
        scenarios = list_scenarios(SCENARIOS)
    except ScenarioError as error:
        raise SystemExit(str(error)) from None
    if options.list:
        for name, scenario in scenarios.items():
            console.print(f"  [bold]{escape(name):<24}[/] {escape(scenario.title)}", highlight=False, soft_wrap=True)
        return
    name = options.scenario or options.name or DEFAULT
    if name not in scenarios:
        raise SystemExit(f"there is no scenario {name!r}; there are {', '.join(scenarios)}")
    if options.calls > 1 and scenarios[name].booked:
        raise SystemExit(f"{name} is about one guest's reservation: it is played by one guest at a time")
    # The client reports every hang-up of the other side as a fault of its data channels.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    try:
        passed = asyncio.run(_call(console, name, scenarios[name], options))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (StartError, Unanswered, NoRecord) as error:
        raise SystemExit(f"no call: {error}") from None
    raise SystemExit(0 if passed else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make call", description=main.__doc__)
    parser.add_argument("name", nargs="?", help=f"the scenario to play (default: {DEFAULT})")
    parser.add_argument("--scenario", metavar="NAME", help="the same")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    parser.add_argument(
        "--pms", choices=VENDORS, help="whose stand-in is the hotel's booking system (default: our own)"
    )
    parser.add_argument("--calls", type=int, default=1, metavar="N", help="so many guests phone at once")
    parser.add_argument(
        "--faults",
        nargs="+",
        default=[],
        metavar="PART",
        type=_fault,
        help="what does not work: "
        + ", ".join((*(f"{function}[:SECONDS]" for function in FUNCTIONS), *ABSENT))
        + "; the call is expected to fail, and to end",
    )
    return parser.parse_args()


def _fault(text: str) -> tuple[str, float | None]:
    """A part that does not work, and for how many seconds from the start on; None is for good."""
    part, _, seconds = text.partition(":")
    if part in ABSENT and not seconds:
        return part, None
    if part in FUNCTIONS:
        with contextlib.suppress(ValueError):
            return part, float(seconds) if seconds else None
    raise argparse.ArgumentTypeError(f"{text!r} is no part that can fail")


async def _call(console: Console, name: str, scenario: Scenario, options: argparse.Namespace) -> bool:
    """Start the stack, play, show, and say what came of it."""
    calls: int = options.calls
    faults: Sequence[tuple[str, float | None]] = options.faults
    console.print(f"[bold]{escape(scenario.title)}[/]", highlight=False)
    screens = [Screen(console, str(number + 1) if calls > 1 else "") for number in range(calls)]
    by_call: dict[str, Screen] = {}

    def watch(number: int, moment: Moment) -> None:
        if moment.what is What.RINGING:
            by_call[moment.text] = screens[number]
        screens[number].show(moment)

    async with AsyncExitStack() as ending:
        with console.status("starting the hotel's side") as status:
            starting = Stack.start(
                replace=_absent(part for part, _ in faults),
                pms=options.pms,
                max_calls=max(4, calls),
                progress=lambda part: _progress(console, status, part),
            )
            stack = await ending.enter_async_context(starting)
        await _break(stack, faults)
        async with _tools_of(stack.logs / "agent.log", by_call):
            with screens[0].live() if calls == 1 else nullcontext():
                expected = Expected(call=ExpectedCall(outcome=Outcome.FAILED)) if faults else None
                played = await play(stack, name, scenario, calls=calls, expected=expected, watch=watch)
        for call in played:
            _tell(console, call, stack.logs)
    return all(call.report.passed for call in played)


def _progress(console: Console, status: Status, part: str) -> None:
    status.update(f"starting the hotel's side: {escape(part)}")
    if not console.is_terminal:
        console.print(f"  {escape(part)}", highlight=False)


def _absent(parts: Iterable[str]) -> Replacements:
    """Addresses at which nobody is, for the parts of which somebody could be elsewhere."""
    urls = {part: NOBODY if part == "riva" else f"http://{NOBODY}" for part in parts if part in ABSENT}
    return Replacements(**urls)


async def _break(stack: Stack, faults: Sequence[tuple[str, float | None]]) -> None:
    """Make functions fail from now on."""
    failing = {part: {"status": 500, "seconds": seconds} for part, seconds in faults if part in FUNCTIONS}
    async with httpx.AsyncClient(base_url=stack.addresses.api, timeout=5) as http:
        (await http.put("/_faults", json=failing)).raise_for_status()


@asynccontextmanager
async def _tools_of(log: Path, screens: Mapping[str, Screen]) -> AsyncIterator[None]:
    """Show the tools that the receptionist's log says have run."""
    reading = asyncio.create_task(_read_tools(log, screens), name="the receptionist's log")
    try:
        yield
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_tools(log: Path, screens: Mapping[str, Screen]) -> None:
    tail = _Tail(log)
    while True:
        for line in tail.new_lines():
            _show_tool(line, screens)
        await asyncio.sleep(TAIL_EVERY)


class _Tail:
    """The lines that a file gets from now on; a file that is begun anew is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path, self._at = path, path.stat().st_size

    def new_lines(self) -> list[bytes]:
        """What has been added since the last time, in whole lines."""
        with self._path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            self._at = self._at if self._at <= end else 0
            file.seek(self._at)
            *whole, _ = file.read().split(b"\n")
        self._at += sum(len(line) + 1 for line in whole)
        return whole


def _show_tool(line: bytes, screens: Mapping[str, Screen]) -> None:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        told = json.loads(line)
        if told["event"] == "tool ran":
            screens[told["call_id"]].tool(told["tool"], told["ms"], told.get("error"))


def _tell(console: Console, call: Played, logs: Path) -> None:
    """One line of verdict; when something differs, what, and where to look."""
    console.print(verdict_line(call.report), highlight=False, soft_wrap=True)
    for check in call.report.checks:
        if not check.passed:
            told = f"  {check.name}: expected {check.expected}, found {check.found}"
            console.print(f"[red]{escape(told)}[/]", highlight=False, soft_wrap=True)
    console.print(f"  [dim]report[/] {_short(call.folder / 'report.html')}", highlight=False, soft_wrap=True)
    if not call.report.passed:
        console.print(f"  [dim]logs[/]   {_short(logs)}/", highlight=False, soft_wrap=True)


def _short(path: Path) -> str:
    return escape(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path))


if __name__ == "__main__":
    main()
