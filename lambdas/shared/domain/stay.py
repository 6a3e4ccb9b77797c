"""Nights in a hotel: what is wished for, what is offered, what is booked."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lambdas.shared.domain.money import Money

LONGEST_STAY: Final = 30

RoomType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
GuestName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100, pattern=r"^[^\x00-\x1f<>{}]+$")
]


class Stay(BaseModel):
    """Who sleeps where from when to when; dates are the hotel's local ones, the departure day is not a night."""

    model_config = ConfigDict(frozen=True)

    arrival: date
    departure: date
    adults: int = Field(default=1, ge=1, le=9)
    children: int = Field(default=0, ge=0, le=9)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.arrival < self.departure:
            raise ValueError(f"departure {self.departure} must be after arrival {self.arrival}")
        if self.nights > LONGEST_STAY:
            raise ValueError(f"{self.nights} nights are more than the {LONGEST_STAY} that can be booked by phone")
        return self

    @property
    def nights(self) -> int:
        return (self.departure - self.arrival).days

    @property
    def guests(self) -> int:
        return self.adults + self.children

    @property
    def evenings(self) -> tuple[date, ...]:
        """The nights slept, each by the date of its evening."""
        return tuple(self.arrival + timedelta(days=day) for day in range(self.nights))


class Offer(BaseModel):
    """A room for a stay at a total price that includes what must be paid; `room` is the room in a guest's words."""

    model_config = ConfigDict(frozen=True)

    stay: Stay
    room_type: RoomType
    room: str
    total: Money


class Guest(BaseModel):
    """The person a reservation is for."""

    model_config = ConfigDict(frozen=True)

    name: GuestName


class Reservation(BaseModel):
    """A booked stay, as the hotel's system has it; `reference` is the wish it came from, if it came from us."""

    model_config = ConfigDict(frozen=True)

    code: str
    stay: Stay
    room_type: RoomType
    room: str
    guest: Guest
    total: Money
    reference: str | None = None

    @classmethod
    def of(cls, offer: Offer, *, code: str, guest: Guest, reference: str) -> Self:
        """What an offer becomes when it is booked."""
        return cls(
            code=code,
            stay=offer.stay,
            room_type=offer.room_type,
            room=offer.room,
            guest=guest,
            total=offer.total,
            reference=reference,
        )
