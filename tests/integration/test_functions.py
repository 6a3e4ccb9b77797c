"""The functions as they are deployed, behind the gateway and over both tables, from a call's first ring to its end."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import boto3
import httpx
import pytest
from moto import mock_aws

from lambdas.calls.settings import CallsSettings
from lambdas.endpoints import Function
from lambdas.livekit_webhook.settings import WebhookSettings
from lambdas.pms.settings import PmsSettings
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.items import encode
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.observability import open_logger
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.tables import call_pk, create_tables, wish_sk
from lambdas.tts_router.settings import TtsRouterSettings
from local.gateway import Gateway, GatewayTransport, load_functions
from local.sigv4 import SignatureCheck
from tests.integration.talk import KEYS, LIVEKIT, NAME, NUMBER, REGION, URL, Cloud, Talk, code_in, refusal_in

pytestmark = pytest.mark.integration

HOTELS = Path(__file__).parents[2] / "hotels"
TOKEN = "earlier-client"
SECRETS = {"livekit": json.dumps(LIVEKIT), "guest-key": "guest-key", "legacy-token": TOKEN}
ENVIRONMENT = {
    **CallsSettings(
        calls_table="calls", leases_table="leases", hotels=HOTELS, legacy_token_secret="legacy-token"
    ).write(),
    **PmsSettings(calls_table="calls", leases_table="leases", hotels=HOTELS, pms_secrets="pms").write(),
    **WebhookSettings(
        calls_table="calls", hotels=HOTELS, livekit_secret="livekit", guest_key_secret="guest-key"
    ).write(),
    **TtsRouterSettings(speech_engines="http", hotels=HOTELS).write(),
    "AWS_DEFAULT_REGION": REGION,
}


@pytest.fixture(scope="module")
def deployed() -> Iterator[Gateway]:
    """The handlers, imported as Lambda imports them: in their environment, once."""
    handlers = [f"lambdas.{function}.handler" for function in get_args(Function)]
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        vault = boto3.client("secretsmanager")
        for name, value in SECRETS.items():
            vault.create_secret(Name=name, SecretString=value)
        yield Gateway(load_functions(), SignatureCheck(KEYS.access_key, KEYS.secret_key, REGION))
        for module in handlers:
            sys.modules.pop(module)


@pytest.fixture
async def cloud(deployed: Gateway) -> AsyncIterator[Cloud]:
    database = boto3.client("dynamodb")
    create_tables(database)
    async with httpx.AsyncClient(transport=GatewayTransport(deployed), base_url=URL) as http:
        cloud = Cloud(http, database)
        for function in get_args(Function):
            open_logger(function).registered_handler.setStream(cloud.log)  # type: ignore[attr-defined]
        yield cloud
    for table in ("calls", "leases"):
        database.delete_table(TableName=table)


async def test_a_call_books_a_room(cloud: Cloud) -> None:
    """From the first ring to the end: the call is booked, its room is in the hotel's system, its number nowhere."""
    talk = await Talk(cloud).begin()
    status, facts = await cloud.agent("GET", "/v1/hotels/aurora")
    assert (status, facts["title"]) == (200, "Hotel Aurora")
    assert facts["can"] == ["cancel", "change_dates", "change_guests", "change_room", "note"]
    assert "+4930" not in json.dumps(facts)
    status, offered = await talk.offers()
    assert (status, offered["offers"][0]["total"]) == (200, {"cents": 25800, "currency": "EUR"})
    code = code_in(await talk.book(offered["offers"][0]["wish_id"]))
    said = {
        "number": 1,
        "at": datetime.now(UTC).isoformat(),
        "language": "en",
        "guest": f"On the name of {NAME}, my number is {NUMBER}.",
        "agent": "Booked.",
        "tools": [{"name": "book_stay", "ms": 20}],
        "latency_ms": {"model": 40},
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    assert await cloud.agent("POST", f"{talk.path}/turns", said, 1) == (200, {"state": "stored"})
    assert await talk.report("ended") == (200, {"state": "ended"})
    assert await cloud.livekit("room_finished", talk.id) == 200

    _, view = await cloud.agent("GET", talk.path)
    assert (view["hotel"], view["call"]["state"], view["call"]["outcome"]) == ("aurora", "ended", "booked")
    assert view["call"]["stays"] == [code]
    assert view["call"]["guest"].startswith("1:")
    assert view["turns"][0]["guest"] == "On the name of [name], my number is [phone]."
    assert [(stay["code"], stay["guest"]["name"]) for stay in cloud.stays()] == [(code, NAME)]
    assert NUMBER[1:] not in json.dumps(cloud.items())


async def test_nothing_personal_is_logged(cloud: Cloud) -> None:
    """Of a whole call no line of a function holds the guest's number or name, and each says which request it is of."""
    talk = await Talk(cloud).begin()
    await talk.book(await talk.wish())
    await talk.book("unknownwish", NAME)
    left = {"id": "f1", "at": datetime.now(UTC).isoformat(), "callback": NUMBER, "guest_name": NAME, "message": "Call."}
    await cloud.agent("POST", f"{talk.path}/follow-ups", left)
    await cloud.agent("POST", f"{talk.path}/follow-ups", {**left, "callback": "0171 3920055"})
    await talk.report("ended")

    lines = cloud.log.getvalue().splitlines()
    assert len(lines) > 5
    assert all({"request_id", "message", "service"} <= json.loads(line).keys() for line in lines)
    assert not [line for line in lines if "3920055" in line or "Meier" in line or "t0p" in line]


async def test_a_wish_is_booked_once_however_often(cloud: Cloud) -> None:
    """The same wish, asked for again and by many at once, is one reservation."""
    talk = await Talk(cloud).begin()
    wish = await talk.wish()

    answers = await asyncio.gather(*(talk.book(wish) for _ in range(5)))
    answers.append(await talk.book(wish))

    assert len({code_in(answer) for answer in answers}) == 1
    assert len(cloud.stays()) == 1


async def test_the_same_stay_asked_anew_is_the_first(cloud: Cloud) -> None:
    """A second wish for the same nights, room and guest finds the first one's reservation."""
    talk = await Talk(cloud).begin()

    first = code_in(await talk.book(await talk.wish()))

    assert code_in(await talk.book(await talk.wish())) == first
    assert len(cloud.stays()) == 1


async def test_an_agent_that_lost_its_call_books_nothing(cloud: Cloud) -> None:
    """Once another agent holds the call, the first may still report, and no longer book."""
    talk = await Talk(cloud).begin()
    wish = await talk.wish()
    later = DynamoLeases(
        leases_table="leases", client=cloud.database, clock=lambda: datetime.now(UTC) + timedelta(minutes=2)
    )
    assert later.take(talk.id, "w2").epoch == 2

    assert refusal_in(await talk.book(wish)) == (409, "stale_epoch")
    assert refusal_in(await talk.offers()) == (409, "stale_epoch")
    assert (await talk.report("held"))[0] == 200
    assert not cloud.stays()
    talk.epoch = 2
    assert code_in(await talk.book(wish))


async def test_the_last_room_is_sold_once(cloud: Cloud) -> None:
    """Two calls are offered the only suite; the second to book it hears that it is gone."""
    first, second = await Talk(cloud).begin(), await Talk(cloud).begin()
    wishes = await first.wish("suite"), await second.wish("suite")

    assert code_in(await first.book(wishes[0]))
    assert refusal_in(await second.book(wishes[1], "Bert Brecht")) == (409, "sold_out")
    assert refusal_in(await second.book(wishes[1], "Bert Brecht")) == (409, "sold_out")
    assert (await second.offers("suite"))[1] == {"offers": []}
    assert len(cloud.stays()) == 1


async def test_a_guest_calls_again_and_cancels(cloud: Cloud) -> None:
    """What one call booked another verifies, changes, adds a note to, hears the fee of, and cancels."""
    first, second = await Talk(cloud).begin(), await Talk(cloud).begin()
    code = code_in(await first.book(await first.wish()))
    await first.report("ended")
    assert refusal_in(await second.reservation(code)) == (409, "not_verified")

    assert code_in(await second.verify(code=f" {code.lower()} ", surname="MEIER")) == code
    arrival = datetime.fromisoformat((await second.reservation(code))[1]["reservation"]["stay"]["arrival"]).date()
    later = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=3)), "adults": 2, "children": 0}
    status, changed = await second.change(code, stay=later)
    assert (status, changed["reservation"]["total"]["cents"]) == (200, 3 * 12900)
    for _ in range(2):
        assert await second.note(code, "1.4", "Arrives late") == (200, {"state": "added"})
    status, offered = await second.cancellation(code)
    (offer,) = offered["offers"]
    assert (status, offer["fee"], offer["total"]["cents"]) == (200, {"cents": 0, "currency": "EUR"}, 38700)
    for _ in range(2):
        status, cancelled = await second.cancel(code, offer["wish_id"])
        assert (status, cancelled["reservation"]["state"], cancelled["fee"]["cents"]) == (200, "cancelled", 0)
    await second.report("ended")

    (stay,) = cloud.stays()
    assert (stay["state"], stay["notes"]) == ("cancelled", ["Arrives late"])
    _, view = await cloud.agent("GET", second.path)
    assert view["call"]["outcome"] == "changed"
    assert code in view["call"]["stays"]


