"""What the agent makes of the Lambdas' answers: facts, or one of the domain's errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import httpx
import pytest
from botocore.session import Session

from agent import hotel
from agent.hotel import EPOCH_HEADER, HotelClient, NewPrice, SigV4, Unheard
from agent.trace import Traces
from lambdas.pms.models import (
    BookRequest,
    CancelRequest,
    ChangeRequest,
    HeldOffer,
    NoteRequest,
    OffersRequest,
    VerificationRequest,
)
from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    LeaseHeld,
    NotFound,
    OfferExpired,
    Refused,
    SoldOut,
    StaleEpoch,
    TriesOver,
    Unreachable,
)
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState, Stay
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

    assert raised.value.code == error.code


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


# Reservations.

STAY = Stay(arrival=date(2027, 3, 15), departure=date(2027, 3, 17), adults=2)
TOTAL = Money(cents=25_800, currency="EUR")
BOOKED = Reservation(
    code="AB7K2Q", stay=STAY, room_type="double", room="double room", guest=Guest(name="Anna Meier"), total=TOTAL
)
BOOK = BookRequest(wish_id="wish0000001", guest=Guest(name="Anna Meier"), callback="+491713920055")
BOOKED_ANSWER = httpx.Response(200, content=b'{"reservation": %s}' % BOOKED.model_dump_json().encode())
SAID = VerificationRequest(surname="Meier", arrival=STAY.arrival, departure=STAY.departure)
UNTOUCHED = fault(503, "unreachable")
BUSY_ANSWERS = [httpx.ConnectError("refused"), fault(503, "unreachable"), httpx.Response(403), fault(429)]
LOST_ANSWERS = [
    httpx.ReadTimeout("slow"),
    httpx.RemoteProtocolError("cut off"),
    fault(500),
    httpx.Response(502),
    fault(503, "unrecorded"),
    httpx.Response(503, json={"message": "Service Unavailable"}),
    httpx.Response(504),
    httpx.Response(200, content=b"<html>"),
]


async def test_a_reservation_is_found_by_what_the_guest_said(client_of: Callable[[Gateway], HotelClient]) -> None:
    """Surname and days go to the function, which judges them; the reservation comes back."""
    gateway = Gateway(BOOKED_ANSWER)

    found = await client_of(gateway).verify(SAID)

    assert found.reservation == BOOKED
    assert gateway.asked[0].url.path.endswith("/verification")
    assert json.loads(gateway.asked[0].content)["departure"] == "2027-03-17"


async def test_too_many_tries_are_told(client_of: Callable[[Gateway], HotelClient]) -> None:
    """A guest who may not try again hears so."""
    with pytest.raises(TriesOver):
        await client_of(Gateway(fault(409, "tries_over"))).verify(SAID)


async def test_reservations_are_read_by_code_and_together(client_of: Callable[[Gateway], HotelClient]) -> None:
    """A code with a slash or a space is one part of the path."""
    gateway = Gateway(BOOKED_ANSWER)
    everything = Gateway(httpx.Response(200, content=b'{"reservations": [%s]}' % BOOKED.model_dump_json().encode()))

    one = await client_of(gateway).reservation("AB/7 K2")
    all_of_them = await client_of(everything).reservations()

    assert one.reservation == BOOKED
    assert all_of_them.reservations == (BOOKED,)
    assert gateway.asked[0].url.raw_path.endswith(b"/reservations/AB%2F7%20K2")
    assert everything.asked[0].method == "GET"


async def test_writes_name_their_wish(client_of: Callable[[Gateway], HotelClient]) -> None:
    """A change has its wish in the body, a cancellation in the query, a note its own id."""
    changes, notes = Gateway(BOOKED_ANSWER), Gateway(httpx.Response(200, json={"state": "added"}))
    cancelled = BOOKED.model_copy(update={"state": ReservationState.CANCELLED})
    answer = b'{"reservation": %s, "fee": {"cents": 0, "currency": "EUR"}}' % cancelled.model_dump_json().encode()
    cancels = Gateway(httpx.Response(200, content=answer))

    changed = await client_of(changes).change("AB7K2Q", ChangeRequest(wish_id="wish0000002"))
    gone = await client_of(cancels).cancel("AB7K2Q", "wish0000003", CancelRequest(callback="+491713920055"))
    noted = await client_of(notes).add_note("AB7K2Q", NoteRequest(id="n1", text="A late arrival."))

    assert changed.reservation == BOOKED
    assert (gone.reservation.state, gone.fee.cents) == ("cancelled", 0)
    assert noted.state == "added"
    assert [gateway.asked[0].method for gateway in (changes, cancels, notes)] == ["PUT", "DELETE", "POST"]
    assert cancels.asked[0].url.query == b"wish_id=wish0000003"
    assert json.loads(cancels.asked[0].content) == {"callback": "+491713920055"}


@pytest.mark.parametrize("answer", BUSY_ANSWERS)
async def test_a_write_that_reached_nobody_is_known_not_to_be_done(
    client_of: Callable[[Gateway], HotelClient], answer: httpx.Response | Exception
) -> None:
    """Nobody was there, nobody let us in, or the function says that nothing was done: the guest may try again."""
    gateway = Gateway(answer)

    with pytest.raises(Unreachable):
        await client_of(gateway).book(BOOK)

    assert len(gateway.asked) == 2


@pytest.mark.parametrize("then", [None, UNTOUCHED])
@pytest.mark.parametrize("answer", LOST_ANSWERS)
async def test_a_write_whose_answer_is_lost_is_in_doubt(
    client_of: Callable[[Gateway], HotelClient], answer: httpx.Response | Exception, then: httpx.Response | None
) -> None:
    """It is asked for once more under the same wish; who is not found then may have been there before."""
    gateway = Gateway(answer, then or answer)

    with pytest.raises(Unheard) as raised:
        await client_of(gateway).book(BOOK)

    assert raised.value.code == "in_doubt"
    assert [json.loads(request.content)["wish_id"] for request in gateway.asked] == ["wish0000001"] * 2


async def test_a_lost_answer_is_had_by_asking_again(client_of: Callable[[Gateway], HotelClient]) -> None:
    """The same wish answers the same reservation."""
    gateway = Gateway(httpx.ReadTimeout("slow"), BOOKED_ANSWER)

    booked = await client_of(gateway).book(BOOK)

    assert booked.reservation.code == "AB7K2Q"


async def test_a_write_is_waited_for_as_long_as_it_may_take_and_no_longer(
    client_of: Callable[[Gateway], HotelClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the time is over there is no second try, and the guest is not left in silence."""
    monkeypatch.setattr(hotel, "WRITING", 0.05)
    gateway = Gateway(BOOKED_ANSWER)
    client = client_of(gateway)

    async def never(request: httpx.Request) -> httpx.Response:
        gateway.asked.append(request)
        return await asyncio.Future()

    client._http._transport = httpx.MockTransport(never)

    with pytest.raises(Unheard):
        await client.book(BOOK)

    assert len(gateway.asked) == 1
    assert gateway.asked[0].extensions["timeout"]["read"] == 0.05


@pytest.mark.parametrize("offered", [True, False])
async def test_a_price_that_changed_comes_with_the_new_one(
    client_of: Callable[[Gateway], HotelClient], *, offered: bool
) -> None:
    """The new price is held already, where there is one; a body that is odd has none."""
    offer = HeldOffer(
        wish_id="wish0000009",
        stay=STAY,
        room_type="double",
        room="double room",
        nights=2,
        total=Money(cents=27_800, currency="EUR"),
        expires_at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC),
    )
    told = offer.model_dump(mode="json", exclude_none=True) if offered else {"wish_id": 1}
    error = {"code": "price_changed", "message": "…", "offer": told}

    with pytest.raises(NewPrice) as raised:
        await client_of(Gateway(httpx.Response(409, json={"error": error}))).book(BOOK)

    assert raised.value.offer == (offer if offered else None)
