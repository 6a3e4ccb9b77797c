"""What is only Mews' of changes and cancellations: its policies, what it charges, and what the staff do instead."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Offer
from lambdas.shared.pms import Pms
from tests.contract.mews.scenes import ADD, GET_ALL, LATE, asked, booked, with_each
from tests.contract.vendors.benches import STAY, Bench, moved
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import ADULTS, id_of

pytestmark = pytest.mark.contract


def test_a_fee_is_charged_only_where_it_was_told(bench: Bench, mews: MewsStandIn) -> None:
    """Mews is told to post a fee only to a guest who has heard of one, and then it is the first night."""
    free, late = booked(bench), booked(bench, "wish00000002")
    bench.pms.cancel(free.code, Money(cents=0, currency="EUR"))
    bench.clock.now = LATE

    bench.pms.cancel(late.code, bench.pms.cancellation_fee(late))

    assert [body["PostCancellationFee"] for body in asked(mews, "reservations/cancel")] == [False, True]
    assert [kept.fee_cents for kept in bench.house.reservations] == [0, 12_900]


def policy(applicability: str = "Start", offset: str = "P0M-1DT0H0M0S", **other: Any) -> dict[str, Any]:
    return {
        "Applicability": applicability,
        "ApplicabilityOffset": offset,
        "FeeExtents": ["TimeUnits"],
        "FeeMaximumTimeUnits": None,
        "AbsoluteFee": {"Currency": "EUR", "Value": 0},
        "RelativeFee": 1,
        **other,
    }


@pytest.mark.parametrize(
    ("told", "cents"),
    [
        ([], 0),
        ([policy("Creation", "P0M0DT0H0M0S")], 38_700),
        ([policy("Creation", "P1D")], 0),
        ([policy("Creation", "-P1D")], 38_700),
        ([policy("Start", "P0M-36DT0H0M0S")], 0),
        ([policy("Start", "P0M-37DT0H0M0S")], 38_700),
        ([policy("Start", "-P36DT3H")], 38_700),
        ([policy("Start", "-P36DT2H59M")], 0),
        ([policy("StartDate", "P0M-36DT12H0M0S")], 38_700),
        ([policy("StartDate", "P0M-36DT12H1M0S")], 0),
        ([policy("StartDate", "P-2M")], 38_700),
        ([policy("StartDate", "P-1M")], 0),
        ([policy("StartDate", "PT18H")], 0),
        ([policy("Creation", "P0D", FeeMaximumTimeUnits=1)], 12_900),
        ([policy("Creation", "P0D", FeeMaximumTimeUnits=2, RelativeFee=0.5)], 12_900),
        ([policy("Creation", "P0D", FeeMaximumTimeUnits=0)], 0),
        ([policy("Creation", "P0D", FeeMaximumTimeUnits=9)], 38_700),
        ([policy("Creation", "P0D", RelativeFee=0, AbsoluteFee={"Currency": "EUR", "Value": 20.5})], 2_050),
        ([policy("Creation", "P0D", RelativeFee=0.1, AbsoluteFee={"Currency": "EUR", "Value": 20})], 5_870),
        ([policy("Creation", "P0D", FeeExtents=["Products"])], 0),
        ([policy("Creation", "P0D", FeeExtents=["Everything"])], 38_700),
        ([policy("Creation", "P0D", FeeExtents=["Nothing"])], 0),
        ([policy("Creation", "P0D", FeeExtents=["TimeUnits", "Products"])], 38_700),
        ([policy("Creation", "P0D", RelativeFee=0.2), policy("Start", "-P40D", RelativeFee=0.4)], 15_480),
        ([policy("Creation", "P0D", RelativeFee=0.2), policy("Start", "-P1D", RelativeFee=0.4)], 7_740),
        ([policy("Creation", "P0D", RelativeFee=0, AbsoluteFee={"Currency": "CHF", "Value": 0})], 0),
    ],
)
def test_a_fee_is_what_the_policies_say(
    bench: Bench, mews: MewsStandIn, told: list[dict[str, Any]], cents: int
) -> None:
    """Of the policies in force 36 days and three hours before a stay the dearest: an amount and a share of nights."""
    reservation = booked(bench)
    mews.policies = told

    assert bench.pms.cancellation_fee(reservation) == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(
    "told",
    [
        policy("Start", "P10DT20H30M"),
        policy("Start", "P1M"),
        policy("Departure", "P0D"),
        policy("Creation", "0M0D0:0:0.0"),
        policy("Creation", "P0D", FeeExtents=["Minibar"]),
        policy("Creation", "P0D", AbsoluteFee={"Currency": "CHF", "Value": 20}),
        policy("Creation", "P0D", RelativeFee=-0.1),
    ],
)
def test_a_policy_that_is_not_understood_is_left_to_the_staff(
    bench: Bench, mews: MewsStandIn, told: dict[str, Any]
) -> None:
    """Where it is not clear from when or how much is charged, no fee is told and nothing is cancelled."""
    reservation = booked(bench)
    mews.policies = [told]

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(reservation)
    with pytest.raises(NotPossible):
        bench.pms.cancel(reservation.code, Money(cents=0, currency="EUR"))

    assert bench.house.reservations[0].state == "booked"


@pytest.mark.parametrize("share", ["half", "NaN"])
def test_a_policy_whose_numbers_are_none_is_a_fault(bench: Bench, mews: MewsStandIn, share: str) -> None:
    """A share that is no number is Mews' fault, not ours."""
    reservation = booked(bench)
    mews.policies = [policy("Creation", "P0D", RelativeFee=share)]

    with pytest.raises(Unreachable):
        bench.pms.cancellation_fee(reservation)


