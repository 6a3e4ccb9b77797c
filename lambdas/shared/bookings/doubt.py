"""What the front desk is asked to find out, in its own words."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from lambdas.shared.domain.stay import Guest, Reservation, Stay
from lambdas.shared.domain.wish import Wish, WishKind
from lambdas.shared.redaction import redact
from lambdas.shared.wish_store import Unsettled, doubt_id


def unsettled(wish: Wish, *, at: datetime, callback: str | None) -> Unsettled:
    """What is kept of a wish from the moment it is sent."""
    return Unsettled(
        wish_id=wish.id,
        call_id=wish.call_id,
        hotel=wish.hotel,
        sent_at=at,
        callback=callback,
        guest_name=_name(wish.guest),
    )


def follow_up(wish: Wish, kept: Unsettled | None, *, at: datetime, found: Reservation | None = None) -> dict[str, Any]:
    """That it is not known whether a wish was done, or that what was done costs something else than was said.

    Told again it is the same follow-up.
    """
    callback = kept.callback if kept else None
    question = _question(wish)
    if found:
        question = (
            f"Reservation {found.code} was {_DONE[wish.kind]} at {found.total}; the guest agreed to {_said(wish)}."
        )
    told = "The guest was told that it is not certain and that somebody will find out."
    return _follow_up(doubt_id(wish), wish, callback, f"{question} {told}", at)


def unheard(wish: Wish, reservation: Reservation, kept: Unsettled | None, *, at: datetime) -> dict[str, Any]:
    """That a wish was done after the call that wished it had stopped asking."""
    message = (
        f"Reservation {reservation.code} was {_DONE[wish.kind]} for a call that may not have heard so: {_said(wish)}. "
        "Please tell the guest."
    )
    return _follow_up(f"unheard:{wish.id}", wish, kept.callback if kept else None, message, at)


def stray(wish: Wish, reservation: Reservation, *, at: datetime) -> dict[str, Any]:
    """That the hotel's system has done what the guest was told is not done."""
    message = (
        f"Reservation {reservation.code} was {_DONE[wish.kind]} after the guest had been told that it was not: "
        f"{_said(wish)}. Please ask the guest whether it shall stay so."
    )
    return _follow_up(f"stray:{wish.id}", wish, None, message, at)


_DONE = {WishKind.BOOK: "booked", WishKind.CHANGE: "changed", WishKind.CANCEL: "cancelled"}


def _follow_up(follow_up_id: str, wish: Wish, callback: str | None, message: str, at: datetime) -> dict[str, Any]:
    return {
        "id": follow_up_id,
        "kind": "callback" if callback else "message",
        "at": at.isoformat(),
        "callback": callback,
        "guest_name": _name(wish.guest),
        "message": message,
    }


def _question(wish: Wish) -> str:
    match wish.kind:
        case WishKind.BOOK:
            return (
                f"The booking system did not say whether it has booked {_said(wish)}. "
                f"Please look for a reservation with our reference {wish.id}."
            )
        case WishKind.CHANGE:
            return f"The booking system did not say whether it has changed reservation {wish.code} to {_said(wish)}."
        case WishKind.CANCEL:
            return (
                f"The booking system did not say whether it has cancelled reservation {wish.code} ({_said(wish)}), "
                f"at a fee of {wish.fee}."
            )


def _said(wish: Wish) -> str:
    offer = wish.offer
    rate = f", {offer.rate}" if offer.rate else ""
    return f"{offer.room}{rate}, {_nights(offer.stay)}, for {offer.total}"


def _nights(stay: Stay) -> str:
    people = f"{stay.adults} adult{'s' * (stay.adults > 1)}"
    if stay.children:
        people += f" and {stay.children} child{'ren' * (stay.children > 1)}"
    return f"{_day(stay.arrival)} to {_day(stay.departure)}, {people}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _name(guest: Guest | None) -> str | None:
    return redact(guest.name) if guest else None
