"""A wish becomes one reservation or none, whatever is repeated, lost or late, and never silently."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import NoReturn

import pytest
from botocore.exceptions import ClientError

from lambdas.shared.bookings.carrying_out import BUSY_FOR, NewPrice
from lambdas.shared.bookings.prices import HELD_FOR
from lambdas.shared.domain.call import Kind, Outcome
from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotFound,
    NotPossible,
    OfferExpired,
    PriceChanged,
    Refused,
    SoldOut,
    StaleEpoch,
    Unreachable,
    Unrecorded,
)
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Reservation, ReservationState
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.pms.system import Capability, Order
from lambdas.shared.wish_store import Moved
from tests.desk import ANNA, CALL, NUMBER, STAY, Desk

pytestmark = pytest.mark.unit

LATER = STAY.model_copy(update={"arrival": date(2026, 12, 5), "departure": date(2026, 12, 8)})


def eur(cents: int) -> Money:
    return Money(cents=cents, currency="EUR")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def safe(desk: Desk) -> Desk:
    """A desk whose system knows our reference again."""
    desk.system.can = frozenset(Capability)
    return desk


def test_a_wish_becomes_a_reservation(desk: Desk) -> None:
    """Booking settles the wish, and the call's outcome is a booking."""
    wish = desk.double()

    booked = desk.book(wish)

    assert (booked.code, booked.guest, str(booked.total)) == ("CODE1", ANNA, "258.00 EUR")
    assert desk.state_of(wish) is WishState.BOOKED
    assert not desk.wishes.waiting
    assert not desk.calls.follow_ups
    desk.tell(Kind.ENDED)
    assert desk.calls.call(CALL).outcome is Outcome.BOOKED
    assert desk.calls.call(CALL).stays == ("CODE1",)


def test_the_same_wish_again_is_the_same_reservation(desk: Desk) -> None:
    """A retry answers what was booked."""
    wish = desk.double()

    assert desk.book(wish) == desk.book(wish)
    assert desk.system.writes == 1


def test_how_to_reach_the_guest_goes_to_the_hotel_only(desk: Desk) -> None:
    """E-mail and number travel to the hotel's system; no wish keeps them."""
    wish = desk.double()

    desk.book(wish, contact=Contact(email="anna@example.com"))

    assert desk.system.contacts == [Contact(email="anna@example.com", phone=NUMBER)]
    assert "example.com" not in desk.wish(wish).model_dump_json()
    assert NUMBER not in desk.wish(wish).model_dump_json()


def test_a_contacts_own_number_goes_before_the_callers(desk: Desk) -> None:
    """Who gives a number to be reached at is reached there, also when they call from another."""
    desk.book(desk.double(), contact=Contact(phone="+4930111222"))

    assert desk.system.contacts[0].phone == "+4930111222"


def test_a_write_that_reached_nobody_can_be_tried_again(desk: Desk) -> None:
    """When it is certain that nothing was sent, the wish is as it was before, and nothing waits for it."""
    wish = desk.double()
    desk.system.failures = [Unreachable("no connection")]
    with pytest.raises(Unreachable):
        desk.book(wish)
    assert desk.state_of(wish) is WishState.PLANNED
    assert not desk.wishes.waiting
    assert not desk.wishes.claimed

    assert desk.book(wish).code == "CODE1"
    assert len(desk.system.booked) == 1


def test_a_write_that_is_tried_again_claims_its_stay_again(desk: Desk) -> None:
    """Another wish for the same is not sent beside one whose first try reached nobody."""
    tried, other = desk.double(), desk.double()
    desk.system.failures = [Unreachable("no connection")]
    with pytest.raises(Unreachable):
        desk.book(tried)

    codes = [desk.book(tried).code, desk.book(other).code]

    assert codes == ["CODE1", "CODE1"]


