"""What the hotel's system shows of a wish, and what a wish is to that system."""

from __future__ import annotations

import hashlib

from lambdas.shared.domain.said import surname_key
from lambdas.shared.domain.stay import Contact, Guest, Reservation, ReservationState
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.pms.system import NO_CONTACT, Order, Pms


def look(pms: Pms, wish: Wish) -> Reservation | None:
    """The reservation that shows that a wish is done, at whatever price. Raises Unreachable."""
    if wish.kind is WishKind.BOOK:
        return pms.find(order_of(wish))
    found = pms.reservation(code_of(wish))
    return found if found and _is_as_wished(found, wish) else None


def is_at_the_price(found: Reservation, wish: Wish) -> bool:
    """Does it cost what the guest agreed to? Of what is cancelled the total is owed by nobody."""
    return found.state is ReservationState.CANCELLED or found.total == wish.offer.total


def order_of(wish: Wish, contact: Contact = NO_CONTACT) -> Order:
    """A wish that is sent, as a booking to be made or looked for."""
    if wish.guest is None:
        raise ValueError(f"wish {wish.id} was sent without a guest")
    return Order(reference=wish.id, offer=wish.offer, guest=wish.guest, contact=contact)


def code_of(wish: Wish) -> str:
    """The reservation that a change or a cancellation is about."""
    if wish.code is None:
        raise ValueError(f"wish {wish.id} is about no reservation")
    return wish.code


def claimed_by(wish: Wish, guest: Guest) -> str | None:
    """What a wish is for, so that two for the same are told: a guest's stay in a room, or a reservation's end.

    A change claims nothing: the last one counts.
    """
    match wish.kind:
        case WishKind.BOOK:
            parts = ["book", wish.offer.stay.model_dump_json(), wish.offer.room_type, surname_key(guest.name)]
        case WishKind.CANCEL:
            parts = ["cancel", code_of(wish)]
        case WishKind.CHANGE:
            return None
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def has_booked(wish: Wish, code: str) -> bool:
    """Did this wish make that reservation?"""
    return wish.kind is WishKind.BOOK and wish.state is WishState.BOOKED and wish.code == code


def _is_as_wished(found: Reservation, wish: Wish) -> bool:
    if wish.kind is WishKind.CANCEL:
        return found.state is ReservationState.CANCELLED
    same_rate = wish.offer.rate_plan in (None, found.rate_plan)
    same_room = (found.stay, found.room_type) == (wish.offer.stay, wish.offer.room_type)
    return found.state is not ReservationState.CANCELLED and same_room and same_rate
