"""Which voices speak on this call: the router's plan, or the hotel's own order while the router does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from lambdas.shared.domain.errors import BellhopError
from lambdas.shared.domain.hotel import Hotel, Voice
from lambdas.tts_router.models import SpeechPlan

AskRouter = Callable[[str, str], Awaitable[SpeechPlan]]
"""Hotel's name and language → the router's plan; raises a BellhopError when there is none to be had."""
PATIENCE: Final = 1.0
ASK_AGAIN: Final = timedelta(seconds=10)

logger: structlog.stdlib.BoundLogger = structlog.get_logger()


class SpeechPlans:
    """The plans of one hotel. Only the first sentence of a call waits for one; a plan that has run out is renewed in
    the background while it serves once more."""

    def __init__(
        self, hotel: Hotel, ask: AskRouter, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._hotel, self._ask, self._now = hotel, ask, now
        self._plans: dict[str, SpeechPlan] = {}
        self._asking: dict[str, asyncio.Task[SpeechPlan]] = {}
        self._is_told = False

    async def choices(self, language: str) -> tuple[Voice, ...]:
        """The voices to try for a language, the preferred one first."""
        plan = self._plans.get(language)
        if plan is None:
            # Shielded: the sentence that waits may be interrupted, the next one wants the plan all the same.
            plan = await asyncio.shield(self.renew(language))
        elif plan.expires_at <= self._now():
            self.renew(language)
        return plan.choices

    def renew(self, language: str) -> asyncio.Task[SpeechPlan]:
        """Ask the router in the background; while a question is under way there is no second one."""
        asking = self._asking.get(language)
        if asking is None or asking.done():
            asking = asyncio.create_task(self._renewed(language), name=f"speech plan for {language}")
            self._asking[language] = asking
        return asking

    async def close(self) -> None:
        """Drop questions that are still under way."""
        for asking in self._asking.values():
            asking.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    async def _renewed(self, language: str) -> SpeechPlan:
        try:
            async with asyncio.timeout(PATIENCE):
                plan = await self._ask(self._hotel.name, language)
            self._is_told = False
        except (BellhopError, TimeoutError) as error:
            self._tell(error)
            plan = self._own_plan(language)
        self._plans[language] = plan
        return plan

    def _own_plan(self, language: str) -> SpeechPlan:
        hotel = self._hotel
        choices = hotel.voices.get(language) or hotel.voices[hotel.language]
        return SpeechPlan(hotel=hotel.name, language=language, choices=choices, expires_at=self._now() + ASK_AGAIN)

    def _tell(self, error: Exception) -> None:
        if not self._is_told:
            code = error.code if isinstance(error, BellhopError) else "timeout"
            logger.warning("no speech plan, the hotel's own order of voices is used", error=code)
        self._is_told = True