def test_an_answer_that_got_lost_is_looked_up_at_once(desk: Desk) -> None:
    """A system that booked and did not answer is asked, and the guest hears that it is booked."""
    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], True

    assert desk.book(desk.double()).code == "CODE1"

    assert desk.system.writes == 1
    assert not desk.calls.follow_ups


@pytest.mark.parametrize("blind", [[], [Unreachable("silent")], [ValueError("odd answer")]])
def test_what_cannot_be_found_is_in_doubt_and_the_front_desk_knows(desk: Desk, blind: list[Exception]) -> None:
    """The guest hears the doubt; one follow-up says what to look for and whom to call."""
    wish = desk.double()
    desk.system.failures, desk.system.blind = [InDoubt("no answer", vendor_code="ReadTimeout")], blind

    with pytest.raises(InDoubt) as raised:
        desk.book(wish)

    assert raised.value.vendor_code == "ReadTimeout"
    assert desk.state_of(wish) is WishState.IN_DOUBT
    (follow_up,) = desk.calls.follow_ups.values()
    assert (follow_up["id"], follow_up["kind"], follow_up["callback"]) == (f"doubt:{wish.id}", "callback", NUMBER)
    assert follow_up["message"] == (
        "The booking system did not say whether it has booked double room, 4 December 2026 to 6 December 2026, "
        f"2 adults, for 258.00 EUR. Please look for a reservation with our reference {wish.id}. "
        "The guest was told that it is not certain and that somebody will find out."
    )


def test_a_fault_of_ours_in_the_middle_of_a_write_is_a_doubt(desk: Desk) -> None:
    """Whatever goes wrong once a write was begun, it is told to somebody and not repeated."""
    wish = desk.double()
    desk.system.failures = [KeyError("odd answer")]

    with pytest.raises(InDoubt) as raised:
        desk.book(wish)

    assert raised.value.vendor_code == "KeyError"
    assert desk.state_of(wish) is WishState.IN_DOUBT
    assert len(desk.calls.follow_ups) == 1


def test_a_doubt_is_never_sent_again_but_may_be_solved(desk: Desk) -> None:
    """A wish in doubt is only looked up; once the system shows it, it is booked, and the front desk sees that."""
    wish = desk.double()
    desk.system.failures, desk.system.acts_though_failing, desk.system.hidden = [InDoubt("who knows")], True, True
    for _ in range(3):
        with pytest.raises(InDoubt):
            desk.book(wish)
    assert desk.system.writes == 1
    assert len(desk.calls.follow_ups) == 1

    desk.system.hidden = False

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "booked"
    assert not desk.wishes.waiting


def test_a_doubt_stays_one_while_the_system_is_silent(desk: Desk) -> None:
    """Who asks again while the system cannot be asked hears of the doubt, not that nothing could be done."""
    wish = desk.double()
    desk.system.failures = [InDoubt("who knows")]
    with pytest.raises(InDoubt):
        desk.book(wish)
    desk.system.blind = [Unreachable("silent")]

    with pytest.raises(InDoubt):
        desk.book(wish)


@pytest.mark.parametrize("answered", [True, False])
def test_what_was_booked_at_another_price_is_never_told_as_booked(desk: Desk, answered: bool) -> None:
    """When the system itself prices a write, the guest is not told a price nobody agreed to; a human puts it right."""
    wish = desk.double()
    write = desk.system.book

    def dearer(order: Order) -> Reservation:
        done = write(order).model_copy(update={"total": eur(30000)})
        desk.system.reservations[done.code] = done
        if answered:
            return done
        raise InDoubt("priced otherwise")

    desk.system.book = dearer  # type: ignore[method-assign]

    for _ in range(2):
        with pytest.raises(InDoubt) as raised:
            desk.book(wish)
        assert raised.value.vendor_code == "other_price"

    assert desk.state_of(wish) is WishState.IN_DOUBT
    (follow_up,) = desk.calls.follow_ups.values()
    assert follow_up["message"].startswith(
        "Reservation CODE1 was booked at 300.00 EUR; the guest agreed to double room, 4 December 2026"
    )
    assert len(desk.system.booked) == 1


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (SoldOut("gone"), SoldOut),
        (NotPossible("closed to arrivals"), NotPossible),
        (Refused("no idea"), Refused),
        (NotFound("no such rate"), NotFound),
    ],
)
def test_what_the_system_refuses_stays_refused(desk: Desk, failure: BellhopError, again: type[BellhopError]) -> None:
    """A refusal is one for good, also when it is asked again, and it claims nothing any more."""
    wish = desk.double()
    desk.system.failures = [failure]

    for _ in range(2):
        with pytest.raises(again):
            desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert desk.system.writes == 1
    assert not desk.system.booked
    assert not desk.wishes.claimed
    assert not desk.wishes.waiting


