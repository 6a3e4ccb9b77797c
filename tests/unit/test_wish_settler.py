"""What was sent and not heard of is found out after the call, and never sent again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from lambdas.pms.notes import DUE_AFTER, Note
from lambdas.shared.bookings.outcomes import DOUBTED_FOR
from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.errors import InDoubt, Refused, Unreachable
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.observability import open_logger
from lambdas.wish_settler.service import IN_DOUBT, SETTLED, Settling
from tests.desk import ANNA, CALL, HOTELS, NUMBER, Desk
from tests.memory import MemoryCount

pytestmark = pytest.mark.unit


class Evening:
    """A desk whose call has sent a wish that nobody has heard of since, and the settler."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.count = MemoryCount()
        self.settling = Settling(
            hotels=HOTELS,
            carrying_out=self.desk.bookings.carrying_out,
            due=self.desk.due,
            count=self.count,
            logger=open_logger("wish_settler"),
        )
        self.wish = self.desk.double()

    def run(self) -> tuple[int, int]:
        """How many it settled, and how many are in doubt."""
        self.count.counted.clear()
        self.settling.run()
        return self.count.counted[SETTLED], self.count.counted[IN_DOUBT]

    @property
    def state(self) -> WishState:
        return self.desk.state_of(self.wish)

    @property
    def told(self) -> dict[str, str | None]:
        """The front desk's follow-ups, and what came of each."""
        return {name: told.get("finding") for name, told in self.desk.calls.follow_ups.items()}

    def send(self, *, booked: bool) -> Wish:
        """A minute ago by an agent that died; booked or not."""
        if booked:
            self.desk.book(self.wish)
            self.desk.wishes.claimed.clear()
        return self.desk.sent(self.wish)

    def doubt(self, *, booked: bool) -> None:
        """In doubt since now; the guest was told so."""
        system = self.desk.system
        system.failures, system.acts_though_failing, system.hidden = [InDoubt("who knows")], booked, True
        with pytest.raises(InDoubt):
            self.desk.book(self.wish)
        system.hidden = False


@pytest.fixture
def evening() -> Evening:
    return Evening()


def test_nothing_to_settle_is_told_too(evening: Evening) -> None:
    """Both metrics are written on every run, so that their absence is a fault."""
    assert evening.run() == (0, 0)
    assert set(evening.count.counted) == {SETTLED, IN_DOUBT}


def test_what_the_system_shows_is_booked(evening: Evening) -> None:
    """A booking whose agent died belongs to its call, and the front desk tells the guest, who may not know."""
    evening.send(booked=True)

    assert evening.run() == (1, 0)

    assert evening.state is WishState.BOOKED
    assert Kind.STAY_BOOKED in {event.kind for event in evening.desk.calls.events.values()}
    assert evening.desk.calls.follow_ups[f"unheard:{evening.wish.id}"]["callback"] == NUMBER
    assert evening.run() == (0, 0)


def test_what_the_system_does_not_show_is_in_doubt(evening: Evening) -> None:
    """It may still come: the front desk is told, and it is sent by nobody."""
    evening.send(booked=False)

    assert evening.run() == (0, 1)

    assert evening.state is WishState.IN_DOUBT
    assert evening.told == {f"doubt:{evening.wish.id}": None}
    assert not evening.desk.system.writes


def test_what_is_being_sent_is_left_alone(evening: Evening) -> None:
    """An agent that is at it settles its wish itself."""
    evening.desk.sent(evening.wish, seconds_ago=3)

    assert evening.run() == (0, 0)
    assert evening.state is WishState.SENT


def test_a_doubt_that_turns_out_well_is_written_into_its_follow_up(evening: Evening) -> None:
    """The front desk sees that there is nothing left to find out."""
    evening.doubt(booked=True)

    assert evening.run() == (1, 0)

    assert evening.state is WishState.BOOKED
    assert evening.told == {f"doubt:{evening.wish.id}": "booked"}


def test_a_doubt_ends_after_half_an_hour(evening: Evening) -> None:
    """What no system shows by then was not done; the same may be wished anew."""
    evening.doubt(booked=False)
    evening.desk.now += DOUBTED_FOR - timedelta(seconds=1)
    assert evening.run() == (0, 1)

    evening.desk.now += timedelta(seconds=1)
    assert evening.run() == (1, 0)

    assert evening.state is WishState.REFUSED
    assert evening.told == {f"doubt:{evening.wish.id}": "not_booked"}
    with pytest.raises(Refused):
        evening.desk.book(evening.wish)
    assert evening.desk.book(evening.desk.double()).guest == ANNA
    assert len(evening.desk.system.booked) == 1


