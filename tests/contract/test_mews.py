"""What is only Mews': who asks in every body, its pages, its profiles, its odd answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

import pytest

from lambdas.shared.domain.errors import HotelFileError, InDoubt, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms import CONNECTORS, Capability, Pms
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, Workshop, moved
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.house import House
from tests.contract.vendors.mews import ADULTS, CHILDREN, SERVICE, MewsStandIn, Profile, id_of

pytestmark = pytest.mark.contract

ADD: Final = "reservations/add"
GET_ALL: Final = "reservations/getAll/2023-06-06"
LATE: Final = datetime.fromisoformat("2026-12-29T17:01:00Z")
"""After 18:00 in Berlin on the day before the arrival, when cancelling costs the first night."""


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("mews")


@pytest.fixture
def mews(bench: Bench) -> MewsStandIn:
    return cast("MewsStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, mews: MewsStandIn) -> Callable[..., None]:
    """Edits what Mews answers to an operation, or refuses it with a status."""

    def edit(end: str, edit: Edit | None = None, *, status: int = 403) -> None:
        workshop.switch.app = Edited(mews.app, end, edit, method="POST") if edit else refusing(mews, end, status)

    return edit


def refusing(mews: MewsStandIn, end: str, status: int) -> Edited:
    """A Mews that refuses an operation, with a guest's name in its words."""
    words = {"Message": "Meier", "RequestId": "b1-7"}
    return Edited(mews.app, end, lambda _: words, method="POST", status=status, instead=True)


def asked(mews: MewsStandIn, operation: str) -> list[Any]:
    """The bodies of such requests."""
    return [seen.body for seen in mews.seen if seen.path == f"/api/connector/v1/{operation}"]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["mews"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))


