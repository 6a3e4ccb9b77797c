"""Nights in a hotel: what is wished for, what is offered, what is booked."""

from __future__ import annotations

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from lambdas.shared.domain.money import Money

LONGEST_STAY: Final = 30
_PARTICLES: Final = re.compile(
    r"(af|al|bin|da|das|de|del|della|den|der|di|dos|du|el|la|las|le|los|ten|ter|van|vom|von|zu|zum|zur)", re.IGNORECASE
)
"""Words that belong to the surname after them: "Anna von der Tann" is Ms von der Tann."""

RoomType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RatePlan = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2199, 12, 31))]
"""Far from where a calendar ends: a day more or an hour of a time zone is a date still."""
EmailAddress = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^\s@<>\x00-\x1f]+@[^\s@<>.]+(\.[^\s@<>.]+)+$"),
]
GuestName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=2, max_length=100, pattern=r"^[^\x00-\x1f<>{}]+$")
]

LastName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f<>{}]+$")
]
"""One letter suffices: a Korean guest may be called O, one from Myanmar U."""


class Stay(BaseModel):
    """Who sleeps where from when to when; dates are the hotel's local ones, the departure day is not a night."""

    model_config = ConfigDict(frozen=True)

    arrival: Day
    departure: Day
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
    """A room at a rate for a stay; `room`, `rate` and `includes` are in a guest's words.

    `total` is what the guest pays for the stay with every tax in it; `taxes` is the part of it that is tax, where the
    hotel's system says. `city_tax` comes on top and is paid at the hotel. `rate_plan` is the hotel's own name of the
    rate; a hotel with one rate has none.
    """

    model_config = ConfigDict(frozen=True)

    stay: Stay
    room_type: RoomType
    room: str
    total: Money
    rate_plan: RatePlan | None = None
    rate: str | None = None
    taxes: Money | None = None
    city_tax: Money | None = None
    includes: tuple[str, ...] = ()

    def is_for(self, other: Offer) -> bool:
        """Is the other one for the same stay, room and rate, at whatever price?"""
        mine, others = (self.stay, self.room_type, self.rate_plan), (other.stay, other.room_type, other.rate_plan)
        return mine == others


class Guest(BaseModel):
    """The person a reservation is for; `last_name` is set where the hotel's system keeps it apart."""

    model_config = ConfigDict(frozen=True)

    name: GuestName
    last_name: LastName | None = None

    @property
    def surname(self) -> str:
        """The last name: as it is kept apart, or the last word of the name with the particles before it."""
        return self.last_name or self._parted[1]

    @property
    def first_names(self) -> str:
        """What comes before the surname; empty when there is only one name."""
        if self.last_name and self.name.endswith(self.last_name):
            return self.name.removesuffix(self.last_name).strip()
        return self._parted[0]

    @property
    def _parted(self) -> tuple[str, str]:
        words = self.name.split()
        begin = len(words) - 1
        while begin > 1 and _PARTICLES.fullmatch(words[begin - 1]):
            begin -= 1
        return " ".join(words[:begin]), " ".join(words[begin:])


class Contact(BaseModel):
    """How a guest can be reached. It travels to the hotel's system and is kept there, never beside a call."""

    model_config = ConfigDict(frozen=True)

    email: EmailAddress | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")] | None = Field(
        default=None, description="E.164"
    )


class ReservationState(StrEnum):
    """How far a reservation has come."""

    BOOKED = "booked"
    CANCELLED = "cancelled"
    IN_HOUSE = "in_house"
    DEPARTED = "departed"


class Reservation(BaseModel):
    """A stay as the hotel's system has it; `reference` is the wish it came from, if it came from us.

    `contact` is for verifying who calls and leaves this process in no form.
    """

    model_config = ConfigDict(frozen=True)

    code: str
    stay: Stay
    room_type: RoomType
    room: str
    guest: Guest
    total: Money
    state: ReservationState = ReservationState.BOOKED
    rate_plan: RatePlan | None = None
    rate: str | None = None
    city_tax: Money | None = None
    reference: str | None = None
    contact: Contact = Field(default=Contact(), exclude=True, repr=False)

    @classmethod
    def of(cls, offer: Offer, *, code: str, guest: Guest, reference: str | None) -> Self:
        """What an offer becomes when it is booked."""
        return cls(
            code=code,
            stay=offer.stay,
            room_type=offer.room_type,
            room=offer.room,
            guest=guest,
            total=offer.total,
            rate_plan=offer.rate_plan,
            rate=offer.rate,
            city_tax=offer.city_tax,
            reference=reference,
        )

    @property
    def offer(self) -> Offer:
        """What was booked."""
        return Offer(
            stay=self.stay,
            room_type=self.room_type,
            room=self.room,
            total=self.total,
            rate_plan=self.rate_plan,
            rate=self.rate,
            city_tax=self.city_tax,
        )
