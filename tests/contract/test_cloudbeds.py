"""What is only Cloudbeds': its key, its refusals with status 200, rates and taxes, odd answers, policies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

import pytest

from lambdas.shared.domain.errors import HotelFileError, InDoubt, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms import CONNECTORS, Capability, Pms
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, Workshop, moved
from tests.contract.vendors.cloudbeds import CHANNEL, HOUSE_ADDRESS, PROPERTY, SOURCE, CloudbedsStandIn
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract

LATE: Final = datetime(2026, 12, 29, 18, 0, tzinfo=UTC)
"""An hour after cancelling is free no more."""


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("cloudbeds")


@pytest.fixture
def cloudbeds(bench: Bench) -> CloudbedsStandIn:
    return cast("CloudbedsStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, cloudbeds: CloudbedsStandIn) -> Callable[..., None]:
    """Edits what Cloudbeds answers to a method; None stands for an answer that is not edited any more."""

    def edit(method: str, edit: Edit | None, *, verb: str = "GET", **how: Any) -> None:
        app = cloudbeds.app
        workshop.switch.app = Edited(app, f"/{method}", edit, method=verb, **how) if edit else app

    return edit


def on_options(bench: Bench, **options: str | None) -> Pms:
    """The connector of a hotel whose file says otherwise; None leaves an option out."""
    told = {name: value for name, value in {**bench.hotel.pms.options, **options}.items() if value is not None}
    pms = bench.hotel.pms.model_copy(update={"options": told})
    return CONNECTORS["cloudbeds"](bench.hotel.model_copy(update={"pms": pms}), bench.parts)


def asked(cloudbeds: CloudbedsStandIn, method: str) -> list[Any]:
    """The requests of that method, a write's form or a read's query."""
    return [seen.body or seen.query for seen in cloudbeds.seen if seen.path.endswith(f"/{method}")]


def found(pms: Pms, code: str) -> Reservation:
    reservation = pms.reservation(code)
    assert reservation is not None
    return reservation


def change_offer(bench: Bench, booked: Reservation, stay: Stay) -> Offer:
    offers = bench.pms.change_offers(booked, stay, booked.room_type)
    return next(offer for offer in offers if offer.rate_plan == booked.rate_plan)


def refuse(message: str) -> Edit:
    return lambda _: {"success": False, "message": message}


def test_every_request_bears_the_key_and_the_hotel(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """The hotel's key is in `x-api-key`, and its property is named in every question and write."""
    booked = bench.pms.book(bench.order())
    bench.pms.describe()
    bench.pms.search("Meier", STAY.arrival)
    bench.pms.add_note(booked.code, "needs a cot")

    assert {seen.headers["x-api-key"] for seen in cloudbeds.seen} == {cloudbeds.secret["api_key"]}
    for seen in cloudbeds.seen:
        told = {**seen.query, **(seen.body or {})}
        assert {told.get("propertyID"), told.get("propertyIDs")} == {PROPERTY, None}


