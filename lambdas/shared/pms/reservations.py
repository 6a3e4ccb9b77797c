"""What every connector, the demo hotel's too, asks of reservations in the hotel's own words."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from lambdas.shared.domain.errors import NotPossible, PriceChanged
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import same_surname
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState


def arriving(found: Iterable[Reservation], surname: str, arrival: date) -> list[Reservation]:
    """Those of that surname, whatever its case and accents, that arrive on that day."""
    return [told for told in found if told.stay.arrival == arrival and same_surname(told.guest.surname, surname)]


def is_as_wished(told: Reservation, wished: Offer) -> bool:
    """Is it the stay, room and rate of the offer, at the offer's total?"""
    return told.offer.is_for(wished) and told.total == wished.total


def require_booked(told: Reservation) -> None:
    """Raises NotPossible for what is over or has begun."""
    if told.state is not ReservationState.BOOKED:
        raise NotPossible(f"a stay that is {told.state} is not changed by phone")


def require_same_fee(now: Money, told: Money) -> None:
    """Raises PriceChanged where cancelling does not cost any more what the guest was told."""
    if now != told:
        raise PriceChanged("cancelling costs something else by now")
