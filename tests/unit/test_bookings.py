"""What a call may ask of its hotel's booking system, and what it may not."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from lambdas.pms.models import OffersRequest, VerificationRequest
from lambdas.pms.service import MOST_OFFERS
from lambdas.shared.bookings.prices import HELD_FOR
from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.errors import (
    ArrivalPast,
    BellhopError,
    CallOver,
    NotFound,
    NotPossible,
    NotVerified,
    Refused,
    StaleEpoch,
    TooManyGuests,
)
from lambdas.shared.domain.stay import Reservation, ReservationState, Stay
from lambdas.shared.domain.wish import Wish, WishKind, WishState
from lambdas.shared.pms.system import Capability
from tests.desk import CALL, LATER, NOW, OTHER_CALL, STAY, Desk

pytestmark = pytest.mark.unit


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def booked(desk: Desk) -> Reservation:
    """A double room that the call has booked."""
    return desk.book(desk.double())


def test_offers_are_held_with_their_totals(desk: Desk) -> None:
    """Every room that sleeps the party is offered at its total, the cheapest first, and held for 15 minutes."""
    held = desk.offers()

    assert [(wish.offer.room, str(wish.offer.total)) for wish in held] == [
        ("double room", "258.00 EUR"),
        ("suite", "438.00 EUR"),
    ]
    assert {wish.expires_at for wish in held} == {NOW + HELD_FOR}
    assert desk.wishes.of_call(CALL) == held


def test_a_guest_is_not_offered_more_than_can_be_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many rates the cheapest are held."""
    (double, _) = desk.system.offers(STAY)
    monkeypatch.setattr(desk.system, "offers", lambda *_: [double] * 40)

    assert len(desk.offers()) == MOST_OFFERS


def test_a_day_is_in_the_past_by_the_hotels_clock(desk: Desk) -> None:
    """At half past eleven at night in Berlin today can still be booked, an hour later it cannot."""
    tonight = Stay(arrival=date(2026, 11, 24), departure=date(2026, 11, 25))
    assert desk.offers(tonight)

    desk.now += timedelta(hours=1)

    with pytest.raises(ArrivalPast):
        desk.offers(tonight)


@pytest.mark.parametrize(
    ("stay", "room_type", "error"),
    [
        (STAY.model_copy(update={"adults": 5}), None, TooManyGuests),
        (STAY.model_copy(update={"children": 1}), "double", TooManyGuests),
        (STAY, "penthouse", NotFound),
    ],
)
def test_what_cannot_be_slept_in_is_refused(
    desk: Desk, booked: Reservation, stay: Stay, room_type: str | None, error: type[BellhopError]
) -> None:
    """A party that does not fit, or a room the hotel has not, is told apart from a hotel that is full."""
    with pytest.raises(error):
        desk.offers(stay, room_type)
    with pytest.raises(error):
        desk.ask("change", code=booked.code, stay=stay, room_type=room_type)


@pytest.mark.parametrize(
    ("wanted", "offered"),
    [
        ({"stay": LATER}, [("double", LATER)]),
        ({"room_type": "suite"}, [("suite", STAY)]),
        ({"stay": LATER, "room_type": "suite"}, [("suite", LATER)]),
    ],
)
def test_a_change_is_offered_at_its_price(
    desk: Desk, booked: Reservation, wanted: dict[str, Any], offered: list[tuple[str, Stay]]
) -> None:
    """Other nights keep the room, another room keeps the nights; the offer is held for that reservation."""
    wishes = desk.ask("change", code=f" {booked.code.lower()} ", **wanted)

    assert [(wish.offer.room_type, wish.offer.stay) for wish in wishes] == offered
    assert {(wish.kind, wish.code) for wish in wishes} == {(WishKind.CHANGE, booked.code)}


def test_who_slept_in_a_room_that_is_not_ours_to_tell_may_move_to_any(desk: Desk, booked: Reservation) -> None:
    """A reservation in a room the hotel's file does not map can become one in a room that it does."""
    desk.system.reservations[booked.code] = booked.model_copy(update={"room_type": "other", "room": "cabin"})

    wishes = desk.ask("change", code=booked.code, stay=LATER)

    assert [wish.offer.room_type for wish in wishes] == ["double", "suite"]


