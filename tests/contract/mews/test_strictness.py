"""The stand-in refuses what Mews refuses: what a body lacks, says too much, or says otherwise than documented."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest

from tests.contract.mews.scenes import ADD, GET_ALL
from tests.contract.vendors.benches import ANNA, STAY, Bench, Workshop
from tests.contract.vendors.mews import MewsStandIn
from tests.contract.vendors.mews_asked import ADULTS, SERVICE, id_of

pytestmark = pytest.mark.contract

Post = Callable[..., httpx.Response]
LIMITATION: Final = {"Count": 10}
STAY_SENT: Final = {
    "StartUtc": "2026-12-30T14:00:00Z",
    "EndUtc": "2027-01-02T11:00:00Z",
    "PersonCounts": [{"AgeCategoryId": ADULTS, "Count": 2}],
    "RequestedCategoryId": id_of("room", "double"),
    "RateId": id_of("rate", "flexible"),
}
UNITS: Final = {"FirstTimeUnitStartUtc": "2026-12-29T23:00:00Z", "LastTimeUnitStartUtc": "2026-12-31T23:00:00Z"}


@pytest.fixture
def post(workshop: Workshop, mews: MewsStandIn) -> Post:
    """Sends a body with our tokens, as far as it does not say others."""

    def send(operation: str, **body: Any) -> httpx.Response:
        who = {
            "ClientToken": mews.secret["client_token"],
            "AccessToken": mews.secret["access_token"],
            "Client": "Test 1.0.0",
        }
        told = {name: value for name, value in {**who, **body}.items() if value is not ...}
        return workshop.http.post(f"{workshop.url}/api/connector/v1/{operation}", json=told)

    return send


def test_what_is_right_is_answered(post: Post) -> None:
    """The bodies that the others here are made of are accepted."""
    assert post(GET_ALL, Limitation=LIMITATION).status_code == 200
    assert post("services/getAvailability", ServiceId=SERVICE, **UNITS).status_code == 200
    assert post("reservations/price", ServiceId=SERVICE, Reservations=[STAY_SENT]).status_code == 200


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        (GET_ALL, {"Limitation": ...}),
        (GET_ALL, {"Limitation": {"Count": 0}}),
        (GET_ALL, {"Limitation": {"Count": 1001}}),
        (GET_ALL, {"Limitation": {"Count": 10, "Cursor": id_of("reservation", 99)}}),
        (GET_ALL, {"Client": ...}),
        (GET_ALL, {"AccessToken": ""}),
        (GET_ALL, {"Colour": "blue"}),
        (GET_ALL, {"ReservationIds": ["52"]}),
        (GET_ALL, {"ReservationIds": []}),
        (GET_ALL, {"Numbers": "52"}),
        (GET_ALL, {"ChannelNumbers": [str(number) for number in range(101)]}),
        (GET_ALL, {"States": ["Booked"]}),
        (GET_ALL, {"ScheduledStartUtc": {"StartUtc": "2026-12-29T23:00:00Z", "EndUtc": "2027-04-29T23:00:00Z"}}),
        (GET_ALL, {"ScheduledStartUtc": {"StartUtc": "2026-12-29T23:00:00+01:00", "EndUtc": "2026-12-30T23:00:00Z"}}),
        ("services/getAvailability", {**UNITS, "ServiceId": id_of("service", 2)}),
        ("services/getAvailability", {**UNITS, "FirstTimeUnitStartUtc": "2026-12-30T00:00:00Z"}),
        ("services/getAvailability", {**UNITS, "LastTimeUnitStartUtc": "2026-12-28T23:00:00Z"}),
        ("services/getAvailability", {**UNITS, "LastTimeUnitStartUtc": "2028-12-29T23:00:00Z"}),
        ("reservations/price", {"Reservations": []}),
        ("reservations/price", {"Reservations": [{**STAY_SENT, "RateId": id_of("rate", "other")}]}),
        ("reservations/price", {"Reservations": [{**STAY_SENT, "RequestedCategoryId": id_of("room", "other")}]}),
        ("reservations/price", {"Reservations": [{**STAY_SENT, "PersonCounts": []}]}),
        ("reservations/price", {"Reservations": [{**STAY_SENT, "Adults": 2}]}),
        (ADD, {"Reservations": [STAY_SENT]}),
        ("customers/getAll", {"Extent": {"Customers": True}}),
        ("customers/add", {"OverwriteExisting": False}),
        ("customers/add", {"LastName": "Meier"}),
        ("orderItems/getAll", {}),
        ("cancellationPolicies/getByReservations", {"Limitation": ...}),
        ("serviceOrderNotes/add", {"Limitation": ..., "ServiceOrderNotes": [{"ServiceOrderId": SERVICE, "Text": "a"}]}),
    ],
)
def test_what_is_wrong_is_refused(post: Post, operation: str, body: dict[str, Any]) -> None:
    """A body that is not as documented is answered with 400, a message and the request's id."""
    paged = operation.endswith(("getAll", GET_ALL)) or operation.startswith("serviceOrderNotes")
    usual = {"Limitation": LIMITATION} if paged else {"ServiceId": SERVICE} if "Reservations" in body else {}

    answer = post(operation, **{**usual, **body})

    assert answer.status_code == 400
    assert answer.json()["Message"].startswith("Invalid ")
    assert answer.json()["RequestId"] == answer.headers["Request-Id"]


@pytest.mark.parametrize("token", ["ClientToken", "AccessToken"])
def test_a_wrong_token_is_refused(post: Post, token: str) -> None:
    """Tokens that Mews did not give, or gave to somebody else, are answered with 401."""
    assert post(GET_ALL, Limitation=LIMITATION, **{token: "ABC"}).status_code == 401


@pytest.mark.parametrize(
    "address", ["reservations/getall/2023-06-06", f"{GET_ALL}/", "reservations/getAll/2023-06-07", "rooms/getAll"]
)
def test_an_address_must_match_exactly(workshop: Workshop, post: Post, address: str) -> None:
    """Another case, a slash at the end or another version is not found; neither is anything but POST."""
    assert post(address, Limitation=LIMITATION).status_code == 404
    assert workshop.http.get(f"{workshop.url}/api/connector/v1/{GET_ALL}").status_code == 404


def test_a_limit_says_when_it_ends(post: Post, mews: MewsStandIn) -> None:
    """The request above the limit is answered with 429 and the seconds until the next one."""
    mews.limit.requests = 1
    post(GET_ALL, Limitation=LIMITATION)

    refused = post(GET_ALL, Limitation=LIMITATION)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "30")


def test_an_address_has_one_profile(post: Post) -> None:
    """A second profile of one e-mail address is refused, unless the first may be overwritten."""
    profile = {"LastName": "Meier", "Email": "anna@example.com"}
    first = post("customers/add", **profile, OverwriteExisting=False).json()

    assert post("customers/add", **profile, OverwriteExisting=False).status_code == 403
    assert post("customers/add", **profile, OverwriteExisting=True).json()["Id"] == first["Id"]


def test_a_reason_is_needed_for_a_new_price(bench: Bench, post: Post) -> None:
    """An update that reprices says why."""
    bench.keeper.walk_in("double", STAY, ANNA)
    id = bench.house.reservations[0].id
    update = {
        "ReservationId": id,
        "ReservationUpdates": [{"ReservationId": id, "RateId": {"Value": STAY_SENT["RateId"]}}],
    }

    assert post("reservations/update", **update).status_code == 403
    assert post("reservations/update", **update, Reason="asked for").status_code == 200
