"""Bookings at Apaleo: the key under which one is made once, the code by which it is found, and refusals in prose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, SoldOut
from lambdas.shared.domain.stay import Guest
from tests.contract.apaleo.scenes import BOOKINGS, OFFERS, RESERVATIONS, asked, connected
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import BERT, CONTACT, STAY, Bench

pytestmark = pytest.mark.contract


def test_a_booking_says_who_and_at_what_price(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """The guest is booker and first guest, each night goes with its price, and no check of Apaleo's is skipped."""
    for evening, cents in zip(STAY.evenings, (10_001, 20_007, 33_333), strict=True):
        bench.house.set_price("double", cents, night=evening)

    told = bench.pms.book(replace(bench.order(), contact=CONTACT))

    (sent,) = [seen for seen in apaleo.seen if seen.method == "POST" and seen.path.startswith(BOOKINGS)]
    person = {"firstName": "Anna", "lastName": "Meier", "email": CONTACT.email, "phone": CONTACT.phone}
    assert (sent.path, sent.headers["idempotency-key"]) == (BOOKINGS, "wish00000001")
    assert sent.body == {
        "booker": person,
        "reservations": [
            {
                "arrival": "2026-12-30",
                "departure": "2027-01-02",
                "adults": 2,
                "childrenAges": [],
                "channelCode": "Direct",
                "externalCode": "wish00000001",
                "primaryGuest": person,
                "timeSlices": [
                    {"ratePlanId": "AUR-FLEX-DBL", "totalAmount": {"amount": amount, "currency": "EUR"}}
                    for amount in (100.01, 200.07, 333.33)
                ],
            }
        ],
    }
    assert (told.total.cents, told.reference) == (63_341, "wish00000001")


def test_a_guarantee_is_the_files(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A guarantee that the file names is asked for; one that is too weak for the rate plan books nothing."""
    pms = connected(bench, options={"guarantee": "PM6Hold"})

    assert pms.book(bench.order())
    with pytest.raises(NotPossible) as refused:
        pms.book(bench.order("wish00000002", BERT, rate="saver"))

    sent = [body["reservations"][0]["guaranteeType"] for body in asked(apaleo, "POST", BOOKINGS)]
    assert sent == ["PM6Hold", "PM6Hold"]
    assert refused.value.vendor_code == "422"
    assert "guarantee" not in str(refused.value)
    assert len(bench.house.reservations) == 1


def test_the_same_request_is_answered_the_same(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A booking sent again is the same request under the same key, letter by letter, so that Apaleo knows it again."""
    order = bench.order()

    first, second = bench.pms.book(order), bench.renewed().book(order)

    sent = asked(apaleo, "POST", BOOKINGS)
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert first == second
    assert len(bench.house.reservations) == 1


def test_a_repeat_that_differs_finds_the_first(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Apaleo refuses a key with another body: what was booked under it is told, and nothing else is booked."""
    order = bench.order()
    first = bench.pms.book(order)

    again = bench.pms.book(replace(order, contact=CONTACT))

    assert len(asked(apaleo, "POST", BOOKINGS)) == 2
    assert again == first
    assert len(bench.house.reservations) == 1


def test_a_repeat_after_the_room_is_gone_finds_the_first(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """The last room was taken by the order itself: that is no reason to say that it is sold out."""
    order = bench.order(room_type="suite")
    first = bench.pms.book(order)

    assert bench.renewed().book(order) == first
    assert len(asked(apaleo, "POST", BOOKINGS)) == 1


def test_an_order_refused_before_its_time_is_not_lost(bench: Bench, edited: Callable[..., None]) -> None:
    """A refusal of what may have been booked before is in doubt when Apaleo cannot be asked for it."""
    order = bench.order()
    bench.pms.book(order)
    edited(RESERVATIONS, lambda _: None, status=503, instead=True)

    with pytest.raises(InDoubt) as refused:
        bench.pms.book(replace(order, contact=CONTACT))

    assert refused.value.vendor_code == "503"


def test_what_is_gone_meanwhile_is_sold_out(bench: Bench, edited: Callable[..., None]) -> None:
    """Apaleo says in prose why it refuses: it is learned by asking again what is free."""
    order = bench.order(room_type="suite")
    took: list[str] = []

    def take(body: Any) -> Any:
        """The last suite goes to somebody else right after it was seen free."""
        if not took:
            took.append(bench.keeper.walk_in("suite", STAY, BERT))
        return body

    edited(OFFERS, take)

    with pytest.raises(SoldOut) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == "422"
    assert len(bench.house.reservations) == 1


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_apaleo_does_not_book_is_not_possible(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """A booking that is refused although room and price are as told is a human's; Apaleo's words are not told."""
    order = bench.order()
    edited(BOOKINGS, lambda _: {"messages": ["Anna Meier owes us"]}, method="POST", status=status, instead=True)

    with pytest.raises(NotPossible) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == str(status)
    assert "Meier" not in str(refused.value)


def test_a_booking_at_another_price_is_in_doubt(
    bench: Bench, apaleo: ApaleoStandIn, edited: Callable[..., None]
) -> None:
    """An Apaleo that takes its own price, not the one that was told, has a human look at it."""
    order = bench.order()
    apaleo.ignores_amounts = True

    def dearer(body: Any) -> Any:
        bench.keeper.set_price("double", 14_000)
        return body

    edited(OFFERS, dearer)

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert [kept.total_cents for kept in bench.house.reservations] == [42_000]


@pytest.mark.parametrize("body", [{"id": "X", "reservationIds": []}, {"id": "X"}, None, "done"])
def test_a_booking_without_a_number_is_in_doubt(bench: Bench, edited: Callable[..., None], body: Any) -> None:
    """A booking was made when Apaleo says so: an answer that nobody can read is no reason to book again."""
    order = bench.order()
    edited(BOOKINGS, lambda _: body, method="POST")

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1
    assert bench.pms.find(order)


@pytest.mark.parametrize("status", [404, 503])
def test_a_booking_that_cannot_be_read_again_is_in_doubt(
    bench: Bench, edited: Callable[..., None], status: int
) -> None:
    """What was booked and cannot be read is looked for later, not booked again."""
    order = bench.order()
    edited("-1", lambda _: None, status=status)

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1


def test_an_order_is_found_by_its_whole_reference(bench: Bench) -> None:
    """Apaleo finds every code that begins so; only the one that is so is the order's."""
    longer, shorter = bench.order("wish000000012"), bench.order("wish00000001")
    bench.pms.book(longer)

    assert bench.pms.find(shorter) is None

    told = bench.pms.book(shorter)
    assert bench.pms.find(shorter) == told


def test_of_two_with_one_reference_the_standing_one_is_found(bench: Bench) -> None:
    """A clerk may have copied a reservation with its code: the one that stands is told."""
    order = bench.order()
    first = bench.pms.book(order)
    kept = bench.house.reservations[0]
    copy = bench.house.book(
        room="double", rate="flexible", arrival=kept.arrival, departure=kept.departure, last_name="Meier",
        adults=2, reference=order.reference,
    )  # fmt: skip
    bench.keeper.move(first.code, "cancelled")

    again = bench.pms.find(order)

    assert again is not None
    assert again.code == copy.code


def test_a_guest_with_one_name_is_booked_by_it(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Apaleo needs a last name and no first: one that was not said is not made up."""
    bench.pms.book(bench.order(guest=Guest(name="Meier")))

    (sent,) = asked(apaleo, "POST", BOOKINGS)
    assert sent["booker"] == {"lastName": "Meier"}