async def test_three_wrong_answers_end_verification(cloud: Cloud) -> None:
    """Each wrong answer is the same, the third is the last, and the right one does not help any more."""
    first, second = await Talk(cloud).begin(), await Talk(cloud).begin()
    code = code_in(await first.book(await first.wish()))

    answers = [await second.verify(code=code, surname="Brecht"), await second.verify(code="ZZZZZZ", surname="Meier")]
    assert answers[0] == answers[1]
    assert refusal_in(answers[0]) == (409, "not_verified")
    assert refusal_in(await second.verify(code=code, surname="Brecht")) == (409, "tries_over")

    assert refusal_in(await second.verify(code=code, surname="Meier")) == (409, "tries_over")
    assert await second.reservations() == (200, {"reservations": []})
    assert len((await first.reservations())[1]["reservations"]) == 1


async def test_a_price_that_changed_travels_with_the_refusal(cloud: Cloud) -> None:
    """The new price is in the error's body, held as a wish that can be booked."""
    talk = await Talk(cloud).begin()
    wish = await talk.wish()
    dearer = {":total": {"cents": 25000, "currency": "EUR"}}
    cloud.database.update_item(
        TableName="calls",
        Key=encode({"pk": call_pk(talk.id), "sk": wish_sk(wish)}),
        UpdateExpression="SET offer.#total = :total",
        ExpressionAttributeNames={"#total": "total"},
        ExpressionAttributeValues=encode(dearer),
    )

    for _ in range(2):
        status, answer = await talk.book(wish)
        assert (status, answer["error"]["code"]) == (409, "price_changed")
        assert answer["error"]["offer"]["total"]["cents"] == 25800
    assert not cloud.stays()

    assert code_in(await talk.book(answer["error"]["offer"]["wish_id"]))


