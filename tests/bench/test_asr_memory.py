"""Our recogniser's memory while it works for minutes: MINUTES=5 unless told otherwise."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import pytest

from local.code_state import code_state
from tests.bench.fake_riva import running_fake_riva
from tests.bench.listening import TURN, run
from tests.remarks import Remark

MINUTES: Final = float(os.environ.get("MINUTES") or 5)
pytestmark = [pytest.mark.bench, pytest.mark.timeout(120 + 80 * MINUTES)]

STREAMS: Final = 32
MOST_GROWTH_MB: Final = 2.0
"""From the second fifth of the time, when all is loaded, to the last fifth."""


def test_memory_is_flat(request: pytest.FixtureRequest, remark: Remark) -> None:
    """However long 32 conversations last, every turn is heard and the process does not grow."""
    code = code_state("agent/speech", "tests/bench")
    with running_fake_riva() as address:
        cost = run("ours", address, STREAMS, round(60 * MINUTES / TURN))
    fifths = _fifths(cost.memory_mb)
    growth = fifths[-1] - fifths[1]

    row = (
        f"| {code}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC | {MINUTES:g} | {STREAMS} "
        f"| {cost.heard} of {cost.all_turns} | {' · '.join(f'{value:.1f}' for value in fifths)} | {growth:+.1f} |"
    )
    remark(row)
    if target := request.config.getoption("--report"):
        target.write_text(_page(row), encoding="utf-8")
    assert (cost.heard, cost.right) == (cost.all_turns, cost.all_turns)
    assert growth <= MOST_GROWTH_MB


def _fifths(values: Sequence[float]) -> list[float]:
    """The medians of the five equal parts."""
    size = len(values) // 5
    return [statistics.median(values[part * size : (part + 1) * size]) for part in range(5)]


def _page(row: str) -> str:
    return (
        "# Our recogniser's memory\n\n"
        f"Written by `make soak-asr MINUTES={MINUTES:g}`: {STREAMS} conversations in one process before the fake Riva "
        "of `make bench-asr`, spoken in real time. Resident memory is read every second; the table has the median of "
        f"each fifth of the time. The promise: at most {MOST_GROWTH_MB:g} MB more in the last fifth than in the "
        "second, when all is loaded.\n\n"
        "| code | minutes | streams | turns heard | MB | growth MB |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        f"{row}\n"
    )
