"""When an agent may hold a call: a lease before it speaks, renewed while the call lasts.

The lease's epoch is the fencing number of everything the agent writes. Without one the agent only apologises, and
reports under epoch 0.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, Protocol

import structlog

from lambdas.calls.models import Lease
from lambdas.shared.domain.errors import BellhopError, LeaseHeld, Refused, Unreachable

TRY_FOR: Final = 1.5
TRY_EVERY: Final = 0.15
RENEW_EVERY: Final = 20.0
"""A third of a lease's life: two renewals may fail."""

logger = structlog.get_logger()


class Failure(StrEnum):
    """Why a call failed; the guest hears `apology.<value>` of the phrases."""

    NO_LEASE = "no_lease"
    UNKNOWN_HOTEL = "unknown_hotel"
    RECOGNISER_UNREACHABLE = "recogniser_unreachable"
    RECOGNISER_SILENT = "recogniser_silent"
    MODEL_FAILED = "model_failed"
    PMS_UNREACHABLE = "pms_unreachable"
    CALLS_UNREACHABLE = "calls_unreachable"
    VOICE_UNREACHABLE = "voice_unreachable"
    AGENT_FAILED = "agent_failed"


class Ending(StrEnum):
    """Why a call ended that did not fail."""

    GOODBYE = "goodbye"
    GUEST_LEFT = "guest_left"
    GUEST_SILENT = "guest_silent"
    TIME_LIMIT = "time_limit"
    AGENT_STOPPED = "agent_stopped"


class Lessor(Protocol):
    """Grants the lease of one call."""

    async def lease(self, holder: str) -> Lease: ...


async def take_lease(lessor: Lessor, holder: str, *, within: float = TRY_FOR, every: float = TRY_EVERY) -> int:
    """The epoch under which the call is held. Tries for about `within` seconds.

    Raises Unreachable when there was no answer in that time, LeaseHeld when the last answer was that another agent
    holds the call.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    error: BellhopError = Unreachable("no lease was tried for")
    while loop.time() < until:
        try:
            async with asyncio.timeout_at(until):
                return (await lessor.lease(holder)).epoch
        except TimeoutError:
            if not isinstance(error, LeaseHeld):
                error = Unreachable("the lease was not answered in time")
        except (Unreachable, LeaseHeld) as refused:
            error = refused
        except BellhopError as refused:
            raise Unreachable(f"the lease was refused: {refused.code}") from refused
        await asyncio.sleep(every)
    raise error


async def keep_lease(
    lessor: Lessor, holder: str, *, lost: Callable[[], Awaitable[None]], every: float = RENEW_EVERY
) -> None:
    """Renew until cancelled. When somebody else holds the call by now, await `lost()` and return."""
    while True:
        await asyncio.sleep(every)
        try:
            await lessor.lease(holder)
        except Unreachable as error:
            # The call goes on: an agent that is talking is worth more to the guest than a record of who may talk.
            logger.warning("lease not renewed", fault=str(error))
        except Refused as error:
            logger.warning("lease lost", error=error.code)
            await lost()
            return
