"""The recogniser's process dies while a guest speaks, and the guest need not say it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.wiring import CONNECT
from tests.faults.recognition_outage import LINES, Kill, call, recogniser

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


async def test_a_sentence_outlives_its_recogniser(tmp_path: Path) -> None:
    """Killed in the middle of a sentence and started again, it tells every fact of the sentence, in its order."""
    lines = LINES[:1]
    # On a busy machine the recogniser may be away for longer than a call bears.
    tried = replace(CONNECT.stt_conn_options, max_retry=6)
    async with recogniser(tmp_path) as service:
        run = await call(service, lines, Kill(line=0, after=1.2), tried=tried)

    assert run.facts(lines) == {"room", "nights"}
    assert run.text.lower().count("double room") == 1
    assert all(run.errors)
