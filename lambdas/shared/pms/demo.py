"""The demo hotel's booking system: rooms and stays in our own table, prices from the hotel's file.

    PMS#<hotel>  ROOM#<type>#<night>  taken: how many rooms of the type are booked that night
    PMS#<hotel>  STAY#<code>          a reservation, and the reference it was made under

A booking is one transaction: every night's count goes up if a room is left, and the stay is put if its code is free.
The code is derived from the reference, so the reference can be looked up and cannot be booked twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.domain.errors import SoldOut
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import Guest, Offer, Reservation, RoomType, Stay
from lambdas.shared.items import Conflict, Patience, Write, decode, encode, reaching, transact
from lambdas.shared.pms.parts import Parts
from lambdas.shared.pms.system import Pms
from lambdas.shared.tables import EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryInputTypeDef

ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""What is read out on the phone: no 0 or O, no 1, I or L."""
CODE_LENGTH: Final = 6


def code_of(reference: str, attempt: int = 0) -> str:
    """A reservation code for a reference; a later attempt gives another, should the first belong to another stay."""
    number = int.from_bytes(hashlib.sha256(f"{reference}/{attempt}".encode()).digest(), "big")
    letters = []
    for _ in range(CODE_LENGTH):
        number, letter = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[letter])
    return "".join(letters)


def connect(hotel: Hotel, parts: Parts) -> Pms:
    """The demo hotel's booking system, in the table of calls."""
    return DemoPms(hotel, client=parts.client, table=parts.calls_table)


class DemoPms:
    """The booking system of one demo hotel; safe to share between processes, the table decides."""

    def __init__(self, hotel: Hotel, *, client: DynamoDBClient, table: str, patience: Patience | None = None) -> None:
        self._hotel = hotel
        self._client = client
        self._table = table
        self._patience = patience or Patience()
        self._pk = f"PMS#{hotel.name}"

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The rooms that are free for every night and sleep everybody, the cheapest first."""
        fitting = [
            name
            for name, room in self._hotel.rooms.items()
            if room_type in (None, name) and room.sleeps >= stay.guests and self._rooms(name)
        ]
        free = [self._offer(name, stay) for name in fitting if self._is_free(name, stay.evenings)]
        return sorted(free, key=lambda offer: offer.total.cents)

    def book(self, reference: str, offer: Offer, guest: Guest) -> Reservation:
        """The offer as a reservation; a reference that is booked already gives its reservation.

        Raises SoldOut, and Unreachable when nothing was booked because others kept writing.
        """
        if not self._rooms(offer.room_type):
            raise SoldOut(f"the hotel has no {offer.room}")

        def attempt() -> Reservation:
            found, code = self._look_up(reference)
            if found:
                return found
            reservation = Reservation.of(offer, code=code, guest=guest, reference=reference)
            # The stay comes first: that its code is taken weighs more than that a night is full.
            transact(self._client, [self._put(reservation), *self._nights(reservation)])
            return reservation

        return self._patience.until_done(attempt)

    def find(self, reference: str) -> Reservation | None:
        """The reservation made under our reference."""
        return self._look_up(reference)[0]

    def reservations(self) -> list[Reservation]:
        """Every reservation of the hotel, by arrival; for whoever checks what a call has led to."""
        found = [_reservation_from(item) for item in self._items("STAY#", "STAY$")]
        return sorted(found, key=lambda reservation: (reservation.stay.arrival, reservation.code))

    def _offer(self, room_type: RoomType, stay: Stay) -> Offer:
        return Offer(
            stay=stay,
            room_type=room_type,
            room=self._hotel.rooms[room_type].title,
            total=self._hotel.night_price(room_type) * stay.nights,
        )

    def _rooms(self, room_type: RoomType) -> int:
        demo = self._hotel.pms.demo.get(room_type)
        return demo.rooms if demo else 0

    def _is_free(self, room_type: RoomType, evenings: Sequence[date]) -> bool:
        rooms = self._rooms(room_type)
        nights = self._items(_night(room_type, evenings[0]), _night(room_type, evenings[-1]))
        taken = {item["sk"]: item["taken"] for item in nights}
        return all(taken.get(_night(room_type, evening), 0) < rooms for evening in evenings)

    def _look_up(self, reference: str) -> tuple[Reservation | None, str]:
        """The reference's reservation, or the code it can have."""
        attempt = 0
        while item := self._item(f"STAY#{code_of(reference, attempt)}"):
            if item["reference"] == reference:
                return _reservation_from(item), item["code"]
            attempt += 1
        return None, code_of(reference, attempt)

    def _put(self, reservation: Reservation) -> Write:
        """The stay, which is forgotten with the calls of the day on which the guest leaves."""
        left = datetime.combine(reservation.stay.departure, time.max, self._hotel.zone)
        expires = left + timedelta(days=self._hotel.retention.calls_days)
        values = {**reservation.model_dump(mode="json"), EXPIRES: int(expires.timestamp())}
        return Write(
            {
                "Put": {
                    "TableName": self._table,
                    "Item": encode({**values, "pk": self._pk, "sk": f"STAY#{reservation.code}"}),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            otherwise=Conflict("the code was taken meanwhile"),
        )

    def _nights(self, reservation: Reservation) -> Iterator[Write]:
        rooms = self._rooms(reservation.room_type)
        for evening in reservation.stay.evenings:
            yield Write(
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": encode({"pk": self._pk, "sk": _night(reservation.room_type, evening)}),
                        "UpdateExpression": "ADD taken :one",
                        "ConditionExpression": "attribute_not_exists(taken) OR taken < :rooms",
                        "ExpressionAttributeValues": encode({":one": 1, ":rooms": rooms}),
                    }
                },
                otherwise=SoldOut(f"no {reservation.room} is left for the night of {evening}"),
            )

    def _item(self, sk: str) -> dict[str, Any] | None:
        key = encode({"pk": self._pk, "sk": sk})
        with reaching("a stay"):
            item = self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True).get("Item")
        return decode(item) if item else None

    def _items(self, first: str, last: str) -> Iterator[dict[str, Any]]:
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": encode({":pk": self._pk, ":first": first, ":last": last}),
            "ConsistentRead": True,
        }
        while True:
            with reaching("rooms and stays"):
                page = self._client.query(**request)
            yield from map(decode, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _night(room_type: RoomType, evening: date) -> str:
    return f"ROOM#{room_type}#{evening.isoformat()}"


def _reservation_from(item: dict[str, Any]) -> Reservation:
    return Reservation.model_validate({name: item[name] for name in Reservation.model_fields if name in item})
