"""What is sent to OPERA to book, change and note, and what becomes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.shared.domain.errors import InDoubt, NotPossible, PriceChanged, SoldOut
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer
from tests.contract.oracle_ohip.talk import UNKNOWN, asked, booked, connected, with_reservation
from tests.contract.vendors.benches import BERT, STAY, Bench
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn
from tests.contract.vendors.oracle_ohip_asked import SYSTEM

pytestmark = pytest.mark.contract


def test_a_booking_says_what_each_night_costs(bench: Bench, opera: OracleOhipStandIn) -> None:
    """The nights go with the booking at the amounts that were offered, fixed, each with its own date."""
    for evening, cents in zip(STAY.evenings, (10_001, 20_007, 33_333), strict=True):
        bench.house.set_price("double", cents, night=evening)

    told = booked(bench)

    ((sent,),) = [body["reservations"]["reservation"] for body in asked(opera, "POST", "/reservations")]
    (rate,) = sent["roomStay"]["roomRates"]
    assert [(night["start"], night["end"], night["base"]["amountBeforeTax"]) for night in rate["rates"]["rate"]] == [
        ("2026-12-30", "2026-12-30", 100.01),
        ("2026-12-31", "2026-12-31", 200.07),
        ("2027-01-01", "2027-01-01", 333.33),
    ]
    assert rate["fixedRate"] is True
    assert told.total == Money(cents=63_341, currency="EUR")


def test_a_booking_never_overrides_the_hotels_checks(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Nothing is sent that lets OPERA skip its inventory or put defaults in: a full house stays full."""
    booked(bench)

    sent = json.dumps(asked(opera, "POST", "/reservations"))
    assert "override" not in sent
    assert "reservationNotification" not in sent


