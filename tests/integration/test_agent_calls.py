"""The agent and the functions, each as it is, with the gateway between them and no room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.session import Session

from agent.hotel import EPOCH_HEADER, HotelClient, SigV4
from agent.lifecycle import take_lease
from agent.trace import Traces
from lambdas import endpoints
from lambdas.calls.routes import build_app as build_calls
from lambdas.calls.service import Told
from lambdas.pms.models import ChangeRequest, NoteRequest, OffersRequest, VerificationRequest
from lambdas.pms.notes import DynamoNotes
from lambdas.pms.routes import build_app as build_pms
from lambdas.pms.service import Bookings
from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.errors import LeaseHeld, NotVerified, Unreachable
from lambdas.shared.domain.hotel import DemoRoom
from lambdas.shared.domain.stay import Guest, Stay
from lambdas.shared.http import Handler
from lambdas.shared.pms import Order, Parts, open_pms
from lambdas.shared.pms.demo import DemoPms
from lambdas.tts_router.routes import build_app as build_router
from lambdas.tts_router.service import Router
from local.gateway import Fault, Gateway, GatewayTransport
from local.sigv4 import SignatureCheck
from tests.agent import CALL_ID, GUEST_NUMBER, Use, phone
from tests.integration.stores import HOTELS, Tables
from tests.memory import MemoryMeasure

pytestmark = pytest.mark.integration

REGION = "eu-central-1"


def handler(app: Any) -> Handler:
    def handle(event: Mapping[str, Any], context: LambdaContext) -> dict[str, Any]:
        answer: dict[str, Any] = app.resolve(event, context)
        return answer

    return handle


@pytest.fixture
def gateway(tables: Tables) -> Gateway:
    """All functions the agent asks, on tables of their own; the clock runs."""
    calls = tables.other_calls
    tables.clock.now = datetime.now(UTC)
    parts = Parts(
        client=tables.client,
        calls_table=tables.calls_table,
        leases_table=tables.leases_table,
        secret=lambda _hotel, _fresh: {},
    )
    bookings = Bookings(
        hotels=HOTELS,
        calls=calls,
        leases=tables.leases,
        wishes=tables.other_wishes,
        verified=DynamoVerifiedCodes(calls),
        notes=DynamoNotes(calls),
        pms=open_pms(HOTELS, parts),
    )
    return Gateway(
        {
            "calls": handler(build_calls(Told(calls, MemoryMeasure()), tables.leases, legacy_token=lambda: "token")),
            "pms": handler(build_pms(bookings)),
            "tts_router": handler(build_router(Router(HOTELS, ("http",)))),
        },
        SignatureCheck("LOCALACCESSKEY", "local-secret-key", REGION),
    )


@pytest.fixture
async def client(gateway: Gateway, tables: Tables) -> AsyncIterator[HotelClient]:
    """The client of a call that LiveKit has reported."""
    tables.other_calls.apply(
        Event(call_id=CALL_ID, source=Source.LIVEKIT, id="EV_1", kind=Kind.ROOM_STARTED, at=datetime.now(UTC))
    )
    session = Session()
    session.set_credentials("LOCALACCESSKEY", "local-secret-key")
    async with httpx.AsyncClient(
        base_url="http://127.0.0.1:8800", auth=SigV4(REGION, session), transport=GatewayTransport(gateway)
    ) as http:
        yield HotelClient(http, hotel="aurora", call_id=CALL_ID, traces=Traces())


async def test_a_spoken_wish_becomes_a_booked_room_in_the_hotels_system(client: HotelClient, tables: Tables) -> None:
    """From the lease to the end, the record and the hotel's own table say what the guest agreed to."""
    arrival = (datetime.now(UTC) + timedelta(days=30)).date()
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2)), "adults": 2, "children": 0}
    moves = (
        Use("check_availability", {**stay, "room": "double room"}),
        "258 euros.",
        Use("book_stay", {"room": "double room", "guest_name": "Peter Miller"}),
        "It is booked, Peter Miller.",
        Use("end_call"),
    )
    client.epoch = await take_lease(client, "job-1")
    async with phone(*moves, reception=client) as phoned:
        await phoned.call.say("greeting")
        for words in ("A double room, please.", "Yes, my name is Peter Miller.", "Goodbye."):
            await phoned.hear(words)
        await phoned.call.over.wait()
        await phoned.settle()

    call = tables.other_calls.call(CALL_ID)
    assert (call.state, call.outcome, call.reason, call.epoch) == ("ended", "booked", "goodbye", 1)
    (stored,) = (item for item in tables.partition("PMS#aurora").values() if item["sk"].startswith("STAY#"))
    assert stored["guest"]["name"] == "Peter Miller"
    turns = tables.other_calls.turns(CALL_ID)
    assert [turn["number"] for turn in turns] == [1, 2, 3, 4]
    assert turns[2]["agent"] == "It is booked, [name]."
    assert "Miller" not in str(turns)