def test_a_rotated_key_is_read_anew(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A key that was replaced while the process ran is read again once it is refused; the guest hears nothing."""
    held = {"key": cloudbeds.secret["api_key"]}
    pms = bench.renewed(secret=lambda _, fresh: {"api_key": cloudbeds.secret["api_key"] if fresh else held["key"]})
    order = bench.order()
    cloudbeds.secret["api_key"] = "cbat_new"

    assert pms.book(order).state is ReservationState.BOOKED


def test_opening_asks_nobody(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A function that starts reads no secret and asks no vendor before the first question."""

    def secret(*_: object) -> dict[str, str]:
        raise AssertionError("read while opening")

    bench.renewed(secret=secret)

    assert cloudbeds.seen == []


def test_a_key_is_never_told(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """What is raised for a refused key shows neither the key nor the answer."""
    cloudbeds.secret["api_key"] = "cbat_other"

    with pytest.raises(Unreachable) as raised:
        bench.renewed(secret=lambda *_: {"api_key": "cbat_mine"}).offers(STAY)

    assert "cbat" not in str(raised.value)
    assert raised.value.vendor_code == "401"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"source": None}, "source"),
        ({"source": "s-2"}, "source"),
        ({"source": "ss-77"}, "source"),
        ({"country": "Germany"}, "country"),
        ({"country": None}, "country"),
        ({"email": "reception"}, "email"),
        ({"payment_method": "bitcoin"}, "payment_method"),
        ({"free_until": "18:00"}, "free_until"),
        ({"free_until": "1d 25:00"}, "free_until"),
        ({"late_fee": "half"}, "late_fee"),
        ({"non_refundable": "saver, supersaver"}, "supersaver"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_wrong_option_stops_the_start(bench: Bench, options: dict[str, str | None], field: str) -> None:
    """What is missing, unknown or of another form is named with the file and the field."""
    with pytest.raises(HotelFileError) as raised:
        on_options(bench, **options)

    assert "hotels/aurora/hotel.toml" in str(raised.value)
    assert field in str(raised.value)


def test_a_hotel_needs_its_id(bench: Bench) -> None:
    """Without the property's id nothing is opened."""
    pms = bench.hotel.pms.model_copy(update={"property": None})

    with pytest.raises(HotelFileError, match="property"):
        CONNECTORS["cloudbeds"](bench.hotel.model_copy(update={"pms": pms}), bench.parts)


FAULTS: Final = (
    ("User who approved this connection is not active anymore", "user_inactive"),
    (
        "Your request could not be fully completed. The property(ies) you are accessing have an invalid status. "
        "See details: canceled: 49705",
        "property_inactive",
    ),
    ("None of the included property id's match the access_token user's property id", "property_denied"),
)


@pytest.mark.parametrize(("message", "code"), FAULTS)
def test_a_broken_connection_is_unreachable(bench: Bench, edited: Callable[..., None], message: str, code: str) -> None:
    """A hotel that has left, or whose user has, is unreachable for reads and for writes, by a code for the log."""
    order = bench.order()
    edited("postReservation", refuse(message), verb="POST", instead=True)

    with pytest.raises(Unreachable) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == code
    edited("getReservations", refuse(message))
    with pytest.raises(Unreachable) as raised:
        bench.pms.search("Meier", STAY.arrival)
    assert raised.value.vendor_code == code


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (200, "Anna Meier cannot be booked", "refused"),
        (200, "Reservation is locked", "reservation"),
        (400, "Parameter guestZip is required", "parameter_guestZip"),
    ],
)
def test_a_refused_write_has_changed_nothing(
    bench: Bench, edited: Callable[..., None], status: int, message: str, code: str
) -> None:
    """It is told as not possible, and the message, which may repeat what was sent, goes nowhere."""
    order = bench.order()
    edited("postReservation", refuse(message), verb="POST", status=status, instead=True)

    with pytest.raises(NotPossible) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == code
    assert message not in str(raised.value)


def test_a_refused_read_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A question that Cloudbeds does not answer is not answered by us either."""
    edited("getRatePlans", refuse("Something went wrong"))

    with pytest.raises(Unreachable) as raised:
        bench.pms.offers(STAY)

    assert raised.value.vendor_code == "refused"


@pytest.mark.parametrize("body", [None, [], {}, {"data": {}}, "done", {"success": None}])
def test_an_answer_without_a_verdict_is_in_doubt(bench: Bench, edited: Callable[..., None], body: object) -> None:
    """What does not say whether it was done may have been done."""
    order = bench.order()
    edited("postReservation", lambda _: body, verb="POST")

    with pytest.raises(InDoubt):
        bench.pms.book(order)


def test_a_booking_without_an_id_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Success that does not say which reservation it is leaves the doubt, and the reservation is found."""
    order = bench.order()
    edited("postReservation", lambda body: {"success": body["success"]}, verb="POST")

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert bench.pms.find(order) is not None


def test_an_unknown_method_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """404, which Cloudbeds answers to what it does not offer, has changed nothing."""
    order = bench.order()
    edited("postReservation", lambda _: {"error": "Unknown method."}, verb="POST", status=404, instead=True)

    with pytest.raises(Unreachable):
        bench.pms.book(order)


def test_a_refusal_of_an_unknown_id_finds_nothing(bench: Bench, edited: Callable[..., None]) -> None:
    """Whether an id that nobody has is an empty list or a refusal, it is no reservation and no error."""
    edited("getReservationsWithRateDetails", refuse("Reservation not found"))

    assert bench.pms.reservation("7721339999") is None


