"""Finds out, after the calls, what became of what was sent and not heard of.

A wish is looked for; a note cannot be, so the front desk gets the follow-up that was kept back for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from aws_lambda_powertools import Logger

from lambdas.shared.bookings.carrying_out import CarryingOut
from lambdas.shared.domain.errors import NotFound, Unreachable
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.wish import WishState
from lambdas.shared.due_follow_ups import DueFollowUps
from lambdas.shared.observability import Count
from lambdas.shared.wish_store import Unsettled

IN_DOUBT: Final = "WishesInDoubt"
SETTLED: Final = "WishesSettled"


@dataclass(frozen=True)
class Settling:
    """Settles what can be settled; what a hotel's system cannot tell now is asked the next time."""

    hotels: Hotels
    carrying_out: CarryingOut
    due: DueFollowUps
    count: Count
    logger: Logger

    def run(self) -> None:
        """Every hotel's unsettled wishes; counts those that were settled and those that are in doubt still.

        No fault hinders another hotel or wish. Raises the first one that is not a system's silence, at the end.
        """
        faults: list[Exception] = []
        states: Counter[WishState] = Counter()
        for hotel in self.hotels:
            with self._bearing(hotel, faults):
                self._leave_overdue(hotel)
            with self._bearing(hotel, faults):
                silent = False
                for unsettled in self.carrying_out.wishes.unsettled(hotel.name):
                    with self._bearing(hotel, faults):
                        state, silent = self._state(hotel, unsettled, silent)
                        states[state] += 1
        self.count(SETTLED, states[WishState.BOOKED] + states[WishState.REFUSED])
        self.count(IN_DOUBT, states[WishState.IN_DOUBT])
        if faults:
            raise faults[0]

    @contextmanager
    def _bearing(self, hotel: Hotel, faults: list[Exception]) -> Iterator[None]:
        """Keeps a fault for the end of the run."""
        try:
            yield
        except Exception as fault:
            # Whatever it is, others' wishes are looked at all the same, and the run fails with it when they have been.
            self.logger.error("hotel's wishes not settled", hotel=hotel.name, error=type(fault).__name__)
            faults.append(fault)

    def _leave_overdue(self, hotel: Hotel) -> None:
        for due in self.due.overdue(hotel.name, self.carrying_out.now()):
            self.due.leave(due)
            self.logger.info("overdue follow-up left", hotel=hotel.name, call_id=due.call_id)

    def _state(self, hotel: Hotel, unsettled: Unsettled, silent: bool) -> tuple[WishState, bool]:
        """How far the wish is now, and whether the hotel's system is silent; a silent one is not asked."""
        wishes = self.carrying_out.wishes
        try:
            before = wishes.get(unsettled.call_id, unsettled.wish_id)
        except NotFound:
            # Deleted with its call, or let go before it.
            wishes.forget(unsettled)
            return WishState.REFUSED, silent
        if before.state not in (WishState.SENT, WishState.IN_DOUBT):
            wishes.forget(unsettled)
            return before.state, silent
        after = before
        try:
            after = after if silent else self.carrying_out.find_out(before)
        except Unreachable as error:
            self.logger.warning("hotel's system silent", hotel=hotel.name, vendor_code=error.vendor_code)
            silent = True
        finally:
            # Whatever hinders the look, the front desk hears of the wish.
            after = self.carrying_out.doubt(after)
        if after.state is not before.state:
            self.logger.info(
                "wish settled" if after.state is not WishState.IN_DOUBT else "wish in doubt",
                hotel=hotel.name,
                call_id=after.call_id,
                wish_id=after.id,
                kind=after.kind,
                state=after.state,
            )
        return after.state, silent
