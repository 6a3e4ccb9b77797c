"""The demo hotel's booking system: rooms and stays in our own table, prices from the hotel's file.

    PMS#<hotel>  ROOM#<type>#<night>  taken: how many rooms of the type are booked that night
    PMS#<hotel>  STAY#<code>          a reservation, how its guest is reached, what it cost to cancel, its notes

A booking is one transaction: every night's count goes up if a room is left, and the stay is put if its code is free. A
change and a cancellation replace the stay that was read and move the nights' counts with it. The code is derived from
the reference, so the reference can be looked up and cannot be booked twice.

The house's policy: a stay is cancelled free of charge until 18:00, hotel time, on the day before arrival; later it
costs the first night. Once the guest has arrived, the phone changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

from lambdas.shared.domain.errors import InDoubt, NotFound, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.said import normal_code
from lambdas.shared.domain.stay import Contact, Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.items import Conflict, Patience, Write, decode, encode, reaching, transact
from lambdas.shared.pms.parts import Parts, utc_now
from lambdas.shared.pms.reservations import arriving, is_as_wished, require_booked, require_same_fee
from lambdas.shared.pms.system import Capability, Order, Pms, Property
from lambdas.shared.tables import EXPIRES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, QueryInputTypeDef, TransactWriteItemTypeDef

Night = tuple[RoomType, date]
FREE_UNTIL: Final = time(18, 0)
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
    return DemoPms(hotel, client=parts.client, table=parts.calls_table, now=parts.now)


class DemoPms:
    """The booking system of one demo hotel; safe to share between processes, the table decides."""

    capabilities: Final = frozenset(Capability)

    def __init__(
        self,
        hotel: Hotel,
        *,
        client: DynamoDBClient,
        table: str,
        patience: Patience | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._hotel = hotel
        self._client = client
        self._table = table
        self._patience = patience or Patience()
        self._now = now
        self._pk = f"PMS#{hotel.name}"

    def describe(self) -> Property:
        """The hotel as its file has it: there is nothing else to compare it with."""
        return Property(
            title=self._hotel.title,
            currency=self._hotel.currency,
            timezone=self._hotel.timezone,
            rooms={name: self._hotel.rooms[name].title for name in self._hotel.pms.demo},
            rates={},
            extras={},
        )

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The rooms that are free for every night and sleep everybody, the cheapest first."""
        return self._offers(stay, room_type, taken_itself=())

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation; a reference that is booked already gives its reservation.

        Raises SoldOut, PriceChanged, NotPossible, InDoubt, and Unreachable when nothing was booked because others kept
        writing.
        """

        def attempt() -> Reservation:
            found, code = self._look_up(order.reference)
            if found:
                return found
            self._require_as_offered(order.offer)
            reservation = Reservation.of(order.offer, code=code, guest=order.guest, reference=order.reference)
            values = {**_values(reservation), "contact": order.contact.model_dump(exclude_none=True)}
            # The stay comes first: that its code is taken weighs more than that a night is full.
            writes = [self._put(values, "attribute_not_exists(pk)"), *self._take(_nights_of(reservation))]
            self._transact(writes)
            return self._told(values)

        return self._patience.until_done(attempt)

    def find(self, order: Order) -> Reservation | None:
        """The reservation made under the order's reference."""
        return self._look_up(order.reference)[0]

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of a code, however it is said."""
        item = self._stay(code)
        return self._told(item) if item else None

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname that arrive on that day; reads all of the hotel's, which are few."""
        return arriving(self.reservations(), surname, arrival)

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become, every night at the price of now; raises NotPossible once it is over."""
        require_booked(booked)
        return self._offers(stay, room_type, taken_itself=_nights_of(booked))

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says, with its nights moved in one transaction."""

        def attempt() -> Reservation:
            item = self._stay_or_not_found(code)
            before = self._told(item)
            require_booked(before)
            if is_as_wished(before, offer):
                return before
            self._require_as_offered(offer)
            after = Reservation.of(offer, code=before.code, guest=before.guest, reference=before.reference)
            values = {**item, **_values(after)}
            old, new = _nights_of(before), _nights_of(after)
            taken = [night for night in new if night not in old]
            left = [night for night in old if night not in new]
            self._transact([self._replace(item, values), *self._take(taken), *self._leave(left)])
            return self._told(values)

        return self._patience.until_done(attempt)

    def cancellation_fee(self, booked: Reservation) -> Money:
        """Nothing until 18:00 on the day before arrival, then the first night."""
        require_booked(booked)
        day_before = booked.stay.arrival - timedelta(days=1)
        if self._now() < datetime.combine(day_before, FREE_UNTIL, self._hotel.zone):
            return Money(cents=0, currency=booked.total.currency)
        return Money(cents=booked.total.cents // booked.stay.nights, currency=booked.total.currency)

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled, and its rooms free again."""

        def attempt() -> Reservation:
            item = self._stay_or_not_found(code)
            before = self._told(item)
            if before.state is ReservationState.CANCELLED:
                return before
            require_same_fee(self.cancellation_fee(before), fee)
            values = {**item, "state": ReservationState.CANCELLED, "fee": fee.model_dump()}
            self._transact([self._replace(item, values), *self._leave(_nights_of(before))])
            return self._told(values)

        return self._patience.until_done(attempt)

    def add_note(self, code: str, text: str) -> None:
        """Adds a line for the staff; a line that is there already is not added again."""

        def attempt() -> None:
            item = self._stay_or_not_found(code)
            notes = item.get("notes", [])
            if text not in notes:
                self._transact([self._replace(item, {**item, "notes": [*notes, text]})])

        self._patience.until_done(attempt)

    def reservations(self) -> list[Reservation]:
        """Every reservation of the hotel, by arrival; for whoever checks what a call has led to."""
        found = [self._told(item) for item in self._items("STAY#", "STAY$")]
        return sorted(found, key=lambda reservation: (reservation.stay.arrival, reservation.code))

    def _offers(self, stay: Stay, room_type: RoomType | None, *, taken_itself: Collection[Night]) -> list[Offer]:
        fitting = [
            name
            for name, room in self._hotel.rooms.items()
            if room_type in (None, name) and room.sleeps >= stay.guests and self._rooms(name)
        ]
        free = [self._offer(name, stay) for name in fitting if self._is_free(name, stay.evenings, taken_itself)]
        return sorted(free, key=lambda offer: offer.total.cents)

    def _offer(self, room_type: RoomType, stay: Stay) -> Offer:
        return Offer(
            stay=stay,
            room_type=room_type,
            room=self._hotel.rooms[room_type].title,
            total=self._hotel.night_price(room_type) * stay.nights,
        )

    def _require_as_offered(self, offer: Offer) -> None:
        """Raises what speaks against the offer whatever is free: the room, the party, the price."""
        if not self._rooms(offer.room_type):
            raise SoldOut(f"the hotel has no {offer.room}")
        if self._hotel.rooms[offer.room_type].sleeps < offer.stay.guests:
            raise NotPossible(f"a {offer.room} does not sleep {offer.stay.guests}")
        if self._offer(offer.room_type, offer.stay).total != offer.total:
            raise PriceChanged(f"a {offer.room} costs something else by now")

    def _rooms(self, room_type: RoomType) -> int:
        demo = self._hotel.pms.demo.get(room_type)
        return demo.rooms if demo else 0

    def _is_free(self, room_type: RoomType, evenings: Sequence[date], taken_itself: Collection[Night]) -> bool:
        rooms = self._rooms(room_type)
        nights = self._items(_night_sk((room_type, evenings[0])), _night_sk((room_type, evenings[-1])))
        taken = {item["sk"]: item["taken"] for item in nights}
        wanted = [(room_type, evening) for evening in evenings]
        return all(taken.get(_night_sk(night), 0) - (night in taken_itself) < rooms for night in wanted)

    def _look_up(self, reference: str) -> tuple[Reservation | None, str]:
        """The reference's reservation, or the code it can have."""
        attempt = 0
        while item := self._item(f"STAY#{code_of(reference, attempt)}"):
            if item["reference"] == reference:
                return self._told(item), item["code"]
            attempt += 1
        return None, code_of(reference, attempt)

    def _stay(self, code: str) -> dict[str, Any] | None:
        try:
            return self._item(f"STAY#{normal_code(code)}")
        except ValueError:
            return None

    def _stay_or_not_found(self, code: str) -> dict[str, Any]:
        item = self._stay(code)
        if item is None:
            raise NotFound("the hotel has no such reservation")
        return item

    def _told(self, item: Mapping[str, Any]) -> Reservation:
        """A stay as the table has it; whether the guest has come and gone is told by the date."""
        values = {name: item[name] for name in Reservation.model_fields if name in item}
        reservation = Reservation.model_validate({**values, "contact": Contact.model_validate(item.get("contact", {}))})
        today = self._hotel.day_of(self._now())
        if reservation.state is not ReservationState.BOOKED or today <= reservation.stay.arrival:
            return reservation
        here = today <= reservation.stay.departure
        state = ReservationState.IN_HOUSE if here else ReservationState.DEPARTED
        return reservation.model_copy(update={"state": state})

    def _transact(self, writes: Sequence[Write]) -> None:
        try:
            transact(self._client, writes)
        except Unreachable as error:
            raise InDoubt("the table did not say whether it has written", vendor_code="transaction") from error

    def _put(self, values: Mapping[str, Any], condition: str, compared: Mapping[str, int] | None = None) -> Write:
        """The stay, which is forgotten with the calls of the day on which the guest leaves."""
        left = datetime.combine(date.fromisoformat(values["stay"]["departure"]), time.max, self._hotel.zone)
        expires = left + timedelta(days=self._hotel.retention.calls_days)
        item = {**values, EXPIRES: int(expires.timestamp()), "pk": self._pk, "sk": f"STAY#{values['code']}"}
        put: PutTypeDef = {"TableName": self._table, "Item": encode(item), "ConditionExpression": condition}
        if compared:
            put["ExpressionAttributeValues"] = encode(compared)
        return Write({"Put": put}, otherwise=Conflict("the stay was written meanwhile"))

    def _replace(self, before: Mapping[str, Any], values: Mapping[str, Any]) -> Write:
        """The stay anew, if it is still the one that was read."""
        version = before.get("version", 0)
        if not version:
            return self._put({**values, "version": 1}, "attribute_exists(pk) AND attribute_not_exists(version)")
        return self._put({**values, "version": version + 1}, "version = :version", {":version": version})

    def _take(self, nights: Iterable[Night]) -> Iterator[Write]:
        for room_type, evening in nights:
            none_left = SoldOut(f"no {self._hotel.rooms[room_type].title} is left for the night of {evening}")
            condition = "attribute_not_exists(taken) OR taken < :rooms"
            yield Write(
                self._counted((room_type, evening), 1, condition, {":rooms": self._rooms(room_type)}),
                otherwise=none_left,
            )

    def _leave(self, nights: Iterable[Night]) -> Iterator[Write]:
        for night in nights:
            missing = ValueError(f"a night that was booked is not counted: {_night_sk(night)}")
            yield Write(self._counted(night, -1, "taken > :none", {":none": 0}), otherwise=missing)

    def _counted(self, night: Night, by: int, condition: str, values: Mapping[str, int]) -> TransactWriteItemTypeDef:
        return {
            "Update": {
                "TableName": self._table,
                "Key": encode({"pk": self._pk, "sk": _night_sk(night)}),
                "UpdateExpression": "ADD taken :by",
                "ConditionExpression": condition,
                "ExpressionAttributeValues": encode({":by": by, **values}),
            }
        }

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


def _night_sk(night: Night) -> str:
    room_type, evening = night
    return f"ROOM#{room_type}#{evening.isoformat()}"


def _nights_of(reservation: Reservation) -> list[Night]:
    return [(reservation.room_type, evening) for evening in reservation.stay.evenings]


def _values(reservation: Reservation) -> dict[str, Any]:
    return reservation.model_dump(mode="json", exclude_none=True)