def test_too_many_requests_are_waited_for(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Five requests a second are allowed: the sixth waits and is asked again."""
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        cloudbeds.limit.requests = 100

    pms = bench.renewed(sleep=sleep)
    cloudbeds.limit.requests = 1

    assert pms.offers(STAY)
    assert len(pauses) == 1


def rates(edit: Callable[[dict[str, Any]], object], room: str = "420102") -> Edit:
    """Edits the rates of a room type, the double unless told otherwise."""

    def edit_all(body: Any) -> Any:
        for rate in body["data"]:
            if rate["roomTypeID"] == room:
                edit(rate)
        return body

    return edit_all


def night(number: int, **changed: object) -> Callable[[dict[str, Any]], object]:
    return lambda rate: rate["roomRateDetailed"][number].update(changed)


def leaving(rate: dict[str, Any]) -> None:
    last = rate["roomRateDetailed"][-1]
    rate["roomRateDetailed"].append({**last, "date": STAY.departure.isoformat(), "closedToDeparture": True})


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(night(0, closedToArrival=True), id="closed to arrival"),
        pytest.param(leaving, id="closed to departure"),
        pytest.param(night(1, blocked=True), id="blocked"),
        pytest.param(night(1, minLos=4), id="too short"),
        pytest.param(night(0, maxLos=2), id="too long"),
        pytest.param(night(2, roomsAvailable=0), id="full"),
        pytest.param(night(2, totalRate=0), id="no price"),
        pytest.param(night(2, totalRate=None), id="null"),
        pytest.param(night(2, totalRate="cheap"), id="no number"),
        pytest.param(night(2, totalRate=1e12), id="absurd"),
        pytest.param(lambda rate: rate["roomRateDetailed"].pop(), id="a night missing"),
        pytest.param(lambda rate: rate.update(promoCode="SECRET"), id="promotional"),
        pytest.param(lambda rate: rate.update(roomTypeID=None), id="of no room"),
    ],
)
def test_what_is_not_to_be_had_is_not_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """A rate that is closed, or whose price is not certain, for any night is left out; the others are offered."""
    edited("getRatePlans", rates(edit))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"suite"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(night(1, closedToArrival=True), id="only other arrivals are closed"),
        pytest.param(night(1, closedToDeparture=True), id="only other departures are closed"),
        pytest.param(night(0, minLos=3, maxLos=3), id="just as long"),
        pytest.param(night(0, totalRate="129.00"), id="an amount as text"),
        pytest.param(night(0, date="2026-12-30 00:00:00"), id="a moment for a day"),
        pytest.param(lambda rate: rate.update(roomTypeName=7), id="the document's slip"),
    ],
)
def test_what_is_to_be_had_is_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """Restrictions that are about other days or lengths do not hide a rate."""
    edited("getRatePlans", rates(edit))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"double", "suite"}


def test_only_what_cloudbeds_lists_as_free_is_offered(bench: Bench, edited: Callable[..., None]) -> None:
    """A rate that the list of free rooms leaves out is not offered, whatever its nights say."""

    def without_savers(body: Any) -> Any:
        rooms = body["data"][0]["propertyRooms"]
        body["data"][0]["propertyRooms"] = [room for room in rooms if room["ratePlanNamePublic"] != "Saver"]
        return body

    edited("getAvailableRoomTypes", without_savers)

    assert {offer.rate_plan for offer in bench.pms.offers(STAY)} == {"flexible"}


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda found: found.update(propertyCurrency=found["propertyCurrency"][0]), id="an object"),
        pytest.param(lambda found: found.pop("propertyID"), id="no id"),
        pytest.param(lambda found: found.update(propertyID=int(PROPERTY)), id="a number as id"),
    ],
)
def test_free_rooms_are_read_as_they_come(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """The currency as real hotels answer it, not as the document has it, and ids of any type are understood."""
    edited("getAvailableRoomTypes", lambda body: (edit(body["data"][0]), body)[1])

    assert len(bench.pms.offers(STAY)) == 4


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(lambda found: found.update(propertyID="1"), id="another hotel's"),
        pytest.param(lambda found: found.pop("propertyCurrency"), id="no currency"),
        pytest.param(lambda found: found.update(propertyCurrency=[]), id="an empty currency"),
    ],
)
def test_rooms_of_an_unknown_price_are_not_offered(
    bench: Bench, edited: Callable[..., None], edit: Callable[[dict[str, Any]], object]
) -> None:
    """Without the currency, or of another hotel, nothing is offered."""
    edited("getAvailableRoomTypes", lambda body: (edit(body["data"][0]), body)[1])

    assert bench.pms.offers(STAY) == []


def test_the_base_rate_is_named_base(bench: Bench) -> None:
    """The rate that every room has and that is no plan is mapped by that word; without it, it is not offered."""
    rates = {name: code for name, code in bench.hotel.pms.rates.items() if code != "base"}
    pms = bench.hotel.pms.model_copy(update={"rates": rates})
    bench.hotel = bench.hotel.model_copy(update={"pms": pms})

    assert bench.pms.describe().rates["base"]
    assert {offer.rate_plan for offer in bench.renewed().offers(STAY)} == {"saver"}


def test_a_price_with_everything_in_it_is_not_asked_for(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Where every tax stands in the rates already, three questions make all offers."""
    offers = bench.pms.offers(STAY)

    assert [offer.taxes for offer in offers] == [None] * 4
    assert len(cloudbeds.seen) == 3


def test_what_comes_on_top_is_asked_for_each_price(workshop: Workshop) -> None:
    """Where a tax comes on top, every different price is asked for once, with the people it counts."""
    bench = workshop.bench("cloudbeds", house=House(city_tax_cents=250))
    cloudbeds = cast("CloudbedsStandIn", bench.vendor)

    offers = bench.pms.offers(STAY)

    assert [offer.total.cents for offer in offers] == [36_330, 40_200, 60_630, 67_200]
    assert [offer.taxes and offer.taxes.cents for offer in offers] == [3_779, 4_032, 5_368, 5_798]
    questions = asked(cloudbeds, "getRoomsFeesAndTaxes")
    assert {question["roomsTotal"] for question in questions} == {"348.30", "387.00", "591.30", "657.00"}
    assert {(question["adultsPerRoom"], question["childrenPerRoom"]) for question in questions} == {("2", "0")}


def test_a_tax_that_was_deleted_is_not_on_top(bench: Bench, edited: Callable[..., None]) -> None:
    """What the hotel does not levy any more costs no question."""

    def deleted(body: Any) -> Any:
        return {**body, "data": [{**body["data"][0], "inclusiveOrExclusive": "exclusive", "isDeleted": True}]}

    edited("getTaxesAndFees", deleted)

    assert {offer.taxes for offer in bench.pms.offers(STAY)} == {None}


@pytest.mark.parametrize("total", ["much", 1e12, None])
def test_a_price_that_is_none_is_not_told(
    workshop: Workshop, bench: Bench, edited: Callable[..., None], total: object
) -> None:
    """A total that cannot be is no price."""
    bench.house.city_tax_cents = 250
    edited("getRoomsFeesAndTaxes", lambda body: {**body, "data": {**body["data"], "grandTotal": total}})

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def test_add_ons_are_what_a_rate_includes(bench: Bench) -> None:
    """A rate with breakfast is offered with it, by the hotel's word."""
    offers = bench.pms.offers(STAY, "double")

    assert {offer.rate_plan: offer.includes for offer in offers} == {"flexible": ("breakfast",), "saver": ()}
    assert bench.pms.describe().extras == {"8801": "Breakfast"}


def test_rooms_are_described_to_the_last_page(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A list that does not tell its length is read until nothing new comes."""
    cloudbeds.most_records = 2

    assert len(bench.pms.describe().rooms) == 3


def test_a_list_that_turns_no_page_ends(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that repeats its first page is not read for ever."""
    rooms = [{"roomTypeID": "1", "roomTypeName": "Attic"}]
    edited("getRoomTypes", lambda body: {**body, "data": rooms})

    assert bench.pms.describe().rooms == {"1": "Attic"}


def test_a_booking_says_what_cloudbeds_needs(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """The form has the stay, the room at its rate, the guest, our reference and our source, and no price."""
    bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert asked(cloudbeds, "postReservation") == [
        {
            "propertyID": PROPERTY,
            "sourceID": SOURCE,
            "thirdPartyIdentifier": "wish00000001",
            "startDate": "2026-12-30",
            "endDate": "2027-01-02",
            "guestFirstName": "Anna",
            "guestLastName": "Meier",
            "guestCountry": "DE",
            "guestZip": "10115",
            "guestEmail": "anna.meier@example.com",
            "guestPhone": "+491701234567",
            "rooms[0][roomTypeID]": "420102",
            "rooms[0][quantity]": "1",
            "rooms[0][roomRateID]": cloudbeds.rate_id("double", "flexible"),
            "adults[0][roomTypeID]": "420102",
            "adults[0][quantity]": "2",
            "children[0][roomTypeID]": "420102",
            "children[0][quantity]": "0",
            "paymentMethod": "cash",
            "sendEmailConfirmation": "true",
        }
    ]


def test_a_guest_without_an_address_is_booked_under_the_hotels(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds wants an address: the hotel's stands in, gets no confirmation, and is not told as the guest's."""
    booked = bench.pms.book(bench.order())

    (form,) = asked(cloudbeds, "postReservation")
    assert (form["guestEmail"], form["sendEmailConfirmation"]) == (HOUSE_ADDRESS, "false")
    assert "guestPhone" not in form
    assert found(bench.pms, booked.code).contact == Contact()


def test_a_single_name_is_a_surname(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds wants two names; what stands for the missing one is not told as a name."""
    booked = bench.pms.book(bench.order(guest=Guest(name="Sukarno")))

    assert asked(cloudbeds, "postReservation")[0]["guestFirstName"] == "-"
    assert (booked.guest.name, booked.guest.surname, booked.guest.first_names) == ("Sukarno", "Sukarno", "")


@pytest.mark.parametrize("cents", [1, 5_000])
def test_a_booking_at_another_price_is_taken_back(bench: Bench, cloudbeds: CloudbedsStandIn, cents: int) -> None:
    """A price that changes between our last question and the booking is not booked: it is cancelled at once."""
    order = bench.order()
    cloudbeds.surcharge_cents = cents

    with pytest.raises(PriceChanged):
        bench.pms.book(order)

    assert [kept.state for kept in bench.house.reservations] == ["cancelled"]


@pytest.mark.parametrize("how", ["refused", "unclear"])
def test_a_booking_that_cannot_be_taken_back_is_in_doubt(
    bench: Bench, cloudbeds: CloudbedsStandIn, edited: Callable[..., None], how: str
) -> None:
    """Where the cancellation is refused or its result unknown, a human must look."""
    order = bench.order()
    cloudbeds.surcharge_cents = 100
    edited("putReservation", refuse("No") if how == "refused" else lambda _: {}, verb="PUT", instead=True)

    with pytest.raises(InDoubt):
        bench.pms.book(order)


def test_a_refused_booking_of_what_is_gone_is_sold_out(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """Cloudbeds tells no reason by code: what is free is asked again, and its word kept for the log."""
    order = bench.order(room_type="suite")
    seen = cloudbeds.house.book

    def taken_meanwhile(**wanted: Any) -> Any:
        bench.house.fill("suite")
        return seen(**wanted)

    cloudbeds.house.book = taken_meanwhile  # type: ignore[method-assign]

    with pytest.raises(SoldOut) as raised:
        bench.pms.book(order)

    assert raised.value.vendor_code == "refused"


def test_a_booking_awaiting_confirmation_is_one(bench: Bench, edited: Callable[..., None]) -> None:
    """`not_confirmed` is a reservation that the hotel has still to confirm; it stands."""
    edited("getReservationsWithRateDetails", details(status="not_confirmed"))

    assert bench.pms.book(bench.order()).state is ReservationState.BOOKED


def details(**changed: object) -> Edit:
    """Edits every reservation that is read."""
    return lambda body: {**body, "data": [{**told, **changed} for told in body["data"]]}


def rooms(count: int = 1, **changed: object) -> Edit:
    """Edits the rooms of every reservation that is read."""

    def edit(body: Any) -> Any:
        for told in body["data"]:
            told["rooms"] = [{**told["rooms"][0], **changed}] * count
        return body

    return edit


def test_a_booking_that_the_desk_moved_is_found(bench: Bench) -> None:
    """A booking whose days or name the hotel changes before it is looked for is found among the newest."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.house.change(
        booked.code, arrival=STAY.arrival + timedelta(days=9), departure=STAY.departure + timedelta(days=9)
    )

    assert found(bench.pms, booked.code) == bench.pms.find(order)


def test_an_older_booking_is_found_by_its_day(bench: Bench) -> None:
    """A booking is found by its arrival however long ago it was made."""
    order = bench.order()
    booked = bench.pms.book(order)
    bench.clock.now += timedelta(days=20)

    looked = bench.pms.find(order)

    assert looked is not None
    assert looked.code == booked.code


def test_of_two_the_one_that_stands_is_found(bench: Bench) -> None:
    """Should a reference be booked twice, the reservation that stands is told."""
    order = bench.order()
    first, second = bench.pms.book(order), bench.pms.book(order)
    bench.keeper.move(first.code, "cancelled")

    looked = bench.pms.find(order)

    assert looked is not None
    assert looked.code == second.code


def test_a_channels_number_is_not_our_reference(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """What a channel calls its reservation is not told as a wish of ours."""
    kept = bench.house.book(
        room="double", rate="flexible", arrival=STAY.arrival, departure=STAY.departure, adults=2,
        first_name="Anna", last_name="Meier", reference="4567.890.123",
    )  # fmt: skip
    cloudbeds.sources[kept.id] = CHANNEL

    assert found(bench.pms, kept.code).reference is None


@pytest.mark.parametrize("source", ["ss-77-1", "ss-77", "ss-77-0"])
def test_our_source_is_known_with_and_without_its_suffix(
    bench: Bench, edited: Callable[..., None], source: str
) -> None:
    """Whether or not a reservation's source says who collects the payment, ours is ours."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(source={"sourceID": source}))

    assert found(bench.pms, booked.code).reference == "wish00000001"
    assert bench.pms.cancellation_fee(booked).cents == 0


@pytest.mark.parametrize(
    "edit",
    [
        pytest.param(details(guestList=[]), id="no guest"),
        pytest.param(details(guestList={}), id="an empty list"),
        pytest.param(details(rooms=[]), id="no room"),
        pytest.param(details(isDeleted=True), id="deleted"),
        pytest.param(details(status="in_progress"), id="unknown status"),
        pytest.param(details(propertyID="1"), id="another hotel's"),
        pytest.param(details(reservationID="1"), id="another one"),
        pytest.param(details(reservationCheckOut="2027-06-01 11:00:00"), id="too long"),
        pytest.param(rooms(adults="12"), id="a group"),
        pytest.param(lambda body: {**body, "data": [], "total": 0}, id="nothing"),
    ],
)
def test_what_is_no_stay_is_not_found(bench: Bench, edited: Callable[..., None], edit: Edit) -> None:
    """What cannot be told truly, or is not what was asked for, is not told."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", edit)

    assert bench.pms.reservation(booked.code) is None


@pytest.mark.parametrize("total", ["much", 1e12])
def test_an_amount_that_cannot_be_is_unreachable(bench: Bench, edited: Callable[..., None], total: object) -> None:
    """A reservation whose price is no number is not told as none and not as costing something."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(total=total))

    with pytest.raises(Unreachable):
        bench.pms.reservation(booked.code)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("confirmed", ReservationState.BOOKED),
        ("not_confirmed", ReservationState.BOOKED),
        ("canceled", ReservationState.CANCELLED),
        ("no_show", ReservationState.CANCELLED),
        ("checked_in", ReservationState.IN_HOUSE),
        ("checked_out", ReservationState.DEPARTED),
    ],
)
def test_every_status_is_known(bench: Bench, edited: Callable[..., None], status: str, state: ReservationState) -> None:
    """Each of the document's statuses has its meaning."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", details(status=status))

    assert found(bench.pms, booked.code).state is state


def test_a_search_tells_only_what_was_asked_for(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation that reads otherwise than the list has it, in name or arrival, is not told."""
    bench.pms.book(bench.order())
    assert len(bench.pms.search("Meier", STAY.arrival)) == 1

    edited("getReservationsWithRateDetails", details(reservationCheckIn="2026-12-31 15:00:00"))

    assert bench.pms.search("Meier", STAY.arrival) == []


@pytest.mark.parametrize("code", ["1001/../1002", "7721331001-1", "77.21", "null-1"])
def test_what_cannot_be_an_id_is_not_asked_for(bench: Bench, cloudbeds: CloudbedsStandIn, code: str) -> None:
    """An id has letters and digits only: nothing else goes into a question."""
    assert bench.pms.reservation(code) is None
    assert cloudbeds.seen == []


def test_the_main_guest_is_told(bench: Bench, edited: Callable[..., None]) -> None:
    """Of several guests the one the reservation names is told, else the one that says it is the main one."""
    booked = bench.pms.book(bench.order())

    def with_company(main: str | None) -> Edit:
        def edit(body: Any) -> Any:
            (told,) = body["data"]
            (anna,) = told["guestList"].values()
            bert = {**anna, "guestID": "1", "guestFirstName": "Bert", "guestLastName": "Brecht"}
            told["guestList"] = {"1": {**bert, "isMainGuest": False}, anna["guestID"]: anna}
            told["guestID"] = main or anna["guestID"]
            return body

        return edit

    edited("getReservationsWithRateDetails", with_company(None))
    assert found(bench.pms, booked.code).guest.name == "Anna Meier"
    edited("getReservationsWithRateDetails", with_company("9"))
    assert found(bench.pms, booked.code).guest.name == "Anna Meier"
    edited("getReservationsWithRateDetails", with_company("1"))
    assert found(bench.pms, booked.code).guest.name == "Bert Brecht"


def test_a_mobile_number_goes_first(bench: Bench, edited: Callable[..., None]) -> None:
    """A guest is reached by the mobile number, or by the other where that is none; neither is made up."""
    booked = bench.pms.book(replace(bench.order(), contact=CONTACT))

    def reached_by(**numbers: str) -> Edit:
        def edit(body: Any) -> Any:
            for guest in body["data"][0]["guestList"].values():
                guest.update(numbers)
            return body

        return edit

    edited("getReservationsWithRateDetails", reached_by(guestCellPhone="0049 171 5550101"))
    assert found(bench.pms, booked.code).contact.phone == "+491715550101"
    edited("getReservationsWithRateDetails", reached_by(guestCellPhone="see notes"))
    assert found(bench.pms, booked.code).contact.phone == CONTACT.phone
    edited("getReservationsWithRateDetails", reached_by(guestPhone="none", guestEmail="at work"))
    assert found(bench.pms, booked.code).contact == Contact()


def test_a_rates_plan_is_asked_for_once(bench: Bench, cloudbeds: CloudbedsStandIn) -> None:
    """A reservation tells the rate's id only: which plan that is, is asked once in a process."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = bench.renewed()

    assert [found(pms, code).rate_plan for _ in range(3)] == ["flexible"] * 3
    (question,) = asked(cloudbeds, "getRatePlans")
    assert question["rateIDs"] == cloudbeds.rate_id("double", "flexible")


@pytest.mark.parametrize("edit", [lambda body: {**body, "data": []}, refuse("The rate was deleted")])
def test_a_rate_that_is_not_sold_any_more_is_told_by_its_name(
    bench: Bench, edited: Callable[..., None], edit: Edit
) -> None:
    """An old reservation at a rate that was deleted is found, at the name that it was booked under."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("getRatePlans", edit)

    told = found(bench.pms, code)

    assert (told.rate_plan, told.rate) == (None, "Flexible")


def test_more_pages_than_can_be_are_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that never ends is given up, and not taken for one that holds nothing more."""
    row = {"reservationID": "1", "thirdPartyIdentifier": ""}
    pages = iter(range(10_000))
    edited("getReservations", lambda _: {"success": True, "data": [{**row, "guestID": next(pages)}], "total": 999_999})

    with pytest.raises(Unreachable) as raised:
        bench.pms.find(bench.order())

    assert raised.value.vendor_code == "pages"


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


def test_without_a_policy_nothing_is_cancelled(bench: Bench) -> None:
    """A hotel whose file tells no policy cancels at the desk: it is no capability, and no fee is told."""
    pms = on_options(bench, free_until=None)
    booked = pms.book(bench.order())

    assert pms.capabilities == bench.pms.capabilities - {Capability.CANCEL}
    with pytest.raises(NotPossible):
        pms.cancellation_fee(booked)
    with pytest.raises(NotPossible):
        pms.cancel(booked.code, Money(cents=0, currency="EUR"))
    assert [kept.state for kept in bench.house.reservations] == ["booked"]


@pytest.mark.parametrize(
    ("free_until", "at", "cents"),
    [
        ("0d 18:00", datetime(2026, 12, 30, 16, 59, tzinfo=UTC), 0),
        ("0d 18:00", datetime(2026, 12, 30, 17, 0, tzinfo=UTC), 12_900),
        ("3d 00:00", datetime(2026, 12, 26, 22, 59, tzinfo=UTC), 0),
        ("3d 00:00", datetime(2026, 12, 26, 23, 0, tzinfo=UTC), 12_900),
        ("14d 12:00", datetime(2026, 12, 16, 10, 59, tzinfo=UTC), 0),
        ("14d 12:00", datetime(2026, 12, 16, 11, 0, tzinfo=UTC), 12_900),
    ],
)
def test_the_deadline_is_the_hotels(bench: Bench, free_until: str, at: datetime, cents: int) -> None:
    """So many days before the arrival, at that time on the hotel's clock, free ends."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = at

    assert on_options(bench, free_until=free_until).cancellation_fee(booked).cents == cents


def test_late_can_cost_everything(bench: Bench) -> None:
    """A hotel may ask for the whole stay once it is late."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert on_options(bench, late_fee="total").cancellation_fee(booked) == booked.total


def test_the_first_night_is_its_own_price(bench: Bench) -> None:
    """Where nights differ, the first one's price counts, not an average."""
    for evening, cents in zip(STAY.evenings, (10_000, 20_000, 30_000), strict=True):
        bench.house.set_price("double", cents, night=evening)
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert bench.pms.cancellation_fee(booked).cents == 10_000


def test_the_first_night_bears_its_share_of_what_comes_on_top(workshop: Workshop) -> None:
    """A tax on top of the stay is in the fee for the night's part of it."""
    bench = workshop.bench("cloudbeds", house=House(city_tax_cents=250))
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    assert booked.total.cents == 40_200
    assert bench.pms.cancellation_fee(booked).cents == 13_400


def test_nights_that_are_not_told_share_evenly(bench: Bench, edited: Callable[..., None]) -> None:
    """Where a reservation does not tell its nights' prices, the first night is an even part."""
    booked = bench.pms.book(bench.order())
    edited("getReservationsWithRateDetails", rooms(detailedRoomRates=[]))
    bench.clock.now = LATE

    assert bench.pms.cancellation_fee(booked).cents == 12_900


def test_a_rate_without_a_known_policy_is_not_cancelled(bench: Bench, edited: Callable[..., None]) -> None:
    """A stay at a rate that the file does not map has no policy that we know."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("getRatePlans", lambda body: {**body, "data": []})

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(found(bench.pms, code))


def test_the_staff_are_told_of_a_fee(bench: Bench) -> None:
    """Cloudbeds charges nothing for a cancellation: a note says what the guest was told."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE

    bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    (kept,) = bench.house.reservations
    assert (kept.state, len(kept.notes)) == ("cancelled", 1)
    assert "129.00 EUR" in kept.notes[0]


def test_nothing_is_noted_of_a_free_cancellation(bench: Bench) -> None:
    """A cancellation for nothing is one write."""
    booked = bench.pms.book(bench.order())

    bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    assert bench.house.reservations[0].notes == ()


@pytest.mark.parametrize("status", [200, 500])
def test_a_note_that_fails_undoes_nothing(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """What is cancelled is told as cancelled, also where the staff's note could not be left."""
    booked = bench.pms.book(bench.order())
    bench.clock.now = LATE
    edited("postReservationNote", refuse("No"), verb="POST", status=status, instead=True)

    cancelled = bench.pms.cancel(booked.code, bench.pms.cancellation_fee(booked))

    assert cancelled.state is ReservationState.CANCELLED


def test_a_cancellation_that_did_not_happen_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Success after which the reservation still stands is not believed."""
    booked = bench.pms.book(bench.order(guest=BERT))
    edited("putReservation", lambda _: {"success": True}, verb="PUT", instead=True)

    with pytest.raises(InDoubt):
        bench.pms.cancel(booked.code, Money(cents=0, currency="EUR"))