def with_each(name: str, change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of everything in a list."""

    def edit(body: Any) -> Any:
        for each in body[name]:
            change(each)
        return body

    return edit


def test_it_says_what_it_can(bench: Bench) -> None:
    """Everything can be changed and cancelled by phone; a booking sent twice may be two, so it is never repeated."""
    assert bench.pms.capabilities == set(Capability) - {Capability.SAFE_REPEAT}


@pytest.mark.parametrize(
    ("system", "fault"),
    [
        ({"property": None}, "[pms] property is missing"),
        ({"options": {}}, "service is missing"),
        ({"options": {"service": "Stay"}}, "service 'Stay' is not allowed"),
        ({"options": {"service": SERVICE, "colour": "blue"}}, "colour is not one of service"),
    ],
)
def test_a_file_that_does_not_suffice_stops_the_start(bench: Bench, system: dict[str, Any], fault: str) -> None:
    """What Mews cannot do without is asked for by name, with the file it belongs into."""
    with pytest.raises(HotelFileError) as stopped:
        connected(bench, **system)

    assert fault in str(stopped.value)
    assert str(stopped.value).startswith("hotels/aurora/hotel.toml: ")


def test_opening_asks_nobody(bench: Bench, mews: MewsStandIn) -> None:
    """A process starts without a request: neither the secret nor Mews is needed before the first question."""
    assert bench.renewed(secret=lambda *_: pytest.fail("the secret was read"))
    assert mews.seen == []


def test_the_usual_address_is_productions(bench: Bench) -> None:
    """A file without an address means the production environment."""
    with pytest.raises(Unreachable):
        connected(bench, url="http://127.0.0.1:1").offers(STAY)

    assert CONNECTORS["mews"](bench.hotel, bench.parts).capabilities == connected(bench, url=None).capabilities


def test_every_body_says_who_asks(bench: Bench, mews: MewsStandIn) -> None:
    """Both tokens and our name are in the body of every request, and in no address and no header."""
    booked(bench)

    assert {(seen.body["ClientToken"], seen.body["AccessToken"], seen.body["Client"]) for seen in mews.seen} == {
        (mews.secret["client_token"], mews.secret["access_token"], "Bellhop 1.0.0")
    }
    assert all(seen.method == "POST" and not seen.query for seen in mews.seen)
    assert not any(token in str(seen.headers) for seen in mews.seen for token in mews.secret.values())


def test_a_rotated_secret_is_read_anew(bench: Bench, mews: MewsStandIn) -> None:
    """When a token was replaced, the next request reads the secret again and goes through, a booking too."""
    order = bench.order()
    old = dict(mews.secret)
    pms = bench.renewed(secret=lambda _, fresh: mews.secret if fresh else old)
    mews.secret["access_token"] = "ROTATED"

    assert pms.book(order)
    assert len(bench.house.reservations) == 1


@pytest.mark.parametrize("field", ["client_token", "access_token"])
def test_a_secret_of_another_shape_is_named(bench: Bench, mews: MewsStandIn, field: str) -> None:
    """A field that the secret lacks is named, and nothing that the secret holds is."""
    secret = {name: told for name, told in mews.secret.items() if name != field}

    with pytest.raises(Unreachable) as refused:
        bench.renewed(secret=lambda *_: secret).offers(STAY)

    assert field in str(refused.value)
    assert not any(told in str(refused.value) for told in secret.values())


def test_too_many_requests_wait_as_long_as_mews_says(bench: Bench, mews: MewsStandIn) -> None:
    """The limit of the token is 200 requests in 30 seconds: a short wait is waited for, a long one is told."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        mews.limit.requests = 200

    assert (mews.limit.requests, mews.limit.seconds) == (200, 30.0)
    pms = bench.renewed(sleep=sleep)
    pms.offers(STAY)
    mews.limit.requests, mews.limit.seconds = 0, 1.0

    assert pms.offers(STAY)
    assert slept[0] >= 1
    mews.limit.requests, mews.limit.seconds = 0, 30.0
    with pytest.raises(Unreachable) as refused:
        pms.offers(STAY)
    assert refused.value.vendor_code == "429"


def test_what_changes_seldom_is_asked_seldom(bench: Bench, mews: MewsStandIn) -> None:
    """Rooms, rates, ages and rules are remembered for ten minutes; prices and what is free never are."""
    bench.pms.offers(STAY)
    bench.pms.offers(STAY)
    bench.clock.now += timedelta(minutes=11)
    bench.pms.offers(STAY)

    for operation in ("services", "resourceCategories", "rates", "ageCategories", "rules"):
        assert len(asked(mews, f"{operation}/getAll")) == 2
    assert len(asked(mews, "services/getAvailability")) == len(asked(mews, "reservations/price")) == 3


def test_all_prices_are_asked_at_once(bench: Bench, mews: MewsStandIn) -> None:
    """Every free room at every rate is priced in one question, for the moments at which the service begins and ends."""
    bench.pms.offers(STAY)

    ((sent,),) = ([body["Reservations"] for body in asked(mews, "reservations/price")],)
    assert len(sent) == 4
    assert {(each["StartUtc"], each["EndUtc"]) for each in sent} == {("2026-12-30T14:00:00Z", "2027-01-02T11:00:00Z")}


@pytest.mark.parametrize(
    ("arrival", "starts", "ends"),
    [
        (date(2027, 3, 27), "2027-03-26T23:00:00Z", "2027-03-27T23:00:00Z"),
        (date(2027, 10, 30), "2027-10-29T22:00:00Z", "2027-10-30T22:00:00Z"),
    ],
)
def test_time_units_begin_at_the_hotels_midnight(
    bench: Bench, mews: MewsStandIn, arrival: date, starts: str, ends: str
) -> None:
    """Nights are asked for by where they begin, also around a change of the clocks."""
    bench.pms.offers(Stay(arrival=arrival, departure=arrival + timedelta(days=2), adults=2))

    (sent,) = asked(mews, "services/getAvailability")
    assert (sent["FirstTimeUnitStartUtc"], sent["LastTimeUnitStartUtc"]) == (starts, ends)


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body | {"TimeUnitStartsUtc": body["TimeUnitStartsUtc"][:-1]},
        lambda body: body | {"TimeUnitStartsUtc": ["2026-12-29T23:00:00Z"] * 3},
        with_each("CategoryAvailabilities", lambda room: room.update(Availabilities=[1])),
        lambda body: body | {"CategoryAvailabilities": None},
    ],
)
def test_nights_that_were_not_asked_for_are_a_fault(bench: Bench, edited: Callable[..., None], change: Edit) -> None:
    """An answer about other nights than those of the stay is not taken for one about them."""
    edited("services/getAvailability", change)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


@pytest.mark.parametrize(
    "answer", [{"ReservationPrices": []}, {"ReservationPrices": [{"Identifier": "99", "TotalAmount": None}]}, {}, []]
)
def test_a_price_that_is_missing_is_not_offered(bench: Bench, edited: Callable[..., None], answer: Any) -> None:
    """Without a price there is no offer, and never one at another's price."""
    edited("reservations/price", lambda _: answer)

    try:
        offers = bench.pms.offers(STAY)
    except Unreachable:
        return
    assert offers == []