def test_policies_out_of_reach_are_left_to_the_staff(bench: Bench, mews: MewsStandIn) -> None:
    """Mews enables the policies for each integration apart: where it has not, a human cancels."""
    reservation = booked(bench)
    mews.forbidden = {"cancellationPolicies/getByReservations"}

    with pytest.raises(NotPossible) as refused:
        bench.pms.cancellation_fee(reservation)

    assert refused.value.vendor_code == "401"


def test_what_cannot_be_cancelled_for_nothing_keeps_its_nights(bench: Bench) -> None:
    """A rate that gives nothing back can be prolonged at that rate, and neither moved nor turned into another."""
    saver = booked(bench, rate="saver")
    longer = STAY.model_copy(update={"departure": STAY.departure + timedelta(days=1)})

    offers = bench.pms.change_offers(saver, longer)

    assert {offer.rate_plan for offer in offers} == {"saver"}
    assert bench.pms.change_offers(saver, moved(STAY, 1)) == []
    with pytest.raises(NotPossible):
        bench.pms.change(saver.code, bench.offered(stay=moved(STAY, 1), rate="saver"))
    assert bench.pms.change(saver.code, next(offer for offer in offers if offer.room_type == "double")).stay == longer


def test_a_change_is_bound_where_the_policies_are_out_of_reach(bench: Bench, mews: MewsStandIn) -> None:
    """Where it is not known whether cancelling costs something, a reservation is treated as if it did."""
    told = booked(bench)
    mews.forbidden = {"cancellationPolicies/getByReservations"}

    assert bench.pms.change_offers(told, moved(STAY, 1)) == []
    assert {offer.rate_plan for offer in bench.pms.change_offers(told, STAY, "suite")} == {"flexible"}


def test_a_change_reprices_and_charges_nothing_else(bench: Bench, mews: MewsStandIn) -> None:
    """An update names what changes, at the price of now, and no fee for nights given up that the guest was not told."""
    told = booked(bench)
    (offer,) = [each for each in bench.pms.change_offers(told, moved(STAY, 1), "suite") if each.rate_plan == "saver"]

    bench.pms.change(told.code, offer)

    (sent,) = asked(mews, "reservations/update")
    assert (sent["Reprice"], sent["ApplyCancellationFee"]) == (True, False)
    assert sent["Reason"]
    (update,) = sent["ReservationUpdates"]
    assert update == {
        "ReservationId": bench.house.reservations[0].id,
        "StartUtc": {"Value": "2026-12-31T14:00:00Z"},
        "EndUtc": {"Value": "2027-01-03T11:00:00Z"},
        "PersonCounts": {"Value": [{"AgeCategoryId": ADULTS, "Count": 2}]},
        "RateId": {"Value": id_of("rate", "saver")},
        "RequestedCategoryId": {"Value": id_of("room", "suite")},
    }