def test_an_offer_is_not_held_for_ever(desk: Desk) -> None:
    """After 15 minutes the price no longer holds."""
    wish = desk.double()
    desk.now += HELD_FOR

    for _ in range(2):
        with pytest.raises(OfferExpired):
            desk.book(wish)

    assert not desk.system.booked


@pytest.mark.parametrize("cents", [11900, 13900])
def test_a_price_that_changed_is_offered_and_not_booked(desk: Desk, cents: int) -> None:
    """Dearer or cheaper, the guest is asked; the new price is held, and asking again answers the same one."""
    wish = desk.double()
    desk.system.prices["double"] = eur(cents)

    raised = []
    for _ in range(2):
        with pytest.raises(NewPrice) as caught:
            desk.book(wish)
        raised.append(caught.value.wish)

    assert raised[0] == raised[1]
    assert str(raised[0].offer.total) == str(eur(2 * cents))
    assert raised[0].expires_at == desk.now + HELD_FOR
    assert desk.state_of(wish) is WishState.REFUSED
    assert not desk.system.writes
    assert desk.book(raised[0]).total == eur(2 * cents)


def test_a_city_tax_that_changed_is_a_price_that_changed(desk: Desk) -> None:
    """What is paid on top, at the hotel, was told to the guest too."""
    wish = desk.double()
    desk.system.city_tax = eur(500)

    with pytest.raises(PriceChanged):
        desk.book(wish)


def test_a_room_that_went_meanwhile_is_sold_out(desk: Desk) -> None:
    """What is not offered any more is not sent."""
    wish = desk.double()
    desk.system.sold_out.add("double")

    with pytest.raises(SoldOut):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert not desk.system.writes


def test_a_price_that_changes_at_the_last_moment_is_offered_too(desk: Desk) -> None:
    """When the system itself refuses the price, its new one is held."""
    wish = desk.double()
    desk.system.failures = [PriceChanged("dearer")]

    with pytest.raises(NewPrice) as raised:
        desk.book(wish)

    assert desk.book(raised.value.wish).code == "CODE1"