@pytest.mark.parametrize("gross", ["NaN", -1e12, "387,00", {}])
def test_an_amount_that_is_none_is_left_out(bench: Bench, edited: Callable[..., None], gross: Any) -> None:
    """A price that is no number makes no offer, or is told as Mews' fault."""
    edited(
        "reservations/price",
        with_each("ReservationPrices", lambda price: price["TotalAmount"].update(GrossValue=gross)),
    )

    try:
        offers = bench.pms.offers(STAY)
    except Unreachable:
        return
    assert offers == []


def test_prices_are_told_with_their_tax(bench: Bench) -> None:
    """The gross value is the total, and the sum of its taxes the part of it that is tax."""
    offer = bench.offered()

    assert (offer.total.cents, offer.taxes) == (38_700, Money(cents=2_532, currency="EUR"))


def test_the_citys_tax_is_in_the_total_throughout(workshop: Workshop) -> None:
    """What rules add is in an offer's price, in the reservation's and in what it is found at: all the same."""
    bench = workshop.bench("mews", house=House(city_tax_cents=250))
    order = bench.order()

    booked = bench.pms.book(order)

    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert order.offer.total.cents == booked.total.cents == found.total.cents == 38_700 + 250 * 2 * 3
    assert (order.offer.city_tax, booked.city_tax) == (None, None)


def test_what_a_rate_includes_is_told(bench: Bench) -> None:
    """A product that a rule adds to a rate is named in the words of the hotel's file."""
    told = {(offer.rate_plan, offer.includes) for offer in bench.pms.offers(STAY)}

    assert told == {("flexible", ("breakfast",)), ("saver", ())}


@pytest.mark.parametrize(
    ("conditions", "holds"),
    [
        ({}, True),
        ({"Origin": ("Connector", "Equals")}, True),
        ({"Origin": ("Connector", "NotEquals")}, False),
        ({"Origin": ("Distributor", "Equals")}, False),
        ({"RateGroupId": (id_of("group", "flexible"), "Equals")}, True),
        ({"RateGroupId": (id_of("group", "saver"), "Equals")}, False),
        ({"ResourceCategoryId": (id_of("room", "double"), "Equals")}, True),
        ({"ResourceCategoryId": (id_of("room", "double"), "NotEquals")}, False),
        ({"ResourceCategoryType": ("Room", "Equals")}, True),
        ({"ResourceCategoryType": ("Dorm", "Equals")}, False),
        ({"TravelAgencyId": (id_of("company", 1), "Equals")}, False),
        ({"TravelAgencyId": (id_of("company", 1), "NotEquals")}, True),
        ({"BusinessSegmentId": (id_of("segment", 1), "Equals")}, False),
        ({"MinimumTimeUnitCount": 3}, True),
        ({"MinimumTimeUnitCount": 4}, False),
        ({"MaximumTimeUnitCount": 3}, True),
        ({"MaximumTimeUnitCount": 2}, False),
        ({"Origin": ("Connector", "Equals"), "MaximumTimeUnitCount": 2}, False),
    ],
)
def test_a_rule_holds_where_all_its_conditions_do(
    bench: Bench, mews: MewsStandIn, conditions: dict[str, Any], holds: bool
) -> None:
    """A product comes with a stay only where every condition of a rule that adds it is met."""
    told = {
        name: {"Value": part[0], "ConditionType": part[1]} if isinstance(part, tuple) else part
        for name, part in conditions.items()
    }
    mews.rules = [(told, "Add", "breakfast")]

    assert bench.offered().includes == (("breakfast",) if holds else ())


def test_what_a_rule_deletes_is_not_included(bench: Bench, mews: MewsStandIn) -> None:
    """A product that one rule adds and another takes away again is not promised."""
    mews.rules.append(({"MinimumTimeUnitCount": 3}, "Delete", "breakfast"))

    assert bench.offered().includes == ()


