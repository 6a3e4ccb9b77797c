"""What travels to and from the pms function. Requests about stays carry the agent's epoch in X-Call-Epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from lambdas.shared.domain.hotel import Hotel, PhoneNumber, RoomKind
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import (
    Contact,
    Day,
    EmailAddress,
    Guest,
    LastName,
    RatePlan,
    Reservation,
    RoomType,
    Stay,
)
from lambdas.shared.domain.wish import Wish, WishKind

WishId = Annotated[str, StringConstraints(pattern=r"^[0-9a-z]{8,40}$")]
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60, pattern=r"^[^\x00-\x1f<>{}]+$")
]
NoteId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")]
NoteText = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$")
]

LocalTime = Annotated[time, WithJsonSchema({"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"})]
"""A time by the hotel's clocks; JSON Schema's own `time` has an offset (RFC 3339, 5.6)."""


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HotelFacts(_Wire):
    """What a receptionist may tell about a hotel, and what its booking system can do beyond booking.

    `can` holds some of change_dates, change_room, change_guests, cancel, note; for what it lacks a human is offered.
    `knowledge` is in the hotel's own language, `knowledge_in` in its further ones.
    """

    name: str
    title: str
    city: str
    timezone: str
    languages: tuple[str, ...]
    check_in: LocalTime
    check_out: LocalTime
    rooms: Mapping[RoomType, RoomKind]
    knowledge: Mapping[str, str]
    knowledge_in: Mapping[str, Mapping[str, str]] = {}
    can: tuple[str, ...] = ()

    @classmethod
    def of(cls, hotel: Hotel, can: Iterable[str] = ()) -> HotelFacts:
        own = {field: getattr(hotel, field) for field in cls.model_fields if field != "can"}
        return cls(**own, can=tuple(sorted(can)))

    def topics(self, language: str) -> Mapping[str, str]:
        """What the hotel knows about itself in a language, or in its own where nothing is written in that one."""
        return self.knowledge_in.get(language, self.knowledge)


class OffersRequest(_Wire):
    """What the guest would like a price for; each answer is held as a wish.

    book: a stay, and a room type if only one will do. change: the reservation's code, and another stay or room type,
    or both. cancel: the code; the offer's `fee` is what it costs.
    """

    kind: Literal["book", "change", "cancel"] = "book"
    stay: Stay | None = None
    room_type: RoomType | None = None
    code: Code | None = None

    @model_validator(mode="after")
    def _says_what_it_needs(self) -> Self:
        given = {name for name in ("stay", "room_type", "code") if getattr(self, name) is not None}
        fits = {
            "book": "stay" in given and "code" not in given,
            "change": "code" in given and len(given) > 1,
            "cancel": given == {"code"},
        }
        if not fits[self.kind]:
            raise ValueError("book needs a stay, change a code and a stay or room_type, cancel a code alone")
        return self


class HeldOffer(_Wire):
    """An offer whose price is held until `expires_at`.

    `total` has every tax in it, `taxes` is the part of it that is tax, `city_tax` comes on top, at the hotel. Of a
    cancellation stay, room and total are what is booked, and `fee` is what it costs to cancel.
    """

    wish_id: str
    kind: WishKind = WishKind.BOOK
    stay: Stay
    room_type: RoomType
    room: str
    nights: int
    total: Money
    expires_at: AwareDatetime
    code: str | None = None
    fee: Money | None = None
    rate_plan: RatePlan | None = None
    rate: str | None = None
    taxes: Money | None = None
    city_tax: Money | None = None
    includes: tuple[str, ...] = ()

    @classmethod
    def of(cls, wish: Wish) -> HeldOffer:
        return cls(
            wish_id=wish.id,
            kind=wish.kind,
            stay=wish.offer.stay,
            room_type=wish.offer.room_type,
            room=wish.offer.room,
            nights=wish.offer.stay.nights,
            total=wish.offer.total,
            expires_at=wish.expires_at,
            code=wish.code,
            fee=wish.fee,
            rate_plan=wish.offer.rate_plan,
            rate=wish.offer.rate,
            taxes=wish.offer.taxes,
            city_tax=wish.offer.city_tax,
            includes=wish.offer.includes,
        )


class Offers(_Wire):
    """The cheapest first; empty when nothing is free."""

    offers: tuple[HeldOffer, ...]


class BookRequest(_Wire):
    """Carry out a wish. `rooms` says that the guest really wants that many rooms of the same kind.

    `contact` travels to the hotel's system and is not kept by us. `callback` is the number to call should it stay in
    doubt; where the contact has no phone it is the hotel's system's too.
    """

    wish_id: WishId
    guest: Guest
    rooms: int = Field(default=1, ge=1, le=9)
    contact: Contact = Contact()
    callback: PhoneNumber | None = None


class ChangeRequest(_Wire):
    """Carry out the wish of a change. `callback` is the number to call should it stay in doubt."""

    wish_id: WishId
    callback: PhoneNumber | None = None


class CancelRequest(_Wire):
    """`callback` is the number to call should it stay in doubt whether it is cancelled."""

    callback: PhoneNumber | None = None


class Booked(_Wire):
    """A reservation as the hotel's system has it; the same wish always answers the same one."""

    reservation: Reservation


class Cancelled(_Wire):
    """The reservation, cancelled, and what that cost."""

    reservation: Reservation
    fee: Money


class VerificationRequest(_Wire):
    """What the caller says of their reservation: its code and surname, or surname, arrival and one fact more."""

    surname: LastName
    code: Code | None = None
    arrival: Day | None = None
    departure: Day | None = None
    email: EmailAddress | None = None
    phone: PhoneNumber | None = None

    @model_validator(mode="after")
    def _one_way_or_the_other(self) -> Self:
        facts = sum(fact is not None for fact in (self.departure, self.email, self.phone))
        by_code = self.code is not None and self.arrival is None and not facts
        by_facts = self.code is None and self.arrival is not None and facts == 1
        if not (by_code or by_facts):
            raise ValueError("give code and surname, or surname, arrival and one of departure, email, phone")
        return self


class Verified(_Wire):
    """The reservation that this call has shown to be about."""

    reservation: Reservation


class Reservations(_Wire):
    """The reservations this call has verified or made, in that order."""

    reservations: tuple[Reservation, ...]


class NoteRequest(_Wire):
    """A line for the hotel's staff; the same `id` is added once."""

    id: NoteId
    text: NoteText


class NoteAdded(_Wire):
    """It stands in the hotel's system."""

    state: Literal["added"] = "added"
