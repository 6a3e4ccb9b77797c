"""Calls that go otherwise than planned end as they should, and what happened is known afterwards."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from lambdas.shared.domain.call import Outcome
from local.caller import Moment, What
from local.play import CALLS
from local.report import CallReport
from local.scenario import Expected, ExpectedCall, Line
from local.stack import Replacements, Stack
from tests.figures import Figures
from tests.spoken import failed_checks, phone

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

FAILED = Expected(call=ExpectedCall(outcome=Outcome.FAILED))
ANSWERED = Expected(call=ExpectedCall(outcome=Outcome.ANSWERED))
HANGS_UP = Line(hang_up=True, interrupt_after=2.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack() -> AsyncIterator[Stack]:
    async with Stack.start() as running:
        yield running


def transcript(report: CallReport) -> list[dict[str, Any]]:
    """The turns as they are stored."""
    turns: list[dict[str, Any]] = json.loads((CALLS / report.call_id / "transcript.json").read_text(encoding="utf-8"))
    return turns


def agent_lines(stack: Stack, report: CallReport) -> list[dict[str, Any]]:
    """What the agent logged of a call."""
    lines = (stack.logs / "agent.log").read_text(encoding="utf-8").splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in told if line.get("call_id") == report.call_id]


def said(report: CallReport) -> str:
    return " ".join(turn.answered for turn in report.turns if turn.answered)


@pytest.mark.parametrize("dispatch", ['{"v":1,"hotel":"grand-budapest"}', "no json"])
async def test_a_dispatch_that_names_no_hotel(stack: Stack, figures: Figures, dispatch: str) -> None:
    """The guest hears that the number cannot be answered, and the call ends as failed."""
    (report,) = await phone(stack, "book", figures, "unknown hotel", dispatch=dispatch, expected=FAILED)

    assert failed_checks(report) == []
    assert (report.reason, report.hung_up_by) == ("unknown_hotel", "hotel")
    assert "this number cannot be answered" in said(report)


async def test_a_guest_who_says_nothing(stack: Stack, figures: Figures) -> None:
    """Silence is asked about once, then the call ends politely."""
    silent = [Line(hang_up=True, pause=30)]

    (report,) = await phone(stack, "book", figures, "silent guest", lines=silent, expected=ANSWERED)

    assert failed_checks(report) == []
    assert (report.reason, report.hung_up_by) == ("guest_silent", "hotel")
    assert "Are you still there?" in said(report)
    assert said(report).endswith("Goodbye!")


async def test_a_guest_who_hangs_up_in_the_middle_of_a_sentence(stack: Stack, figures: Figures) -> None:
    """The call ends as the guest ended it, and the cut sentence is on record as far as it was heard."""
    (report,) = await phone(stack, "book", figures, "hangs up", lines=[HANGS_UP], expected=ANSWERED)

    (greeting,) = transcript(report)
    assert failed_checks(report) == []
    assert (report.reason, report.hung_up_by) == ("guest_left", "guest")
    assert greeting["interrupted"]
    assert greeting["agent"].startswith("Good day")
    assert not greeting["agent"].endswith("How can I help you?")


async def test_a_guest_who_hangs_up_before_the_greeting(stack: Stack, figures: Figures) -> None:
    """Nobody was answered, and the call's record ends all the same."""
    at_once = [Line(hang_up=True, interrupt_after=0.2)]

    (report,) = await phone(stack, "book", figures, "hangs up at once", lines=at_once, expected=ANSWERED)

    assert (report.state, report.reason) == ("ended", "guest_left")


async def test_a_gateway_that_fails_during_a_call(stack: Stack, figures: Figures) -> None:
    """What the agent cannot report at once is reported later, in order, and nothing of it is missing."""
    failing: list[asyncio.Task[None]] = []

    async def fail() -> None:
        async with httpx.AsyncClient(base_url=stack.addresses.api) as gateway:
            (await gateway.put("/_faults", json={"calls": {"status": 500, "seconds": 8}})).raise_for_status()

    def watch(moment: Moment) -> None:
        if moment.what is What.GUEST_SPEAKS and not failing:
            failing.append(asyncio.create_task(fail()))

    (report,) = await phone(stack, "human", figures, "gateway fails for 8 s", watch=watch)

    stored = transcript(report)
    waited = [line for line in agent_lines(stack, report) if line["event"] == "delivery waits"]
    assert failed_checks(report) == []
    assert [task.exception() for task in failing] == [None]
    assert waited, "nothing had to wait: the fault had no effect"
    assert [turn["number"] for turn in stored] == [*range(1, len(stored) + 1)]
    assert len(stored) == len(report.turns)


async def test_an_agent_that_is_told_to_end(figures: Figures) -> None:
    """A deploy's SIGTERM lets the running call go on to its end."""
    async with Stack.start() as draining:
        told: list[Moment] = []

        def watch(moment: Moment) -> None:
            if moment.what is What.GUEST_SPEAKS and not told:
                told.append(moment)
                draining.children["agent"].send(signal.SIGTERM)

        (report,) = await phone(draining, "book", figures, "agent drains", watch=watch)

    assert told
    assert failed_checks(report) == []


async def test_an_engine_that_does_not_speak(figures: Figures) -> None:
    """Without a voice the guest hears the tone every telephone uses for "call again later", and the call ends."""
    async with Stack.start(replace=Replacements(voices="http://127.0.0.1:9")) as voiceless:
        (report,) = await phone(voiceless, "book", figures, "no voice", expected=FAILED)

    assert failed_checks(report) == []
    assert report.reason == "voice_unreachable"
    assert report.hotel_speech, "the guest heard no tone"
