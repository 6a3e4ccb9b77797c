"""What a wish costs now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from lambdas.shared.bookings.looking import code_of
from lambdas.shared.domain.errors import NotFound, NotPossible
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState
from lambdas.shared.domain.wish import Wish, WishKind
from lambdas.shared.pms.system import Pms

HELD_FOR: Final = timedelta(minutes=15)


@dataclass(frozen=True)
class Prices:
    """Asks the hotels' systems, by the hotel's name."""

    pms: Mapping[str, Pms]
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def of(self, wish: Wish) -> Wish | None:
        """The same at today's price, as a wish that can be held; None when it is not offered any more.

        Raises NotFound and NotPossible for a reservation that is gone or has ended, and Unreachable.
        """
        pms, fee = self.pms[wish.hotel], None
        offers: Sequence[Offer]
        if wish.kind is WishKind.BOOK:
            offers = pms.offers(wish.offer.stay, wish.offer.room_type)
        else:
            booked = self._booked(wish)
            if wish.kind is WishKind.CHANGE:
                offers = pms.change_offers(booked, wish.offer.stay, wish.offer.room_type)
            else:
                offers, fee = [wish.offer], pms.cancellation_fee(booked)
        offer = next((offer for offer in offers if offer.is_for(wish.offer)), None)
        return self._anew(wish, offer, fee) if offer else None

    def _booked(self, wish: Wish) -> Reservation:
        """The reservation that a change or cancellation is about, if it can still be either."""
        booked = self.pms[wish.hotel].reservation(code_of(wish))
        if booked is None:
            raise NotFound("the reservation is gone")
        if booked.state is not ReservationState.BOOKED:
            raise NotPossible(f"the reservation is {booked.state}")
        return booked

    def _anew(self, wish: Wish, offer: Offer, fee: Money | None) -> Wish:
        return Wish(
            id=self.new_id(),
            call_id=wish.call_id,
            hotel=wish.hotel,
            kind=wish.kind,
            offer=offer,
            expires_at=self.now() + HELD_FOR,
            guest=wish.guest if wish.kind is not WishKind.BOOK else None,
            code=wish.code,
            fee=fee,
        )
