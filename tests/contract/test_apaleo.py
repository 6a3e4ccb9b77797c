"""What is only Apaleo's: its tokens and keys, its rate plans and nights, its odd answers, its policies and comments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, cast

import httpx
import pytest

from lambdas.shared.domain.errors import (
    HotelFileError,
    InDoubt,
    NotFound,
    NotPossible,
    PriceChanged,
    SoldOut,
    Unreachable,
)
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms import CONNECTORS, Capability, Pms
from tests.contract.vendors.apaleo import PROPERTY, ApaleoStandIn
from tests.contract.vendors.benches import ANNA, BERT, CONTACT, STAY, Bench, Workshop, moved
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.house import House

pytestmark = pytest.mark.contract

FREE: Final = Money(cents=0, currency="EUR")
BOOKINGS, RESERVATIONS, OFFERS = "/booking/v1/bookings", "/booking/v1/reservations", "/booking/v1/offers"


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("apaleo")


@pytest.fixture
def apaleo(bench: Bench) -> ApaleoStandIn:
    return cast("ApaleoStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, apaleo: ApaleoStandIn) -> Callable[..., None]:
    """Edits what Apaleo answers to requests whose path ends so."""

    def edit(end: str, edit: Edit, **how: Any) -> None:
        workshop.switch.app = Edited(apaleo.app, end, edit, **how)

    return edit


def with_offers(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of every offer."""

    def edit(body: Any) -> Any:
        for offer in body["offers"]:
            change(offer)
        return body

    return edit


def changed(**parts: Any) -> Edit:
    """An edit of what a body says."""
    return lambda body: {**body, **parts}


def asked(apaleo: ApaleoStandIn, method: str, end: str) -> list[Any]:
    """The bodies of such requests, or what they ask for."""
    found = [seen for seen in apaleo.seen if seen.method == method and seen.path.endswith(end)]
    return [seen.query if method == "GET" else seen.body for seen in found]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["apaleo"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))


def found(bench: Bench, code: str) -> Reservation:
    reservation = bench.pms.reservation(code)
    assert reservation is not None
    return reservation


def change_offered(bench: Bench, told: Reservation, stay: Stay) -> Offer:
    offers = bench.pms.change_offers(told, stay, told.room_type)
    return next(offer for offer in offers if offer.rate_plan == told.rate_plan)


LONGER: Final = STAY.model_copy(update={"departure": STAY.departure + timedelta(days=1)})


def test_it_says_what_it_can(bench: Bench) -> None:
    """Everything can be changed and cancelled by phone, and an order that was sent twice is one booking."""
    assert bench.pms.capabilities == set(Capability)


# Who we are.


@pytest.mark.parametrize(
    ("system", "fault"),
    [
        ({"property": None}, "[pms] property is missing"),
        ({"options": {"channel": "BookingCom"}}, "channel 'BookingCom' is not allowed"),
        ({"options": {"guarantee": "Cash"}}, "guarantee 'Cash' is not allowed"),
        ({"options": {"child_age": "18"}}, "child_age '18' is not allowed"),
        ({"options": {"colour": "blue"}}, "colour is not one of channel, guarantee, child_age"),
        ({"rates": {"flexible": "FLEX", "saver": "FLEX"}}, "FLEX"),
    ],
)
def test_a_file_that_does_not_suffice_stops_the_start(bench: Bench, system: dict[str, Any], fault: str) -> None:
    """What cannot be is told by name, with the file it stands in."""
    with pytest.raises(HotelFileError) as stopped:
        connected(bench, **system)

    assert fault in str(stopped.value)
    assert str(stopped.value).startswith("hotels/aurora/hotel.toml: ")


def test_opening_asks_nobody(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A process starts without a request: neither the secret nor Apaleo is needed before the first question."""
    assert bench.renewed(secret=lambda *_: pytest.fail("the secret was read"))
    assert apaleo.seen == []


def test_tokens_come_from_the_identity_server(bench: Bench) -> None:
    """Without an address in the file, tokens are asked for at Apaleo's identity server and all else at its API."""
    hosts: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        if request.url.path == "/connect/token":
            return httpx.Response(200, json={"access_token": "t", "token_type": "Bearer", "expires_in": 3600})
        return httpx.Response(204)

    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update={"url": None})})
    with httpx.Client(transport=httpx.MockTransport(answer)) as http:
        pms = CONNECTORS["apaleo"](hotel, replace(bench.parts, http=lambda: http))

        assert pms.offers(STAY) == []
    assert hosts == ["identity.apaleo.com", "api.apaleo.com"]


