"""What is only Oracle OPERA Cloud's: its tokens and headers, its pages, its odd answers, its penalties."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final, cast

import pytest

from lambdas.shared.domain.errors import HotelFileError, InDoubt, NotPossible, PriceChanged, SoldOut, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.pms import CONNECTORS, Capability, Pms
from tests.contract.vendors.benches import ANNA, BERT, STAY, Bench, Workshop
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.house import House
from tests.contract.vendors.oracle_ohip import HOTEL, SYSTEM, OracleOhipStandIn

pytestmark = pytest.mark.contract

UNKNOWN: Final = {"type": "about:blank", "title": "Not Found"}


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("oracle_ohip")


@pytest.fixture
def opera(bench: Bench) -> OracleOhipStandIn:
    return cast("OracleOhipStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, opera: OracleOhipStandIn) -> Callable[..., None]:
    """Edits what OPERA answers to requests whose path ends so."""

    def edit(end: str, edit: Edit, **how: Any) -> None:
        workshop.switch.app = Edited(opera.app, end, edit, **how)

    return edit


def with_rooms(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of every room rate that is offered."""

    def edit(body: Any) -> Any:
        for segment in body["hotelAvailability"]:
            for stay in segment["roomStays"]:
                for room in stay["roomRates"]:
                    change(room)
        return body

    return edit


def with_reservation(change: Callable[[dict[str, Any]], None]) -> Edit:
    """An edit of a reservation that is read."""

    def edit(body: Any) -> Any:
        for reservation in body["reservations"]["reservation"]:
            change(reservation)
        return body

    return edit


def asked(opera: OracleOhipStandIn, method: str, end: str) -> list[Any]:
    """The bodies of such requests."""
    return [seen.body for seen in opera.seen if seen.method == method and seen.path.endswith(end)]


def connected(bench: Bench, **system: Any) -> Pms:
    """The hotel opened anew with what its file says otherwise."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update=system)})
    return CONNECTORS["oracle_ohip"](hotel, bench.parts)


def booked(bench: Bench, reference: str = "wish00000001", **offered: Any) -> Reservation:
    return bench.pms.book(bench.order(reference, **offered))


def test_it_says_what_it_can(bench: Bench) -> None:
    """Everything can be changed and cancelled by phone; a booking sent twice may be two, so it is never repeated."""
    assert bench.pms.capabilities == set(Capability) - {Capability.SAFE_REPEAT}


@pytest.mark.parametrize(
    ("system", "fault"),
    [
        ({"url": None}, "[pms] url is missing"),
        ({"property": None}, "[pms] property is missing"),
        ({"property": "Hotel Aurora"}, 'property "Hotel Aurora" is no hotel code'),
        ({"options": {}}, "external_system is missing"),
        ({"options": {"colour": "blue"}}, "colour is not one of external_system"),
    ],
)
def test_a_file_that_does_not_suffice_stops_the_start(bench: Bench, system: dict[str, Any], fault: str) -> None:
    """What OPERA cannot do without is asked for by name, with the file it belongs into."""
    with pytest.raises(HotelFileError) as stopped:
        connected(bench, **system)

    assert fault in str(stopped.value)
    assert str(stopped.value).startswith("hotels/aurora/hotel.toml: ")


@pytest.mark.parametrize("option", ["external_system", "guarantee", "payment_method", "cancellation_reason"])
def test_each_needed_option_is_asked_for(bench: Bench, option: str) -> None:
    """A code of the hotel's lists that every booking needs is missed at the start, not at the first booking."""
    options = {name: value for name, value in bench.hotel.pms.options.items() if name != option}

    with pytest.raises(HotelFileError, match=f"{option} is missing"):
        connected(bench, options=options)


def test_codes_are_no_longer_than_oracles(bench: Bench) -> None:
    """A code of more than twenty characters is none."""
    with pytest.raises(HotelFileError, match="external_system"):
        connected(bench, options={**bench.hotel.pms.options, "external_system": "X" * 21})


