"""What is changed at Cloudbeds, and what is left to a human."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible
from tests.contract.cloudbeds.scenes import asked, change_offer, details, found, rooms
from tests.contract.vendors.benches import ANNA, BERT, STAY, Bench, moved
from tests.contract.vendors.cloudbeds import CHANNEL, CloudbedsStandIn
from tests.contract.vendors.cloudbeds_asked import PROPERTY
from tests.contract.vendors.edited import Edit

pytestmark = pytest.mark.contract


def test_a_change_names_the_room_and_its_rate(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """The form names the reservation's room, the new days and people, and the rate at which it is priced anew."""
    booked = bench.pms.book(bench.order())
    offer = change_offer(bench, booked, moved(STAY, 1))

    bench.pms.change(booked.code, offer)

    assert asked(cloudbeds, "putReservation") == [
        {
            "propertyID": PROPERTY,
            "reservationID": booked.code,
            "rooms[0][subReservationID]": f"{booked.code}-1",
            "rooms[0][roomTypeID]": "420102",
            "rooms[0][checkinDate]": "2026-12-31",
            "rooms[0][checkoutDate]": "2027-01-03",
            "rooms[0][adults]": "2",
            "rooms[0][children]": "0",
            "rooms[0][rateID]": cloudbeds.rate_id("double", "flexible"),
            "rooms[0][adjustPrice]": "true",
        }
    ]


def test_a_change_at_another_price_is_in_doubt(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds prices a change itself: one that came out at another price than was told is a human's."""
    booked = bench.pms.book(bench.order())
    offer = change_offer(bench, booked, moved(STAY, 1))
    cloudbeds.surcharge_cents = 100

    with pytest.raises(InDoubt):
        bench.pms.change(booked.code, offer)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (details(source={"sourceID": CHANNEL}), "channel"),
        (rooms(2), "several rooms"),
        (details(status="checked_in"), "in_house"),
        (details(status="no_show"), "cancelled"),
    ],
)
def test_what_is_not_changed_by_phone(bench: Bench, edited: Callable[..., None], edit: Edit, why: str) -> None:
    """A channel's reservation is changed at the channel, several rooms and stays that have begun at the desk."""
    booked = bench.pms.book(bench.order())
    offer = change_offer(bench, booked, moved(STAY, 1))
    edited("getReservationsWithRateDetails", edit)

    with pytest.raises(NotPossible, match=why):
        bench.pms.change_offers(booked, moved(STAY, 1))
    with pytest.raises(NotPossible, match=why):
        bench.pms.change(booked.code, offer)
    with pytest.raises(NotPossible, match=why):
        bench.pms.cancellation_fee(booked)
    assert [kept.arrival for kept in bench.house.reservations] == [STAY.arrival]


def test_a_channels_reservation_is_still_told(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """What cannot be changed by phone can be looked up, and its staff can be left a note."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    cloudbeds.sources[code] = CHANNEL

    bench.pms.add_note(code, "needs a cot")

    assert found(bench.pms, code).stay == STAY
    assert bench.house.reservations[0].notes == ("needs a cot",)


def test_a_reservation_in_another_currency_is_offered_no_change(bench: Bench, edited: Callable[..., None]) -> None:
    """A stay that was booked in francs is not repriced in euros."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(propertyCurrency="CHF"))

    assert bench.pms.change_offers(booked, moved(STAY, 1)) == []


def test_only_its_own_kind_of_room_is_free_for_it(bench: Bench) -> None:
    """The room that a reservation takes itself does not make another kind free that is full."""
    booked = bench.pms.book(bench.order())
    bench.keeper.walk_in("suite", STAY, BERT)

    assert {offer.room_type for offer in bench.pms.change_offers(booked, STAY)} == {"double"}


def test_a_reservation_that_is_gone_is_not_changed(bench: Bench) -> None:
    """What was deleted meanwhile has neither offers nor a fee."""
    gone = bench.pms.book(bench.order()).model_copy(update={"code": "7721339999"})

    with pytest.raises(NotPossible):
        bench.pms.change_offers(gone, moved(STAY, 1))
    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(gone)