def test_a_price_that_cannot_be_asked_leaves_the_wish(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that does not answer before anything was sent has decided nothing."""
    wish = desk.double()

    def silent(*_: object) -> None:
        raise Unreachable("silent")

    with monkeypatch.context() as patch:
        patch.setattr(desk.system, "offers", silent)
        with pytest.raises(Unreachable):
            desk.book(wish)

    assert desk.book(wish).code == "CODE1"


@pytest.mark.parametrize("name", ["anna  MEIER", "Änna Meier", "Anna-Meier"])
def test_a_second_wish_for_the_same_is_the_first_reservation(desk: Desk, name: str) -> None:
    """A model that books twice has booked once, however it writes the name, and whatever it costs by now."""
    first = desk.book(desk.double())
    again = desk.double()
    desk.system.sold_out.add("double")

    second = desk.book(again, Guest(name=name))

    assert second == first
    assert len(desk.system.booked) == 1


def test_a_guest_may_want_more_rooms(desk: Desk) -> None:
    """Said to be wanted, a second room of the same kind is booked, and no third."""
    codes = [desk.book(desk.double(), rooms=2).code for _ in range(3)]

    assert codes == ["CODE1", "CODE2", "CODE1"]


@pytest.mark.parametrize("change", ["guest", "stay", "room"])
def test_another_wish_is_another_reservation(desk: Desk, change: str) -> None:
    """Another guest, other nights or another room are booked beside the first."""
    later = STAY.model_copy(update={"departure": date(2026, 12, 7)})
    wish = {"guest": desk.double(), "stay": desk.offers(later)[0], "room": desk.offers()[-1]}[change]
    desk.book(desk.double())

    desk.book(wish, Guest(name="Bert Brecht") if change == "guest" else ANNA)

    assert len(desk.system.booked) == 2


def test_two_wishes_for_the_same_at_once_are_one_booking(desk: Desk) -> None:
    """While one is being sent the other is not; both answer the one reservation."""
    first, second = desk.double(), desk.double()
    codes: list[str] = []
    desk.system.while_writing = [lambda: answers_later(desk, second, codes)]

    codes.append(desk.book(first).code)

    assert codes == ["CODE1", "CODE1"]
    assert len(desk.system.booked) == 1


def answers_later(desk: Desk, wish: Wish, codes: list[str]) -> None:
    """Another agent asks for the same while the first one's write is under way, and waits its twelve seconds."""
    codes.append(desk.book(wish).code)


def test_the_answer_lost_for_one_wish_counts_for_the_next(desk: Desk) -> None:
    """An agent that asks for offers anew after a lost answer finds what was booked."""
    lost = desk.double()
    desk.system.failures, desk.system.acts_though_failing, desk.system.hidden = [InDoubt("no answer")], True, True
    with pytest.raises(InDoubt):
        desk.book(lost)
    desk.system.hidden = False

    assert desk.book(desk.double()).reference == lost.id
    assert len(desk.system.booked) == 1


def test_a_doubt_stands_in_the_way_of_the_same_booking(desk: Desk) -> None:
    """While it is not known whether a stay was booked, the same is not booked by a new wish; another stay is."""
    desk.system.failures = [InDoubt("who knows")]
    with pytest.raises(InDoubt):
        desk.book(desk.double())

    with pytest.raises(InDoubt):
        desk.book(desk.double())
    assert not desk.system.booked

    assert desk.book(desk.offers()[-1]).room == "suite"


def test_an_earlier_wish_that_is_refused_does_not_hinder_the_next(safe: Desk) -> None:
    """A lost wish that turns out to be refused is no reservation, and the new wish is tried."""
    lost = claimed(safe, safe.sent(safe.double()))
    safe.system.failures = [SoldOut("gone")]
    wish = safe.double()

    assert safe.book(wish).reference == wish.id

    assert safe.state_of(lost) is WishState.REFUSED


def claimed(desk: Desk, wish: Wish) -> Wish:
    """The wish with the claim it took when it was sent."""
    probe = desk.double()
    desk.book(probe)
    place = desk.wish(probe).claim
    desk.system.reservations.clear()
    desk.wishes.kept.pop((CALL, probe.id))
    desk.wishes.claimed = {(CALL, str(place)): wish.id}
    desk.wishes.kept[CALL, wish.id] = wish.model_copy(update={"claim": place})
    return desk.wish(wish)


def test_an_agent_that_lost_its_call_sends_nothing(desk: Desk) -> None:
    """A wish is not taken up for a lease that is over, also when it is lost at the last moment."""
    wish = desk.double()
    asked_price = desk.system.offers

    def lost_meanwhile(*arguments: object) -> object:
        desk.leases.let_go(CALL)
        return asked_price(*arguments)  # type: ignore[arg-type]

    desk.system.offers = lost_meanwhile  # type: ignore[assignment,method-assign]

    with pytest.raises(StaleEpoch):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.PLANNED
    assert not desk.system.writes


def test_what_was_done_is_settled_by_an_agent_that_lost_its_call(desk: Desk) -> None:
    """Once sent, what the system has done is so, whoever holds the call."""
    wish = desk.double()
    desk.system.while_writing = [lambda: desk.leases.let_go(CALL)]

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED


@pytest.mark.parametrize("rooms", [1, 2])
def test_who_meets_a_wish_being_carried_out_waits_for_it(desk: Desk, rooms: int) -> None:
    """An agent that asks while another is at it answers what the other has done."""
    wish = desk.double()
    sent = desk.sent(wish, seconds_ago=1)

    def other_is_done() -> None:
        booked = desk.system.walk_in("Anna Meier", stay=STAY)
        desk.wishes.move(sent, sent.moved(WishState.BOOKED, code=booked.code))

    desk.slept = [lambda: None, lambda: None, other_is_done]

    assert desk.book(wish, rooms=rooms).code == "DESK1"
    assert not desk.system.writes


def test_who_waited_too_long_looks_and_then_tells_the_doubt(desk: Desk) -> None:
    """After twelve seconds the guest hears that it is not certain, before the agent gives up by itself."""
    wish = desk.double()
    desk.sent(wish, seconds_ago=0)
    begun = desk.now

    with pytest.raises(InDoubt):
        desk.book(wish)

    assert timedelta(seconds=11.9) < desk.now - begun < BUSY_FOR
    assert desk.state_of(wish) is WishState.IN_DOUBT
    assert len(desk.calls.follow_ups) == 1


def test_an_answer_that_comes_after_others_gave_up_still_counts(desk: Desk) -> None:
    """A slow write that succeeds settles what others have put in doubt meanwhile, and the front desk sees it."""
    wish = desk.double()
    desk.system.hidden = True
    desk.system.while_writing = [lambda: gives_up(desk, wish)]

    assert desk.book(wish).code == "CODE1"
    assert desk.state_of(wish) is WishState.BOOKED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "booked"


def gives_up(desk: Desk, wish: Wish) -> None:
    with pytest.raises(InDoubt):
        desk.book(wish)


@pytest.mark.parametrize("failure", [SoldOut("gone"), Unreachable("nothing was sent")])
def test_a_refusal_that_comes_after_others_gave_up_still_counts(desk: Desk, failure: BellhopError) -> None:
    """The only attempt knows that nothing was done; the doubt others had is over."""
    wish = desk.double()
    writes = desk.system.book

    def slow(order: object) -> object:
        gives_up(desk, wish)
        return writes(order)  # type: ignore[arg-type]

    desk.system.book = slow  # type: ignore[assignment,method-assign]
    desk.system.failures = [failure]

    with pytest.raises(type(failure)):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED
    assert desk.calls.follow_ups[f"doubt:{wish.id}"]["finding"] == "not_booked"


def test_an_answer_after_all_was_given_up_goes_to_the_front_desk(desk: Desk) -> None:
    """When a system books what the guest was told is not booked, somebody hears of it."""
    wish = desk.double()
    desk.system.while_writing = [lambda: refuse(desk, wish)]

    with pytest.raises(Refused):
        desk.book(wish)

    assert desk.calls.follow_ups[f"stray:{wish.id}"]["message"] == (
        "Reservation CODE1 was booked after the guest had been told that it was not: double room, 4 December 2026 to "
        "6 December 2026, 2 adults, for 258.00 EUR. Please ask the guest whether it shall stay so."
    )


def refuse(desk: Desk, wish: Wish) -> None:
    kept = desk.wish(wish)
    desk.wishes.move(kept, kept.moved(WishState.REFUSED, reason="not_done"))


def test_a_wish_whose_sender_died_is_looked_up(desk: Desk) -> None:
    """What the system has booked for an agent that did not live to tell is booked."""
    wish = desk.double()
    desk.book(wish)
    desk.sent(wish)

    assert desk.book(wish).code == "CODE1"
    assert desk.system.writes == 1


def test_a_wish_whose_sender_died_is_not_sent_blindly(desk: Desk) -> None:
    """Where our reference is not known again, what is not found is in doubt: it may still be on its way."""
    wish = desk.double()
    desk.sent(wish)

    with pytest.raises(InDoubt):
        desk.book(wish)

    assert not desk.system.writes
    assert len(desk.calls.follow_ups) == 1


def test_a_wish_whose_sender_died_is_sent_again_where_that_is_safe(safe: Desk) -> None:
    """A system that knows our reference again may be sent the same once more."""
    wish = safe.double()
    safe.sent(wish)

    assert safe.book(wish).code == "CODE1"

    assert safe.wish(wish).attempts == 2
    assert not safe.calls.follow_ups


def test_what_cannot_be_looked_up_is_not_sent_again(safe: Desk) -> None:
    """Before anything is sent again the system must have been asked."""
    wish = safe.double()
    safe.sent(wish)
    safe.system.blind = [Unreachable("silent"), Unreachable("silent")]

    with pytest.raises(InDoubt):
        safe.book(wish)

    assert not safe.system.writes


def test_an_agent_that_lost_its_call_sends_nothing_again(safe: Desk) -> None:
    """Sending again needs the lease as sending does."""
    wish = safe.double()
    safe.sent(wish)
    look = safe.system.find

    def lost_meanwhile(order: object) -> object:
        safe.leases.let_go(CALL)
        return look(order)  # type: ignore[arg-type]

    safe.system.find = lost_meanwhile  # type: ignore[assignment,method-assign]

    with pytest.raises(StaleEpoch):
        safe.book(wish)

    assert not safe.system.writes


def test_a_repetition_that_reaches_nobody_is_a_doubt(safe: Desk) -> None:
    """That the second try was not sent says nothing of the first: the guest hears that, not that nothing was done."""
    wish = safe.double()
    safe.sent(wish)
    safe.system.failures = [Unreachable("no connection", vendor_code="ConnectError")]

    with pytest.raises(InDoubt) as raised:
        safe.book(wish)

    assert raised.value.vendor_code == "ConnectError"
    assert safe.state_of(wish) is WishState.IN_DOUBT
    assert list(safe.calls.follow_ups) == [f"doubt:{wish.id}"]


def test_a_repetition_that_is_refused_is_looked_up_once_more(safe: Desk) -> None:
    """When the first try took the last room, the second hears "sold out" and finds the first."""
    wish = safe.double()
    safe.sent(wish)
    writes = safe.system.book

    def first_arrives_late(order: object) -> object:
        writes(order)  # type: ignore[arg-type]
        raise SoldOut("the last room is gone")

    safe.system.book = first_arrives_late  # type: ignore[assignment,method-assign]

    assert safe.book(wish).code == "CODE1"


@pytest.mark.parametrize("total", [25800, 30000])
def test_what_the_hotel_cancelled_since_is_not_told_as_booked(desk: Desk, total: int) -> None:
    """A booking that is found cancelled is none, whatever it cost."""
    wish = desk.double()
    desk.book(wish)
    desk.sent(wish)
    cancelled = {"state": ReservationState.CANCELLED, "total": eur(total)}
    desk.system.reservations = {
        code: stay.model_copy(update=cancelled) for code, stay in desk.system.reservations.items()
    }

    for _ in range(2):
        with pytest.raises(NotPossible):
            desk.book(wish)

    assert desk.state_of(wish) is WishState.REFUSED


def test_a_wish_somebody_else_just_moved_is_read_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An agent that loses the race for its own wish answers with the reservation the other one made."""
    wish = desk.double()
    send = desk.wishes.send
    rivals: list[Callable[[], object]] = [lambda: desk.book(wish)]

    def rival_first(*arguments: Wish, **keywords: object) -> None:
        if rivals:
            rivals.pop()()
        send(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.wishes, "send", rival_first)

    assert desk.book(wish).code == "CODE1"
    assert len(desk.system.booked) == 1


def test_a_wish_that_others_keep_moving_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """After eight lost races the agent is told to ask again; nothing was sent."""
    wish = desk.double()

    def lost(*_: object, **__: object) -> None:
        raise Moved("lost the race")

    monkeypatch.setattr(desk.wishes, "send", lost)

    with pytest.raises(Unreachable):
        desk.book(wish)

    assert not desk.system.writes


def test_a_reservation_is_changed(desk: Desk) -> None:
    """The wish of a change makes the reservation what was offered, and the call's outcome is a change."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("change", code=booked.code, stay=LATER)

    changed = desk.carry_out(wish)

    assert (changed.kind, changed.outcome.code, changed.outcome.stay) == (WishKind.CHANGE, booked.code, LATER)
    assert str(changed.outcome.total) == "387.00 EUR"
    assert desk.system.reservations[booked.code].stay == LATER
    assert Kind.STAY_CHANGED in {event.kind for event in desk.calls.events.values()}


def test_a_change_whose_answer_got_lost_is_compared(desk: Desk) -> None:
    """The reservation itself shows whether a change was done."""
    booked = desk.book(desk.double())
    done, open_ = desk.ask("change", code=booked.code, stay=LATER), desk.ask("change", code=booked.code, stay=STAY)
    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], True
    assert desk.carry_out(done[0]).state is WishState.BOOKED

    desk.system.failures, desk.system.acts_though_failing = [InDoubt("no answer")], False
    with pytest.raises(InDoubt):
        desk.carry_out(open_[0])

    assert desk.calls.follow_ups[f"doubt:{open_[0].id}"]["message"].startswith(
        "The booking system did not say whether it has changed reservation CODE1 to double room, 4 December"
    )