@pytest.mark.parametrize(
    ("ordered", "changeable"),
    [
        (("ProductOrder", "breakfast", 0), True),
        (("ProductOrder", "parking", 1_500), False),
        (("NightRebate", "", -1_000), False),
        (("ResourceUpgradeFee", "", 4_000), False),
        (("CityTax", "", 250), True),
    ],
)
def test_what_was_ordered_beside_is_changed_by_the_staff(
    bench: Bench, mews: MewsStandIn, ordered: tuple[str, str, int], changeable: bool
) -> None:
    """What rules add comes with any stay; what a guest has ordered or been granted has no price in a change's."""
    told = booked(bench)
    offer = bench.offered(stay=moved(STAY, 1))
    mews.ordered[bench.house.reservations[0].id] = [ordered]

    if changeable:
        assert bench.pms.change_offers(told, moved(STAY, 1))
        return
    with pytest.raises(NotPossible) as refused:
        bench.pms.change_offers(told, moved(STAY, 1))
    with pytest.raises(NotPossible):
        bench.pms.change(told.code, offer)

    assert refused.value.vendor_code == ordered[0]
    assert bench.pms.cancellation_fee(told).cents == 0


def test_a_room_that_was_given_is_given_back(bench: Bench, mews: MewsStandIn) -> None:
    """A guest who moves to another kind of room loses the number of the old one."""
    told = booked(bench)
    mews.assigned[bench.house.reservations[0].id] = (id_of("resource", 101), False)
    (offer,) = [each for each in bench.pms.change_offers(told, STAY, "suite") if each.rate_plan == "flexible"]

    assert bench.pms.change(told.code, offer).room_type == "suite"
    assert mews.assigned == {}


def test_a_room_that_was_promised_is_kept(bench: Bench, mews: MewsStandIn) -> None:
    """A guest who was promised a certain room is moved by the staff, who made the promise; other nights are free."""
    told = booked(bench)
    mews.assigned[bench.house.reservations[0].id] = (id_of("resource", 101), True)
    (suite,) = [each for each in bench.pms.change_offers(told, STAY, "suite") if each.rate_plan == "flexible"]
    (later,) = [
        each for each in bench.pms.change_offers(told, moved(STAY, 1), "double") if each.rate_plan == "flexible"
    ]

    with pytest.raises(NotPossible):
        bench.pms.change(told.code, suite)

    assert bench.pms.change(told.code, later).stay == moved(STAY, 1)


def test_a_note_goes_to_the_reservations_own(bench: Bench, mews: MewsStandIn) -> None:
    """A note is added to the order, beside what stands there."""
    told = booked(bench)

    bench.pms.add_note(told.code, "needs a cot")

    (sent,) = asked(mews, "serviceOrderNotes/add")
    assert sent["ServiceOrderNotes"] == [{"ServiceOrderId": bench.house.reservations[0].id, "Text": "needs a cot"}]


@pytest.mark.parametrize("operation", [ADD, "reservations/update", "reservations/cancel", "serviceOrderNotes/add"])
def test_a_write_that_took_too_long_is_in_doubt(bench: Bench, edited: Callable[..., None], operation: str) -> None:
    """408 says that Mews took tens of seconds, and not that it gave up."""
    told = booked(bench)
    order = bench.order("wish00000002")
    (offer,) = [each for each in bench.pms.change_offers(told, moved(STAY, 1), "double") if each.rate_plan == "saver"]
    edited(operation, status=408)
    deeds: dict[str, Callable[[], object]] = {
        ADD: lambda: bench.pms.book(order),
        "reservations/update": lambda: bench.pms.change(told.code, offer),
        "reservations/cancel": lambda: bench.pms.cancel(told.code, Money(cents=0, currency="EUR")),
        "serviceOrderNotes/add": lambda: bench.pms.add_note(told.code, "needs a cot"),
    }

    with pytest.raises(InDoubt):
        deeds[operation]()


@pytest.mark.parametrize(
    ("deed", "change"),
    [
        (
            lambda pms, code, offer: pms.change(code, offer),
            lambda kept: kept.update(RequestedResourceCategoryId=id_of("room", "single")),
        ),
        (
            lambda pms, code, _: pms.cancel(code, Money(cents=0, currency="EUR")),
            lambda kept: kept.update(State="Confirmed"),
        ),
    ],
)
def test_what_was_done_and_is_not_so_is_in_doubt(
    bench: Bench,
    edited: Callable[..., None],
    deed: Callable[[Pms, str, Offer], object],
    change: Callable[[dict[str, Any]], None],
) -> None:
    """A change or a cancellation that Mews confirms and then does not show is looked into by a human."""
    told = booked(bench)
    (offer,) = [each for each in bench.pms.change_offers(told, moved(STAY, 1), "double") if each.rate_plan == "saver"]
    edited(GET_ALL, with_each("Reservations", change))

    with pytest.raises(InDoubt):
        deed(bench.pms, told.code, offer)