def test_opening_asks_nobody(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A process starts without a request: neither the secret nor OPERA is needed before the first question."""
    assert bench.renewed(secret=lambda *_: pytest.fail("the secret was read"))
    assert opera.seen == []


def test_one_token_serves_many_requests(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A token is asked for once, in a form with the scope, by the client's id and secret and the enterprise's id."""
    bench.pms.offers(STAY)
    bench.pms.offers(STAY)

    (token,) = [seen for seen in opera.seen if seen.path == "/oauth/v1/tokens"]
    assert token.body == {"grant_type": "client_credentials", "scope": opera.secret["scope"]}
    assert token.headers["enterpriseid"] == opera.secret["enterprise_id"]
    assert token.headers["authorization"].startswith("Basic ")


def test_every_request_names_application_and_hotel(bench: Bench, opera: OracleOhipStandIn) -> None:
    """The application's key goes with every request, the token's too, and the hotel with every other."""
    booked(bench)

    assert {seen.headers.get("x-app-key") for seen in opera.seen} == {opera.secret["app_key"]}
    assert {seen.headers.get("x-hotelid") for seen in opera.seen if "oauth" not in seen.path} == {HOTEL}


def test_a_refused_token_is_renewed(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A token that OPERA has forgotten costs a new one and no error, in a booking too."""
    order = bench.order()
    opera.forget_tokens()

    assert bench.pms.book(order)
    assert len(bench.house.reservations) == 1


def test_a_rotated_secret_is_read_anew(bench: Bench, opera: OracleOhipStandIn) -> None:
    """When the secret was rotated, the next request reads it again and goes through."""
    old = dict(opera.secret)
    pms = bench.renewed(secret=lambda _, fresh: opera.secret if fresh else old)
    opera.secret["client_secret"] = "rotated"

    assert pms.offers(STAY)


@pytest.mark.parametrize(
    ("field", "value"), [("app_key", "41ecd082"), ("enterprise_id", "aurora"), ("client_id", ""), ("scope", None)]
)
def test_a_secret_of_another_shape_is_named(bench: Bench, opera: OracleOhipStandIn, field: str, value: Any) -> None:
    """A field of the secret that cannot be right is named, and nothing that the secret holds is."""
    secret = {name: told for name, told in {**opera.secret, field: value}.items() if told is not None}

    with pytest.raises(Unreachable) as refused:
        bench.renewed(secret=lambda *_: secret).offers(STAY)

    assert field in str(refused.value)
    assert not any(told in str(refused.value) for told in secret.values() if told)


def test_too_many_requests_wait_a_moment(bench: Bench, opera: OracleOhipStandIn) -> None:
    """OPERA says 429 and not for how long: a question is asked again shortly after."""
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        opera.limit.requests = 100

    pms = bench.renewed(sleep=sleep)
    pms.offers(STAY)
    opera.limit.requests = 0

    assert pms.offers(STAY)
    assert len(slept) == 1


def test_offers_come_in_pages(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Rooms and rates on further pages are offered too."""
    opera.most_records = 1

    assert len(bench.pms.offers(STAY)) == 4


def test_pages_without_end_are_a_fault(bench: Bench, edited: Callable[..., None]) -> None:
    """An answer that always has one page more is not followed for ever."""

    def endless(body: Any) -> Any:
        body["hotelAvailability"][0] |= {"hasMore": True, "pagingKey": "0"}
        return body

    edited("/availability", endless)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def test_arrivals_come_in_pages(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A guest is found among a day's arrivals on whichever page."""
    opera.most_records = 2
    for guest in (BERT, BERT, BERT, BERT, ANNA):
        bench.keeper.walk_in("double", STAY, guest)

    (found,) = bench.pms.search("Meier", STAY.arrival)

    assert found.guest.surname == "Meier"


def test_a_search_fetches_only_those_of_the_name(bench: Bench, opera: OracleOhipStandIn) -> None:
    """Of the other arrivals nothing but the list is read."""
    for guest in (BERT, ANNA, BERT):
        bench.keeper.walk_in("double", STAY, guest)

    bench.pms.search("Meier", STAY.arrival)

    assert len([seen for seen in opera.seen if "/reservations/" in seen.path]) == 1


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


def test_two_bookings_of_one_reference_are_told_apart(bench: Bench) -> None:
    """OPERA bears a reference twice: of two, the one that still stands is found."""
    order = bench.order()
    first, second = bench.pms.book(order), bench.pms.book(order)
    bench.keeper.move(first.code, "cancelled")

    found = bench.pms.find(order)

    assert found
    assert found.code == second.code


def test_another_systems_reference_is_not_ours(bench: Bench, edited: Callable[..., None]) -> None:
    """A reservation with the same reference of another external system is not the order's."""
    order = bench.order()
    told = bench.pms.book(order)

    def elsewhere(reservation: dict[str, Any]) -> None:
        reservation["externalReferences"][0]["idContext"] = "OTHER"

    edited("/reservations/661001", with_reservation(elsewhere))

    assert bench.pms.find(order) is None
    found = bench.pms.reservation(told.code)
    assert found
    assert found.reference is None


@pytest.mark.parametrize("said", ["588001001", "588 001 001", "588-001-001", "588.001.001."])
def test_a_confirmation_number_is_known_however_it_is_said(bench: Bench, said: str) -> None:
    """Blanks, dashes and dots in a number do not matter."""
    code = booked(bench).code

    found = bench.pms.reservation(said)

    assert found
    assert found.code == code


@pytest.mark.parametrize("said", ["661001", "K7F2X9", "", "5" * 19, "588001001/policies"])
def test_what_is_no_confirmation_number_finds_nothing(bench: Bench, said: str) -> None:
    """OPERA's own key is no guest's code, and what has letters is not asked for."""
    booked(bench)

    assert bench.pms.reservation(said) is None


def test_a_number_that_is_only_like_it_is_another(bench: Bench, edited: Callable[..., None]) -> None:
    """Whatever a search finds, a reservation is told only for its own number."""
    told = booked(bench)

    def renumber(reservation: dict[str, Any]) -> None:
        reservation["reservationIdList"][1]["id"] = f"{told.code}9"

    edited("/661001", with_reservation(renumber))

    assert bench.pms.reservation(told.code) is None


def test_a_reservation_that_is_gone_when_it_is_read_is_none(bench: Bench, edited: Callable[..., None]) -> None:
    """What a search still finds and OPERA then does not know any more is not there."""
    told = booked(bench)
    edited("/661001", lambda _: UNKNOWN, status=404)

    assert bench.pms.reservation(told.code) is None


def test_one_number_for_two_stays_finds_neither(bench: Bench) -> None:
    """Where several stays bear one number, nobody can tell which is meant: a human goes on."""
    code = booked(bench).code
    twin = bench.house.reservations[0]
    bench.house.book(
        room="single", rate="flexible", arrival=twin.arrival, departure=twin.departure, last_name="Meier", code=code
    )

    assert bench.pms.reservation(code) is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Reserved", ReservationState.BOOKED),
        ("DueIn", ReservationState.BOOKED),
        ("InHouse", ReservationState.IN_HOUSE),
        ("DueOut", ReservationState.IN_HOUSE),
        ("Walkin", ReservationState.IN_HOUSE),
        ("PendingCheckout", ReservationState.IN_HOUSE),
        ("CheckedOut", ReservationState.DEPARTED),
        ("Cancelled", ReservationState.CANCELLED),
        ("NoShow", ReservationState.CANCELLED),
        ("Waitlisted", None),
        ("Requested", None),
        ("", None),
    ],
)
def test_each_status_is_understood(
    bench: Bench, edited: Callable[..., None], status: str, state: ReservationState | None
) -> None:
    """All of OPERA's statuses have a meaning; what is only wished for is no stay and is not told as one."""
    code = booked(bench).code
    edited("/reservations/661001", with_reservation(lambda told: told.update(reservationStatus=status)))

    found = bench.pms.reservation(code)

    assert (found.state if found else None) == state


def _other_hotel(told: dict[str, Any]) -> None:
    told["hotelId"] = "OTHER"


def _too_long(told: dict[str, Any]) -> None:
    told["roomStay"]["departureDate"] = "2027-02-28"


def _day_use(told: dict[str, Any]) -> None:
    told["roomStay"]["departureDate"] = told["roomStay"]["arrivalDate"]


def _nameless(told: dict[str, Any]) -> None:
    told["reservationGuests"] = []


def _priceless(told: dict[str, Any]) -> None:
    told["roomStay"]["total"] = {}
    told["rateSummary"] = {}


def _roomless(told: dict[str, Any]) -> None:
    told["roomStay"]["roomRates"] = []


@pytest.mark.parametrize("change", [_other_hotel, _too_long, _day_use, _nameless, _priceless, _roomless])
def test_what_cannot_be_told_truly_is_not_told(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """Another hotel's reservation, and one without dates, name, room or price that we can deal with, is not told."""
    code = booked(bench).code
    edited("/reservations/661001", with_reservation(change))

    assert bench.pms.reservation(code) is None


def test_nulls_and_texts_are_borne(bench: Bench, edited: Callable[..., None]) -> None:
    """Real environments write null for empty lists and amounts as text: both are read as what they mean."""
    told = booked(bench)

    def odd(reservation: dict[str, Any]) -> None:
        reservation["roomStay"]["total"] = {"amountAfterTax": "387.00", "currencyCode": "EUR", "taxes": None}
        reservation["reservationGuests"][0]["profileInfo"]["profile"]["emails"] = None
        reservation["reservationIdList"][0]["id"] = int(reservation["reservationIdList"][0]["id"])

    edited("/reservations/661001", with_reservation(odd))

    assert bench.pms.reservation(told.code) == told


def test_a_total_can_stand_in_the_summary_alone(bench: Bench, edited: Callable[..., None]) -> None:
    """Where a stay has no total of its own, the summary of its rates with tax is its price."""
    told = booked(bench)
    edited("/reservations/661001", with_reservation(lambda found: found["roomStay"].pop("total")))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.total == told.total


def test_an_unmapped_room_is_called_as_opera_calls_it(bench: Bench, edited: Callable[..., None]) -> None:
    """A stay in a room or at a rate that the file does not map is found and told in the system's words."""
    told = booked(bench)

    def elsewhere(reservation: dict[str, Any]) -> None:
        reservation["roomStay"]["roomRates"][0] |= {"roomType": "PENT", "ratePlanCode": "STAFF"}
        reservation["roomStay"]["currentRoomInfo"] = {"roomDescription": "Penthouse"}

    edited("/reservations/661001", with_reservation(elsewhere))

    found = bench.pms.reservation(told.code)

    assert found
    assert (found.room_type, found.room, found.rate_plan) == ("other", "Penthouse", None)


def test_only_a_number_and_address_that_are_some_are_contacts(bench: Bench, edited: Callable[..., None]) -> None:
    """Of what stands in a profile, only what a caller could be verified by is taken, in one spelling."""
    told = booked(bench)

    def untidy(reservation: dict[str, Any]) -> None:
        profile = reservation["reservationGuests"][0]["profileInfo"]["profile"]
        profile["emails"] = {"emailInfo": [{"email": {"emailAddress": text}} for text in ("none", " a@example.org ")]}
        profile["telephones"] = {
            "telephoneInfo": [{"telephone": {"phoneNumber": text}} for text in ("on file", "+49 30 123456")]
        }

    edited("/reservations/661001", with_reservation(untidy))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.contact == Contact(email="a@example.org", phone="+4930123456")


def test_the_primary_guest_is_the_reservations(bench: Bench, edited: Callable[..., None]) -> None:
    """Whoever comes along is not who the reservation is for."""
    told = booked(bench)

    def with_company(reservation: dict[str, Any]) -> None:
        name = {"givenName": "Zoe", "surname": "Zimmer", "nameType": "Primary"}
        other = {"profileInfo": {"profile": {"customer": {"personName": [name]}}}, "primary": False}
        reservation["reservationGuests"].insert(0, other)

    edited("/reservations/661001", with_reservation(with_company))

    found = bench.pms.reservation(told.code)

    assert found
    assert found.guest == ANNA


def _suppressed(room: dict[str, Any]) -> None:
    room["suppressRate"] = True


def _restricted(room: dict[str, Any]) -> None:
    room["availability"] = "RestrictedDueToInventory"


def _none_left(room: dict[str, Any]) -> None:
    room["numberOfUnits"] = 0


def _without_tax(room: dict[str, Any]) -> None:
    room["taxIncluded"] = False
    room["total"].pop("amountAfterTax")


def _other_sum(room: dict[str, Any]) -> None:
    room["rates"]["rate"][0]["base"]["amountBeforeTax"] += 1


def _gap(room: dict[str, Any]) -> None:
    room["rates"]["rate"][0]["end"] = "2026-12-31"


def _no_amount(room: dict[str, Any]) -> None:
    room["total"]["amountAfterTax"] = "free"


def _no_nights(room: dict[str, Any]) -> None:
    room.pop("rates")


@pytest.mark.parametrize(
    "change", [_suppressed, _restricted, _none_left, _without_tax, _other_sum, _gap, _no_amount, _no_nights]
)
def test_what_cannot_be_booked_as_told_is_not_offered(
    bench: Bench, edited: Callable[..., None], change: Callable[[dict[str, Any]], None]
) -> None:
    """A rate that is closed or secret, or whose price with tax or by night is not certain, is left out."""
    edited("/availability", with_rooms(change))

    assert bench.pms.offers(STAY) == []


def test_a_price_with_the_tax_inside_is_the_price(bench: Bench, edited: Callable[..., None]) -> None:
    """Where OPERA tells no total after tax, a rate that has the tax in it still has its price."""
    edited("/availability", with_rooms(lambda room: room.update(total={"currencyCode": "EUR"})))

    assert [offer.total.cents for offer in bench.pms.offers(STAY, "double")] == [34_830, 38_700]


def test_a_tax_on_top_is_in_the_total(bench: Bench, edited: Callable[..., None]) -> None:
    """A tax that is not inside the rate is added where OPERA tells no total after tax: the guest hears what is paid."""
    on_top = {"code": "RESORT", "type": "Exclusive", "amount": 30, "currencyCode": "EUR"}
    edited(
        "/availability",
        with_rooms(lambda room: room.update(total={"currencyCode": "EUR", "taxes": {"tax": [on_top]}})),
    )

    assert [offer.total.cents for offer in bench.pms.offers(STAY, "double")] == [37_830, 41_700]


def test_nights_that_are_told_to_the_morning_after_are_understood(bench: Bench, edited: Callable[..., None]) -> None:
    """Spans of nights may end on their last evening or the morning after; Oracle's examples have both."""
    bench.house.set_price("double", 20_000, night=date(2026, 12, 31))

    def to_the_morning(room: dict[str, Any]) -> None:
        for span in room["rates"]["rate"]:
            span["end"] = (date.fromisoformat(span["end"]) + timedelta(days=1)).isoformat()

    edited("/availability", with_rooms(to_the_morning))

    told = booked(bench)

    assert told.total.cents == 12_900 + 20_000 + 12_900
    assert bench.house.reservations[0].night_cents == (12_900, 20_000, 12_900)


def test_prices_of_thirds_add_up(bench: Bench, edited: Callable[..., None]) -> None:
    """Nightly amounts with more than two decimals are summed before they are rounded."""

    def thirds(room: dict[str, Any]) -> None:
        room["total"] |= {"amountAfterTax": 350.0, "taxes": {"tax": []}}
        for span in room["rates"]["rate"]:
            span["base"]["amountBeforeTax"] = 116.66667

    edited("/availability", with_rooms(thirds))

    assert {offer.total.cents for offer in bench.pms.offers(STAY)} == {35_000}


def test_the_city_tax_is_a_code_of_the_hotels(workshop: Workshop) -> None:
    """The tax that the file names is told apart and on top; without that it is a part of the price."""
    bench = workshop.bench("oracle_ohip", house=House(city_tax_cents=250))
    plain = {name: code for name, code in bench.hotel.pms.options.items() if name != "city_tax"}

    apart = bench.offered()
    inside = next(
        offer for offer in connected(bench, options=plain).offers(STAY, "double") if offer.rate_plan == "flexible"
    )

    assert (apart.total.cents, apart.city_tax) == (38_700, Money(cents=1_500, currency="EUR"))
    assert (inside.total.cents, inside.city_tax) == (40_200, None)


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


def penalty(**terms: Any) -> dict[str, Any]:
    """A policy in force, unless told otherwise."""
    effective = terms.pop("effective", True)
    policy = {name: terms.pop(name) for name in ("deadline", "nonRefundable") if name in terms}
    return {"policy": policy | {"amountPercent": terms, "effective": effective}}


@pytest.mark.parametrize(
    ("policies", "cents"),
    [
        ([], 0),
        ([penalty(basisType="FlatAmount", amount=50)], 5_000),
        ([penalty(basisType="FlatAmount", amount=0)], 0),
        ([penalty(basisType="FullAmount")], 38_700),
        ([penalty(basisType="Percentage", percent=50)], 19_350),
        ([penalty(basisType="Percentage", percent="33.333")], 12_900),
        ([penalty(basisType="Nights", nights=1)], 12_900),
        ([penalty(basisType="Nights", nights=2)], 25_800),
        ([penalty(basisType="Nights", nights=9)], 38_700),
        ([penalty(basisType="NightPercentage", percent=80)], 10_320),
        ([penalty(basisType="NightPercentage", percent=50, nights=2)], 12_900),
        ([penalty(basisType="Nights", nights=1, amount=129, currencyCode="EUR")], 12_900),
        ([penalty(nonRefundable=True)], 38_700),
        ([penalty(basisType="FullAmount", effective=False)], 0),
        ([penalty(basisType="FlatAmount", amount=20), penalty(basisType="Nights", nights=1)], 12_900),
        (
            [penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T12:00:00"})],
            38_700,
        ),
        ([penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T12:00:01"})], 0),
        (
            [penalty(basisType="FullAmount", effective=None, deadline={"absoluteDeadline": "2026-11-24T11:00:00Z"})],
            38_700,
        ),
    ],
)
def test_each_penalty_has_its_amount(
    bench: Bench, edited: Callable[..., None], policies: list[Any], cents: int
) -> None:
    """Fixed, by percent or by night: the dearest penalty in force now is the fee, at the hotel's own time."""
    told = booked(bench)
    edited("/policies", lambda _: {"cancellationPolicies": policies})

    assert bench.pms.cancellation_fee(told) == Money(cents=cents, currency="EUR")


@pytest.mark.parametrize(
    "policies",
    [
        [penalty()],
        [penalty(basisType="FlatAmount")],
        [penalty(basisType="Percentage")],
        [penalty(basisType="Nights")],
        [penalty(basisType="FullAmount", effective=None)],
        [penalty(basisType="FlatAmount", amount=50, currencyCode="CHF")],
        [penalty(basisType="FlatAmount", amount=10), penalty()],
    ],
)
def test_a_penalty_that_is_not_told_is_a_humans(bench: Bench, edited: Callable[..., None], policies: list[Any]) -> None:
    """Where OPERA does not say what cancelling costs, no fee is made up and nothing is cancelled."""
    told = booked(bench)
    edited("/policies", lambda _: {"cancellationPolicies": policies})

    with pytest.raises(NotPossible):
        bench.pms.cancellation_fee(told)
    with pytest.raises(NotPossible):
        bench.pms.cancel(told.code, Money(cents=0, currency="EUR"))
    assert len(bench.house.standing) == 1


def test_a_cancellation_gives_a_reason(bench: Bench, opera: OracleOhipStandIn) -> None:
    """OPERA takes no cancellation without a reason of the hotel's list and words for it."""
    told = booked(bench)

    bench.pms.cancel(told.code, bench.pms.cancellation_fee(told))

    (sent,) = asked(opera, "POST", "/cancellations")
    assert sent["reason"]["code"] == "GUEST"
    assert sent["reason"]["description"]
    assert "verificationOnly" not in sent


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


def test_the_hotel_is_described_with_its_clock_and_currency(bench: Bench) -> None:
    """What OPERA knows of the hotel is there to compare the hotel's file with."""
    found = bench.pms.describe()

    assert (found.title, found.currency, found.timezone) == ("Hotel Aurora", "EUR", "Europe/Berlin")
    assert found.rooms == {"SGLS": "Single room", "DBLS": "Double room", "JRST": "Suite"}
    assert found.rates == {"FLEX": "Flexible", "SAVER": "Saver"}
    assert set(found.extras) == {"BKFST"}


def test_a_full_night_hides_no_room_from_the_description(bench: Bench, opera: OracleOhipStandIn) -> None:
    """A room that is sold out on the night asked for is found on another, which is asked for only then."""
    bench.pms.describe()
    asked_once = len(opera.seen)
    bench.house.fill("suite", night=date(2027, 1, 23))

    assert "JRST" in bench.pms.describe().rooms
    assert (asked_once, len(opera.seen) - asked_once) == (2, 2)


@pytest.mark.parametrize("end", ["/availability", "/reservations", "/policies"])
def test_what_opera_does_not_know_is_not_none(bench: Bench, edited: Callable[..., None], end: str) -> None:
    """A path that OPERA lacks is a fault: neither a full house, nor an unknown guest, nor a free cancellation."""
    told = booked(bench)
    edited(end, lambda _: UNKNOWN, status=404, instead=True)
    questions: dict[str, Callable[[], object]] = {
        "/availability": lambda: bench.pms.offers(STAY),
        "/reservations": lambda: bench.pms.reservation(told.code),
        "/policies": lambda: bench.pms.cancellation_fee(told),
    }

    with pytest.raises(Unreachable):
        questions[end]()


OTHERWISE: Final[list[Any]] = [
    {"hotelAvailability": [{"roomStays": [{"roomRates": [{"total": 5}]}]}]},
    {"hotelAvailability": {}},
    [],
    "closed",
    5,
]


@pytest.mark.parametrize("body", OTHERWISE)
def test_an_answer_of_another_shape_is_no_offer(bench: Bench, edited: Callable[..., None], body: Any) -> None:
    """What is not as Oracle documents it is a fault of the system, never a price."""
    edited("/availability", lambda _: body)

    with pytest.raises(Unreachable):
        bench.pms.offers(STAY)


def test_an_offer_of_another_hotels_room_is_sold_out(bench: Bench) -> None:
    """An offer that names no rate of the hotel's cannot be booked."""
    offer = bench.offered()
    made_up = Offer.model_validate({**offer.model_dump(), "rate_plan": "staff"})

    with pytest.raises(SoldOut):
        bench.pms.book(replace(bench.order(), offer=made_up))


def test_a_stay_of_thirty_nights_is_one_question(bench: Bench, opera: OracleOhipStandIn) -> None:
    """The longest stay by phone is inside the ninety days that OPERA answers at once."""
    stay = Stay(arrival=STAY.arrival, departure=STAY.arrival + timedelta(days=30), adults=2)

    assert bench.pms.offers(stay)
    assert len([seen for seen in opera.seen if seen.path.endswith("/availability")]) == 1
