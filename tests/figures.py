"""A pytest plugin: `--report FILE` writes what a run measured, here of spoken calls, with commit and date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local.code_state import code_state

if TYPE_CHECKING:
    from local.report import CallReport


class Figures:
    """Every call that this run played, under the promise it was played for."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, CallReport]] = []

    def table(self) -> str:
        """One row a promise, in the order in which they were tested."""
        rows = [
            "| promise | calls | as expected | pick-up ms (worst) | turn p50 ms | turn p95 ms | barge-in ms |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for promise in dict.fromkeys(promise for promise, _ in self.calls):
            calls = [call for name, call in self.calls if name == promise]
            waits = [wait for call in calls for wait in call.turn_ms.turns]
            pauses = [pause for call in calls for pause in call.barge_in_ms]
            pick_ups = [call.pick_up_ms for call in calls if call.pick_up_ms is not None]
            cells = (
                promise,
                str(len(calls)),
                str(sum(call.passed for call in calls)),
                _shown(max(pick_ups, default=None)),
                _shown(_percentile(waits, 0.5)),
                _shown(_percentile(waits, 0.95)),
                ", ".join(map(str, pauses)) or "–",
            )
            rows.append(f"| {' | '.join(cells)} |")
        return "\n".join(rows)


def _percentile(values: list[int], share: float) -> float | None:
    # Imported here: tests that play no call load nothing of the local stack.
    from local.ear import percentile

    return percentile(values, share)


def _shown(value: float | None) -> str:
    return "–" if value is None else str(round(value))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--report", type=Path, help="write what was measured in this run to a Markdown file")


@pytest.fixture(scope="session")
def figures(request: pytest.FixtureRequest) -> Iterator[Figures]:
    target: Path | None = request.config.getoption("--report")
    # Asked at the beginning: what is played is what was imported then.
    collected, code = Figures(), code_state() if target else ""
    yield collected
    if target and collected.calls:
        target.write_text(_page(collected, code), encoding="utf-8")


def _page(figures: Figures, code: str) -> str:
    return (
        "# Spoken calls\n\n"
        "Written by `make e2e`: every call is played over real audio, through the real LiveKit server, on one machine "
        "with the stand-ins of `local/`. Times are by ear, at the guest's side; callers run on the same machine.\n\n"
        f"{code}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.\n\n"
        f"{figures.table()}\n"
    )