async def test_a_caller_finds_and_cancels_what_was_booked_before(client: HotelClient, tables: Tables) -> None:
    """Verified by name and days, told the fee, and cancelled in the hotel's own table; the record says so."""
    stay, code = booked_before(tables)
    days = {"arrival": str(stay.arrival), "departure": str(stay.departure)}
    moves = (
        Use("find_reservation", {"surname": "Miller", "code": None, **days}),
        "I have found it.",
        Use("ask_cancellation_fee"),
        "It costs nothing.",
        Use("cancel_stay"),
        "It is cancelled.",
        Use("end_call"),
    )
    client.epoch = await take_lease(client, "job-1")
    async with phone(*moves, reception=client) as phoned:
        for words in ("Peter Miller.", "What does it cost to cancel?", "Then cancel it, please."):
            await phoned.hear(words)
        told = phoned.model.tool_answer
        await phoned.hear("Goodbye.")
        await phoned.call.over.wait()
        await phoned.settle()

    assert (told["cancelled"], told["code"], told["fee"]) == (True, code, "0.00 EUR")
    assert tables.partition("PMS#aurora")[f"STAY#{code}"]["state"] == "cancelled"
    assert tables.other_calls.call(CALL_ID).outcome == "cancelled"
    assert "Miller" not in str(tables.other_calls.turns(CALL_ID))


async def test_a_caller_who_guesses_hears_nothing_and_may_not_go_on(client: HotelClient, tables: Tables) -> None:
    """Three wrong names for days that exist, then the right one: the call has no tries left."""
    stay, _ = booked_before(tables)
    days = {"arrival": str(stay.arrival), "departure": str(stay.departure)}
    names = ("Smith", "Jones", "Brown", "Miller")
    moves = [move for name in names for move in (Use("find_reservation", {"surname": name, **days}), "Sorry.")]
    client.epoch = await take_lease(client, "job-1")
    answers = []
    async with phone(*moves, reception=client) as phoned:
        for _ in names:
            await phoned.hear("Is there a reservation?")
            answers.append(phoned.model.tool_answer)

    assert [answer["error"] for answer in answers] == ["not_verified", "not_verified", "tries_over", "tries_over"]
    assert all(set(answer) == {"error", "say"} for answer in answers)


