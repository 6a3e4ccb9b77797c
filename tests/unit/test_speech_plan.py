"""An agent asks the router once in a while and never stays silent because of it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from agent.speech.speech_plan import ASK_AGAIN, SpeechPlans
from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.hotel import Hotel, Voice, load_hotel
from lambdas.tts_router.models import SpeechPlan

pytestmark = pytest.mark.unit

LIFETIME = timedelta(seconds=60)


class Clock:
    """A time that passes when it is told to."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


class Router:
    """Plans a voice named after how often it was asked; unreachable or mute while it is told to be."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked = 0
        self.is_down = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def plan(self, hotel: str, language: str) -> SpeechPlan:
        self.asked += 1
        voice = Voice(engine="http", voice=f"plan {self.asked}")
        await self.answering.wait()
        if self.is_down:
            raise Unreachable("the router does not answer")
        return SpeechPlan(hotel=hotel, language=language, choices=(voice,), expires_at=self.clock() + LIFETIME)


@pytest.fixture
def hotel() -> Hotel:
    return load_hotel(Path("hotels/aurora"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def router(clock: Clock) -> Router:
    return Router(clock)


@pytest.fixture
async def plans(hotel: Hotel, router: Router, clock: Clock) -> SpeechPlans:
    return SpeechPlans(hotel, router.plan, now=clock)


async def names(plans: SpeechPlans) -> list[str]:
    return [voice.voice for voice in await plans.choices("en")]


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_plan_serves_until_it_runs_out(plans: SpeechPlans, router: Router, clock: Clock) -> None:
    """The router is asked once for all sentences of a minute."""
    await names(plans)
    clock.time += LIFETIME - timedelta(seconds=1)

    heard = await names(plans)

    assert heard == ["plan 1"]
    assert router.asked == 1


async def test_a_plan_that_has_run_out_is_renewed_without_a_wait(
    plans: SpeechPlans, router: Router, clock: Clock
) -> None:
    """The sentence that finds the plan too old is said by it all the same; the next one has a new plan."""
    await names(plans)
    clock.time += LIFETIME
    router.answering.clear()

    during = await names(plans)
    router.answering.set()
    await settle()
    after = await names(plans)

    assert (during, after) == (["plan 1"], ["plan 2"])


async def test_sentences_that_wait_together_ask_once(plans: SpeechPlans, router: Router) -> None:
    """A question that is under way is not asked again."""
    await asyncio.gather(names(plans), names(plans))

    assert router.asked == 1


async def test_an_interrupted_sentence_leaves_its_question_to_the_next(plans: SpeechPlans, router: Router) -> None:
    """A guest who interrupts the first sentence does not make the second wait for a new question."""
    router.answering.clear()
    first = asyncio.create_task(names(plans))
    await settle()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    router.answering.set()

    heard = await names(plans)

    assert heard == ["plan 1"]


async def test_without_the_router_the_hotels_own_order_is_used(plans: SpeechPlans, router: Router) -> None:
    """A router that is down costs no word; one line says so, however many sentences there are."""
    router.is_down = True

    with capture_logs() as lines:
        heard = [await names(plans) for _ in range(3)]

    assert heard == [["en_US-joe-medium"]] * 3
    assert [line["error"] for line in lines] == ["unreachable"]


async def test_a_router_that_comes_back_is_heard(plans: SpeechPlans, router: Router, clock: Clock) -> None:
    """While the router is down it is asked again every few seconds."""
    router.is_down = True
    await names(plans)
    router.is_down = False
    clock.time += ASK_AGAIN

    during = await names(plans)
    await settle()

    assert during == ["en_US-joe-medium"]
    assert await names(plans) == ["plan 2"]


async def test_a_router_that_says_nothing_is_not_waited_for(
    hotel: Hotel, router: Router, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first sentence of a call waits for the router, but not long."""
    monkeypatch.setattr("agent.speech.speech_plan.PATIENCE", 0.0)
    router.answering.clear()

    with capture_logs() as lines:
        heard = await names(SpeechPlans(hotel, router.plan, now=clock))

    assert heard == ["en_US-joe-medium"]
    assert [line["error"] for line in lines] == ["timeout"]


async def test_a_hotel_answers_in_its_own_language_for_want_of_another(hotel: Hotel, router: Router) -> None:
    """A language for which the hotel lists no voice is spoken by the voices it has."""
    router.is_down = True

    choices = await SpeechPlans(hotel, router.plan).choices("nl")

    assert [voice.voice for voice in choices] == ["en_US-joe-medium"]


async def test_closing_drops_a_question_under_way(plans: SpeechPlans, router: Router) -> None:
    """Nothing of a call goes on after it."""
    router.answering.clear()
    asking = plans.renew("en")
    await settle()

    await plans.close()

    assert asking.cancelled()
