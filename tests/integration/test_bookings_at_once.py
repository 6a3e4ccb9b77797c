"""Bookings that really happen at the same moment, on the real stores."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from lambdas.pms.service import Bookings
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Outcome, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Guest, Reservation, Stay
from lambdas.shared.domain.wish import WishState
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.wish_store import DynamoWishes
from tests.tables import database, new_tables

pytestmark = pytest.mark.integration

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
CALL = "call_+493023125001_aB3dE5gH7jK9"
NOW = datetime.now(UTC)
STAY = Stay(arrival=NOW.date() + timedelta(days=9), departure=NOW.date() + timedelta(days=11), adults=2)


@pytest.fixture
def bookings() -> Iterator[Bookings]:
    with database() as client:
        calls_table, leases_table = new_tables(client)
        calls = DynamoCallStore(calls_table=calls_table, hotels=HOTELS, client=client)
        leases = DynamoLeases(leases_table=leases_table, client=client)
        leases.take(CALL, "w1")
        calls.apply(Event(call_id=CALL, source=Source.AGENT, id="1", kind=Kind.ANSWERED, at=NOW, epoch=1, seq=1))
        yield Bookings(
            hotels=HOTELS,
            calls=calls,
            leases=leases,
            wishes=DynamoWishes(calls=calls, leases_table=leases_table),
            pms={"aurora": DemoPms(HOTELS.by_name["aurora"], client=client, table=calls_table)},
        )


@pytest.mark.parametrize("attempt", range(5))
def test_two_who_carry_out_one_wish_book_once(bookings: Bookings, attempt: int) -> None:
    """However the steps of two agents with the same wish interleave, both get the one reservation."""
    wish = bookings.offers("aurora", CALL, STAY, "double", 1)[0]

    def carry_out(_: int) -> Reservation:
        return bookings.book("aurora", CALL, wish.id, Guest(name="Anna Meier"), rooms=1, epoch=1)

    with ThreadPoolExecutor(3) as agents:
        booked = list(agents.map(carry_out, range(3)))

    pms = bookings.pms["aurora"]
    assert isinstance(pms, DemoPms)
    assert {reservation.code for reservation in booked} == {stay.code for stay in pms.reservations()}
    assert len(pms.reservations()) == 1
    assert bookings.wishes.get(CALL, wish.id).state is WishState.BOOKED
    ended = Event(call_id=CALL, source=Source.AGENT, id="2", kind=Kind.ENDED, at=NOW, epoch=1, seq=2)
    assert bookings.calls.apply(ended).outcome is Outcome.BOOKED