def test_what_was_booked_at_another_price_is_left_to_the_front_desk(evening: Evening) -> None:
    """It is a reservation, and not the one that was agreed to; the follow-up says which it is."""
    evening.send(booked=True)
    (booked,) = evening.desk.system.booked
    dearer = booked.model_copy(update={"total": booked.total * 2})
    evening.desk.system.reservations[booked.code] = dearer

    assert evening.run() == (0, 1)
    evening.desk.now += DOUBTED_FOR
    assert evening.run() == (1, 0)

    assert evening.state is WishState.REFUSED
    assert evening.told == {f"doubt:{evening.wish.id}": "booked_otherwise"}


def test_a_silent_system_is_asked_the_next_time(evening: Evening) -> None:
    """What cannot be asked now is in doubt as long, and a silent system is asked once a run."""
    evening.send(booked=True)
    evening.desk.sent(evening.desk.offers()[-1])
    evening.desk.system.blind = [Unreachable("silent")]

    find, asked = evening.desk.system.find, []
    evening.desk.system.find = lambda order: asked.append(order) or find(order)  # type: ignore[func-returns-value,method-assign]

    assert evening.run() == (0, 2)
    assert len(asked) == 1
    assert evening.run() == (1, 1)


def test_the_front_desk_hears_of_what_a_silent_system_was_sent(evening: Evening) -> None:
    """However long a system is silent, and however much it was sent: nobody waits for it to be told."""
    other = evening.desk.offers()[-1]
    evening.send(booked=False)
    evening.desk.sent(other)
    evening.desk.system.blind = [Unreachable("silent")]

    evening.run()

    assert evening.told == {f"doubt:{evening.wish.id}": None, f"doubt:{other.id}": None}


def test_one_wishs_fault_hinders_no_other(evening: Evening) -> None:
    """What the system shows oddly is told to the front desk, and the wishes after it are settled."""
    odd = evening.desk.offers()[-1]
    evening.desk.sent(odd)
    evening.send(booked=True)
    evening.desk.system.blind = [ValueError("odd")]

    with pytest.raises(ValueError, match="odd"):
        evening.run()

    assert evening.state is WishState.BOOKED
    assert f"doubt:{odd.id}" in evening.told
    assert evening.count.counted[SETTLED] == 1


def test_what_was_settled_meanwhile_waits_no_longer(evening: Evening) -> None:
    """A wish that is settled or deleted leaves nothing to be asked again for ever."""
    evening.desk.book(evening.wish)
    gone = evening.desk.sent(evening.desk.offers()[-1])
    del evening.desk.wishes.kept[CALL, gone.id]
    evening.desk.wishes.waiting[evening.wish.id] = evening.desk.wishes.waiting[gone.id].model_copy(
        update={"wish_id": evening.wish.id}
    )

    evening.run()

    assert not evening.desk.wishes.waiting


def test_what_was_kept_back_and_is_due_is_left_for_the_front_desk(evening: Evening) -> None:
    """A note that nobody has reported as added is told, once it is due and once."""
    desk = evening.desk
    note = Note(id="n1", call_id=CALL, code="CODE1", at=desk.now)
    desk.notes.begin(note, {"id": "note:n1", "at": desk.now.isoformat(), "message": "Please look."})
    evening.run()
    assert evening.told == {}
    desk.now += DUE_AFTER

    for _ in range(2):
        evening.run()

    assert evening.told == {"note:n1": None}
    assert not desk.due.kept


def test_one_hotels_fault_hinders_no_other(evening: Evening) -> None:
    """Every hotel is settled before a fault of ours is raised, and the metrics are written."""
    aurora = HOTELS.by_name["aurora"]
    before = aurora.model_copy(update={"name": "abandoned"})
    hotels = Hotels(by_name={"abandoned": before, "aurora": aurora}, by_number={})
    evening.send(booked=True)
    lost = evening.desk.sent(evening.desk.offers()[-1])
    evening.desk.wishes.waiting[lost.id] = evening.desk.wishes.waiting[lost.id].model_copy(
        update={"hotel": "abandoned"}
    )
    evening.desk.wishes.kept[CALL, lost.id] = lost.model_copy(update={"hotel": "abandoned"})

    with pytest.raises(KeyError):
        replace(evening.settling, hotels=hotels).run()

    assert evening.state is WishState.BOOKED
    assert evening.count.counted[SETTLED] == 1
