"""A call at the demo hotel that is going on: what the events in `tests/events` are about."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Offer, Stay
from lambdas.shared.domain.wish import Wish, WishKind
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.system import Order
from lambdas.shared.wish_store import DynamoWishes

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALL_ID: Final = "call_+493023125001_Ab3dEf6hIj9k"
HOTEL: Final = "aurora"
HOLDER: Final = "worker-1"
WISH_ID: Final = "examplewish1"
CHANGE_ID: Final = "examplechange1"
CANCEL_ID: Final = "examplecancel1"
BOOKED: Final = "examplebooked1"
"""The reference of the reservation that the call has verified; its code follows from it."""
GUEST: Final = Guest(name="Anna Meier")
STAY: Final = Stay(arrival=date(2035, 5, 4), departure=date(2035, 5, 6), adults=2)
"""Far ahead, because nobody books a night that is over."""
LONGER: Final = STAY.model_copy(update={"departure": date(2035, 5, 7)})


def begin_example_call(client: DynamoDBClient, *, calls_table: str, leases_table: str, hotels: Hotels) -> None:
    """The guest is there and an agent holds the call with epoch 1.

    A double room is offered for another hour. The guest has shown that another one is theirs: a night more for it, and
    its cancellation, are offered as long.
    """
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
    wishes = DynamoWishes(calls=calls, leases_table=leases_table)
    demo = DemoPms(hotels.by_name[HOTEL], client=client, table=calls_table)
    booked = demo.book(Order(BOOKED, _offer(hotels, STAY), GUEST))
    verified = DynamoVerifiedCodes(calls)
    verified.begin(CALL_ID)
    verified.give_back(CALL_ID, code=booked.code)
    wish = Wish(
        id=WISH_ID, call_id=CALL_ID, hotel=HOTEL, offer=_offer(hotels, STAY), expires_at=now + timedelta(hours=1)
    )
    of_booked = wish.model_copy(update={"guest": booked.guest, "code": booked.code})
    longer = {"id": CHANGE_ID, "kind": WishKind.CHANGE, "offer": _offer(hotels, LONGER)}
    fee = Money(cents=0, currency=booked.total.currency)
    ended = {"id": CANCEL_ID, "kind": WishKind.CANCEL, "offer": booked.offer, "fee": fee}
    for held in (wish, of_booked.model_copy(update=longer), of_booked.model_copy(update=ended)):
        wishes.hold(held)


def _offer(hotels: Hotels, stay: Stay) -> Offer:
    hotel = hotels.by_name[HOTEL]
    total = hotel.night_price("double") * stay.nights
    return Offer(stay=stay, room_type="double", room=hotel.rooms["double"].title, total=total)
