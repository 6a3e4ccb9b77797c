"""Bookings that really happen at the same moment, on the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambdas.pms.models import OffersRequest
from lambdas.pms.notes import DynamoNotes
from lambdas.pms.service import Bookings
from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.bookings.carrying_out import Asked
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Outcome, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState, Stay
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.wish_store import DynamoWishes
from tests.tables import new_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
CALL = "call_+493023125001_aB3dE5gH7jK9"
NOW = datetime.now(UTC)
STAY = Stay(arrival=NOW.date() + timedelta(days=9), departure=NOW.date() + timedelta(days=11), adults=2)
ASKED = Asked(epoch=1, guest=Guest(name="Anna Meier"))


@pytest.fixture
def bookings(dynamodb: DynamoDBClient) -> Iterator[Bookings]:
    calls_table, leases_table = new_tables(dynamodb)
    calls = DynamoCallStore(calls_table=calls_table, hotels=HOTELS, client=dynamodb)
    leases = DynamoLeases(leases_table=leases_table, client=dynamodb)
    leases.take(CALL, "w1")
    calls.apply(Event(call_id=CALL, source=Source.AGENT, id="1", kind=Kind.ANSWERED, at=NOW, epoch=1, seq=1))
    yield Bookings(
        hotels=HOTELS,
        calls=calls,
        leases=leases,
        wishes=DynamoWishes(calls=calls, leases_table=leases_table),
        verified=DynamoVerifiedCodes(calls),
        notes=DynamoNotes(calls),
        pms={"aurora": DemoPms(HOTELS.by_name["aurora"], client=dynamodb, table=calls_table)},
    )
    for table in (calls_table, leases_table):
        dynamodb.delete_table(TableName=table)


def offered(bookings: Bookings, **wanted: object) -> Wish:
    return bookings.offers("aurora", CALL, OffersRequest.model_validate(wanted), 1)[0]


def stays(bookings: Bookings) -> list[Reservation]:
    pms = bookings.pms["aurora"]
    assert isinstance(pms, DemoPms)
    return pms.reservations()


@pytest.mark.parametrize("attempt", range(3))
def test_who_carries_out_one_wish_books_once(bookings: Bookings, attempt: int) -> None:
    """However the steps of three agents with the same wish interleave, all get the one reservation."""
    wish = offered(bookings, stay=STAY, room_type="double")

    def carry_out(_: int) -> str | None:
        return bookings.carry_out("aurora", CALL, wish.id, WishKind.BOOK, ASKED).code

    with ThreadPoolExecutor(3) as agents:
        codes = set(agents.map(carry_out, range(3)))

    assert codes == {stay.code for stay in stays(bookings)}
    assert len(codes) == 1
    assert bookings.wishes.get(CALL, wish.id).state is WishState.BOOKED
    assert bookings.wishes.unsettled("aurora") == []
    ended = Event(call_id=CALL, source=Source.AGENT, id="2", kind=Kind.ENDED, at=NOW, epoch=1, seq=2)
    assert bookings.calls.apply(ended).outcome is Outcome.BOOKED


@pytest.mark.parametrize("rooms", [1, 2])
def test_different_wishes_for_the_same_book_as_many_as_are_wanted(bookings: Bookings, rooms: int) -> None:
    """Four wishes for one stay and guest, at the same moment, are one reservation, or as many as were said."""
    wishes = [offered(bookings, stay=STAY, room_type="double") for _ in range(4)]
    asked = Asked(epoch=1, guest=Guest(name="Anna Meier"), rooms=rooms)

    def carry_out(wish: Wish) -> str | None:
        return bookings.carry_out("aurora", CALL, wish.id, WishKind.BOOK, asked).code

    with ThreadPoolExecutor(4) as agents:
        codes = set(agents.map(carry_out, wishes))

    assert codes == {stay.code for stay in stays(bookings)}
    assert len(codes) == rooms


def test_a_reservation_is_cancelled_once(bookings: Bookings) -> None:
    """Three wishes to cancel the same reservation at the same moment cancel it once."""
    wish = offered(bookings, stay=STAY, room_type="double")
    code = bookings.carry_out("aurora", CALL, wish.id, WishKind.BOOK, ASKED).code
    wishes = [offered(bookings, kind="cancel", code=code) for _ in range(3)]

    def cancel(wish: Wish) -> WishState:
        return bookings.carry_out("aurora", CALL, wish.id, WishKind.CANCEL, Asked(epoch=1), code).state

    with ThreadPoolExecutor(3) as agents:
        states = set(agents.map(cancel, wishes))

    assert states == {WishState.BOOKED}
    assert [stay.state for stay in stays(bookings)] == [ReservationState.CANCELLED]