def test_a_reservation_is_cancelled_at_the_fee_that_was_said(desk: Desk) -> None:
    """The wish of a cancellation ends the reservation; a fee that changed meanwhile is offered first."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("cancel", code=booked.code)
    assert wish.fee == eur(0)
    desk.system.fee = eur(12900)

    with pytest.raises(NewPrice) as raised:
        desk.carry_out(wish)
    assert desk.system.booked
    cancelled = desk.carry_out(raised.value.wish)

    assert (cancelled.outcome.state, cancelled.fee) == (ReservationState.CANCELLED, eur(12900))
    assert not desk.system.booked
    desk.tell(Kind.ENDED)
    assert Kind.STAY_CANCELLED in {event.kind for event in desk.calls.events.values()}


def test_a_second_cancellation_is_the_first(desk: Desk) -> None:
    """A model that cancels twice has cancelled once."""
    booked = desk.book(desk.double())
    wishes = [desk.ask("cancel", code=booked.code)[0] for _ in range(2)]

    outcomes = [desk.carry_out(wish).outcome for wish in wishes]

    assert outcomes[0] == outcomes[1]
    assert desk.system.writes == 2


def test_a_cancellation_in_doubt_is_told_and_found_out(desk: Desk) -> None:
    """Whether a reservation is cancelled is seen by its state."""
    booked = desk.book(desk.double())
    (wish,) = desk.ask("cancel", code=booked.code)
    desk.system.failures = [InDoubt("no answer")]
    with pytest.raises(InDoubt):
        desk.carry_out(wish)
    assert "cancelled reservation CODE1 (double room" in desk.calls.follow_ups[f"doubt:{wish.id}"]["message"]

    desk.system.cancel(booked.code, eur(0))

    assert desk.carry_out(wish).outcome.state is ReservationState.CANCELLED


@pytest.mark.parametrize("kind", ["change", "cancel"])
def test_a_reservation_that_ended_meanwhile_is_left_alone(desk: Desk, kind: str) -> None:
    """What the hotel has cancelled or lost since the offer is neither changed nor cancelled."""
    booked = desk.book(desk.double())
    wanted = {"stay": LATER} if kind == "change" else {}
    wishes = [desk.ask(kind, code=booked.code, **wanted)[0] for _ in range(2)]
    writes = desk.system.writes
    desk.system.reservations[booked.code] = booked.model_copy(update={"state": ReservationState.CANCELLED})

    with pytest.raises(NotPossible):
        desk.carry_out(wishes[0])
    desk.system.reservations.clear()
    for _ in range(2):
        with pytest.raises(NotFound):
            desk.carry_out(wishes[1])

    assert desk.system.writes == writes


def test_a_stay_can_be_booked_again_once_it_was_cancelled(desk: Desk) -> None:
    """The same stay wished after its cancellation is a new reservation, not the cancelled one."""
    booked = desk.book(desk.double())
    desk.carry_out(desk.ask("cancel", code=booked.code)[0])

    again = desk.book(desk.double())

    assert again.code == "CODE2"
    assert [stay.code for stay in desk.system.booked] == ["CODE2"]


def test_a_stay_can_be_booked_again_once_it_was_moved(desk: Desk) -> None:
    """The nights that a change has left can be booked beside the changed reservation."""
    booked = desk.book(desk.double())
    desk.carry_out(desk.ask("change", code=booked.code, stay=LATER)[0])

    assert desk.book(desk.double()).code == "CODE2"
    assert len(desk.system.booked) == 2


def test_a_stay_that_was_left_and_claimed_anew_is_booked_once(desk: Desk) -> None:
    """Whatever becomes of the reservation that has left the nights, they are the next wish's."""
    first = desk.book(desk.double())
    desk.carry_out(desk.ask("change", code=first.code, stay=LATER)[0])
    second = desk.book(desk.double())
    desk.carry_out(desk.ask("cancel", code=first.code)[0])

    assert desk.book(desk.double()).code == second.code
    assert desk.system.booked == [second]


