"""What tests that play spoken calls share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from local.call import SCENARIOS
from local.caller import Moment
from local.play import CALLS, play
from local.report import CallReport
from local.scenario import Expected, Line, Scenario, load_scenario
from local.stack import Stack
from tests.figures import Figures


def scenario(name: str) -> Scenario:
    """The scenario of that name."""
    return load_scenario(SCENARIOS / f"{name}.toml")


async def phone(
    stack: Stack,
    name: str,
    figures: Figures,
    promise: str,
    *,
    calls: int = 1,
    lines: Sequence[Line] = (),
    dispatch: str | None = None,
    watch: Callable[[Moment], None] = lambda _: None,
    expected: Expected | None = None,
    folder: Path = CALLS,
) -> Sequence[CallReport]:
    """Play a scenario on the stack; what each guest heard and what was found afterwards.

    With `lines` the guest says those instead of the scenario's own; with `dispatch` the agent is told that instead of
    the hotel's name. `watch` hears of every moment of the calls.
    """
    script = scenario(name)
    if lines:
        script = script.model_copy(update={"lines": tuple(lines)})
    played = await play(
        stack,
        name,
        script,
        calls=calls,
        expected=expected,
        dispatch=dispatch,
        watch=lambda _, moment: watch(moment),
        folder=folder,
    )
    reports = [one.report for one in played]
    figures.calls += [(promise, report) for report in reports]
    return reports


def failed_checks(report: CallReport) -> list[str]:
    """What differs from what the scenario expects, in words; empty when nothing does."""
    return [
        f"{check.name}: expected {check.expected}, found {check.found} ({report.call_id})"
        for check in report.checks
        if not check.passed
    ]