def test_an_arrival_that_is_past_is_kept_but_not_chosen(desk: Desk, booked: Reservation) -> None:
    """A late guest may change the departure; nobody moves an arrival into the past."""
    desk.now += timedelta(days=11)
    longer = STAY.model_copy(update={"departure": date(2026, 12, 7)})
    earlier = STAY.model_copy(update={"arrival": date(2026, 12, 3)})

    assert desk.ask("change", code=booked.code, stay=longer)
    with pytest.raises(ArrivalPast):
        desk.ask("change", code=booked.code, stay=earlier)


def test_a_cancellation_is_offered_with_its_fee(desk: Desk, booked: Reservation) -> None:
    """What it costs is said before; the offer tells what is booked."""
    (wish,) = desk.ask("cancel", code=booked.code)

    assert (wish.kind, wish.code, wish.fee, wish.offer) == (WishKind.CANCEL, booked.code, desk.system.fee, booked.offer)
    assert desk.wish(wish) == wish


@pytest.mark.parametrize(
    ("missing", "kind", "wanted"),
    [
        (Capability.CHANGE_DATES, "change", {"stay": LATER}),
        (Capability.CHANGE_GUESTS, "change", {"stay": STAY.model_copy(update={"adults": 1})}),
        (Capability.CHANGE_ROOM, "change", {"room_type": "suite"}),
        (Capability.CANCEL, "cancel", {}),
    ],
)
def test_what_a_system_cannot_do_is_not_offered(
    desk: Desk, booked: Reservation, missing: Capability, kind: str, wanted: dict[str, Any]
) -> None:
    """Where the hotel's system lacks it, a human is needed, and the receptionist can know so before."""
    assert missing in desk.bookings.facts("aurora")[1]
    desk.system.can -= {missing}

    with pytest.raises(NotPossible):
        desk.ask(kind, code=booked.code, **wanted)
    assert missing not in desk.bookings.facts("aurora")[1]


@pytest.mark.parametrize("state", [ReservationState.CANCELLED, ReservationState.IN_HOUSE, ReservationState.DEPARTED])
@pytest.mark.parametrize("kind", ["change", "cancel"])
def test_only_a_stay_ahead_is_changed(desk: Desk, booked: Reservation, state: ReservationState, kind: str) -> None:
    """A guest who is there, has left or has cancelled is the front desk's."""
    desk.system.reservations[booked.code] = booked.model_copy(update={"state": state})

    with pytest.raises(NotPossible):
        desk.ask(kind, code=booked.code, **({"stay": LATER} if kind == "change" else {}))


@pytest.mark.parametrize(
    "request_",
    [
        {"kind": "book"},
        {"kind": "book", "stay": STAY, "code": "K1"},
        {"kind": "change", "stay": STAY},
        {"kind": "change", "code": "K1"},
        {"kind": "cancel"},
        {"kind": "cancel", "code": "K1", "stay": STAY},
        {"kind": "cancel", "code": "<b>"},
    ],
)
def test_a_request_says_what_it_needs_and_no_more(request_: dict[str, Any]) -> None:
    """Offers that cannot be meant are refused before anybody is asked."""
    with pytest.raises(ValidationError):
        OffersRequest(**request_)


def test_a_reservation_is_shown_to_the_call_that_made_it(desk: Desk, booked: Reservation) -> None:
    """A booking made in this call needs no verification in it, and in no other call does that help."""
    assert desk.bookings.reservations("aurora", CALL, 1) == [booked]
    assert desk.bookings.reservation("aurora", CALL, booked.code, 1) == booked

    assert desk.bookings.reservations("aurora", OTHER_CALL, 1) == []
    with pytest.raises(NotVerified):
        desk.bookings.reservation("aurora", OTHER_CALL, booked.code, 1)


