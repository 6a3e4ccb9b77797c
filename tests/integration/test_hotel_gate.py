"""What all functions together ask of one hotel's system: so much a minute, and little while it fails."""

from __future__ import annotations

from dataclasses import dataclass, field

import httpx
import pytest

from lambdas.shared.domain.errors import InDoubt, Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.pms import Parts
from lambdas.shared.pms.credentials import NoAuth
from lambdas.shared.pms.vendor_http import VendorHttp
from tests.integration.stores import HOTELS, Tables

pytestmark = pytest.mark.integration

URL = "https://vendor.example.com"


@dataclass
class Vendor:
    """Answers with its status, and counts."""

    status: int = 200
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        return httpx.Response(self.status, json={})


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


def line(tables: Tables, vendor: Vendor, *, name: str = "aurora", per_minute: int = 100) -> VendorHttp:
    """A hotel's line as another function has it."""
    aurora = HOTELS.by_name["aurora"]
    system = aurora.pms.model_copy(update={"requests_per_minute": per_minute})
    hotel: Hotel = aurora.model_copy(update={"name": name, "pms": system})
    http = httpx.Client(transport=httpx.MockTransport(vendor))
    parts = Parts(
        client=tables.client,
        calls_table=tables.calls_table,
        leases_table=tables.leases_table,
        secret=lambda *_: {},
        http=lambda: http,
        now=tables.clock,
        sleep=lambda _: None,
    )
    return parts.line(hotel, URL, NoAuth())


def vendor_code(line: VendorHttp) -> str | None:
    with pytest.raises(Unreachable) as caught:
        line.read("it", "GET", "/read")
    return caught.value.vendor_code


def test_a_system_that_fails_is_left_alone(tables: Tables, vendor: Vendor) -> None:
    """Five failures of any functions, and no function asks; another hotel's system is not concerned."""
    vendor.status = 503
    assert vendor_code(line(tables, vendor)) == "503"
    assert vendor_code(line(tables, vendor)) == "breaker"
    assert len(vendor.asked) == 5

    assert vendor_code(line(tables, vendor)) == "breaker"
    with pytest.raises(Unreachable):
        line(tables, vendor).write("it", "POST", "/write")
    assert len(vendor.asked) == 5

    vendor.status = 200
    assert line(tables, vendor, name="boreal").read("it", "GET", "/read").ok


def test_the_log_says_which_hotels_system_fails(
    tables: Tables, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    """One line a time, with the hotel's name and nobody else's."""
    vendor.status = 503
    for _ in range(2):
        vendor_code(line(tables, vendor))

    (told,) = [record for record in caplog.records if record.name == "pms"]
    assert (told.levelname, told.getMessage()) == ("WARNING", "booking system fails and is left alone")
    assert vars(told)["hotel"] == "aurora"


def test_a_system_that_is_well_again_is_asked_again(tables: Tables, vendor: Vendor) -> None:
    """After fifteen seconds one request finds out, and its success lets everybody in."""
    vendor.status = 500
    for _ in range(5):
        with pytest.raises(InDoubt):
            line(tables, vendor).write("it", "POST", "/write")
    vendor.status = 200
    tables.clock.forward(14.9)
    assert vendor_code(line(tables, vendor)) == "breaker"

    tables.clock.forward(0.1)

    assert line(tables, vendor).read("it", "GET", "/read").ok
    assert line(tables, vendor).write("it", "POST", "/write").ok
    assert vendor.asked == ["/write"] * 5 + ["/read", "/write"]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
def test_a_refusal_is_no_failure(tables: Tables, vendor: Vendor, status: int) -> None:
    """However often a vendor says no, it is well."""
    vendor.status = status
    for _ in range(7):
        assert line(tables, vendor).write("it", "POST", "/write").status == status


def test_a_hotels_requests_have_an_end(tables: Tables, vendor: Vendor) -> None:
    """What is over the file's requests_per_minute is not sent, until the next minute."""
    for _ in range(3):
        assert line(tables, vendor, per_minute=3).read("it", "GET", "/read").ok
    assert vendor_code(line(tables, vendor, per_minute=3)) == "budget"
    assert len(vendor.asked) == 3

    tables.clock.forward(60)

    assert line(tables, vendor, per_minute=3).read("it", "GET", "/read").ok
