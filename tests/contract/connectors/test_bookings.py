"""What every connector promises of a booking: once, at its price, entirely, or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest

from lambdas.shared.domain.errors import InDoubt, NotFound, NotPossible, PriceChanged, SoldOut
from lambdas.shared.domain.said import normal_code
from lambdas.shared.domain.stay import Contact, Guest, Reservation, ReservationState, Stay
from lambdas.shared.pms import Capability, Order
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, refused
from tests.contract.vendors.house import House, RoomKind

pytestmark = pytest.mark.contract


def told(reservation: Reservation | None) -> dict[str, object]:
    """What may leave the process."""
    assert reservation is not None
    return reservation.model_dump()


def test_a_booking_is_what_was_offered(bench: Bench) -> None:
    """Stay, room, rate, total and guest of the reservation are those of the order, and it has a code."""
    order = bench.order()

    booked = bench.pms.book(order)

    assert booked.offer.is_for(order.offer)
    assert (booked.room, booked.rate, booked.total) == (order.offer.room, order.offer.rate, order.offer.total)
    assert (booked.guest.name, booked.guest.surname) == ("Anna Meier", "Meier")
    assert (booked.state, booked.reference) == (ReservationState.BOOKED, order.reference)
    assert normal_code(booked.code)


def test_the_other_side_has_exactly_that(bench: Bench) -> None:
    """One reservation stands in the system, with room, nights, people, name and total as ordered."""
    order = bench.order(room_type="suite", stay=STAY.model_copy(update={"adults": 2, "children": 1}))

    booked = bench.pms.book(order)

    (kept,) = bench.keeper.stays()
    assert normal_code(kept.code) == normal_code(booked.code)
    assert (kept.room, kept.arrival, kept.departure) == ("suite", STAY.arrival, STAY.departure)
    assert (kept.adults, kept.children, kept.name, kept.state) == (2, 1, "Anna Meier", "booked")
    assert kept.total_cents == order.offer.total.cents == 65_700


@pytest.mark.parametrize("rate", ["flexible", "saver"])
def test_a_booking_is_at_its_rate(vendor: Bench, rate: str) -> None:
    """The rate that was offered is the rate that is booked, not another at its price."""
    booked = vendor.pms.book(vendor.order(rate=rate))

    assert booked.rate_plan == rate
    assert [kept.rate for kept in vendor.house.reservations] == [rate]
    assert vendor.house.reservations[0].total_cents == booked.total.cents


def test_a_booking_is_found_by_its_order(bench: Bench) -> None:
    """What was booked is found by its order, entirely, also by another process."""
    order = bench.order()
    booked = bench.pms.book(order)

    assert told(bench.pms.find(order)) == told(booked)
    assert told(bench.renewed().find(order)) == told(booked)


def test_a_booking_is_found_by_its_code(bench: Bench) -> None:
    """The code that the guest was told leads to the same reservation."""
    booked = bench.pms.book(bench.order())

    assert told(bench.pms.reservation(booked.code)) == told(booked)


def test_an_order_that_was_not_sent_is_not_found(bench: Bench) -> None:
    """Another order for the same guest and nights does not claim what was booked under the first."""
    order = bench.order()
    bench.pms.book(order)

    assert bench.pms.find(replace(order, reference="wish00000002")) is None


def test_a_reservation_of_the_front_desk_is_no_orders(bench: Bench) -> None:
    """The same guest's same stay, made at the front desk, is not taken for what an order led to."""
    order = bench.order()
    bench.keeper.walk_in("double", STAY, ANNA)

    assert bench.pms.find(order) is None


def test_a_booking_is_found_among_those_of_the_desk(bench: Bench) -> None:
    """An order's reservation is told from others of the same name for the same nights."""
    order = bench.order()
    bench.keeper.walk_in("double", STAY, ANNA)
    booked = bench.pms.book(order)
    bench.keeper.walk_in("double", STAY, ANNA)

    assert told(bench.pms.find(order)) == told(booked)


def test_a_cancelled_booking_is_still_found(bench: Bench) -> None:
    """What an order led to is found after the desk has cancelled it, and told as cancelled."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.keeper.move(bench.keeper.stays()[0].code, "cancelled")

    found = bench.pms.find(order)

    assert found is not None
    assert (found.code, found.state) == (booked.code, ReservationState.CANCELLED)


def test_a_booking_is_found_in_a_full_house(opened: Callable[..., Bench]) -> None:
    """However many others arrive on that day, the order's reservation is found: every page is read."""
    bench = opened(house=House(rooms=(RoomKind("double", "Double room", count=300, sleeps=2, night_cents=12_900),)))
    order = bench.order()
    booked = bench.pms.book(order)
    for number in range(230):
        bench.keeper.walk_in("double", STAY, Guest(name=f"Bert Brecht{number}"))

    assert told(bench.pms.find(order)) == told(booked)


