"""What travels to and from the pms function. Requests about stays carry the agent's epoch in X-Call-Epoch."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from lambdas.shared.domain.hotel import Hotel, RoomKind
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, RoomType, Stay


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HotelFacts(_Wire):
    """What a receptionist may tell about a hotel; nothing about how it is run."""

    name: str
    title: str
    city: str
    timezone: str
    languages: tuple[str, ...]
    check_in: time
    check_out: time
    rooms: Mapping[RoomType, RoomKind]
    knowledge: Mapping[str, str]

    @classmethod
    def of(cls, hotel: Hotel) -> HotelFacts:
        return cls(**{field: getattr(hotel, field) for field in cls.model_fields})


class OffersRequest(_Wire):
    """Which rooms are free for a stay, and at what total; each offer is held as a wish."""

    kind: Literal["book"] = "book"
    stay: Stay
    room_type: RoomType | None = None


class HeldOffer(_Wire):
    """An offer whose price is held until `expires_at`."""

    wish_id: str
    stay: Stay
    room_type: RoomType
    room: str
    nights: int
    total: Money
    expires_at: AwareDatetime


class Offers(_Wire):
    """The cheapest first; empty when nothing is free."""

    offers: tuple[HeldOffer, ...]


class BookRequest(_Wire):
    """Carry out a wish. `rooms` says that the guest really wants that many rooms of the same kind."""

    wish_id: Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{8,40}$")]
    guest: Guest
    rooms: int = Field(default=1, ge=1, le=9)


class Booked(_Wire):
    """The reservation in the hotel's system; the same wish always answers the same one."""

    reservation: Reservation
