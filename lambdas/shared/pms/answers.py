"""What every connector makes of a vendor's answers, in the same way for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotFound,
    NotPossible,
    PriceChanged,
    SoldOut,
    Unreachable,
)
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import Contact, Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.guest import e164
from lambdas.shared.pms.reservations import is_as_wished
from lambdas.shared.pms.vendor_http import Answer

Held = TypeVar("Held")


class Answered(BaseModel):
    """A part of an answer; null, which real systems send for what is empty, is the same as missing."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: part for name, part in value.items() if part is not None}
        return value


class Quoted(Protocol):
    """An offer beside what it takes to book it."""

    @property
    def offer(self) -> Offer: ...


Quote = TypeVar("Quote", bound=Quoted)


def as_offered(quotes: Iterable[Quote], offer: Offer) -> Quote:
    """The quote for the same stay, room and rate at the same price. Raises SoldOut and PriceChanged."""
    for quote in quotes:
        if quote.offer.is_for(offer):
            if (quote.offer.total, quote.offer.city_tax) != (offer.total, offer.city_tax):
                raise PriceChanged("it costs something else by now")
            return quote
    raise SoldOut("no such room is left for every night")


def fitting_rooms(hotel: Hotel, stay: Stay, room_type: RoomType | None) -> list[RoomType]:
    """The mapped rooms, or that one of them, that sleep everybody."""
    return [room for room in hotel.pms.rooms if room_type in (None, room) and hotel.rooms[room].sleeps >= stay.guests]


def existing(held: Held | None) -> Held:
    """The reservation that a write is about. Raises NotFound."""
    if held is None:
        raise NotFound("no such reservation")
    return held


def still_there(held: Held | None) -> Held:
    """A reservation that was found before. Raises NotPossible when it is gone."""
    if held is None:
        raise NotPossible("the reservation is not there any more")
    return held


def settled(answer: Answer, read: Callable[[], Held | None]) -> Held:
    """The reservation after a write that was done. Raises InDoubt when it cannot be read again."""
    try:
        held = read()
    except Unreachable as error:
        raise InDoubt(f"{answer.what}: done, and not readable", vendor_code=error.vendor_code) from None
    if held is None:
        raise InDoubt(f"{answer.what}: done, and not found again", vendor_code=str(answer.status))
    return held


def as_wished(answer: Answer, told: Reservation, wished: Offer) -> Reservation:
    """The reservation after a booking or change. Raises InDoubt where it is not what the guest was told."""
    if not is_as_wished(told, wished):
        raise InDoubt(f"{answer.what}: done, and not as wished", vendor_code=str(answer.status))
    return told


def as_cancelled(answer: Answer, told: Reservation) -> Reservation:
    """The reservation after its cancellation. Raises InDoubt where it still stands."""
    if told.state is not ReservationState.CANCELLED:
        raise InDoubt(f"{answer.what}: done, and still booked", vendor_code=str(answer.status))
    return told


def first_standing(told: Iterable[Reservation]) -> Reservation | None:
    """Of several reservations under one reference the first that stands, or else the first."""
    return min(told, key=lambda one: one.state is ReservationState.CANCELLED, default=None)


def why_refused(refusal: BellhopError, ask: Callable[[], object]) -> BellhopError:
    """Why a vendor whose words are for people has refused a booking or change: what is free is asked again.

    `ask` raises SoldOut or PriceChanged where that is why; the vendor's code stays for the log.
    """
    if isinstance(refusal, NotPossible):
        try:
            ask()
        except (SoldOut, PriceChanged) as found:
            found.vendor_code = refusal.vendor_code
            return found
        except Unreachable:
            return refusal
    return refusal


def why_not_booked(refusal: BellhopError, ask: Callable[[], object]) -> BellhopError:
    """Why a new booking is refused: what is not found then is something that it names, and no reservation."""
    if isinstance(refusal, NotFound):
        refusal = NotPossible("the room or rate is gone", vendor_code=refusal.vendor_code)
    return why_refused(refusal, ask)


def contact_of(emails: Iterable[str | None], phones: Iterable[str | None]) -> Contact:
    """The first address and the first number in international notation that are one; what is none is not told."""
    return Contact(
        email=next(filter(None, map(_email, emails)), None), phone=next(filter(None, map(_phone, phones)), None)
    )


def _email(said: str | None) -> str | None:
    try:
        return Contact(email=said).email
    except ValidationError:
        return None


def _phone(said: str | None) -> str | None:
    try:
        return e164(said) if said else None
    except ValueError:
        return None
