"""A recogniser that dies while a guest speaks costs no fact and, once it is back, no more than a moment.

The recogniser is `local/riva.py` with its model on the CPU, a process that is killed without warning and started again.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from local.code_state import code_state
from tests.faults.recognition_outage import LINES, Kill, Recogniser, Run, call, recogniser

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

MOST_SECONDS: Final = 1.5
KILLS: Final = {
    "in the middle of a sentence": Kill(line=0, after=1.2),
    "after a sentence, before it is flushed": Kill(line=1, after=0.4, of="ends"),
    "with the first word of a sentence": Kill(line=2, after=0.1),
}


class Told:
    """What this run has measured, written to the report at its end."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def add(self, when: str, undisturbed: Run, run: Run) -> None:
        away = (run.back or 0.0) - (run.killed or 0.0)
        facts, wanted = run.facts(LINES), undisturbed.facts(LINES)
        cells = (
            when,
            f"{away:.1f}",
            f"{run.gap:.2f}",
            f"{max(run.waits()):.2f}",
            f"{max(undisturbed.waits()):.2f}",
            f"{len(facts & wanted)} of {len(wanted)}",
            str(len(run.errors)),
        )
        self.rows.append(f"| {' | '.join(cells)} |")

    def page(self, code: str) -> str:
        return (
            "# Recognition after an outage\n\n"
            "Written by `make faults-asr`: a guest says four sentences in real time to the stand-in of `local/riva.py` "
            "(whisper base on the CPU), which is killed without warning and started again at once. `gap` is from the "
            "moment in which it answers again, or from the flush of a sentence that was still being said, to the first "
            f"words; it includes the recognition itself and may be {MOST_SECONDS} s. `wait` is the longest from flush "
            "(or return) to final, beside the undisturbed call's. Facts are counted against the undisturbed call. "
            "Errors are those that the session was told of, all of them recoverable: one for the outage, and one more "
            "where it outlived the recogniser's own budget.\n\n"
            f"{code}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.\n\n"
            "| killed | away s | gap s | wait s | undisturbed wait s | facts | errors |\n"
            "| --- | --- | --- | --- | --- | --- | --- |\n" + "\n".join(self.rows) + "\n"
        )


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest) -> Iterator[Told]:
    target: Path | None = request.config.getoption("--report")
    told, code = Told(), code_state() if target else ""
    yield told
    if target and told.rows:
        target.write_text(told.page(code), encoding="utf-8")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Recogniser]:
    async with recogniser(tmp_path) as started:
        yield started


async def test_no_fact_is_lost_and_the_gap_is_short(service: Recogniser, told: Told) -> None:
    """Three outages in three calls: the key facts are those of an undisturbed call, 1.5 s after Riva is back."""
    undisturbed = await call(service, LINES)
    runs = {when: await call(service, LINES, kill) for when, kill in KILLS.items()}
    for when, run in runs.items():
        told.add(when, undisturbed, run)

    assert undisturbed.facts(LINES) >= {"room", "nights", "month", "name", "agreed"}
    for when, run in runs.items():
        assert run.facts(LINES) == undisturbed.facts(LINES), f"killed {when}: {run.text!r}"
        assert run.gap <= MOST_SECONDS, f"killed {when}"
        assert all(run.errors), f"killed {when}: the recogniser gave up"
