"""What is only Mews' of who asks: tokens in every body, files that do not suffice, limits."""

from __future__ import annotations

from typing import Any

import pytest

from lambdas.shared.domain.errors import HotelFileError, Unreachable
from lambdas.shared.pms import CONNECTORS, Capability
from tests.contract.mews.scenes import GET_ALL, asked, booked, connected
from tests.contract.vendors.benches import ANNA, STAY, Bench
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import SERVICE, id_of

pytestmark = pytest.mark.contract


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


def test_another_enterprises_tokens_tell_nothing(bench: Bench, mews: MewsStandIn) -> None:
    """Tokens in the wrong hotel's secret do not tell one hotel's guests to another's."""
    code = bench.keeper.walk_in("double", STAY, ANNA)
    pms = connected(bench, property=id_of("enterprise", 2))

    with pytest.raises(Unreachable):
        pms.offers(STAY)
    assert pms.reservation(code) is None
    assert pms.search("Meier", STAY.arrival) == []
    assert {tuple(body["EnterpriseIds"]) for body in asked(mews, GET_ALL)} == {(id_of("enterprise", 2),)}
