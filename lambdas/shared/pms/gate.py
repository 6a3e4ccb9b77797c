"""The way to a hotel's booking system, shared by all functions."""

from __future__ import annotations

from lambdas.shared.breaker import Breaker
from lambdas.shared.budget import Budget


class HotelGate:
    """Lets a request through that the hotel's budget and breaker allow."""

    def __init__(self, breaker: Breaker, budget: Budget) -> None:
        self._breaker = breaker
        self._budget = budget

    def enter(self) -> None:
        """Raises Unreachable."""
        # The budget first: a request that the breaker lets through to try must not stop at the budget.
        self._budget.spend()
        self._breaker.enter()

    def tell(self, *, failed: bool) -> None:
        """What became of the request."""
        self._breaker.tell(failed=failed)
