"""What the agent makes of the Lambdas' answers: facts, or one of the domain's errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

import httpx
import pytest
from botocore.session import Session

from agent.hotel import EPOCH_HEADER, HotelClient, SigV4
from agent.trace import Traces
from lambdas.pms.models import OffersRequest
from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    LeaseHeld,
    NotFound,
    OfferExpired,
    Refused,
    SoldOut,
    StaleEpoch,
    Unreachable,
)
from lambdas.shared.domain.stay import Stay
from tests.agent import CALL_ID

pytestmark = pytest.mark.unit

REQUEST = OffersRequest(stay=Stay(arrival=date(2027, 3, 15), departure=date(2027, 3, 17), adults=2))


class Gateway:
    """Gives its answers one after the other, the last one again and again; keeps what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, content=answer.content)


@pytest.fixture
def client_of() -> Callable[[Gateway], HotelClient]:
    """Builds the client of a call over a gateway."""

    def build(gateway: Gateway) -> HotelClient:
        session = Session()
        session.set_credentials("LOCALACCESSKEY", "secret")
        http = httpx.AsyncClient(
            base_url="http://api.test", auth=SigV4("eu-central-1", session), transport=httpx.MockTransport(gateway)
        )
        return HotelClient(http, hotel="aurora", call_id=CALL_ID, traces=Traces())

    return build


def fault(status: int, code: str = "internal") -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "…"}})


EMPTY = httpx.Response(200, json={"offers": []})


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (fault(409, "sold_out"), SoldOut),
        (fault(409, "offer_expired"), OfferExpired),
        (fault(409, "stale_epoch"), StaleEpoch),
        (fault(409, "lease_held"), LeaseHeld),
        (fault(409, "in_doubt"), InDoubt),
        (fault(409, "something_new"), Refused),
        (fault(400, "invalid"), Refused),
        (fault(404, "not_found"), NotFound),
        (fault(401), Unreachable),
        (httpx.Response(403, json={"message": "Forbidden"}), Unreachable),
        (fault(429), Unreachable),
        (fault(500), Unreachable),
        (fault(503, "unreachable"), Unreachable),
        (httpx.Response(200, content=b"<html>"), Unreachable),
        (httpx.Response(200, json={"rooms": 3}), Unreachable),
        (httpx.Response(418, content=b"\xff"), Refused),
        (httpx.ConnectError("refused"), Unreachable),
        (httpx.ReadTimeout("slow"), Unreachable),
    ],
)
async def test_an_answer_that_is_none_is_one_of_the_domains_errors(
    client_of: Callable[[Gateway], HotelClient], answer: httpx.Response | Exception, error: type[BellhopError]
) -> None:
    """Whatever comes back, a tool knows what to say about it."""
    client = client_of(Gateway(answer))

    with pytest.raises(error) as raised:
        await client.offers(REQUEST)

    assert type(raised.value) is error


async def test_a_stumble_is_retried_once(client_of: Callable[[Gateway], HotelClient]) -> None:
    """One fault costs a guest a moment; two are told."""
    gateway = Gateway(fault(500), EMPTY)

    offers = await client_of(gateway).offers(REQUEST)

    assert offers.offers == ()
    assert len(gateway.asked) == 2


async def test_a_refusal_is_not_retried(client_of: Callable[[Gateway], HotelClient]) -> None:
    """A no is a no."""
    gateway = Gateway(fault(409, "sold_out"), EMPTY)

    with pytest.raises(SoldOut):
        await client_of(gateway).offers(REQUEST)

    assert len(gateway.asked) == 1


async def test_every_request_is_signed_and_carries_epoch_and_trace(client_of: Callable[[Gateway], HotelClient]) -> None:
    """The gateway knows who asks, the function under which lease, and the turn it belongs to."""
    gateway = Gateway(EMPTY)
    client = client_of(gateway)
    client.epoch = 7

    await client.offers(REQUEST)

    (request,) = gateway.asked
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=LOCALACCESSKEY/")
    assert request.headers[EPOCH_HEADER] == "7"
    assert request.headers["traceparent"].startswith("00-")
    assert json.loads(request.content)["stay"]["arrival"] == "2027-03-15"


async def test_a_calls_id_is_encoded_in_the_path(client_of: Callable[[Gateway], HotelClient]) -> None:
    """The plus of a number is a plus, not a space."""
    gateway = Gateway(EMPTY)

    await client_of(gateway).offers(REQUEST)

    assert gateway.asked[0].url.raw_path == (b"/v1/hotels/aurora/calls/call_%2B493023125001_AbCdEf123456/offers")


async def test_what_goes_wrong_says_no_more_than_where(client_of: Callable[[Gateway], HotelClient]) -> None:
    """An error that is logged holds neither the call's number nor what was sent."""
    with pytest.raises(Unreachable) as raised:
        await client_of(Gateway(fault(500))).offers(REQUEST)

    assert str(raised.value) == "POST hotels: 500"