def test_two_orders_are_two_reservations(bench: Bench) -> None:
    """A guest who wants a second room of the same kind gets one, and each is found by its own order."""
    first, second = bench.order("wish00000001"), bench.order("wish00000002")

    booked = [bench.pms.book(first), bench.pms.book(second)]

    assert booked[0].code != booked[1].code
    assert [told(bench.pms.find(order)) for order in (first, second)] == [told(each) for each in booked]
    assert len(bench.keeper.stays()) == 2


def test_a_safe_repeat_books_once(bench: Bench) -> None:
    """A system that says so makes one reservation of an order sent twice; only such a one may be sent twice."""
    order = bench.order(room_type="suite")
    booked = bench.pms.book(order)

    if bench.can(Capability.SAFE_REPEAT):
        assert told(bench.pms.book(order)) == told(booked)
    assert len(bench.keeper.stays()) == 1


def test_a_safe_repeat_from_another_process_books_once(bench: Bench) -> None:
    """The same order sent by another process, after the price has changed, is still the first reservation."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.keeper.set_price("double", 50_000)

    if bench.can(Capability.SAFE_REPEAT):
        assert told(bench.renewed().book(order)) == told(booked)
    assert [kept.total_cents for kept in bench.keeper.stays()] == [38_700]


def test_two_at_once_with_one_order_book_once(bench: Bench) -> None:
    """An order that two senders book at the same moment is one reservation, where the system knows orders again."""
    if not bench.can(Capability.SAFE_REPEAT):
        assert Capability.SAFE_REPEAT not in bench.pms.capabilities
        return
    order = bench.order()

    def book(_: int) -> str | None:
        try:
            return bench.pms.book(order).code
        except InDoubt:
            return None

    with ThreadPoolExecutor(4) as senders:
        codes = set(senders.map(book, range(4))) - {None}

    assert len(codes) == 1
    assert len(bench.keeper.stays()) == 1


def test_two_at_once_do_not_share_the_last_room(bench: Bench) -> None:
    """Of those who want the last room at the same moment, one gets it."""
    offer = bench.offered("suite")

    def wanted(number: int) -> bool:
        try:
            bench.pms.book(Order(f"wish0000000{number}", offer, BERT))
        except SoldOut:
            return False
        return True

    with ThreadPoolExecutor(4) as senders:
        assert sum(senders.map(wanted, range(4))) == 1
    assert len(bench.keeper.stays()) == 1


def test_the_last_room_is_booked_once(bench: Bench) -> None:
    """When the last room is gone it is neither offered nor booked, and nothing is half booked."""
    late = bench.order("wish00000002", BERT, room_type="suite")
    bench.pms.book(bench.order("wish00000001", room_type="suite"))

    with refused(SoldOut):
        bench.pms.book(late)

    assert bench.pms.offers(STAY, "suite") == []
    assert bench.pms.find(late) is None
    assert len(bench.keeper.stays()) == 1


@pytest.mark.parametrize("night", [0, 1, 2])
def test_a_night_that_filled_up_meanwhile_books_nothing(bench: Bench, night: int) -> None:
    """An offer one of whose nights was taken since is sold out, and none of its nights is booked."""
    order = bench.order()
    bench.keeper.fill("double", [STAY.evenings[night]])

    with refused(SoldOut):
        bench.pms.book(order)

    assert bench.keeper.stays() == []
    assert bench.pms.find(order) is None


def test_one_may_arrive_when_another_leaves(bench: Bench) -> None:
    """The day of departure is free for the next guest."""
    next_stay = Stay(arrival=STAY.departure, departure=date(2027, 1, 3), adults=2)
    bench.pms.book(bench.order("wish00000001", room_type="suite"))

    assert bench.pms.book(bench.order("wish00000002", BERT, room_type="suite", stay=next_stay))


@pytest.mark.parametrize("cents", [12_901, 25_000, 9_900])
def test_a_price_that_changed_is_not_booked_silently(bench: Bench, cents: int) -> None:
    """Dearer or cheaper since: it is refused and nothing is booked, or it is booked at the price that was told."""
    order = bench.order()
    bench.keeper.set_price("double", cents)

    try:
        booked = bench.pms.book(order)
    except PriceChanged:
        assert bench.keeper.stays() == []
    else:
        assert booked.total == order.offer.total
        assert [kept.total_cents for kept in bench.keeper.stays()] == [order.offer.total.cents]


def test_an_offer_for_a_room_that_is_not_mapped_is_not_booked(bench: Bench) -> None:
    """An offer that names a room the hotel's file does not map books nothing."""
    offer = bench.offered().model_copy(update={"room_type": "penthouse"})

    with refused(SoldOut, NotPossible, NotFound):
        bench.pms.book(Order("wish00000001", offer, ANNA))

    assert bench.keeper.stays() == []