def test_what_is_closed_is_not_offered(bench: Bench, mews: MewsStandIn) -> None:
    """A rate that is closed for arrivals on a day, and a room that is closed for a night, are not offered then."""
    day = {"StartUtc": "2026-12-29T23:00:00Z", "EndUtc": "2026-12-29T23:00:00Z"}
    mews.restrictions = [
        {"Conditions": {"Type": "Start", "ExactRateId": id_of("rate", "saver"), **day}},
        {"Conditions": {"Type": "Stay", "ResourceCategoryId": id_of("room", "suite"), **day}},
    ]

    assert [(offer.room_type, offer.rate_plan) for offer in bench.pms.offers(STAY)] == [("double", "flexible")]
    assert len(bench.pms.offers(moved(STAY, 1))) == 4
    assert len(bench.pms.offers(moved(STAY, -1))) == 2
    assert asked(mews, "restrictions/getAll")[0]["CollidingUtc"] == {
        "StartUtc": "2026-12-29T23:00:00Z",
        "EndUtc": "2027-01-02T23:00:00Z",
    }


def test_a_booking_that_was_closed_meanwhile_is_not_sent(bench: Bench, mews: MewsStandIn) -> None:
    """What the hotel has closed since the offer is sold out, and Mews is not asked to book it."""
    order = bench.order()
    mews.restrictions = [{"Conditions": {"Type": "Stay"}}]

    with pytest.raises(SoldOut):
        bench.pms.book(order)

    assert asked(mews, ADD) == []


def test_children_are_the_oldest_of_the_hotels(bench: Bench, mews: MewsStandIn) -> None:
    """How old a child is is not asked: of the hotel's ages the oldest is sent, and only ages that somebody has."""
    bench.pms.offers(STAY, "suite")
    bench.pms.offers(STAY.model_copy(update={"children": 1}), "suite")

    counts = [body["Reservations"][0]["PersonCounts"] for body in asked(mews, "reservations/price")]
    assert counts == [
        [{"AgeCategoryId": ADULTS, "Count": 2}],
        [{"AgeCategoryId": ADULTS, "Count": 2}, {"AgeCategoryId": CHILDREN, "Count": 1}],
    ]


def test_a_hotel_without_children_counts_adults(bench: Bench, mews: MewsStandIn, edited: Callable[..., None]) -> None:
    """Where Mews knows no children, a child is a guest like any other."""
    edited("ageCategories/getAll", lambda body: body | {"AgeCategories": body["AgeCategories"][:1]})

    bench.pms.offers(STAY.model_copy(update={"children": 1}), "suite")

    (sent,) = asked(mews, "reservations/price")
    assert sent["Reservations"][0]["PersonCounts"] == [{"AgeCategoryId": ADULTS, "Count": 3}]


@pytest.mark.parametrize(
    ("end", "change"),
    [
        ("services/getAll", with_each("Services", lambda one: one["Data"]["Value"].update(TimeUnitPeriod="Month"))),
        ("services/getAll", with_each("Services", lambda one: one["Data"]["Value"].update(StartOffset="noon"))),
        ("services/getAll", lambda body: body | {"Services": []}),
        ("ageCategories/getAll", lambda body: body | {"AgeCategories": []}),
    ],
)
def test_a_service_that_is_no_hotel_is_told(bench: Bench, edited: Callable[..., None], end: str, change: Edit) -> None:
    """A service that is not booked by the night, is not the enterprise's or has no adults offers nothing."""
    edited(end, change)

    with pytest.raises(Unreachable) as refused:
        bench.pms.offers(STAY)

    assert refused.value.vendor_code == "service"


def test_another_enterprises_tokens_tell_nothing(bench: Bench, mews: MewsStandIn) -> None:
    """Tokens in the wrong hotel's secret do not tell one hotel's guests to another's."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = connected(bench, property=id_of("enterprise", 2))

    with pytest.raises(Unreachable):
        pms.offers(STAY)
    assert pms.reservation(code) is None
    assert pms.search("Meier", STAY.arrival) == []
    assert {tuple(body["EnterpriseIds"]) for body in asked(mews, GET_ALL)} == {(id_of("enterprise", 2),)}


@pytest.mark.parametrize(
    ("end", "change"),
    [
        ("rates/getAll", with_each("Rates", lambda rate: rate.update(IsEnabled=False))),
        ("rates/getAll", with_each("Rates", lambda rate: rate.update(IsActive=False))),
        ("resourceCategories/getAll", with_each("ResourceCategories", lambda room: room.update(IsActive=False))),
        ("resourceCategories/getAll", with_each("ResourceCategories", lambda room: room.update(Capacity=1))),
    ],
)
def test_what_is_switched_off_is_not_offered(bench: Bench, edited: Callable[..., None], end: str, change: Edit) -> None:
    """A rate or a room that the hotel has switched off, or that is too small, is not offered although it is mapped."""
    edited(end, change)

    assert bench.pms.offers(STAY) == []


def test_extra_beds_count(bench: Bench, mews: MewsStandIn) -> None:
    """A room sleeps as many as it has beds and extra beds, as far as the hotel's file lets it."""
    mews.categories["double"] = {"Capacity": 1, "ExtraCapacity": 1}

    assert bench.offered("double")