async def test_hostile_strings_are_refused_or_kept_as_they_are(cloud: Cloud) -> None:
    """Names, codes and notes of any kind never break the function."""
    talk = await Talk(cloud).begin()
    code = code_in(await talk.book(await talk.wish()))
    hostile = ["\ud800", "\x00", "' OR 1=1 --", "<script>", "%2e%2e%2f", "🏨" * 20, "a" * 5000, "${jndi:x}", "نص"]

    for number, text in enumerate(hostile):
        _, offered = await talk.offers(days=20 + number)
        wish = offered["offers"][0]["wish_id"]
        answers = [
            await talk.book(wish, text),
            await talk.verify(code=text, surname=text),
            await talk.note(code, "1.9", text),
            await cloud.agent("POST", f"{talk.desk}/offers", {"kind": "cancel", "code": text}, 1),
        ]
        assert {status for status, _ in answers} <= {200, 400, 409}, (text, answers)


async def test_an_offer_runs_out(cloud: Cloud) -> None:
    """A price that is no longer held is refused, and nothing is booked."""
    talk = await Talk(cloud).begin()
    wish = await talk.wish()
    cloud.database.update_item(
        TableName="calls",
        Key=encode({"pk": call_pk(talk.id), "sk": wish_sk(wish)}),
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues=encode({":past": "2026-01-01T00:00:00Z"}),
    )

    assert refusal_in(await talk.book(wish)) == (409, "offer_expired")
    assert not cloud.stays()