def test_one_token_serves_many_requests(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A token is asked for once, in a form, by the app's id and secret."""
    bench.pms.offers(STAY)
    bench.pms.offers(STAY)

    (token,) = [seen for seen in apaleo.seen if seen.path == "/connect/token"]
    assert token.body == {"grant_type": "client_credentials"}
    assert token.headers["authorization"].startswith("Basic ")


def test_a_refused_token_is_renewed(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A token that Apaleo has forgotten costs a new one and no error, in a booking too."""
    order = bench.order()
    apaleo.forget_tokens()

    assert bench.pms.book(order)
    assert len(bench.house.reservations) == 1


def test_a_rotated_secret_is_read_anew(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """When the app has a new secret, the next request reads it and goes through."""
    old = dict(apaleo.secret)
    pms = bench.renewed(secret=lambda _, fresh: apaleo.secret if fresh else old)
    apaleo.secret["client_secret"] = "rotated"

    assert pms.offers(STAY)


@pytest.mark.parametrize(("field", "value"), [("client_id", ""), ("client_secret", None)])
def test_a_secret_of_another_shape_is_named(bench: Bench, apaleo: ApaleoStandIn, field: str, value: Any) -> None:
    """A field of the secret that cannot be right is named, and nothing that the secret holds is."""
    secret = {name: told for name, told in {**apaleo.secret, field: value}.items() if told is not None}

    with pytest.raises(Unreachable) as refused:
        bench.renewed(secret=lambda *_: secret).offers(STAY)

    assert field in str(refused.value)
    assert not any(told in str(refused.value) for told in secret.values() if told)


def test_too_many_requests_wait_as_long_as_told(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A limit that is over in a second is waited for."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        apaleo.limit.requests = 200

    pms = bench.renewed(sleep=sleep)
    pms.offers(STAY)
    apaleo.limit.requests = 0

    assert pms.offers(STAY)
    assert len(slept) == 1
    assert 1 <= slept[0] < 1.2


def test_a_long_limit_is_not_waited_for(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A guest on the phone does not wait for minutes: the system is unreachable, and nothing was booked."""
    order = bench.order()
    apaleo.limit.requests, apaleo.limit.seconds = 0, 60

    with pytest.raises(Unreachable) as refused:
        bench.pms.book(order)

    assert refused.value.vendor_code == "429"
    assert bench.house.reservations == []


def test_an_app_without_the_right_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """An app that lacks a scope is answered 403: a fault to be mended, not a full hotel, and nothing is booked."""
    order = bench.order()
    edited(BOOKINGS, lambda _: None, method="POST", status=403, instead=True)
    with pytest.raises(Unreachable):
        bench.pms.book(order)
    edited(OFFERS, lambda _: None, status=403, instead=True)
    with pytest.raises(Unreachable) as refused:
        bench.pms.offers(STAY)

    assert refused.value.vendor_code == "403"
    assert bench.house.reservations == []


# Offers.


def test_a_stay_is_asked_for_as_apaleo_writes_it(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Lists are written with commas, rooms too small are not asked for, and no ages without children."""
    bench.pms.offers(STAY)

    assert asked(apaleo, "GET", OFFERS) == [
        {
            "propertyId": PROPERTY,
            "arrival": "2026-12-30",
            "departure": "2027-01-02",
            "adults": "2",
            "channelCode": "Direct",
            "unitGroupIds": "AUR-DBL,AUR-JST",
        }
    ]


@pytest.mark.parametrize(("options", "ages"), [({}, "10,10"), ({"child_age": "4"}, "4,4")])
def test_children_count_as_old_as_the_file_says(
    bench: Bench, apaleo: ApaleoStandIn, options: dict[str, str], ages: str
) -> None:
    """Apaleo prices children by age: all count as ten, or as old as the hotel's file says."""
    pms = connected(bench, options=options)

    assert pms.offers(STAY.model_copy(update={"children": 2}))
    assert [query["childrenAges"] for query in asked(apaleo, "GET", OFFERS)] == [ages]


def test_a_channel_is_the_files(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Rates are those of the channel as which the hotel sells by phone, in offers and bookings."""
    pms = connected(bench, options={"channel": "Ibe"})
    offer = next(offer for offer in pms.offers(STAY, "double") if offer.rate_plan == "flexible")
    pms.book(replace(bench.order(), offer=offer))

    assert {query["channelCode"] for query in asked(apaleo, "GET", OFFERS)} >= {"Ibe"}
    assert asked(apaleo, "POST", BOOKINGS)[0]["reservations"][0]["channelCode"] == "Ibe"


def test_a_room_that_apaleo_lacks_hides_no_other(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """A filter that Apaleo refuses is left away, once."""
    pms = connected(bench, rooms={**bench.hotel.pms.rooms, "suite": "AUR-NONE"})

    assert {offer.room_type for offer in pms.offers(STAY)} == {"double"}
    assert ["unitGroupIds" in query for query in asked(apaleo, "GET", OFFERS)] == [True, False]


def test_what_apaleo_refuses_to_offer_is_unreachable(bench: Bench, edited: Callable[..., None]) -> None:
    """A question that is refused with and without a filter is a fault, not a full hotel."""
    edited(OFFERS, lambda _: {"messages": ["no"]}, status=422, instead=True)

    with pytest.raises(Unreachable) as refused:
        bench.pms.offers(STAY)

    assert refused.value.vendor_code == "422"
    assert "no" not in str(refused.value).split()


@pytest.mark.parametrize(
    "plan",
    [
        {"id": "AUR-FLEX_{room}", "code": "FLEX_{room}"},
        {"id": "AUR-FLEX-{room}", "code": "FLEX-{room}"},
        {"id": "AUR-FLEX-{room}"},
        {"id": "AUR-FLEX_{room}", "code": None},
    ],
)
def test_a_rate_is_known_by_its_code_for_every_room(
    bench: Bench, edited: Callable[..., None], plan: dict[str, str | None]
) -> None:
    """A rate has a plan for each room: whether or not the plan's code ends with the room's, it is the file's rate."""

    def written(offer: dict[str, Any]) -> None:
        if offer["ratePlan"]["code"] == "FLEX":
            room = offer["unitGroup"]["code"]
            offer["ratePlan"] = {name: text and text.format(room=room) for name, text in plan.items()}

    edited(OFFERS, with_offers(written))

    rates = [(offer.room_type, offer.rate_plan) for offer in bench.pms.offers(STAY)]
    assert set(rates) == {(room, rate) for room in ("double", "suite") for rate in ("flexible", "saver")}


def test_a_file_may_map_a_plans_whole_code(bench: Bench, edited: Callable[..., None]) -> None:
    """A plan whose code the file has as it stands is that rate, though it looks like another's for this room."""
    pms = connected(bench, rates={"flexible": "FLEX", "saver": "FLEX_DBL"})

    def written(offer: dict[str, Any]) -> None:
        if offer["ratePlan"]["code"] == "NONREF":
            offer["ratePlan"] |= {"code": f"FLEX_{offer['unitGroup']['code']}"}

    edited(OFFERS, with_offers(written))

    assert {offer.rate_plan for offer in pms.offers(STAY, "double")} == {"flexible", "saver"}


def test_a_room_at_a_rate_is_offered_once(bench: Bench, edited: Callable[..., None]) -> None:
    """Of two plans that are the same rate to the hotel's file, the cheaper one is told."""

    def same(offer: dict[str, Any]) -> None:
        offer["ratePlan"]["code"] = "FLEX"

    edited(OFFERS, with_offers(same))

    assert [(offer.rate_plan, offer.total.cents) for offer in bench.pms.offers(STAY, "double")] == [
        ("flexible", 34_830)
    ]


def test_what_is_included_is_told_once(bench: Bench) -> None:
    """An extra that each night includes is named once."""
    assert bench.offered().includes == ("breakfast",)
    assert bench.offered(rate="saver").includes == ()


def _service(offer: dict[str, Any]) -> None:
    offer["services"] = [{"totalAmount": {"grossAmount": 30.0, "netAmount": 25.21, "currency": "EUR"}}]
    offer["totalGrossAmount"]["amount"] += 30


def _no_fee(offer: dict[str, Any]) -> None:
    offer["fees"] = [{"id": "F", "totalAmount": {"grossAmount": 0, "currency": "EUR"}}]


def _nulls(offer: dict[str, Any]) -> None:
    offer |= {"services": None, "fees": None, "validationMessages": None, "cityTaxes": None}


def _texts(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] = str(offer["totalGrossAmount"]["amount"])


@pytest.mark.parametrize(("change", "more"), [(_service, 3_000), (_no_fee, 0), (_nulls, 0), (_texts, 0)])
def test_a_price_with_all_its_parts_is_told(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None], more: int
) -> None:
    """Services that cannot be left out are in the total; what is null or nothing changes nothing."""
    edited(OFFERS, with_offers(change))

    assert bench.offered().total.cents == 38_700 + more


def _fee(offer: dict[str, Any]) -> None:
    offer["fees"] = [{"id": "F", "totalAmount": {"grossAmount": 15.0, "currency": "EUR"}}]


def _other_sum(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] += 1


def _a_night_less(offer: dict[str, Any]) -> None:
    offer["timeSlices"].pop()


def _two_nights_in_one(offer: dict[str, Any]) -> None:
    last = offer["timeSlices"].pop()
    offer["timeSlices"][-1]["totalGrossAmount"]["amount"] += last["totalGrossAmount"]["amount"]


def _no_amount(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["amount"] = "free"


def _dollars(offer: dict[str, Any]) -> None:
    offer["totalGrossAmount"]["currency"] = "USD"


def _city_in_dollars(offer: dict[str, Any]) -> None:
    offer["cityTaxes"] = [{"totalGrossAmount": {"amount": 5, "currency": "USD"}}]


def _not_bookable(offer: dict[str, Any]) -> None:
    offer["validationMessages"] = [{"category": "OfferNotAvailable", "code": "RatePlanRestrictionsViolated"}]


def _none_left(offer: dict[str, Any]) -> None:
    offer["availableUnits"] = 0


@pytest.mark.parametrize(
    "change",
    [
        _fee,
        _other_sum,
        _a_night_less,
        _two_nights_in_one,
        _no_amount,
        _dollars,
        _city_in_dollars,
        _not_bookable,
        _none_left,
    ],
)
def test_what_cannot_be_booked_as_told_is_not_offered(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """An offer whose price is not certain, or that cannot be booked, is left out, and no other with it."""

    def of_doubles(offer: dict[str, Any]) -> None:
        if offer["unitGroup"]["code"] == "DBL":
            change(offer)

    edited(OFFERS, with_offers(of_doubles))

    assert {offer.room_type for offer in bench.pms.offers(STAY)} == {"suite"}


def test_the_city_tax_is_told_apart_in_both_forms(workshop: Workshop) -> None:
    """What the city takes is on top, whether Apaleo tells it by tax or, as it used to, in one amount."""
    bench = workshop.bench("apaleo", house=House(city_tax_cents=250))
    stand_in = cast("ApaleoStandIn", bench.vendor)
    by_tax = bench.offered()

    def in_one(offer: dict[str, Any]) -> None:
        offer.pop("cityTaxes")
        offer["cityTax"] = {"grossAmount": 15.0, "netAmount": 14.02, "vatType": "Reduced", "currency": "EUR"}

    workshop.switch.app = Edited(stand_in.app, OFFERS, with_offers(in_one))

    assert (by_tax.total.cents, by_tax.city_tax) == (38_700, Money(cents=1_500, currency="EUR"))
    assert bench.offered() == by_tax


@pytest.mark.parametrize("details", [[], [{"tax": {"amount": 1, "currency": "USD"}}], None])
def test_taxes_that_are_not_told_are_not_made_up(bench: Bench, edited: Callable[..., None], details: Any) -> None:
    """Where Apaleo breaks no tax down, the total stands alone."""
    edited(OFFERS, with_offers(lambda offer: offer.update(taxDetails=details)))

    offer = bench.offered()
    assert (offer.total.cents, offer.taxes) == (38_700, None)


@pytest.mark.parametrize("body", [{"offers": [{"totalGrossAmount": 5}]}, {"offers": {}}, [], "closed", 5])
def test_an_answer_of_another_shape_is_no_offer(bench: Bench, edited: Callable[..., None], body: Any) -> None:
    """What is not as Apaleo documents it is a fault of the system, never a price."""
    edited(OFFERS, lambda _: body)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


# Bookings.


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


# Looking up.


def test_an_id_is_known_however_it_is_said(bench: Bench) -> None:
    """The dash and blanks in an id are not always heard."""
    code = booked(bench).code
    letters = code.removesuffix("-1")

    for said in (code, code.lower(), f"{letters} 1", f"{letters}1", " ".join(code)):
        assert found(bench, said).code == code


@pytest.mark.parametrize("said", ["{letters}", "{letters}-2", "{letters}-11", "{letters}-1/offers", "{letters}-1-1"])
def test_what_is_not_entirely_an_id_finds_nothing(bench: Bench, said: str) -> None:
    """The booking's own id is not a reservation's: a booking may have several."""
    letters = booked(bench).code.removesuffix("-1")

    assert bench.pms.reservation(said.format(letters=letters)) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Confirmed", ReservationState.BOOKED),
        ("InHouse", ReservationState.IN_HOUSE),
        ("CheckedOut", ReservationState.DEPARTED),
        ("Canceled", ReservationState.CANCELLED),
        ("NoShow", ReservationState.CANCELLED),
        ("Tentative", None),
    ],
)
def test_each_status_is_understood(
    bench: Bench, edited: Callable[..., None], status: str, state: ReservationState | None
) -> None:
    """All of Apaleo's statuses have a meaning; one that is not known is not told as a stay."""
    code = booked(bench).code
    edited(code, changed(status=status))

    told = bench.pms.reservation(code)

    assert (told.state if told else None) == state


@pytest.mark.parametrize(
    "parts",
    [
        {"property": {"id": "BER"}},
        {"id": "OTHER-1"},
        {"departure": "2027-03-01T11:00:00+01:00"},
        {"departure": "2026-12-30T18:00:00+01:00"},
        {"adults": 12},
        {"adults": 0},
        {"primaryGuest": None, "booker": None},
        {"primaryGuest": {"firstName": "Anna"}, "booker": {}},
    ],
)
def test_what_cannot_be_told_truly_is_not_told(
    bench: Bench, edited: Callable[..., None], parts: dict[str, Any]
) -> None:
    """Another property's reservation of the account, or one without dates, people or a name to deal with, is not."""
    code = booked(bench).code
    edited(code, changed(**parts))

    assert bench.pms.reservation(code) is None


def test_a_reservation_in_a_currency_of_no_cents_is_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A total that cannot be one is a fault of the system, and is never told."""
    code = booked(bench).code
    edited(code, changed(totalGrossAmount={"amount": 50_000, "currency": "JPY"}))

    with pytest.raises(Unreachable) as refused:
        bench.pms.reservation(code)

    assert refused.value.vendor_code == "amount"


def test_a_booker_stands_in_for_a_guest_who_is_not_named(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation without a guest's name is the booker's; with one, the booker's address is not the guest's."""
    code = booked(bench).code
    booker = {"lastName": "Brecht", "firstName": "Bert", "email": "bert@example.org"}
    edited(code, changed(primaryGuest=None, booker=booker))
    assert (found(bench, code).guest.name, found(bench, code).contact.email) == ("Bert Brecht", "bert@example.org")

    edited(code, changed(booker=booker))
    assert (found(bench, code).guest.name, found(bench, code).contact) == ("Anna Meier", Contact())


@pytest.mark.parametrize(
    ("person", "contact"),
    [
        ({"email": "none", "phone": "+49 30 123456"}, Contact(phone="+4930123456")),
        ({"email": "a@example.org", "phone": "on file"}, Contact(email="a@example.org")),
        ({"email": "", "phone": ""}, Contact()),
        ({"email": None, "phone": None}, Contact()),
    ],
)
def test_only_a_number_and_address_that_are_some_are_contacts(
    bench: Bench, edited: Callable[..., None], person: dict[str, Any], contact: Contact
) -> None:
    """Of what clerks type, only what a caller could be verified by is taken, in one spelling."""
    code = booked(bench).code
    edited(code, changed(primaryGuest={"lastName": "Meier", **person}))

    assert found(bench, code).contact == contact


def test_a_day_is_the_hotels(bench: Bench, edited: Callable[..., None]) -> None:
    """Moments may be told in any offset: a late arrival is on the hotel's day."""
    code = booked(bench).code
    edited(code, changed(arrival="2026-12-29T23:30:00+00:00", departure="2027-01-02T09:00:00Z"))

    assert (found(bench, code).stay.arrival, found(bench, code).stay.departure) == (STAY.arrival, STAY.departure)


@pytest.mark.parametrize(
    ("day", "begin", "end"),
    [
        (date(2026, 12, 30), "2026-12-30T00:00:00+01:00", "2026-12-31T00:00:00+01:00"),
        (date(2027, 3, 28), "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00"),
        (date(2027, 10, 31), "2027-10-31T00:00:00+02:00", "2027-11-01T00:00:00+01:00"),
    ],
)
def test_a_day_of_arrivals_is_the_hotels_day(
    bench: Bench, apaleo: ApaleoStandIn, day: date, begin: str, end: str
) -> None:
    """Apaleo wants moments with their offset: a day, also one of 23 or 25 hours, begins and ends at midnight."""
    stay = Stay(arrival=day, departure=day + timedelta(days=1), adults=2)
    codes = [bench.keeper.walk_in("double", moved(stay, days), ANNA) for days in (-1, 0, 1)]

    assert [told.code for told in bench.pms.search("Meier", day)] == [codes[1]]
    assert [(query["from"], query["to"]) for query in asked(apaleo, "GET", RESERVATIONS)] == [(begin, end)]


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """A list that always has more is not followed for ever."""
    bench.keeper.walk_in("double", STAY, ANNA)
    first: list[Any] = []

    def endless(body: Any) -> Any:
        first.append(body or first[0])
        return {**first[-1], "count": 10**6}

    edited(RESERVATIONS, endless, status=200)

    with pytest.raises(Unreachable) as refused:
        bench.pms.search("Meier", STAY.arrival)

    assert refused.value.vendor_code == "pages"


# Changes.


def test_a_change_is_sent_with_its_nights_and_hours(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Each night goes with the price that was offered; the arrival that stays keeps its hour."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)

    bench.pms.change(told.code, offer)

    night = {"ratePlanId": "AUR-FLEX-DBL", "totalGrossAmount": {"amount": 129.0, "currency": "EUR"}}
    assert asked(apaleo, "PUT", "/amend") == [
        {
            "arrival": "2026-12-30T17:00:00+01:00",
            "departure": "2027-01-03",
            "adults": 2,
            "childrenAges": [],
            "requote": False,
            "timeSlices": [night] * 4,
        }
    ]


def test_nights_that_were_booked_keep_their_price(bench: Bench) -> None:
    """A guest who stays longer pays today's price for the new night only."""
    told = booked(bench)
    bench.keeper.set_price("double", 20_000)

    offer = change_offered(bench, told, LONGER)

    assert offer.total.cents == 3 * 12_900 + 20_000
    assert bench.pms.change(told.code, offer).total == offer.total
    assert bench.house.reservations[0].night_cents == (12_900, 12_900, 12_900, 20_000)


def test_children_keep_their_ages(bench: Bench, apaleo: ApaleoStandIn, edited: Callable[..., None]) -> None:
    """A change asks and pays for the children who were booked, not for others of the age that is assumed."""
    stay = STAY.model_copy(update={"children": 1})
    told = booked(bench, room_type="suite", stay=stay)
    edited(told.code, changed(childrenAges=[3]))

    bench.pms.change(told.code, change_offered(bench, told, stay.model_copy(update={"departure": date(2027, 1, 3)})))

    assert [body["childrenAges"] for body in asked(apaleo, "PUT", "/amend")] == [[3]]
    assert {query["childrenAges"] for query in asked(apaleo, "GET", f"{told.code}/offers")} == {"3"}


def test_an_apaleo_that_keeps_its_own_price_is_told_as_offered(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Where a night's price in an amendment is ignored, the price offered is the one that Apaleo takes anyway."""
    apaleo.ignores_amounts = True
    told = booked(bench)
    bench.keeper.set_price("double", 20_000)
    offer = change_offered(bench, told, LONGER)

    assert bench.pms.change(told.code, offer).total == offer.total


def test_a_change_at_another_price_is_in_doubt(
    bench: Bench, apaleo: ApaleoStandIn, edited: Callable[..., None]
) -> None:
    """A change that was done at a price that nobody was told is a human's."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    apaleo.ignores_amounts = True

    def dearer(body: Any) -> Any:
        bench.keeper.set_price("double", 20_000)
        return body

    edited("/offers", dearer)

    with pytest.raises(InDoubt):
        bench.pms.change(told.code, offer)


def test_extras_are_changed_by_a_human(bench: Bench, edited: Callable[..., None]) -> None:
    """Extras have days and prices of their own: such a stay is told and cancelled, and not moved by phone."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited(told.code, changed(services=[{"service": {"id": "AUR-PARK"}}]))

    with pytest.raises(NotPossible):
        bench.pms.change_offers(told, LONGER)
    with pytest.raises(NotPossible):
        bench.pms.change(told.code, offer)

    assert bench.house.reservations[0].departure == STAY.departure
    assert bench.pms.cancellation_fee(told) == FREE


def test_a_night_that_is_gone_meanwhile_is_sold_out(bench: Bench, edited: Callable[..., None]) -> None:
    """A change that is refused because the night went to somebody else is sold out, and the stay stands."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)

    def take(body: Any) -> Any:
        bench.keeper.fill("double", [STAY.departure])
        return body

    edited("/offers", take)

    with pytest.raises(SoldOut) as refused:
        bench.pms.change(told.code, offer)

    assert refused.value.vendor_code == "422"
    assert bench.house.reservations[0].departure == STAY.departure


@pytest.mark.parametrize(("status", "error"), [(404, NotFound), (422, NotPossible), (403, Unreachable)])
def test_what_apaleo_does_not_change_stays(
    bench: Bench, edited: Callable[..., None], status: int, error: type[Exception]
) -> None:
    """A change that is refused although it was offered has changed nothing, and is told for what it is."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited("/amend", lambda _: {"messages": ["no"]}, method="PUT", status=status, instead=True)

    with pytest.raises(error):
        bench.pms.change(told.code, offer)

    assert bench.house.reservations[0].departure == STAY.departure


def test_a_change_that_is_not_what_was_wished_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Apaleo says that it is done and tells the old stay: nobody is told that it worked."""
    told = booked(bench)
    offer = change_offered(bench, told, LONGER)
    edited("/amend", lambda _: None, method="PUT", status=204, instead=True)

    with pytest.raises(InDoubt):
        bench.pms.change(told.code, offer)


# Cancellations.


def test_a_cancellation_is_one_empty_request(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Nothing but the reservation's id is sent; an empty request says that it is empty."""
    told = booked(bench)

    bench.pms.cancel(told.code, FREE)

    (sent,) = [seen for seen in apaleo.seen if seen.method == "PUT"]
    assert sent.path == f"/booking/v1/reservation-actions/{told.code}/cancel"
    assert (sent.query, sent.body, sent.headers["content-length"]) == ({}, None, "0")


@pytest.mark.parametrize(
    ("due", "cents"),
    [
        ("2026-11-24T12:00:01+01:00", 0),
        ("2026-11-24T12:00:00+01:00", 4_000),
        ("2026-11-24T11:00:00Z", 4_000),
        ("2020-09-23T08:24:53.092124+01:00", 4_000),
    ],
)
def test_a_fee_is_due_from_its_moment_on(bench: Bench, edited: Callable[..., None], due: str, cents: int) -> None:
    """Apaleo tells the amount at all times and from when it is charged."""
    told = booked(bench)
    edited(told.code, changed(cancellationFee={"dueDateTime": due, "fee": {"amount": 40, "currency": "EUR"}}))

    assert bench.pms.cancellation_fee(told) == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ({"cancellationFee": None}, NotPossible),
        ({"actions": [{"action": "Cancel", "isAllowed": False}]}, NotPossible),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00", "fee": {"amount": 1, "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": 1, "currency": "USD"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": -1, "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "2026-01-01T00:00:00Z", "fee": {"amount": "x", "currency": "EUR"}}},
         Unreachable),
        ({"cancellationFee": {"dueDateTime": "soon", "fee": {"amount": 1, "currency": "EUR"}}}, Unreachable),
    ],
)  # fmt: skip
def test_a_fee_that_is_not_told_is_not_made_up(
    bench: Bench, edited: Callable[..., None], parts: dict[str, Any], error: type[Exception]
) -> None:
    """Where it is not certain what cancelling costs, or it is not allowed, nothing is cancelled."""
    told = booked(bench)
    edited(told.code, changed(**parts))

    with pytest.raises(error):
        bench.pms.cancellation_fee(told)
    with pytest.raises(error):
        bench.pms.cancel(told.code, FREE)

    assert [kept.state for kept in bench.house.reservations] == ["booked"]


def test_after_the_hour_of_arrival_a_human_cancels(bench: Bench) -> None:
    """Apaleo cancels only what has its arrival before it: that is known before a fee is told."""
    told = booked(bench)
    bench.clock.now = datetime(2026, 12, 30, 16, 30, tzinfo=UTC)

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(told)


def test_a_fee_that_is_due_meanwhile_is_told_first(bench: Bench) -> None:
    """When the hour passes between the fee's being told and the cancellation, nothing is cancelled."""
    told = booked(bench)
    assert bench.pms.cancellation_fee(told) == FREE
    bench.clock.now = datetime(2026, 12, 29, 17, 0, tzinfo=UTC)

    with pytest.raises(PriceChanged):
        bench.pms.cancel(told.code, FREE)

    assert bench.pms.cancel(told.code, Money(cents=12_900, currency="EUR")).state is ReservationState.CANCELLED
    assert bench.house.reservations[0].fee_cents == 12_900


def test_a_cancellation_that_still_stands_is_in_doubt(bench: Bench, edited: Callable[..., None]) -> None:
    """Apaleo says that it is done and tells it as booked: nobody is told that it worked."""
    told = booked(bench)
    edited("/cancel", lambda _: None, method="PUT", status=204, instead=True)

    with pytest.raises(InDoubt):
        bench.pms.cancel(told.code, FREE)


def test_a_refused_cancellation_has_cancelled_nothing(bench: Bench, edited: Callable[..., None]) -> None:
    """What Apaleo does not cancel is a human's, with its status for the log."""
    told = booked(bench)
    edited("/cancel", lambda _: {"messages": ["no"]}, method="PUT", status=422, instead=True)

    with pytest.raises(NotPossible) as refused:
        bench.pms.cancel(told.code, FREE)

    assert refused.value.vendor_code == "422"


# Notes.


def test_a_note_is_put_below_what_stands_there(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Apaleo has one comment for the staff: a note is added to it and replaces nothing else."""
    told = booked(bench)

    bench.pms.add_note(told.code, "Comes late")
    bench.pms.add_note(told.code, "Needs a cot")

    assert asked(apaleo, "PATCH", told.code) == [
        [{"op": "add", "path": "/comment", "value": "Comes late"}],
        [{"op": "replace", "path": "/comment", "value": "Comes late\nNeeds a cot"}],
    ]


# The hotel.


def test_the_hotel_is_described(bench: Bench) -> None:
    """What Apaleo knows of the hotel is there to compare the hotel's file with."""
    told = bench.pms.describe()

    assert (told.title, told.currency, told.timezone) == ("Hotel Aurora", "EUR", "Europe/Berlin")
    assert told.rooms == {"AUR-SGL": "Single room", "AUR-DBL": "Double room", "AUR-JST": "Suite"}
    assert told.rates == {"FLEX": "Flexible", "NONREF": "Saver"}
    assert told.extras == {"AUR-BRKF": "Breakfast"}


def test_rates_are_described_by_every_code_a_file_may_have(bench: Bench, edited: Callable[..., None]) -> None:
    """A plan whose code ends with its room's is told by both, since either may stand in the file."""

    def written(body: Any) -> Any:
        for plan in body["ratePlans"]:
            plan["code"] += plan["unitGroup"]["id"].replace("AUR-", "_")
        return body

    edited("/rate-plans", written)

    rates = bench.pms.describe().rates
    assert {"FLEX", "FLEX_SGL", "FLEX_DBL", "FLEX_JST", "NONREF"} <= set(rates)


def test_a_property_that_is_not_there_is_a_fault(bench: Bench) -> None:
    """A property that the account does not have is not described, and nothing is offered there."""
    pms = connected(bench, property="BER")

    with pytest.raises(Unreachable) as refused:
        pms.describe()
    with pytest.raises(Unreachable):
        pms.offers(STAY)

    assert refused.value.vendor_code == "404"


def test_a_guest_with_one_name_is_booked_by_it(bench: Bench, apaleo: ApaleoStandIn) -> None:
    """Apaleo needs a last name and no first: one that was not said is not made up."""
    bench.pms.book(bench.order(guest=Guest(name="Meier")))

    (sent,) = asked(apaleo, "POST", BOOKINGS)
    assert sent["booker"] == {"lastName": "Meier"}
