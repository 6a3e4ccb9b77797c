"""One thing a guest wants from the hotel's system, done once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from lambdas.shared.domain.errors import Refused
from lambdas.shared.domain.stay import Guest, Offer


class WishKind(StrEnum):
    """What is wished for."""

    BOOK = "book"


class WishState(StrEnum):
    """How far it has come."""

    PLANNED = "planned"
    SENT = "sent"
    BOOKED = "booked"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


TRANSITIONS: Final[Mapping[WishState, frozenset[WishState]]] = {
    WishState.PLANNED: frozenset({WishState.SENT, WishState.REFUSED}),
    WishState.SENT: frozenset({WishState.BOOKED, WishState.REFUSED, WishState.IN_DOUBT}),
    WishState.IN_DOUBT: frozenset({WishState.BOOKED, WishState.REFUSED}),
    WishState.BOOKED: frozenset(),
    WishState.REFUSED: frozenset(),
}


class Wish(BaseModel):
    """An offer held at its price until `expires_at`, then its way through the hotel's system.

    The id goes to the vendor as idempotency key or external reference, so the same wish never becomes two bookings.
    """

    model_config = ConfigDict(frozen=True)

    id: str = Field(pattern=r"^[0-9a-z]{8,40}$")
    call_id: str
    hotel: str
    kind: WishKind = WishKind.BOOK
    offer: Offer
    expires_at: datetime
    state: WishState = WishState.PLANNED
    guest: Guest | None = None
    code: str | None = None
    reason: str | None = None

    def moved(
        self, to: WishState, *, guest: Guest | None = None, code: str | None = None, reason: str | None = None
    ) -> Wish:
        """This wish one step further; raises Refused when the table has no such step."""
        if to not in TRANSITIONS[self.state]:
            raise Refused(f"a wish that is {self.state} cannot become {to}")
        changes = {"state": to, "guest": guest, "code": code, "reason": reason}
        return self.model_copy(update={name: value for name, value in changes.items() if value is not None})