def test_a_guest_gets_a_profile(bench: Bench, mews: MewsStandIn) -> None:
    """A guest without an address gets a new profile with first names, surname and number, and overwrites none."""
    order = replace(bench.order(), contact=Contact(phone=CONTACT.phone))

    bench.pms.book(order)

    (sent,) = asked(mews, "customers/add")
    assert {name: sent[name] for name in ("FirstName", "LastName", "Phone", "OverwriteExisting")} == {
        "FirstName": "Anna",
        "LastName": "Meier",
        "Phone": CONTACT.phone,
        "OverwriteExisting": False,
    }
    assert asked(mews, "customers/getAll")[0].get("Emails") is None


def test_a_guest_who_is_known_keeps_the_profile(bench: Bench, mews: MewsStandIn) -> None:
    """A guest whose address and name the hotel knows is booked under that profile, whatever the spelling."""
    known = Profile(id_of("customer", "anna"), "ANNA", "Méier", "Anna.Meier@example.com", "0049 170 1234567")
    mews.profiles[known.id] = known

    told = bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert asked(mews, "customers/add") == []
    assert told.guest.name == "ANNA Méier"
    assert bench.house.reservations[0].notes == ()


def test_a_profile_is_not_changed_by_phone(bench: Bench, mews: MewsStandIn) -> None:
    """Another number than the profile's is noted for the staff: who calls may not be the guest of the profile."""
    known = Profile(id_of("customer", "anna"), "Anna", "Meier", CONTACT.email, "+49301112223")
    mews.profiles[known.id] = known

    bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert mews.profiles == {known.id: known}
    assert bench.house.reservations[0].notes == (f"Phone: {CONTACT.phone}",)


def test_somebody_elses_address_is_not_taken_over(bench: Bench, mews: MewsStandIn) -> None:
    """A guest who gives the address of somebody of another name gets an own profile; the staff read the address."""
    other = Profile(id_of("customer", "bert"), "Bert", "Brecht", CONTACT.email, "+49301112223")
    mews.profiles[other.id] = other

    told = bench.pms.book(replace(bench.order(), contact=CONTACT))

    assert told.guest.name == "Anna Meier"
    assert told.contact == Contact(phone=CONTACT.phone)
    assert mews.profiles[other.id] == other
    assert bench.house.reservations[0].notes == (f"E-mail: {CONTACT.email}",)


