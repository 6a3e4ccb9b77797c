"""When a part fails the guest hears something true, the call ends, and the table says why."""

from __future__ import annotations

import httpx
import pytest

from agent.prompts import Prompts
from lambdas.shared.domain.call import Outcome
from lambdas.shared.domain.hotel import load_hotel
from local.processes import ROOT
from local.report import CallReport
from local.scenario import Expected, ExpectedCall
from local.stack import Replacements, Stack
from tests.faults.bad_parts import GARBAGE, Garbage, garbage_brain, silent_riva
from tests.figures import Figures
from tests.spoken import failed_checks, phone

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

FAILS = Expected(call=ExpectedCall(outcome=Outcome.FAILED))
LONGEST_CALL_MS = 60_000
NOBODY = "127.0.0.1:9"
APOLOGIES = Prompts.load(load_hotel(ROOT / "hotels" / "aurora"), "en")


async def phone_with(figures: Figures, promise: str, *, replace: Replacements | None = None) -> CallReport:
    """The default scenario on a stack of its own in which parts were replaced."""
    async with Stack.start(replace=replace) as stack:
        (report,) = await phone(stack, "book", figures, promise, expected=FAILS)
    return report


def assert_told_and_ended(report: CallReport, *reasons: str) -> None:
    """The guest heard the apology to its end, the hotel ended the call then, and nothing was booked."""
    assert failed_checks(report) == []
    assert report.reason in reasons
    said = " ".join(turn.answered for turn in report.turns if turn.answered)
    assert said.endswith(APOLOGIES.say(f"apology.{report.reason}"))
    assert report.hotel_speech[-1].ends > (report.guest_speech[-1].ends if report.guest_speech else 0)
    assert report.hung_up_by == "hotel"
    assert report.duration_ms <= LONGEST_CALL_MS


@pytest.mark.smoke
async def test_functions_that_answer_500(figures: Figures) -> None:
    """Without the functions the guest hears an apology, and what happened is stored once they are back."""
    failing = {
        "pms": {"status": 500, "seconds": None},
        "tts_router": {"status": 500, "seconds": None},
        "calls": {"status": 500, "seconds": 10},
        "livekit_webhook": {"status": 500, "seconds": 10},
    }
    async with Stack.start() as stack:
        async with httpx.AsyncClient(base_url=stack.addresses.api) as gateway:
            (await gateway.put("/_faults", json=failing)).raise_for_status()
        (report,) = await phone(stack, "book", figures, "functions answer 500", expected=FAILS)

    assert_told_and_ended(report, "no_lease", "pms_unreachable")


async def test_a_booking_system_out_of_reach(figures: Figures) -> None:
    """When only pms and the router answer 500, the greeting is heard, and then why nothing can be booked."""
    failing = {part: {"status": 500, "seconds": None} for part in ("pms", "tts_router")}
    async with Stack.start() as stack:
        async with httpx.AsyncClient(base_url=stack.addresses.api) as gateway:
            (await gateway.put("/_faults", json=failing)).raise_for_status()
        (report,) = await phone(stack, "book", figures, "pms and router answer 500", expected=FAILS)

    assert_told_and_ended(report, "pms_unreachable")


async def test_a_recogniser_that_is_not_there(figures: Figures) -> None:
    """Nobody answers at Riva's address."""
    report = await phone_with(figures, "no recogniser", replace=Replacements(riva=NOBODY))

    assert_told_and_ended(report, "recogniser_unreachable")


async def test_a_recogniser_that_never_sends_a_final(figures: Figures) -> None:
    """Riva takes the audio and never says what it heard."""
    async with silent_riva() as address:
        report = await phone_with(figures, "no final", replace=Replacements(riva=address))

    assert_told_and_ended(report, "recogniser_silent")


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: garbage.__name__)
async def test_a_model_that_returns_garbage(figures: Figures, garbage: Garbage) -> None:
    """What the model writes is of no use, in every way it can be."""
    async with garbage_brain(garbage) as url:
        report = await phone_with(figures, f"model: {garbage.__name__}", replace=Replacements(brain=url))

    assert_told_and_ended(report, "model_failed")
