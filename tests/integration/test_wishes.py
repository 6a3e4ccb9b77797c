"""Each step of a wish is one transaction with all that follows from it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.bookings import doubt
from lambdas.shared.domain.call import Call, Event, Kind, Source
from lambdas.shared.domain.errors import NotFound, StaleEpoch
from lambdas.shared.domain.stay import Guest
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.items import encode
from lambdas.shared.tables import follow_up_sk
from lambdas.shared.wish_store import Moved, doubt_id
from tests.integration.stores import Tables
from tests.reports import CALL_ID, report
from tests.unit.test_wish import WISH

pytestmark = pytest.mark.integration

NUMBER = "+491713920055"
BEGUN = WISH.expires_at - timedelta(minutes=5)
SENT = WISH.moved(WishState.SENT, guest=Guest(name="Anna Schmidt"), claim="CLAIM#stay#1").taken_up(
    BEGUN + timedelta(seconds=15)
)
UNSETTLED = doubt.unsettled(SENT, at=BEGUN, callback=NUMBER)
BOOKED = SENT.moved(WishState.BOOKED, code="AUR1")
DOUBTED = SENT.moved(WishState.IN_DOUBT, reason="in_doubt", doubted_at=BEGUN + timedelta(seconds=10))
REPORT = report(Source.PMS, Kind.STAY_BOOKED, after=30, code="AUR1")
RANG = report(Source.LIVEKIT, Kind.ROOM_STARTED)
OF_A_WISH = {f"WISH#{WISH.id}", "CLAIM#stay#1"}


@pytest.fixture
def held(tables: Tables) -> Tables:
    """A wish that is held, in a call that is held under epoch 1."""
    tables.leases.take(CALL_ID, "one")
    tables.wishes.hold(WISH)
    return tables


@pytest.fixture
def sent(held: Tables) -> Tables:
    """The same wish, sent."""
    send(held)
    return held


@pytest.fixture
def doubted(sent: Tables) -> Tables:
    """The same wish, in doubt, with its follow-up."""
    follow_up = doubt.follow_up(DOUBTED, UNSETTLED, at=BEGUN + timedelta(seconds=10))
    sent.wishes.move(SENT, DOUBTED, follow_up=follow_up)
    return sent


def send(tables: Tables, epoch: int = 1) -> None:
    tables.wishes.send(WISH, SENT, epoch=epoch, unsettled=UNSETTLED)


def follow_up_of(tables: Tables) -> dict[str, Any]:
    return tables.partition("HOTEL#aurora")[follow_up_sk(BEGUN + timedelta(seconds=10), doubt_id(WISH))]


def test_a_wish_comes_back_as_it_was_held(held: Tables) -> None:
    """Price, stay and expiry are what was offered."""
    assert held.wishes.get(CALL_ID, WISH.id) == WISH
    assert held.wishes.of_call(CALL_ID) == [WISH]


@pytest.mark.parametrize("call_id", [CALL_ID, "call_+493023125001_other"])
def test_a_wish_belongs_to_its_call(held: Tables, call_id: str) -> None:
    """Another wish of the call, or this wish in another call, is not found."""
    with pytest.raises(NotFound):
        held.wishes.get(call_id, WISH.id if call_id != CALL_ID else "00000000")


def test_a_wish_that_is_held_again_keeps_its_state(sent: Tables) -> None:
    """Holding an offer twice does not undo what became of it."""
    sent.wishes.hold(WISH)

    assert sent.wishes.get(CALL_ID, WISH.id) == SENT


def test_a_wish_that_is_sent_has_its_claim_and_waits_to_be_settled(sent: Tables) -> None:
    """With the wish its claim is written, and beside the hotel what has to be settled."""
    assert sent.wishes.get(CALL_ID, WISH.id) == SENT
    assert sent.wishes.claims(CALL_ID, "stay") == {"CLAIM#stay#1": WISH.id}
    assert sent.wishes.claims(CALL_ID, "sta") == {}
    assert sent.wishes.unsettled("aurora") == [UNSETTLED]
    assert sent.wishes.unsettled("borealis") == []
    assert sent.wishes.unsettled_of(SENT) == UNSETTLED


def test_a_claim_is_taken_once(sent: Tables) -> None:
    """A second wish for the same is not sent while the first has its place, and nothing of it is written."""
    other = WISH.model_copy(update={"id": "anotherwish1"})
    sent.wishes.hold(other)
    after = SENT.model_copy(update={"id": other.id})

    with pytest.raises(Moved):
        sent.wishes.send(other, after, epoch=1, unsettled=doubt.unsettled(after, at=BEGUN, callback=None))

    assert sent.wishes.get(CALL_ID, other.id) == other
    assert sent.wishes.unsettled("aurora") == [UNSETTLED]


def test_a_wish_is_taken_up_once(sent: Tables) -> None:
    """Of two who find a wish whose sender is gone one takes it up; it is told from the first by its attempt."""
    again = SENT.taken_up(BEGUN + timedelta(minutes=2))
    sent.wishes.send(SENT, again, epoch=1)

    with pytest.raises(Moved):
        sent.wishes.send(SENT, again, epoch=1)
    with pytest.raises(Moved):
        sent.wishes.move(SENT, SENT.moved(WishState.REFUSED, reason="sold_out"))

    assert sent.wishes.get(CALL_ID, WISH.id) == again
    assert sent.wishes.unsettled("aurora") == [UNSETTLED]


def test_a_booking_and_all_that_follows_are_one_write(sent: Tables) -> None:
    """Whoever sees the wish booked sees the call booked, and nothing to settle; its claim stays."""
    sent.wishes.move(SENT, BOOKED, event=REPORT)

    assert sent.wishes.get(CALL_ID, WISH.id) == BOOKED
    assert sent.calls.call(CALL_ID) == Call.of([REPORT])
    assert sent.wishes.unsettled("aurora") == []
    assert set(sent.stored(CALL_ID)) >= OF_A_WISH


@pytest.mark.parametrize(
    "after",
    [SENT.moved(WishState.PLANNED), SENT.moved(WishState.REFUSED, reason="sold_out")],
    ids=["planned", "refused"],
)
def test_what_was_not_done_claims_nothing(sent: Tables, after: Wish) -> None:
    """Nothing reached the system, or it refused: there is nothing to settle, and the claim is free."""
    sent.wishes.move(SENT, after)

    assert sent.wishes.get(CALL_ID, WISH.id) == after
    assert sent.wishes.unsettled("aurora") == []
    assert set(sent.stored(CALL_ID)) == {f"WISH#{WISH.id}"}


def test_a_wish_that_is_refused_before_it_was_sent_is_one_write(held: Tables) -> None:
    """There is nothing to undo."""
    held.wishes.move(WISH, WISH.moved(WishState.REFUSED, reason="price_changed", instead="newprice1"))

    assert held.wishes.get(CALL_ID, WISH.id).instead == "newprice1"


def test_a_doubt_and_its_follow_up_are_one_write(doubted: Tables) -> None:
    """The front desk knows as soon as the wish does; it is still to be settled, and its claim stands."""
    assert doubted.wishes.get(CALL_ID, WISH.id) == DOUBTED
    assert doubted.wishes.unsettled("aurora") == [UNSETTLED]
    assert doubted.wishes.claims(CALL_ID, "stay") == {"CLAIM#stay#1": WISH.id}
    kept = follow_up_of(doubted)
    assert (kept["state"], kept["call_id"], kept["callback"], kept["guest_name"]) == (
        "open",
        CALL_ID,
        NUMBER,
        "Anna Schmidt",
    )


@pytest.mark.parametrize(
    ("after", "finding", "code"),
    [
        (DOUBTED.moved(WishState.BOOKED, code="AUR1"), "booked", "AUR1"),
        (DOUBTED.moved(WishState.REFUSED, reason="not_done"), "not_booked", None),
        (DOUBTED.moved(WishState.REFUSED, reason="other_price", code="AUR1"), "booked_otherwise", "AUR1"),
    ],
    ids=["booked", "not booked", "booked otherwise"],
)
def test_what_came_of_a_doubt_is_written_into_its_follow_up(
    doubted: Tables, after: Wish, finding: str, code: str | None
) -> None:
    """The front desk reads it where it read the question."""
    doubted.wishes.move(DOUBTED, after)

    kept = follow_up_of(doubted)
    assert (kept["finding"], kept["reservation"], kept["state"]) == (finding, code, "open")
    assert doubted.wishes.unsettled("aurora") == []


def test_a_follow_up_that_was_deleted_stays_deleted(doubted: Tables) -> None:
    """A doubt is settled also when the front desk has erased its question."""
    doubted.client.delete_item(
        TableName=doubted.calls_table,
        Key=encode({"pk": "HOTEL#aurora", "sk": follow_up_of(doubted)["sk"]}),
    )

    doubted.wishes.move(DOUBTED, DOUBTED.moved(WishState.BOOKED, code="AUR1"), event=REPORT)

    assert doubted.partition("HOTEL#aurora") == {}
    assert doubted.calls.call(CALL_ID) == Call.of([REPORT])


def test_claims_that_are_outdated_are_freed_along(sent: Tables) -> None:
    """What a cancellation ends can be booked anew."""
    sent.wishes.move(SENT, BOOKED, event=REPORT, freed={"CLAIM#stay#1": WISH.id})

    assert sent.wishes.claims(CALL_ID, "stay") == {}


def test_what_another_wish_has_claimed_since_is_not_freed(sent: Tables) -> None:
    """A place that has changed hands is read again, and whoever has it keeps it."""
    with pytest.raises(Moved):
        sent.wishes.move(SENT, BOOKED, event=REPORT, freed={"CLAIM#stay#1": "an0therw1sh"})

    assert sent.wishes.get(CALL_ID, WISH.id) == SENT
    assert sent.wishes.claims(CALL_ID, "stay") == {"CLAIM#stay#1": WISH.id}


def test_what_waits_for_nothing_is_forgotten(sent: Tables) -> None:
    """An item that nobody needs is deleted, also twice."""
    for _ in range(2):
        sent.wishes.forget(UNSETTLED)

    assert sent.wishes.unsettled("aurora") == []


def test_what_was_sent_anew_is_not_forgotten(sent: Tables) -> None:
    """Who has read that a wish reached nobody may be late: it waits for its second sending."""
    planned = SENT.moved(WishState.PLANNED)
    sent.wishes.move(SENT, planned)
    again = planned.moved(WishState.SENT, claim="CLAIM#stay#1").taken_up(BEGUN + timedelta(seconds=30))
    second = doubt.unsettled(again, at=BEGUN + timedelta(seconds=15), callback=NUMBER)
    sent.wishes.send(planned, again, epoch=1, unsettled=second)

    sent.wishes.forget(UNSETTLED)

    assert sent.wishes.unsettled("aurora") == [second]


def test_a_follow_up_can_be_left_beside_a_wish(sent: Tables) -> None:
    """What the front desk must know of a wish that moves no more is one follow-up, however often it is told."""
    for _ in range(2):
        sent.wishes.leave(SENT, {"id": "stray:1", "at": BEGUN.isoformat(), "message": "Please ask."})

    left = [sk for sk in sent.partition("HOTEL#aurora") if sk.startswith("FOLLOWUP#")]
    assert len(left) == 1


def test_all_that_is_kept_of_a_wish_is_let_go_with_its_call(doubted: Tables) -> None:
    """Every item has the expiry of the hotel's calls."""
    items = [*doubted.stored(CALL_ID).values(), *doubted.partition("HOTEL#aurora").values()]

    assert len(items) == 4
    assert {item["expires"] for item in items} == {doubted.calls.expiry(CALL_ID)}


