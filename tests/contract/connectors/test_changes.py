"""What every connector promises of changing a reservation: as wished, at the price told, or left as it was."""

from __future__ import annotations

import pytest

from lambdas.shared.domain.errors import NotFound, NotPossible, PriceChanged, SoldOut
from lambdas.shared.domain.stay import Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms import Capability
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, moved, refused

pytestmark = pytest.mark.contract

LATER = moved(STAY, 1)
"""Two of its nights are nights of the stay."""
LONGER = STAY.model_copy(update={"departure": LATER.departure})
ALONE = STAY.model_copy(update={"adults": 1})


def needs(booked: Reservation, stay: Stay, room_type: str | None) -> set[Capability]:
    """What a system must be able to do for that."""
    dates = (stay.arrival, stay.departure) != (booked.stay.arrival, booked.stay.departure)
    guests = (stay.adults, stay.children) != (booked.stay.adults, booked.stay.children)
    room = room_type not in (None, booked.room_type)
    wanted = {Capability.CHANGE_DATES: dates, Capability.CHANGE_GUESTS: guests, Capability.CHANGE_ROOM: room}
    return {capability for capability, is_wanted in wanted.items() if is_wanted}


def change_offered(bench: Bench, booked: Reservation, stay: Stay, room_type: str | None = None) -> Offer | None:
    """What the reservation can become at its own rate; None where the system says that it cannot do this."""
    if not bench.can(*needs(booked, stay, room_type)):
        with refused(NotPossible):
            bench.pms.change_offers(booked, stay, room_type)
        return None
    wanted = room_type or booked.room_type
    offers = bench.pms.change_offers(booked, stay, room_type)
    (offer,) = [each for each in offers if (each.room_type, each.rate_plan) == (wanted, booked.rate_plan)]
    return offer


CHANGES = [
    pytest.param(LATER, None, 38_700, id="later"),
    pytest.param(LONGER, None, 51_600, id="longer"),
    pytest.param(moved(STAY, 60), None, 38_700, id="in-spring"),
    pytest.param(ALONE, None, 38_700, id="alone"),
    pytest.param(STAY, "suite", 65_700, id="other-room"),
    pytest.param(LONGER.model_copy(update={"children": 1}), "suite", 87_600, id="everything"),
]


@pytest.mark.parametrize(("stay", "room_type", "cents"), CHANGES)
def test_a_change_is_offered_at_its_new_total(bench: Bench, stay: Stay, room_type: str | None, cents: int) -> None:
    """What a reservation could become is told with what the whole stay then costs, and nothing is changed by it."""
    booked = bench.pms.book(bench.order())
    before = bench.keeper.stays()

    offer = change_offered(bench, booked, stay, room_type)

    assert bench.keeper.stays() == before
    if offer:
        assert (offer.stay, offer.room_type, offer.total.cents) == (stay, room_type or "double", cents)


@pytest.mark.parametrize(("stay", "room_type", "cents"), CHANGES)
def test_a_change_is_done_as_offered(bench: Bench, stay: Stay, room_type: str | None, cents: int) -> None:
    """The reservation keeps its code and its guest and becomes what was offered; there is no second one."""
    booked = bench.pms.book(bench.order())
    if not (offer := change_offered(bench, booked, stay, room_type)):
        return

    changed = bench.pms.change(booked.code, offer)

    assert (changed.code, changed.guest, changed.reference) == (booked.code, booked.guest, booked.reference)
    assert (changed.stay, changed.room_type, changed.total.cents) == (stay, room_type or "double", cents)
    (kept,) = bench.keeper.stays()
    assert (kept.arrival, kept.departure, kept.adults, kept.children) == (
        stay.arrival,
        stay.departure,
        stay.adults,
        stay.children,
    )
    assert (kept.room, kept.total_cents, kept.name) == (room_type or "double", cents, "Anna Meier")
    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert found.model_dump() == changed.model_dump()


@pytest.mark.parametrize(("stay", "room_type", "cents"), CHANGES)
def test_a_change_asked_again_changes_nothing(bench: Bench, stay: Stay, room_type: str | None, cents: int) -> None:
    """A change that is done already is answered as done, and the reservation stays as it is."""
    booked = bench.pms.book(bench.order())
    if not (offer := change_offered(bench, booked, stay, room_type)):
        return
    changed = bench.pms.change(booked.code, offer)
    before = bench.keeper.stays()

    again = bench.pms.change(booked.code, offer)

    assert again.model_dump() == changed.model_dump()
    assert bench.keeper.stays() == before


def test_its_own_room_is_free_for_it(bench: Bench) -> None:
    """The guest of the only suite may stay a night longer although the suite is taken: by themselves."""
    booked = bench.pms.book(bench.order(room_type="suite"))
    if not (offer := change_offered(bench, booked, LONGER)):
        return

    assert bench.pms.change(booked.code, offer).stay == LONGER


def test_old_nights_are_free_again(bench: Bench) -> None:
    """What a changed reservation does not need any more can be booked by others."""
    booked = bench.pms.book(bench.order(room_type="suite"))
    if not (offer := change_offered(bench, booked, moved(STAY, 60))):
        return

    bench.pms.change(booked.code, offer)

    assert bench.pms.offers(moved(STAY, 60), "suite") == []
    assert bench.pms.book(bench.order("wish00000002", BERT, room_type="suite"))


