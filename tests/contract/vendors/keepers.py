"""The other side of a booking system: what the hotel's own staff see and do, the same for every system."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol, Self, cast

from lambdas.shared.domain.hotel import DemoRoom, Hotel
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, Stay
from lambdas.shared.items import decode, encode
from lambdas.shared.pms import Order
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.system import NO_CONTACT
from tests.contract.vendors.house import House, Kept

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Stood:
    """A reservation as the other side keeps it, in a form that is the same for all."""

    code: str
    room: str
    arrival: date
    departure: date
    adults: int
    children: int
    name: str
    state: str
    total_cents: int
    contact: Contact = field(default=Contact(), compare=False)
    notes: tuple[str, ...] = ()
    reference: str | None = None

    @classmethod
    def of(cls, kept: Reservation, notes: Iterable[str] = ()) -> Self:
        """What one of our own systems keeps."""
        return cls(
            code=kept.code,
            room=kept.room_type,
            arrival=kept.stay.arrival,
            departure=kept.stay.departure,
            adults=kept.stay.adults,
            children=kept.stay.children,
            name=kept.guest.name,
            state=kept.state,
            total_cents=kept.total.cents,
            contact=kept.contact,
            notes=tuple(notes),
            reference=kept.reference,
        )

    @property
    def stands(self) -> bool:
        return self.state != "cancelled"


class Staff(Protocol):
    """The hotel's own staff: what they see and do at the front desk."""

    def stays(self) -> list[Stood]:
        """All that is kept, cancelled ones too, by code."""

    def walk_in(self, room: str, stay: Stay, guest: Guest, contact: Contact = NO_CONTACT) -> str:
        """A reservation made at the front desk, without a reference of ours; its code."""

    def move(self, code: str, state: str) -> None:
        """The guest has arrived, left, or called the desk to cancel."""


class Keeper(Staff, Protocol):
    """The staff of a hotel whose rooms and prices they set, too."""

    def fill(self, room: str, evenings: Iterable[date]) -> None:
        """Others take every such room for these nights."""

    def set_price(self, room: str, night_cents: int) -> None:
        """A night costs that from now on."""


@dataclass(frozen=True)
class HouseKeeper:
    """The staff of a house behind a vendor."""

    house: House

    def stays(self) -> list[Stood]:
        return sorted(map(_stood, self.house.reservations), key=lambda stood: stood.code)

    def walk_in(
        self, room: str, stay: Stay, guest: Guest, contact: Contact = NO_CONTACT, rate: str = "flexible"
    ) -> str:
        return self.house.book(
            room=room,
            rate=rate,
            arrival=stay.arrival,
            departure=stay.departure,
            adults=stay.adults,
            children=stay.children,
            first_name=guest.first_names,
            last_name=guest.surname,
            email=contact.email,
            phone=contact.phone,
        ).code

    def fill(self, room: str, evenings: Iterable[date]) -> None:
        for evening in evenings:
            self.house.fill(room, night=evening)

    def set_price(self, room: str, night_cents: int) -> None:
        self.house.set_price(room, night_cents)

    def move(self, code: str, state: str) -> None:
        (kept,) = self.house.listed(code=code)
        self.house.set_state(kept.id, cast("Any", state))


@dataclass(frozen=True)
class DemoKeeper:
    """The staff of the demo hotel, whose rooms and stays are items of our own table."""

    pms: DemoPms
    hotel: Hotel
    client: DynamoDBClient
    table: str

    def stays(self) -> list[Stood]:
        kept = [Stood.of(found, self._item(found.code).get("notes", ())) for found in self.pms.reservations()]
        return sorted(kept, key=lambda stood: stood.code)

    def walk_in(self, room: str, stay: Stay, guest: Guest, contact: Contact = NO_CONTACT) -> str:
        total = self.hotel.night_price(room) * stay.nights
        offer = Offer(stay=stay, room_type=room, room=self.hotel.rooms[room].title, total=total)
        return self.pms.book(Order(f"desk{next(_numbers):08d}", offer, guest, contact)).code

    def fill(self, room: str, evenings: Iterable[date]) -> None:
        for evening in evenings:
            key = {"pk": f"PMS#{self.hotel.name}", "sk": f"ROOM#{room}#{evening.isoformat()}"}
            item = encode({**key, "taken": self.hotel.pms.demo[room].rooms})
            self.client.put_item(TableName=self.table, Item=item)

    def set_price(self, room: str, night_cents: int) -> None:
        demo = cast("dict[str, DemoRoom]", self.hotel.pms.demo)
        demo[room] = demo[room].model_copy(update={"night_cents": night_cents})

    def move(self, code: str, state: str) -> None:
        self.client.update_item(
            TableName=self.table,
            Key=encode({"pk": f"PMS#{self.hotel.name}", "sk": f"STAY#{code}"}),
            UpdateExpression="SET #state = :state",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=encode({":state": state}),
        )

    def _item(self, code: str) -> dict[str, Any]:
        key = encode({"pk": f"PMS#{self.hotel.name}", "sk": f"STAY#{code}"})
        return decode(self.client.get_item(TableName=self.table, Key=key, ConsistentRead=True)["Item"])


def _stood(kept: Kept) -> Stood:
    return Stood(
        code=kept.code,
        room=kept.room,
        arrival=kept.arrival,
        departure=kept.departure,
        adults=kept.adults,
        children=kept.children,
        name=f"{kept.first_name} {kept.last_name}".strip(),
        state=kept.state,
        total_cents=kept.total_cents,
        contact=Contact.model_construct(email=kept.email, phone=kept.phone),
        notes=kept.notes,
        reference=kept.reference,
    )