@pytest.mark.parametrize("status", [400, 403])
def test_a_profile_that_is_refused_books_nothing(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """Without a profile there is no booking, and that is said."""
    order = bench.order()
    edited("customers/add", status=status)

    with pytest.raises(NotPossible):
        bench.pms.book(order)

    assert bench.house.reservations == []


def test_a_profile_in_doubt_is_no_booking_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """When it is not known whether the profile was made, it is known that nothing was booked: it may be tried again."""
    order = bench.order()
    edited("customers/add", status=503)

    with pytest.raises(Unreachable):
        bench.pms.book(order)

    assert bench.house.reservations == []


def test_a_booking_carries_the_reference(bench: Bench, mews: MewsStandIn) -> None:
    """Our reference is the reservation's channel number and its identifier within the request."""
    told = booked(bench)

    (sent,) = asked(mews, ADD)
    (wanted,) = sent["Reservations"]
    assert (wanted["ChannelNumber"], wanted["Identifier"], wanted["State"]) == (
        "wish00000001",
        "wish00000001",
        "Confirmed",
    )
    assert told.reference == "wish00000001"


def test_a_booking_never_overrides_the_hotels_checks(bench: Bench, mews: MewsStandIn) -> None:
    """Mews checks what is free and whether the rate may be booked: a full house stays full."""
    booked(bench)

    (sent,) = asked(mews, ADD)
    assert (sent["CheckOverbooking"], sent["CheckRateApplicability"]) == (True, True)


def test_the_reference_is_found_by_the_channel_number(bench: Bench, mews: MewsStandIn) -> None:
    """One question by the channel number finds the reservation, in every state that a stay has."""
    order = bench.order()
    told = bench.pms.book(order)
    mews.seen.clear()

    assert bench.pms.find(order) == told
    (sent,) = asked(mews, GET_ALL)
    assert (sent["ChannelNumbers"], sent["ServiceIds"]) == (["wish00000001"], [SERVICE])
    assert set(sent["States"]) == {"Confirmed", "Started", "Processed", "Canceled"}


def test_the_reference_is_found_among_the_arrivals(bench: Bench, mews: MewsStandIn) -> None:
    """Should the filter know only groups of channels, the reservation is found among those of its first day."""
    order = bench.order()
    told = bench.pms.book(order)
    bench.keeper.walk_in("double", STAY, ANNA)
    mews.finds_channel_numbers = False

    assert bench.pms.find(order) == told
    assert bench.pms.find(replace(order, reference="wish00000002")) is None


def test_a_channels_number_is_no_reference(bench: Bench, mews: MewsStandIn) -> None:
    """What a channel calls its reservation is not told as a wish of ours."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    mews.came_from(bench.house.reservations[0], "ChannelManager", "TW48ZP")

    found = bench.pms.reservation(code)

    assert found is not None
    assert found.reference is None


def test_a_reservation_of_a_company_is_not_told(bench: Bench, mews: MewsStandIn) -> None:
    """A reservation that belongs to a company has no guest's name to verify a caller by."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    mews.company_owned.add(bench.house.reservations[0].id)

    assert bench.pms.reservation(code) is None
    assert bench.pms.search("Meier", STAY.arrival) == []


@pytest.mark.parametrize("state", ["Inquired", "Optional", "Requested"])
def test_what_is_not_confirmed_is_no_stay(bench: Bench, edited: Callable[..., None], state: str) -> None:
    """An inquiry, a held room and a place on the waiting list are not told as reservations."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited(GET_ALL, with_each("Reservations", lambda each: each.update(State=state)))

    assert bench.pms.reservation(code) is None


def test_a_search_reads_prices_of_that_name_only(bench: Bench, mews: MewsStandIn) -> None:
    """Of the other arrivals nothing but the list and the names is read."""
    for guest in (BERT, ANNA, BERT):
        bench.keeper.walk_in("double", STAY, guest)

    (found,) = bench.pms.search("Meier", STAY.arrival)

    assert found.guest.surname == "Meier"
    assert [len(body["ServiceOrderIds"]) for body in asked(mews, "orderItems/getAll")] == [1]
    (sent,) = asked(mews, GET_ALL)
    assert sent["ScheduledStartUtc"] == {"StartUtc": "2026-12-29T23:00:00Z", "EndUtc": "2026-12-30T23:00:00Z"}


def test_pages_follow_the_cursor(bench: Bench, mews: MewsStandIn, workshop: Workshop) -> None:
    """A list is read from where its last page ended, and no further than it goes."""
    rooms = replace(bench.house.rooms["double"], count=300)
    bench = workshop.bench("mews", house=House(rooms=(rooms,)))
    mews = cast("MewsStandIn", bench.vendor)
    for number in range(150):
        bench.keeper.walk_in("double", STAY, Guest(name=f"Bert Brecht{number}"))

    bench.pms.search("Meier", STAY.arrival)

    first, second = (body["Limitation"] for body in asked(mews, GET_ALL))
    assert (first, second["Count"]) == ({"Count": 100}, 100)
    assert bench.house.find(second["Cursor"]) is not None


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that always has one page more is not followed for ever."""

    def endless(body: Any) -> Any:
        return {"Reservations": body["Reservations"] * 100, "Cursor": body["Reservations"][0]["Id"]}

    bench.keeper.walk_in("double", STAY, ANNA)
    edited(GET_ALL, endless)

    with pytest.raises(Unreachable):
        bench.pms.search("Meier", STAY.arrival)


def test_items_of_a_stay_are_what_it_costs(bench: Bench, edited: Callable[..., None]) -> None:
    """What was given back counts, and what was cancelled apart from the stay, paid or charged for leaving does not."""
    code = bench.keeper.walk_in("double", STAY, ANNA)

    def more(body: Any) -> Any:
        night = body["OrderItems"][0]

        def item(kind: str, gross: float, **other: Any) -> dict[str, Any]:
            return {**night, "Id": kind, "Type": kind, "Amount": {**night["Amount"], "GrossValue": gross}, **other}

        body["OrderItems"] += [
            item("NightRebate", -20),
            item("ProductOrder", 15, AccountingState="Canceled", Options={"CanceledWithReservation": False}),
            item("Deposit", 100),
            item("CancellationFee", 50),
            item("ProductOrder", 8.5),
        ]
        return body

    edited("orderItems/getAll", more)

    found = bench.pms.reservation(code)
    assert found is not None
    assert found.total.cents == 38_700 - 2_000 + 850


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item["Amount"].update(GrossValue=1e12),
        lambda item: item["Amount"].update(Currency="Euro"),
        lambda item: item.update(ConsumedUtc="yesterday", StartUtc="yesterday"),
    ],
)
def test_a_reservation_whose_price_is_none_is_a_fault(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """Amounts that cannot be are Mews' fault, and no price is told."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    edited("orderItems/getAll", with_each("OrderItems", change))

    with pytest.raises(Unreachable):
        bench.pms.reservation(code)


def test_a_cancelled_reservation_keeps_its_price(bench: Bench) -> None:
    """What was cancelled with the reservation is still told as what it cost, and the fee is not a part of it."""
    told = booked(bench)
    bench.clock.now = LATE

    cancelled = bench.pms.cancel(told.code, Money(cents=12_900, currency="EUR"))

    assert (cancelled.total, cancelled.state) == (told.total, ReservationState.CANCELLED)


def test_a_room_is_told_in_the_hotels_language(bench: Bench, edited: Callable[..., None]) -> None:
    """A room that the file does not map is told by Mews' name for it, in a language of the hotel if there is one."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = connected(bench, rooms={"suite": id_of("room", "suite")})

    found = pms.reservation(code)
    assert found is not None
    assert (found.room_type, found.room) == ("other", "Double room")
    assert pms.describe().rooms[id_of("room", "suite")] == "Suite"


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


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_is_explained_by_what_is_free(bench: Bench, edited: Callable[..., None], status: int) -> None:
    """Mews refuses in words only: what is free is asked again, and nothing of its words is told."""
    order = bench.order()
    edited(ADD, status=status)

    with pytest.raises(NotPossible) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == f"{status} b1-7"
    assert "Meier" not in str(refused.value)


@pytest.mark.parametrize(
    ("meanwhile", "kind"),
    [
        (lambda house: house.fill("double"), SoldOut),
        (lambda house: house.set_price("double", 99_900), PriceChanged),
    ],
)
def test_a_booking_that_came_too_late_is_told_why(
    bench: Bench, workshop: Workshop, mews: MewsStandIn, meanwhile: Callable[[House], None], kind: type[Exception]
) -> None:
    """What was taken or repriced between the last look and the booking is sold out or costs something else."""
    order = bench.order()

    def refuse(_: Any) -> Any:
        meanwhile(bench.house)
        return {"Message": "There are not enough spaces available."}

    workshop.switch.app = Edited(mews.app, ADD, refuse, method="POST", status=403, instead=True)

    with pytest.raises(kind):
        bench.pms.book(order)

    assert bench.house.reservations == []


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


@pytest.mark.parametrize("status", [404, 409])
def test_a_write_that_was_not_understood_may_be_tried_again(
    bench: Bench, edited: Callable[..., None], status: int
) -> None:
    """An address that Mews does not know and data that changed meanwhile mean that nothing was done."""
    order = bench.order()
    edited(ADD, status=status)

    with pytest.raises(Unreachable):
        bench.pms.book(order)


@pytest.mark.parametrize("answer", [{}, {"Reservations": []}, {"Reservations": [{"Reservation": {}}]}, None])
def test_a_booking_that_cannot_be_read_is_in_doubt(bench: Bench, edited: Callable[..., None], answer: Any) -> None:
    """A success that does not say which reservation it made is looked into, and never sent again."""
    order = bench.order()
    edited(ADD, lambda _: answer)

    with pytest.raises(InDoubt):
        bench.pms.book(order)

    assert len(bench.house.reservations) == 1
    assert bench.pms.find(order) is not None


def test_a_booking_that_is_not_there_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """A success whose reservation is not found is not told as one."""
    order = bench.order()
    edited(GET_ALL, lambda body: body | {"Reservations": []})

    with pytest.raises(InDoubt):
        bench.pms.book(order)


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