def test_a_full_hotel_offers_no_change(bench: Bench) -> None:
    """Nights that are full are not offered."""
    booked = bench.pms.book(bench.order())
    bench.keeper.fill("double", [LATER.evenings[-1]])
    if not bench.can(Capability.CHANGE_DATES):
        return

    assert [offer for offer in bench.pms.change_offers(booked, LATER) if offer.room_type == "double"] == []


def test_a_party_too_large_is_offered_no_change(bench: Bench) -> None:
    """More guests than the room sleeps are not offered the room."""
    booked = bench.pms.book(bench.order())
    if not bench.can(Capability.CHANGE_GUESTS):
        return

    offers = bench.pms.change_offers(booked, STAY.model_copy(update={"adults": 3}))

    assert [offer for offer in offers if offer.room_type == "double"] == []


def test_a_change_to_what_filled_up_leaves_all_as_it_was(bench: Bench) -> None:
    """When the nights were taken meanwhile the change is sold out, and the old reservation still stands."""
    booked = bench.pms.book(bench.order())
    if not (offer := change_offered(bench, booked, LATER)):
        return
    bench.keeper.fill("double", [LATER.evenings[-1]])
    before = bench.keeper.stays()

    with refused(SoldOut):
        bench.pms.change(booked.code, offer)

    assert bench.keeper.stays() == before


@pytest.mark.parametrize("cents", [12_901, 9_900])
def test_a_change_at_another_price_is_not_done_silently(bench: Bench, cents: int) -> None:
    """A price that changed since is refused and nothing is changed, or the change is done at the price told."""
    booked = bench.pms.book(bench.order())
    if not (offer := change_offered(bench, booked, LONGER)):
        return
    before = bench.keeper.stays()
    bench.keeper.set_price("double", cents)

    try:
        changed = bench.pms.change(booked.code, offer)
    except PriceChanged:
        assert bench.keeper.stays() == before
    else:
        assert changed.total == offer.total
        assert [kept.total_cents for kept in bench.keeper.stays()] == [offer.total.cents]


def test_a_change_keeps_what_it_is_not_about(bench: Bench) -> None:
    """Contact, notes and the rate survive a change of the dates."""
    code = bench.keeper.walk_in("double", STAY, ANNA, CONTACT)
    if bench.can(Capability.NOTE):
        bench.pms.add_note(code, "arrives by bicycle")
    booked = bench.pms.reservation(code)
    assert booked is not None
    if not (offer := change_offered(bench, booked, LATER)):
        return
    before = bench.keeper.stays()

    changed = bench.pms.change(booked.code, offer)

    (kept,) = bench.keeper.stays()
    assert (kept.contact, kept.notes) == (before[0].contact, before[0].notes)
    assert changed.rate_plan == booked.rate_plan


def test_a_change_touches_nobody_else(bench: Bench) -> None:
    """Another reservation of the same name for the same nights stays as it is."""
    other = bench.keeper.walk_in("double", STAY, ANNA)
    booked = bench.pms.book(bench.order())
    if not (offer := change_offered(bench, booked, LATER)):
        return

    bench.pms.change(booked.code, offer)

    assert [(kept.arrival, kept.state) for kept in bench.keeper.stays() if kept.code == other] == [
        (STAY.arrival, "booked")
    ]


@pytest.mark.parametrize("code", ["ZZZZZZ", "00000000", "1001/../1002", "🙂"])
def test_a_code_nobody_has_cannot_be_changed(bench: Bench, code: str) -> None:
    """A change of what is not there is told so and changes nothing."""
    bench.pms.book(bench.order())
    offer = bench.offered(stay=LATER)
    before = bench.keeper.stays()

    with refused(NotFound, NotPossible):
        bench.pms.change(code, offer)

    assert bench.keeper.stays() == before


@pytest.mark.parametrize("state", [ReservationState.CANCELLED, ReservationState.DEPARTED])
def test_what_is_over_cannot_be_changed(bench: Bench, state: ReservationState) -> None:
    """A cancelled reservation does not come back by a change, and a stay that is over is not moved."""
    booked = bench.pms.book(bench.order())
    offer = change_offered(bench, booked, LATER) or bench.offered(stay=LATER)
    bench.keeper.move(bench.keeper.stays()[0].code, state)
    before = bench.keeper.stays()

    with refused(NotPossible, NotFound):
        bench.pms.change(booked.code, offer)

    assert bench.keeper.stays() == before


@pytest.mark.parametrize(("stay", "room_type", "cents"), CHANGES)
def test_what_a_system_cannot_change_stays(bench: Bench, stay: Stay, room_type: str | None, cents: int) -> None:
    """Where the capability is missing, even an offer made up by somebody else changes nothing."""
    booked = bench.pms.book(bench.order())
    if bench.can(*needs(booked, stay, room_type)):
        return
    offers = bench.pms.offers(stay, room_type or "double")
    (offer,) = [each for each in offers if each.rate_plan == booked.rate_plan]
    before = bench.keeper.stays()

    with refused(NotPossible):
        bench.pms.change(booked.code, offer)

    assert bench.keeper.stays() == before
