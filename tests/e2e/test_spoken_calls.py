"""Guests phone the demo hotel over real audio, and what they wanted is in the hotel's system afterwards."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import pytest

from lambdas.shared.domain.call import Outcome
from local.processes import ROOT
from local.report import TurnReport
from local.scenario import Expected, ExpectedCall, ExpectedFollowUp, Line
from local.stack import Stack
from local.voices import GERMAN_VOICE
from tests.figures import Figures
from tests.spoken import failed_checks, phone, scenario

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]

PICK_UP_MS = 1500
TURN_P50_MS = 1500
TURN_P95_MS = 2500
BARGE_IN_MEDIAN_MS = 700
BARGE_IN_WORST_MS = 1000


@pytest.mark.parametrize("attempt", [pytest.param(1, marks=pytest.mark.smoke), 2, 3])
@pytest.mark.parametrize("name", ["book", "breakfast_and_parking", "human"])
async def test_a_guest_gets_what_they_phoned_for(stack: Stack, figures: Figures, name: str, attempt: int) -> None:
    """The hotel's system, the front desk's list and the call end as the scenario says."""
    (report,) = await phone(stack, name, figures, f"{name} ends as it says")

    assert failed_checks(report) == []
    assert all(turn.answered for turn in report.turns)


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="no German voice: espeak-ng is not installed")
@pytest.mark.parametrize("attempt", [1, 2, 3])
async def test_a_guest_who_goes_on_in_german_is_answered_in_german(
    stack: Stack, figures: Figures, attempt: int
) -> None:
    """From the answer to the first German words on, text, record and voice are German, and a room is booked."""
    (report,) = await phone(stack, "english_then_german", figures, "german is answered in german")

    english, german = report.turns[:2], report.turns[2:]
    assert failed_checks(report) == []
    assert {turn.languages for turn in english} == {("en",)}
    assert {turn.languages for turn in german} == {("de",)}
    assert {voice for turn in english for voice in _voices(stack, turn)} == {"en_US-joe-medium"}
    assert {voice for turn in german for voice in _voices(stack, turn)} == {GERMAN_VOICE}


@pytest.mark.parametrize("attempt", [1, 2, 3])
async def test_a_guest_cancels_what_was_booked_before(stack: Stack, figures: Figures, attempt: int) -> None:
    """The reservation is found by name and days, its fee is said, and it is cancelled in the hotel's system."""
    (report,) = await phone(stack, "cancel", figures, "cancel ends as it says")

    assert failed_checks(report) == []


@pytest.mark.smoke
async def test_an_interruption_is_heard_and_answered(stack: Stack, figures: Figures) -> None:
    """A guest who speaks over a long answer is let speak, and what they said is answered."""
    (report,) = await phone(stack, "interruption", figures, "interruption is answered")

    assert failed_checks(report) == []
    assert len(report.barge_in_ms) == 1


async def test_the_default_call_is_quick_to_the_ear(stack: Stack, figures: Figures) -> None:
    """The phone is picked up, and every turn of the default scenario answered, within the limits; three of three."""
    reports = [(await phone(stack, "book", figures, "book is quick"))[0] for _ in range(3)]

    for report in reports:
        assert failed_checks(report) == []
        assert report.pick_up_ms is not None
        assert report.pick_up_ms <= PICK_UP_MS
        assert report.turn_ms.p50 is not None
        assert report.turn_ms.p50 <= TURN_P50_MS, report.turn_ms
        assert report.turn_ms.p95 is not None
        assert report.turn_ms.p95 <= TURN_P95_MS, report.turn_ms


async def test_an_interrupted_voice_pauses_soon(stack: Stack, figures: Figures) -> None:
    """The agent's audio pauses within the limits after a guest begins to speak over it; three of three."""
    reports = [(await phone(stack, "interruption", figures, "interruption is quick"))[0] for _ in range(3)]

    pauses = [pause for report in reports for pause in report.barge_in_ms]
    assert [failed_checks(report) for report in reports] == [[], [], []]
    assert len(pauses) == 3
    assert median(pauses) <= BARGE_IN_MEDIAN_MS, pauses
    assert max(pauses) <= BARGE_IN_WORST_MS, pauses


async def test_two_guests_at_once_are_both_served(stack: Stack, figures: Figures) -> None:
    """Two calls at the same time both end as they should, and each guest has their own reservation."""
    reports = await phone(stack, "book", figures, "two at once", calls=2)

    assert [failed_checks(report) for report in reports] == [[], []]
    codes = {report.reservation.code for report in reports if report.reservation}
    assert len(codes) == 2


async def test_wrong_words_book_nothing(stack: Stack, figures: Figures) -> None:
    """A guest who says none of what the scenario is about is asked, then passed on to a human; nothing is booked."""
    sentences = ["The weather is lovely today.", "My neighbour has a green bicycle.", "We sang songs on the beach."]
    nonsense = [Line(text=sentence) for sentence in sentences]
    handed_over = Expected(call=ExpectedCall(outcome=Outcome.MESSAGE_TAKEN), follow_ups=(ExpectedFollowUp(),))

    (report,) = await phone(stack, "book", figures, "wrong words book nothing", lines=nonsense, expected=handed_over)

    assert failed_checks(report) == []
    assert report.reservation is None


async def test_a_turn_is_one_trace(stack: Stack, figures: Figures) -> None:
    """Everything that a turn causes, from the recognition of its words to its own record, carries its trace id."""
    (report,) = await phone(stack, "book", figures, "a turn is one trace")

    booking = next(turn for turn in report.turns if any(tool.name == "book_stay" for tool in turn.tools))
    asked = {part: (stack.logs / f"{part}.log").read_text() for part in ("riva", "brain", "gateway", "voices")}
    assert len(booking.trace_ids) == 1
    assert [part for part, told in asked.items() if booking.trace_ids[0] not in told] == []


async def test_no_log_knows_the_caller(stack: Stack, figures: Figures) -> None:
    """After a call the caller's number is in no file but the call's own folder, and no log knows the name either."""
    guest = scenario("book").guest
    (report,) = await phone(stack, "book", figures, "no log knows the caller")

    digits = guest.number.lstrip("+")
    numbers = [digits, f"0{digits[2:]}", f"{digits[:2]} {digits[2:5]} {digits[5:]}"]
    logs = {log: log.read_text() for log in stack.logs.glob("*.log")}
    assert failed_checks(report) == []
    assert _files_with(ROOT / ".local", numbers) == []
    assert [(log.name, name) for log, told in logs.items() for name in guest.name.split() if name in told] == []
    assert any("[phone]" in told for told in logs.values()), "the redactor had nothing to do: is anything logged?"


def _voices(stack: Stack, turn: TurnReport) -> list[str]:
    """The voices that were asked to speak the turn's answer, as the engine's log has them."""
    told = [json.loads(line) for line in (stack.logs / "voices.log").read_text().splitlines()]
    return [line["voice"] for line in told if "voice" in line and line.get("trace_id") in turn.trace_ids]


def _files_with(folder: Path, secrets: Iterable[str]) -> list[str]:
    """Every file below the folder, beside the recordings of calls, that holds one of these."""
    wanted = [secret.encode() for secret in secrets]
    files = (path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] != "calls")
    return [str(path) for path in files if any(secret in path.read_bytes() for secret in wanted)]
