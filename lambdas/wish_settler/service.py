"""Finds out, after the calls, what became of what was sent and not heard of.

A wish is looked for; a note cannot be, so the front desk gets the follow-up that was kept back for it.
"""

from __future__ import annotations

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

        One hotel's fault hinders no other. Raises the first fault that is not its system's silence, at the end.
        """
        faults: list[Exception] = []
        settled = doubted = 0
        for hotel in self.hotels:
            try:
                done, left = self._hotel(hotel)
            except Exception as fault:
                self.logger.error("hotel's wishes not settled", hotel=hotel.name, error=type(fault).__name__)
                faults.append(fault)
                continue
            settled, doubted = settled + done, doubted + left
        self.count(SETTLED, settled)
        self.count(IN_DOUBT, doubted)
        if faults:
            raise faults[0]

    def _hotel(self, hotel: Hotel) -> tuple[int, int]:
        """How many of its wishes were settled, and how many are in doubt still."""
        for due in self.due.overdue(hotel.name, self.carrying_out.now()):
            self.due.leave(due)
            self.logger.info("overdue follow-up left", hotel=hotel.name, call_id=due.call_id)
        settled = doubted = 0
        silent = False
        for unsettled in self.carrying_out.wishes.unsettled(hotel.name):
            state = None if silent else self._state(hotel, unsettled)
            silent = silent or state is None
            settled += state in (WishState.BOOKED, WishState.REFUSED)
            doubted += state in (WishState.IN_DOUBT, None)
        return settled, doubted

    def _state(self, hotel: Hotel, unsettled: Unsettled) -> WishState | None:
        """How far the wish is now; None while the hotel's system cannot be asked."""
        wishes = self.carrying_out.wishes
        try:
            before = wishes.get(unsettled.call_id, unsettled.wish_id)
            if before.state not in (WishState.SENT, WishState.IN_DOUBT):
                wishes.forget(unsettled)
                return before.state
            after = self.carrying_out.find_out(before)
        except NotFound:
            # Deleted with its call, or let go before it.
            wishes.forget(unsettled)
            return WishState.REFUSED
        except Unreachable as error:
            self.logger.warning("hotel's system silent", hotel=hotel.name, vendor_code=error.vendor_code)
            return None
        if after.state is not before.state:
            self.logger.info(
                "wish settled",
                hotel=hotel.name,
                call_id=after.call_id,
                wish_id=after.id,
                kind=after.kind,
                state=after.state,
            )
        return after.state
