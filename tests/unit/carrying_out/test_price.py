"""What was offered is booked at the price the guest agreed to, or not at all."""

from __future__ import annotations

import pytest

from lambdas.shared.bookings.carrying_out import NewPrice
from lambdas.shared.bookings.prices import HELD_FOR
from lambdas.shared.domain.errors import InDoubt, OfferExpired, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.stay import Reservation
from lambdas.shared.domain.wish import WishState
from lambdas.shared.pms.system import Order
from tests.desk import Desk, eur

pytestmark = pytest.mark.unit


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
