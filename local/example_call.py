"""A call at the demo hotel that is going on: what the events in `tests/events` are about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Offer, Stay
from lambdas.shared.domain.wish import Wish
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.wish_store import DynamoWishes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALL_ID: Final = "call_+493023125001_Ab3dEf6hIj9k"
HOTEL: Final = "aurora"
HOLDER: Final = "worker-1"
WISH_ID: Final = "examplewish1"
STAY: Final = Stay(arrival=date(2035, 5, 4), departure=date(2035, 5, 6), adults=2)
"""Far ahead, because nobody books a night that is over."""


def begin_example_call(client: DynamoDBClient, *, calls_table: str, leases_table: str, hotels: Hotels) -> None:
    """The guest is there, an agent holds the call with epoch 1, and a double room is offered for another hour."""
    calls = DynamoCallStore(calls_table=calls_table, hotels=hotels, client=client)
    now = datetime.now(UTC)
    epoch = DynamoLeases(leases_table=leases_table, client=client).take(CALL_ID, HOLDER).epoch
    for event in (
        Event(call_id=CALL_ID, source=Source.LIVEKIT, id="EV_example1", kind=Kind.ROOM_STARTED, at=now),
        Event(call_id=CALL_ID, source=Source.LIVEKIT, id="EV_example2", kind=Kind.GUEST_JOINED, at=now),
        Event(call_id=CALL_ID, source=Source.LIVEKIT, id="EV_example3", kind=Kind.AGENT_JOINED, at=now),
        Event(call_id=CALL_ID, source=Source.AGENT, id="1.1", kind=Kind.ANSWERED, at=now, epoch=epoch, seq=1),
    ):
        calls.apply(event)
    hotel = hotels.by_name[HOTEL]
    offer = Offer(
        stay=STAY, room_type="double", room=hotel.rooms["double"].title, total=hotel.night_price("double") * STAY.nights
    )
    wish = Wish(id=WISH_ID, call_id=CALL_ID, hotel=HOTEL, offer=offer, expires_at=now + timedelta(hours=1))
    DynamoWishes(calls=calls, leases_table=leases_table).hold(wish)