@pytest.mark.parametrize("epoch", [0, 2])
def test_an_agent_that_does_not_hold_the_call_sends_nothing(held: Tables, epoch: int) -> None:
    """With another epoch than the last lease's nothing is written."""
    with pytest.raises(StaleEpoch):
        send(held, epoch)

    assert held.stored(CALL_ID).keys() == {f"WISH#{WISH.id}"}
    assert held.partition("HOTEL#aurora") == {}


def test_nobody_sends_a_wish_in_a_call_that_nobody_holds(tables: Tables) -> None:
    """Epoch 0 is an agent without a lease, also before anybody had one."""
    tables.wishes.hold(WISH)

    with pytest.raises(StaleEpoch):
        send(tables, 0)


def test_an_agent_that_lost_the_call_hears_that_first(sent: Tables) -> None:
    """With a stale epoch it does not matter what has become of the wish."""
    with pytest.raises(StaleEpoch):
        send(sent, 2)


def test_events_that_come_meanwhile_do_not_stop_a_booking(sent: Tables) -> None:
    """The booking is written again on top of them, and all of them count."""
    sent.interrupted.others = [lambda: sent.other_calls.apply(RANG)]

    sent.wishes.move(SENT, BOOKED, event=REPORT)

    assert sent.calls.call(CALL_ID) == Call.of([RANG, REPORT])


