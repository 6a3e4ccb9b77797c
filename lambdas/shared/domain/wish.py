"""One thing a guest wants from the hotel's system, done once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from lambdas.shared.domain.errors import Refused
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Offer, Reservation, ReservationState


class WishKind(StrEnum):
    """What is wished for."""

    BOOK = "book"
    CHANGE = "change"
    CANCEL = "cancel"


class WishState(StrEnum):
    """How far it has come; BOOKED is done, for a change and a cancellation too.

    From SENT it falls back to PLANNED when it is certain that nothing has reached the hotel's system.
    """

    PLANNED = "planned"
    SENT = "sent"
    BOOKED = "booked"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"


TRANSITIONS: Final[Mapping[WishState, frozenset[WishState]]] = {
    WishState.PLANNED: frozenset({WishState.SENT, WishState.REFUSED}),
    WishState.SENT: frozenset({WishState.PLANNED, WishState.BOOKED, WishState.REFUSED, WishState.IN_DOUBT}),
    WishState.IN_DOUBT: frozenset({WishState.BOOKED, WishState.REFUSED}),
    WishState.BOOKED: frozenset(),
    WishState.REFUSED: frozenset(),
}


class Wish(BaseModel):
    """What a guest may have at a price held until `expires_at`, then its way through the hotel's system.

    `offer` is what is to be booked, what a reservation is to become, or, for a cancellation, what is booked so far;
    `code` is the reservation's: given for a change and a cancellation, found by a booking. `fee` is what a
    cancellation costs. The id goes to the vendor as idempotency key or external reference, so the same wish never
    becomes two bookings. While one process speaks to the vendor, until `busy_until`, no other does; `attempts` counts
    them.

    `claim` is the place this wish has taken among the call's wishes for the same thing. `instead` is the wish that
    holds the new price when this one's has changed. `doubted_at` is when it was given up to be found out later.
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
    fee: Money | None = None
    reason: str | None = None
    attempts: int = 0
    busy_until: datetime | None = None
    claim: str | None = None
    instead: str | None = None
    doubted_at: datetime | None = None

    def moved(
        self,
        to: WishState,
        *,
        guest: Guest | None = None,
        code: str | None = None,
        reason: str | None = None,
        claim: str | None = None,
        instead: str | None = None,
        doubted_at: datetime | None = None,
    ) -> Wish:
        """This wish one step further, with nobody at work on it; raises Refused when the table has no such step."""
        if to not in TRANSITIONS[self.state]:
            raise Refused(f"a wish that is {self.state} cannot become {to}")
        changes = {
            "state": to,
            "guest": guest,
            "code": code,
            "reason": reason,
            "claim": claim,
            "instead": instead,
            "doubted_at": doubted_at,
        }
        given: dict[str, object] = {name: value for name, value in changes.items() if value is not None}
        if to in (WishState.PLANNED, WishState.REFUSED):
            # Nothing was done, so the place is free; whoever is sent again takes one anew.
            given["claim"] = None
        return self.model_copy(update={**given, "busy_until": None})

    def taken_up(self, until: datetime) -> Wish:
        """This wish with somebody at work on it until then."""
        return self.model_copy(update={"attempts": self.attempts + 1, "busy_until": until})

    def is_busy(self, now: datetime) -> bool:
        """Is somebody at work on it?"""
        return self.busy_until is not None and now < self.busy_until

    def with_price_of(self, other: Wish) -> bool:
        """Does it cost what the other costs?"""
        mine, others = (self.offer.total, self.offer.city_tax), (other.offer.total, other.offer.city_tax)
        return (*mine, self.fee) == (*others, other.fee)

    @property
    def outcome(self) -> Reservation:
        """What a wish that is BOOKED has led to. Raises ValueError for any other."""
        if self.state is not WishState.BOOKED or self.code is None or self.guest is None:
            raise ValueError(f"wish {self.id} is {self.state}, without a code or a guest")
        reference = self.id if self.kind is WishKind.BOOK else None
        booked = Reservation.of(self.offer, code=self.code, guest=self.guest, reference=reference)
        if self.kind is WishKind.CANCEL:
            return booked.model_copy(update={"state": ReservationState.CANCELLED})
        return booked
