"""The demo hotel's booking system: rooms and stays in our own table, prices from the hotel's file.

    PMS#<hotel>  ROOM#<type>#<night>  taken: how many rooms of the type are booked that night
    PMS#<hotel>  STAY#<code>          a reservation, and the reference it was made under

A booking is one transaction: every night's count goes up if a room is left, and the stay is put if its code is free.
The code is derived from the reference, so the reference can be looked up and cannot be booked twice.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.domain.errors import SoldOut, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import Guest, Offer, Reservation, RoomType, Stay

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

ATTEMPTS: Final = 8
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


class DemoPms:
    """The booking system of one demo hotel; safe to share between processes, the table decides."""

    def __init__(
        self, hotel: Hotel, *, client: DynamoDBClient, table: str, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._hotel = hotel
        self._client = client
        self._table = table
        self._sleep = sleep
        self._partition = {"S": f"PMS#{hotel.name}"}

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The rooms that are free for every night and sleep everybody, the cheapest first."""
        fitting = [
            name
            for name, room in self._hotel.rooms.items()
            if room_type in (None, name) and room.sleeps >= stay.guests and name in self._hotel.pms.demo
        ]
        free = [self._offer(name, stay) for name in fitting if self._is_free(name, stay.evenings)]
        return sorted(free, key=lambda offer: offer.total.cents)

    def book(self, reference: str, offer: Offer, guest: Guest) -> Reservation:
        """The offer as a reservation; a reference that is booked already gives its reservation. Raises SoldOut."""
        for attempt in range(ATTEMPTS):
            found, code = self._look_up(reference)
            if found:
                return found
            reservation = Reservation(
                code=code,
                stay=offer.stay,
                room_type=offer.room_type,
                room=offer.room,
                guest=guest,
                total=offer.total,
                reference=reference,
            )
            reasons = self._write(reservation)
            if not reasons:
                return reservation
            *nights, stay = reasons
            if stay == "None" and "ConditionalCheckFailed" in nights:
                raise SoldOut(f"no {offer.room} is left for every night from {offer.stay.arrival}")
            self._sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311  spreads writers, guards nothing
        raise Unreachable("the hotel's table is too busy")

    def find(self, reference: str) -> Reservation | None:
        """The reservation made under our reference."""
        return self._look_up(reference)[0]

    def reservations(self) -> list[Reservation]:
        """Every reservation of the hotel, by arrival; for whoever checks what a call has led to."""
        items = self._query("STAY#", "STAY$")
        found = [Reservation.model_validate_json(item["reservation"]["S"]) for item in items]
        return sorted(found, key=lambda reservation: (reservation.stay.arrival, reservation.code))

    def _offer(self, room_type: RoomType, stay: Stay) -> Offer:
        return Offer(
            stay=stay,
            room_type=room_type,
            room=self._hotel.rooms[room_type].title,
            total=self._hotel.night_price(room_type) * stay.nights,
        )

    def _is_free(self, room_type: RoomType, evenings: Sequence[date]) -> bool:
        rooms = self._hotel.pms.demo[room_type].rooms
        nights = self._query(_night(room_type, evenings[0]), _night(room_type, evenings[-1]))
        taken = {item["sk"]["S"]: int(item["taken"]["N"]) for item in nights}
        return all(taken.get(_night(room_type, evening), 0) < rooms for evening in evenings)

    def _look_up(self, reference: str) -> tuple[Reservation | None, str]:
        """The reference's reservation, or the code it can have."""
        attempt = 0
        while item := self._item(f"STAY#{code_of(reference, attempt)}"):
            if item["reference"]["S"] == reference:
                return Reservation.model_validate_json(item["reservation"]["S"]), code_of(reference, attempt)
            attempt += 1
        return None, code_of(reference, attempt)

    def _write(self, reservation: Reservation) -> list[str]:
        """Every night and the stay, or nothing: then the reasons, one per night and the stay's last."""
        rooms = self._hotel.pms.demo[reservation.room_type].rooms
        nights: list[TransactWriteItemTypeDef] = [
            {
                "Update": {
                    "TableName": self._table,
                    "Key": {"pk": self._partition, "sk": {"S": _night(reservation.room_type, evening)}},
                    "UpdateExpression": "ADD taken :one",
                    "ConditionExpression": ":rooms > :none AND (attribute_not_exists(taken) OR taken < :rooms)",
                    "ExpressionAttributeValues": {":one": {"N": "1"}, ":none": {"N": "0"}, ":rooms": {"N": str(rooms)}},
                }
            }
            for evening in reservation.stay.evenings
        ]
        stay: TransactWriteItemTypeDef = {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "pk": self._partition,
                    "sk": {"S": f"STAY#{reservation.code}"},
                    "reference": {"S": str(reservation.reference)},
                    "reservation": {"S": reservation.model_dump_json()},
                },
                "ConditionExpression": "attribute_not_exists(sk)",
            }
        }
        try:
            self._client.transact_write_items(TransactItems=[*nights, stay])
        except self._client.exceptions.TransactionCanceledException as error:
            return [reason.get("Code", "None") for reason in error.response.get("CancellationReasons", [])]
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(f"the hotel's table does not answer ({type(error).__name__})") from error
        return []

    def _item(self, sk: str) -> dict[str, Any] | None:
        try:
            answer = self._client.get_item(
                TableName=self._table, Key={"pk": self._partition, "sk": {"S": sk}}, ConsistentRead=True
            )
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(f"the hotel's table does not answer ({type(error).__name__})") from error
        return answer.get("Item")

    def _query(self, first: str, end: str) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk AND sk BETWEEN :first AND :end",
            ExpressionAttributeValues={":pk": self._partition, ":first": {"S": first}, ":end": {"S": end}},
            ConsistentRead=True,
        )
        try:
            return [item for page in pages for item in page["Items"]]
        except (BotoCoreError, ClientError) as error:
            raise Unreachable(f"the hotel's table does not answer ({type(error).__name__})") from error


def _night(room_type: RoomType, evening: date) -> str:
    return f"ROOM#{room_type}#{evening.isoformat()}"