def test_an_event_that_is_known_already_does_not_stop_a_booking(sent: Tables) -> None:
    """A settlement whose event was stored moves the wish all the same."""
    sent.calls.apply(REPORT)

    sent.wishes.move(SENT, BOOKED, event=REPORT)

    assert sent.wishes.get(CALL_ID, WISH.id) == BOOKED
    assert sent.wishes.unsettled("aurora") == []


@pytest.mark.parametrize("event", [None, RANG])
def test_what_changes_between_reading_and_writing_is_noticed(sent: Tables, event: Event | None) -> None:
    """A wish that somebody else settles stops the write at the last, with all that was to follow."""
    sent.interrupted.others = [lambda: sent.other_wishes.move(SENT, BOOKED, event=REPORT)]
    follow_up = doubt.follow_up(DOUBTED, UNSETTLED, at=BEGUN)

    with pytest.raises(Moved):
        sent.wishes.move(SENT, DOUBTED, event=event, follow_up=follow_up)

    assert sent.wishes.get(CALL_ID, WISH.id) == BOOKED
    assert f"EVENT#livekit#{RANG.id}" not in sent.stored(CALL_ID)
    assert sent.partition("HOTEL#aurora") == {}


@pytest.mark.parametrize(
    ("meanwhile", "error"),
    [
        (lambda tables: tables.other_wishes.move(WISH, WISH.moved(WishState.REFUSED)), Moved),
        (lambda tables: (tables.clock.forward(61), tables.leases.take(CALL_ID, "two")), StaleEpoch),
    ],
    ids=["moved", "lost"],
)
def test_what_changes_before_sending_is_noticed(
    held: Tables, meanwhile: Callable[[Tables], object], error: type[Exception]
) -> None:
    """A wish that somebody else moves, or a call that somebody else takes over, is not sent."""
    held.interrupted.others = [lambda: meanwhile(held)]

    with pytest.raises(error):
        send(held)

    assert held.wishes.get(CALL_ID, WISH.id) != SENT
    assert held.partition("HOTEL#aurora") == {}
