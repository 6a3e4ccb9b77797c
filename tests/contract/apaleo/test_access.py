"""Who we are to Apaleo: the hotel's file, its app, its tokens and limits, and the hotel as Apaleo describes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from lambdas.shared.domain.errors import HotelFileError, Unreachable
from lambdas.shared.pms import CONNECTORS, Capability
from tests.contract.apaleo.scenes import BOOKINGS, OFFERS, connected
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import STAY, Bench

pytestmark = pytest.mark.contract


def test_it_says_what_it_can(bench: Bench) -> None:
    """Everything can be changed and cancelled by phone, and an order that was sent twice is one booking."""
    assert bench.pms.capabilities == set(Capability)


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