async def test_what_cannot_be_booked_says_why(cloud: Cloud) -> None:
    """A past day, a party too large, an unknown room, hotel, call or wish: each has its own code."""
    talk, stranger = await Talk(cloud).begin(), Talk(cloud)

    assert refusal_in(await talk.offers(days=-2)) == (409, "arrival_past")
    assert refusal_in(await talk.offers(adults=3)) == (409, "too_many_guests")
    assert refusal_in(await talk.offers("penthouse")) == (404, "not_found")
    assert refusal_in(await talk.book("neverheld1")) == (404, "not_found")
    assert refusal_in(await stranger.offers()) == (404, "not_found")
    assert refusal_in(await cloud.agent("GET", "/v1/hotels/borealis")) == (404, "not_found")


async def test_a_call_that_is_over_does_nothing_more(cloud: Cloud) -> None:
    """After the end neither offers nor bookings are made."""
    talk = await Talk(cloud).begin()
    wish = await talk.wish()
    await talk.report("ended")

    assert refusal_in(await talk.offers()) == (409, "call_over")
    assert refusal_in(await talk.book(wish)) == (409, "call_over")


async def test_a_forged_webhook_writes_nothing(cloud: Cloud) -> None:
    """A webhook signed with another secret is turned away before anything is read from it."""
    status = await cloud.livekit("room_started", "call_+493023125001_forged", secret="another-secret-" * 3)

    assert status == 401
    assert not cloud.items()


async def test_earlier_clients_are_heard_by_their_token(cloud: Cloud) -> None:
    """The earlier orchestrator's path takes its bearer token, which is read from Secrets Manager."""
    told = {"call_id": "call_+493023125001_old1", "event": "call_started", "timestamp": "2026-11-24T18:30:00Z"}

    answers = [
        await cloud.http.post("/call/event", json=told, headers={"Authorization": f"Bearer {token}"})
        for token in (TOKEN, "guessed")
    ]

    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[1].headers["www-authenticate"] == "Bearer"


async def test_the_agent_learns_which_voice_speaks(cloud: Cloud) -> None:
    """The router's plan has the hotel's voices."""
    status, plan = await cloud.agent("POST", "/v1/speech/plan", {"hotel": "aurora", "language": "en"})

    assert (status, plan["choices"][0]["engine"]) == (200, "http")


async def test_the_demo_hotel_shows_what_was_booked(cloud: Cloud) -> None:
    """Whoever checks a call's effect reads the reservation as it was promised."""
    talk = await Talk(cloud).begin()
    code = code_in(await talk.book(await talk.wish()))
    hotel = Hotels.load(HOTELS).by_name["aurora"]

    (stay,) = DemoPms(hotel, client=cloud.database, table="calls").reservations()

    assert (stay.code, stay.guest.name, stay.room, str(stay.total)) == (code, NAME, "double room", "258.00 EUR")
