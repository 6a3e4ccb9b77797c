"""Who asks OPERA, with what, and what is known of the hotel before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from lambdas.shared.domain.errors import HotelFileError, Unreachable
from lambdas.shared.pms import Capability
from tests.contract.oracle_ohip.talk import UNKNOWN, booked, connected
from tests.contract.vendors.benches import STAY, Bench
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn
from tests.contract.vendors.oracle_ohip_told import HOTEL

pytestmark = pytest.mark.contract


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