def test_a_booking_carries_the_reference_and_contact(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Our reference stands under our external system, the guest's address and number in the guest's profile."""
    contact = Contact(email="anna@example.org", phone="+4930123456")
    told = bench.pms.book(replace(bench.order(), contact=contact))

    ((sent,),) = [body["reservations"]["reservation"] for body in asked(opera, "POST", "/reservations")]
    assert sent["externalReferences"] == [{"id": "wish00000001", "idContext": SYSTEM}]
    assert (told.contact, told.reference) == (contact, "wish00000001")


def test_market_and_source_are_the_rates_unless_given(bench: Bench, opera: OracleOhipStandIn) -> None:
    """What the offer says of market and source is booked; the hotel's file may say otherwise."""
    booked(bench)
    pms = connected(bench, options={**bench.hotel.pms.options, "market": "CORP"})

    with pytest.raises(NotPossible):
        pms.book(bench.order("wish00000002"))

    sent = [body["reservations"]["reservation"][0]["roomStay"] for body in asked(opera, "POST", "/reservations")]
    codes = [(stay["roomRates"][0]["marketCode"], stay["roomRates"][0]["sourceCode"]) for stay in sent]
    assert codes == [("LEIS", "PHONE"), ("CORP", "PHONE")]


def test_the_location_is_enough_to_find_the_booking(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA may answer a booking with nothing but its address."""
    edited("/reservations", lambda _: {}, method="POST")

    assert booked(bench).code == bench.house.reservations[0].code


def test_a_booking_that_cannot_be_found_again_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """A booking was made when OPERA says so, even when it cannot be read: that is no reason to book again."""
    order = bench.order()
    edited("/reservations/661001", lambda _: {"reservations": {"reservation": []}})

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1


def test_a_booking_that_cannot_be_read_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA fails right after it has booked: that is not as if nothing had been sent."""
    pms, order = bench.renewed(sleep=lambda _: None), bench.order()
    edited("/661001", lambda _: None, status=503)

    with pytest.raises(InDoubt):
        pms.book(order)

    assert len(bench.house.reservations) == 1


def test_a_booking_at_another_price_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA has booked and wants more than was offered: the guest is not told that all is well."""
    order = bench.order()
    edited("/661001", with_reservation(lambda told: told["roomStay"]["total"].update(amountAfterTax=400.0)))

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1


def test_the_fault_is_oracles_and_the_words_are_ours(bench: Bench) -> None:
    """A refused booking has OPERA's code for the log and none of its words."""
    pms = connected(bench, options={**bench.hotel.pms.options, "guarantee": "NONE"})

    with pytest.raises(NotPossible) as refused:
        pms.book(bench.order())

    assert refused.value.vendor_code == "OPERAWS-RSV90000"
    assert "Invalid" not in str(refused.value)


def test_a_booking_of_what_opera_does_not_have_is_a_humans(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA says 404 to a booking: the guest is not told that a reservation cannot be found."""
    order = bench.order()
    edited("/reservations", lambda _: UNKNOWN, method="POST", status=404, instead=True)

    with pytest.raises(NotPossible) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == "404"


@pytest.mark.parametrize("code", ["Anna Meier, +49 170 1234567", "", 7])
def test_a_code_that_is_none_is_not_logged(bench: Bench, edited: Callable[..., None], code: object) -> None:
    """What stands where OPERA's code should be may be prose, and prose may hold what was sent."""
    order = bench.order()
    edited("/reservations", lambda _: {"o:errorCode": code}, method="POST", status=400, instead=True)

    with pytest.raises(NotPossible) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == "400"


def test_what_is_gone_meanwhile_is_sold_out(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA's codes are not public: why it refuses is learned by asking again what is free."""
    order = bench.order(room_type="suite")
    took: list[str] = []

    def take(body: Any) -> Any:
        """The last suite goes to somebody else right after it was seen free."""
        if not took:
            took.append(bench.keeper.walk_in("suite", STAY, BERT))
        return body

    edited("/availability", take)

    with pytest.raises(SoldOut) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == "OPERAWS-RSV90003"


def test_a_change_keeps_the_guarantee_and_names_the_nights(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A changed stay is held by what it was held by, at the nights' amounts that were offered."""
    told = booked(bench)
    longer = STAY.model_copy(update={"departure": STAY.departure + timedelta(days=1)})
    wanted = next(offer for offer in bench.pms.change_offers(told, longer, "double") if offer.rate_plan == "flexible")

    changed = bench.pms.change(told.code, wanted)

    ((sent,),) = [body["reservations"] for body in asked(opera, "PUT", "/661001")]
    assert sent["roomStay"]["guarantee"] == {"guaranteeCode": "6PM"}
    assert len(sent["roomStay"]["roomRates"][0]["rates"]["rate"]) == 4
    assert set(sent) == {"hotelId", "reservationIdList", "roomStay"}
    assert (changed.stay, changed.total.cents, changed.code) == (longer, 4 * 12_900, told.code)


def test_a_change_that_was_made_is_not_sent_again(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Once a stay is as wished, wishing it again sends nothing."""
    told = booked(bench)
    wanted = bench.pms.change_offers(told, STAY, "suite")[0]

    assert bench.pms.change(told.code, wanted) == bench.pms.change(told.code, wanted)
    assert len(asked(opera, "PUT", "/661001")) == 1


def test_several_rooms_are_changed_by_a_human(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation of more than one room is told, and neither changed nor cancelled by phone."""
    told = booked(bench)
    edited(
        "/reservations/661001",
        with_reservation(lambda found: found["roomStay"]["roomRates"][0].update(numberOfUnits=2)),
    )

    with pytest.raises(NotPossible):
        bench.pms.change_offers(told, STAY)
    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(told)
    with pytest.raises(NotPossible):
        bench.pms.cancel(told.code, Money(cents=0, currency="EUR"))
    assert bench.pms.reservation(told.code)


def test_a_change_that_is_not_what_was_wished_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """OPERA says that it is done and tells another room: nobody is told that it worked."""
    told = booked(bench)
    wanted = bench.pms.change_offers(told, STAY, "suite")[0]
    edited(
        "/reservations/661001",
        with_reservation(lambda found: found["roomStay"]["roomRates"][0].update(roomType="DBLS")),
    )

    with pytest.raises(InDoubt):
        bench.pms.change(told.code, wanted)


def test_a_note_is_for_the_staff(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A note is a comment that is not shown to the guest, and nothing else of the reservation is sent."""
    told = booked(bench)

    bench.pms.add_note(told.code, "Comes late")

    ((sent,),) = [body["reservations"] for body in asked(opera, "PUT", "/661001")]
    assert sent["comments"] == [{"comment": {"text": {"value": "Comes late"}, "type": "GEN", "internal": True}}]
    assert set(sent) == {"hotelId", "reservationIdList", "comments"}


def test_a_price_is_asked_again_right_before_the_booking(bench: Bench) -> None:
    """What was offered at another price is not booked at the new one."""
    order = bench.order()
    bench.keeper.set_price("double", 13_000)

    with pytest.raises(PriceChanged):
        bench.pms.book(order)

    assert bench.house.reservations == []


@pytest.mark.parametrize("guest", [Guest(name="Anna " + "B" * 41), Guest(name="A" * 41 + " Meier", last_name="Meier")])
def test_a_name_that_opera_would_cut_is_refused(bench: Bench, opera: OracleOhipStandIn, guest: Guest) -> None:
    """OPERA holds forty letters of a name: a longer one is a human's."""
    with pytest.raises(NotPossible):
        bench.pms.book(bench.order(guest=guest))

    assert asked(opera, "POST", "/reservations") == []


def test_an_offer_of_another_hotels_room_is_sold_out(bench: Bench) -> None:
    """An offer that names no rate of the hotel's cannot be booked."""
    offer = bench.offered()
    made_up = Offer.model_validate({**offer.model_dump(), "rate_plan": "staff"})

    with pytest.raises(SoldOut):
        bench.pms.book(replace(bench.order(), offer=made_up))