async def test_a_price_that_changed_is_offered_to_the_guest_anew(
    client: HotelClient, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new price comes with the refusal, is said, and is booked when the guest agrees to it."""
    arrival = (datetime.now(UTC) + timedelta(days=30)).date()
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2)), "adults": 2, "children": 0}
    book = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller"})
    offer = Use("check_availability", {**stay, "room": "double room"})
    client.epoch = await take_lease(client, "job-1")
    async with phone(offer, "258 euros.", book, "278 euros by now.", book, "Booked.", reception=client) as phoned:
        await phoned.hear("A double room, please.")
        dearer = DemoRoom(rooms=6, night_cents=13_900)
        monkeypatch.setitem(cast("dict[str, DemoRoom]", HOTELS.by_name["aurora"].pms.demo), "double", dearer)
        await phoned.hear("Yes, Peter Miller.")
        told = phoned.model.tool_answer
        await phoned.hear("Yes, all the same.")
        booked = phoned.model.tool_answer

    assert (told["error"], told["offers"][0]["total"]) == ("price_changed", "278.00 EUR")
    assert (booked["booked"], booked["total"]) == (True, "278.00 EUR")


async def test_what_the_client_can_do_with_a_reservation_the_functions_can(client: HotelClient, tables: Tables) -> None:
    """Look-up, change, note and list of a verified reservation, each by its own route."""
    stay, code = booked_before(tables)
    client.epoch = await take_lease(client, "job-1")
    await client.verify(VerificationRequest(surname="Miller", code=code))
    longer = stay.model_copy(update={"departure": stay.departure + timedelta(days=1)})

    (offer,) = (await client.offers(OffersRequest(kind="change", code=code, stay=longer))).offers
    changed = await client.change(code, ChangeRequest(wish_id=offer.wish_id, callback=GUEST_NUMBER))
    noted = await client.add_note(code, NoteRequest(id="late", text="Arrives late."))
    one, every = await client.reservation(code), await client.reservations()

    assert changed.reservation.stay == longer
    assert noted.state == "added"
    assert every.reservations == (one.reservation,)
    assert one.reservation.total == offer.total
    with pytest.raises(NotVerified):
        await client.reservation("SOMEBODYELSES")


def booked_before(tables: Tables) -> tuple[Stay, str]:
    """A double room of Peter Miller's in a month, and its code."""
    pms = DemoPms(HOTELS.by_name["aurora"], client=tables.client, table=tables.calls_table)
    arrival = (datetime.now(UTC) + timedelta(days=30)).date()
    stay = Stay(arrival=arrival, departure=arrival + timedelta(days=2), adults=2)
    (offer,) = pms.offers(stay, "double")
    return stay, pms.book(Order("before000001", offer, Guest(name="Peter Miller"))).code


async def test_a_message_is_left_for_the_front_desk(client: HotelClient, tables: Tables) -> None:
    """The call's outcome is the message, and the number is kept with it alone."""
    move = Use("take_message", {"message": "Please call about a wedding.", "guest_name": "Peter Miller"})
    client.epoch = await take_lease(client, "job-1")
    async with phone(move, "They will call you.", Use("end_call"), reception=client) as phoned:
        await phoned.hear("I want to talk to a human.")
        await phoned.hear("Goodbye.")
        await phoned.call.over.wait()
        await phoned.settle()

    (follow_up,) = (item for key, item in tables.partition("HOTEL#aurora").items() if key.startswith("FOLLOWUP#"))
    assert follow_up["callback"] == GUEST_NUMBER
    assert tables.other_calls.call(CALL_ID).outcome == "message_taken"
    assert GUEST_NUMBER not in str(tables.stored(CALL_ID))


async def test_a_call_without_a_gateway_is_failed_in_the_record_when_the_gateway_is_back(
    client: HotelClient, gateway: Gateway, tables: Tables
) -> None:
    """An agent that got no lease reports under epoch 0, and its reports are taken."""
    gateway.set_faults({"calls": Fault(status=500)})
    with pytest.raises(Unreachable):
        await take_lease(client, "job-1", within=0.1, every=0.02)

    async with phone(reception=client) as phoned:
        phoned.call.epoch = 0
        phoned.call.fail("no_lease")  # type: ignore[arg-type]
        await phoned.call.over.wait()
        gateway.set_faults({})
        await phoned.settle()

    call = tables.other_calls.call(CALL_ID)
    assert (call.state, call.outcome, call.reason) == ("ended", "failed", "no_lease")


async def test_a_second_agent_gets_no_lease_of_a_call_that_is_held(client: HotelClient) -> None:
    """One guest talks to one agent."""
    await take_lease(client, "job-1")

    with pytest.raises(LeaseHeld):
        await take_lease(client, "job-2", within=0.5, every=0.1)


async def test_the_router_and_the_hotel_answer_the_agent(client: HotelClient) -> None:
    """Plan and facts are what the hotel's file says."""
    plan, facts = await client.plan("en"), await client.facts()

    assert plan.choices[0].engine == "http"
    assert facts.title == "Hotel Aurora"
    assert "breakfast" in facts.knowledge


def test_the_epoch_travels_in_the_header_the_functions_read() -> None:
    """Both sides name it the same."""
    assert EPOCH_HEADER == endpoints.EPOCH_HEADER