@pytest.mark.parametrize("failure", [None, InDoubt("no answer")])
@pytest.mark.parametrize(
    "away", [Unreachable("a transaction: ReadTimeoutError"), ClientError({}, "TransactWriteItems")]
)
def test_what_was_sent_and_cannot_be_written_down_is_not_told_as_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, failure: Exception | None, away: Exception
) -> None:
    """Who asks for a stay that may be booked hears of a lost answer, not that nothing was done."""
    wish = desk.double()
    desk.system.failures = [failure] if failure else []
    monkeypatch.setattr(desk.wishes, "move", _table_is_away(away))

    with pytest.raises(Unrecorded):
        desk.book(wish)

    assert desk.state_of(wish) is WishState.SENT
    assert wish.id in desk.wishes.waiting


def test_what_is_being_sent_and_cannot_be_read_is_not_told_as_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who waits for another and loses the table does not say that nothing was done."""
    wish = desk.double()
    desk.sent(wish, seconds_ago=1)
    desk.slept = [lambda: monkeypatch.setattr(desk.wishes, "get", _table_is_away())]

    with pytest.raises(Unrecorded):
        desk.book(wish)


def test_waiting_ends_however_often_others_take_the_wish_up(safe: Desk) -> None:
    """One who takes over from a sender that died is not waited for another twelve seconds."""
    wish = safe.double()
    sent = safe.sent(wish, seconds_ago=BUSY_FOR.total_seconds() - 11)

    def another_takes_over() -> None:
        if safe.wish(wish).attempts == 1 and not safe.wish(wish).is_busy(safe.now):
            safe.wishes.send(sent, sent.taken_up(safe.now + BUSY_FOR), epoch=1)

    safe.slept = [another_takes_over] * 200
    begun = safe.now

    with pytest.raises(InDoubt):
        safe.book(wish)

    assert safe.now - begun < timedelta(seconds=13)


def _table_is_away(fault: Exception = Unreachable("items of the calls")) -> Callable[..., NoReturn]:  # noqa: B008
    def fail(*_: object, **__: object) -> NoReturn:
        raise fault

    return fail