def test_a_foreign_code_is_answered_like_one_that_nobody_has(desk: Desk, booked: Reservation) -> None:
    """Reading, changing, cancelling and noting: whether a code exists cannot be told from the answer."""
    foreign = desk.system.walk_in(stay=STAY).code
    bookings, wish = desk.bookings, desk.ask("cancel", code=booked.code)[0]
    answers: dict[str, set[str]] = {}
    for code in (foreign, "NOBODYS"):
        for act in (
            lambda code=code: bookings.reservation("aurora", CALL, code, 1),
            lambda code=code: desk.ask("cancel", code=code),
            lambda code=code: desk.ask("change", code=code, stay=LATER),
            lambda code=code: desk.carry_out(wish.model_copy(update={"code": code})),
            lambda code=code: bookings.add_note("aurora", CALL, code, "n1", "late", 1),
        ):
            with pytest.raises(NotVerified) as raised:
                act()
            answers.setdefault(code, set()).add(str(raised.value))

    assert answers[foreign] == answers["NOBODYS"]
    assert len(answers[foreign]) == 1
    assert len(desk.system.booked) == 2


def test_a_reservation_that_is_gone_is_not_found(desk: Desk, booked: Reservation) -> None:
    """What a call has verified and the hotel has deleted since is told as gone."""
    desk.system.reservations.clear()

    with pytest.raises(NotFound):
        desk.bookings.reservation("aurora", CALL, booked.code, 1)
    assert desk.bookings.reservations("aurora", CALL, 1) == []


def test_a_wish_is_carried_out_for_what_it_is(desk: Desk, booked: Reservation) -> None:
    """A wish of another kind, reservation, call or hotel is no wish of this request."""
    cancel = desk.ask("cancel", code=booked.code)[0]
    other = desk.book(desk.offers()[-1])

    for wish in (
        cancel.model_copy(update={"kind": WishKind.CHANGE}),
        cancel.model_copy(update={"code": other.code}),
        cancel.model_copy(update={"id": "neverheld1"}),
    ):
        with pytest.raises(NotFound):
            desk.carry_out(wish)
    with pytest.raises(NotFound):
        desk.book(cancel)
    with pytest.raises(NotFound):
        desk.book(desk.double().model_copy(update={"call_id": OTHER_CALL}))

    assert len(desk.system.booked) == 2


def test_an_agent_that_lost_its_call_asks_nothing(desk: Desk, booked: Reservation) -> None:
    """Neither offers nor reservations are for a lease that is over."""
    wish = desk.double()
    desk.leases.let_go(CALL)

    for act in every_request(desk, wish, booked.code):
        with pytest.raises(StaleEpoch):
            act()


def test_a_call_that_is_over_asks_nothing(desk: Desk, booked: Reservation) -> None:
    """Once a call has ended nothing more is done for it."""
    wish = desk.double()
    desk.tell(Kind.ENDED)

    for act in every_request(desk, wish, booked.code):
        with pytest.raises(CallOver):
            act()


def every_request(desk: Desk, wish: Wish, code: str) -> list[Any]:
    said = VerificationRequest(code=code, surname="Meier")
    return [
        desk.offers,
        lambda: desk.book(wish),
        lambda: desk.bookings.verify("aurora", CALL, said, 1),
        lambda: desk.bookings.reservations("aurora", CALL, 1),
        lambda: desk.bookings.reservation("aurora", CALL, code, 1),
        lambda: desk.bookings.add_note("aurora", CALL, code, "n1", "late", 1),
    ]


@pytest.mark.parametrize(
    ("hotel", "call_id"),
    [
        ("borealis", CALL),
        ("aurora", "call_+493023125001_neverseen"),
        ("aurora", "call_+493023125099_aB3dE5gH7jK9"),
    ],
)
def test_a_call_acts_at_its_own_hotel_only(desk: Desk, hotel: str, call_id: str) -> None:
    """An unknown hotel, an unknown call and a call of another hotel are not found."""
    if call_id.startswith("call_+493023125099"):
        desk.tell(Kind.ANSWERED, call_id)

    with pytest.raises(NotFound):
        desk.bookings.offers(hotel, call_id, OffersRequest(stay=STAY), 1)


def test_a_refused_wish_says_so_again(desk: Desk) -> None:
    """A wish refused for a reason nobody knows any more is refused still."""
    wish = desk.double()
    desk.wishes.kept[CALL, wish.id] = wish.moved(WishState.REFUSED)

    with pytest.raises(Refused):
        desk.book(wish)