NAMES = [
    ("Zoë Ångström-Müller", "Ångström-Müller"),
    ("Anna von der Tann", "von der Tann"),
    ("Seán O'Brien", "O'Brien"),
    ("Łukasz Żółć", "Żółć"),
    ("Ελένη Παπαδοπούλου", "Παπαδοπούλου"),
    ("Robert'); DROP TABLE reservations;--", "reservations;--"),
    ("Anna & Bert Meier", "Meier"),
    ('Anna "Nina" Meier', "Meier"),
    ("Anna %27 OR 1=1", "1=1"),
    ('Anna "', '"'),
    ("Anna 李", "李"),
    ("Anna 🙂", "🙂"),
]


@pytest.mark.parametrize(("name", "surname"), NAMES)
def test_a_name_arrives_as_it_was_said(bench: Bench, name: str, surname: str) -> None:
    """Accents, particles, apostrophes and what looks like a command arrive as the guest's name and nothing else."""
    order = bench.order(guest=Guest(name=name, last_name=surname))

    booked = bench.pms.book(order)

    (kept,) = bench.keeper.stays()
    assert kept.name == name
    assert (booked.guest.name, booked.guest.surname) == (name, surname)
    assert told(bench.pms.find(order)) == told(booked)


def test_a_single_name_is_enough(bench: Bench) -> None:
    """A guest who says one name only can book, and is found."""
    order = bench.order(guest=Guest(name="Meier"))

    booked = bench.pms.book(order)

    assert booked.guest.surname == "Meier"
    assert told(bench.pms.find(order)) == told(booked)


def test_a_long_name_is_booked_or_refused(bench: Bench) -> None:
    """A name as long as our own allows is refused before anything is booked, or booked and found.

    A system whose field is shorter keeps the beginnings of both names, enough to know the guest by.
    """
    guest = Guest(name="A" * 49 + " " + "B" * 50)
    order = bench.order(guest=guest)

    try:
        booked = bench.pms.book(order)
    except NotPossible:
        assert bench.keeper.stays() == []
        return

    (kept,) = bench.keeper.stays()
    assert re.fullmatch("A{25,49} B{25,50}", kept.name)
    assert told(bench.pms.find(order)) == told(booked)


def test_a_contact_reaches_the_system(bench: Bench) -> None:
    """Address and number travel to the system, where the guest can be verified by them later."""
    order = replace(bench.order(), contact=CONTACT)

    booked = bench.pms.book(order)

    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert (found.contact.email, found.contact.phone) == (CONTACT.email, CONTACT.phone)


@pytest.mark.parametrize("contact", [Contact(), Contact(email=CONTACT.email), Contact(phone=CONTACT.phone)])
def test_a_guest_needs_no_contact(bench: Bench, contact: Contact) -> None:
    """A guest who gives no address or no number can book, and no other one's is made up as theirs."""
    booked = bench.pms.book(replace(bench.order(), contact=contact))

    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert found.contact == contact


def test_a_booking_tells_nothing_of_the_contact(bench: Bench) -> None:
    """What leaves the process of a reservation holds neither address nor number."""
    booked = bench.pms.book(replace(bench.order(), contact=CONTACT))

    told = booked.model_dump_json() + repr(booked)
    assert "anna.meier@example.com" not in told
    assert "+491701234567" not in told


@pytest.mark.parametrize("nights", [1, 30])
def test_short_and_long_stays_are_booked(bench: Bench, nights: int) -> None:
    """One night and the longest stay that is taken by phone are booked with every night."""
    stay = Stay(arrival=date(2027, 3, 1), departure=date.fromordinal(date(2027, 3, 1).toordinal() + nights), adults=2)

    booked = bench.pms.book(bench.order(stay=stay))

    (kept,) = bench.keeper.stays()
    assert (kept.arrival, kept.departure, kept.total_cents) == (stay.arrival, stay.departure, 12_900 * nights)
    assert booked.total.cents == 12_900 * nights


def test_a_stay_that_begins_today_is_booked(bench: Bench) -> None:
    """A guest may arrive on the day of the call."""
    stay = Stay(arrival=date(2026, 11, 24), departure=date(2026, 11, 25), adults=2)

    assert bench.pms.book(bench.order(stay=stay)).stay == stay


def test_nights_at_different_prices_are_booked_as_offered(vendor: Bench) -> None:
    """A stay whose nights cost differently is booked at exactly the sum that was told."""
    for evening, cents in zip(STAY.evenings, (10_001, 20_007, 33_333), strict=True):
        vendor.house.set_price("double", cents, night=evening)

    booked = vendor.pms.book(vendor.order())

    assert booked.total.cents == 63_341
    assert [kept.total_cents for kept in vendor.house.reservations] == [63_341]
