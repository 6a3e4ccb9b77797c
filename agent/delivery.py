"""What must reach the call's record though the gateway fails for a while.

Reports wait in memory in the order they were made and are delivered in that order, one at a time; the head of the
queue is retried until it is taken. Everything in it is idempotent where it arrives, so a retry after a lost answer
does no harm.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from lambdas.shared.domain.errors import BellhopError, Unreachable

LONGEST_QUEUE: Final = 500
FIRST_PAUSE: Final = 0.25
LONGEST_PAUSE: Final = 3.0

logger = structlog.get_logger()


@dataclass(frozen=True)
class Report:
    """One thing to deliver: `kind` is the call's collection it belongs to, `label` what the log calls it."""

    kind: str
    body: str
    trace_id: str
    label: str
    turn: int | None = None


class Recipient(Protocol):
    """Takes reports; raises Unreachable when it may take them later, another error when it never will."""

    async def report(self, kind: str, body: str, *, trace_id: str) -> None: ...


class Outbox:
    """The reports of one call on their way."""

    def __init__(
        self,
        recipient: Recipient,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
        longest: int = LONGEST_QUEUE,
    ) -> None:
        self._recipient, self._sleep, self._jitter, self._longest = recipient, sleep, jitter, longest
        self._waiting: deque[Report] = deque()
        self._awaited: dict[int, asyncio.Future[None]] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self._delivering: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, report: Report) -> None:
        """Deliver as soon as everything before it is delivered; a full queue loses the report, and the log says so."""
        if len(self._waiting) >= self._longest:
            logger.error("report lost: too many wait", kind=report.kind, waiting=len(self._waiting))
            return
        self._waiting.append(report)
        self._empty.clear()
        if self._delivering is None or self._delivering.done():
            self._delivering = asyncio.create_task(self._deliver(), name="outbox")

    async def deliver(self, report: Report, *, within: float) -> None:
        """Put a report and wait until it has arrived. Raises what its recipient raised, and Unreachable when the time
        is up; it stays on its way then."""
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited[id(report)] = arrived
        self.put(report)
        try:
            async with asyncio.timeout(within):
                await arrived
        except TimeoutError:
            raise Unreachable(f"{report.label} is not stored after {within} s") from None
        finally:
            del self._awaited[id(report)]

    async def flush(self, within: float) -> int:
        """Wait until everything is delivered, at most so many seconds; returns how many reports are left."""
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            logger.error("reports undelivered", waiting=len(self._waiting))
        if self._delivering:
            self._delivering.cancel()
            await asyncio.gather(self._delivering, return_exceptions=True)
        return len(self._waiting)

    async def _deliver(self) -> None:
        failures = 0
        while self._waiting:
            report = self._waiting[0]
            try:
                await self._recipient.report(report.kind, report.body, trace_id=report.trace_id)
            except Unreachable as error:
                if failures == 0:
                    logger.warning("delivery waits", kind=report.kind, fault=str(error))
                await self._sleep(self._pause(failures))
                failures += 1
                continue
            except BellhopError as error:
                logger.error("report refused", kind=report.kind, label=report.label, error=error.code, fault=str(error))
                self._settle(report, error)
            else:
                told = {"report": report.label, "turn": report.turn, "trace_id": report.trace_id}
                logger.info("report stored", **told, tries=failures + 1)
                self._settle(report, None)
            failures = 0
            self._waiting.popleft()
        self._empty.set()

    def _settle(self, report: Report, error: BellhopError | None) -> None:
        arrived = self._awaited.get(id(report))
        if arrived is None or arrived.done():
            return
        if error:
            arrived.set_exception(error)
        else:
            arrived.set_result(None)

    def _pause(self, failures: int) -> float:
        longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures, 10))
        return longest * (0.5 + self._jitter() / 2)
