"""What is told about calls is kept, once, and without what is personal."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from lambdas.calls.routes import build_app
from lambdas.calls.service import Told
from lambdas.shared.domain.call import Kind, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.http import Api
from tests.events import ask, request_event
from tests.memory import MemoryCalls, MemoryLeases, MemoryMeasure

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
CALL = "call_+493023125001_aB3dE5gH7jK9"
AT = "2026-11-24T18:30:00+00:00"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TOKEN = "Zx81-token"


@pytest.fixture
def calls() -> MemoryCalls:
    return MemoryCalls(HOTELS)


@pytest.fixture
def measure() -> MemoryMeasure:
    return MemoryMeasure()


@pytest.fixture
def app(calls: MemoryCalls, measure: MemoryMeasure) -> Api:
    return build_app(Told(calls, measure), MemoryLeases(), legacy_token=lambda: TOKEN)


def tell(app: Api, path: str, body: Any, epoch: int | None = 1, call_id: str = CALL) -> tuple[int, Any]:
    headers = {} if epoch is None else {"X-Call-Epoch": str(epoch)}
    return ask(app, request_event("POST", f"/v1/calls/{call_id}/{path}", body, headers))


def event(event_id: str = "e1", kind: str = "answered", seq: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": event_id, "kind": kind, "seq": seq, "at": AT, **fields}


def turn(**fields: Any) -> dict[str, Any]:
    return {"number": 1, "at": AT, "language": "en", "trace_id": TRACE, **fields}


def test_a_call_is_held_by_one_agent(app: Api) -> None:
    """The agent that holds a call may renew; another one is refused."""
    assert tell(app, "lease", {"holder": "w1"}, None)[1]["epoch"] == 1
    assert tell(app, "lease", {"holder": "w1"}, None)[1]["epoch"] == 1
    assert tell(app, "lease", {"holder": "w2"}, None) == (
        409,
        {"error": {"code": "lease_held", "message": f"another agent holds {CALL}"}},
    )


def test_an_event_moves_the_call(app: Api) -> None:
    """What the agent reports answers with the state it led to."""
    assert tell(app, "events", event()) == (200, {"state": "talking"})
    assert tell(app, "events", event("e2", "ended", 2)) == (200, {"state": "ended"})


def test_an_event_without_an_epoch_is_refused(app: Api, calls: MemoryCalls) -> None:
    """Nobody can order an event that does not say whose lease it belongs to."""
    status, answer = tell(app, "events", event(), epoch=None)

    assert (status, answer["error"]["code"]) == (400, "invalid")
    assert not calls.events


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("events", event(at="9999-12-31T23:59:59Z"), "at"),
        ("events", event(at="0001-01-01T00:00:00+14:00"), "at"),
        ("events", event(at="2026-11-24T18:30:00"), "at"),
        ("events", event(seq=10**40), "seq"),
        ("turns", turn(latency_ms={"model": 10**40}), "latency_ms.model"),
        ("turns", turn(tools=[{"name": "book_stay", "ms": -1}]), "tools.0.ms"),
        ("turns", turn(guest="a" * 4001), "guest"),
        ("follow-ups", {"id": "f1", "at": "9999-12-31T23:59:59Z", "message": "Call."}, "at"),
    ],
)
def test_what_cannot_be_stored_is_refused_by_its_field(
    app: Api, calls: MemoryCalls, path: str, body: Any, field: str
) -> None:
    """A time no hotel has, or a number no database keeps, is the sender's mistake and not ours."""
    status, answer = tell(app, path, body)

    assert status == 400
    assert answer["error"]["message"].startswith(f"body.{field}: ")
    assert not calls.events


def test_an_agent_that_lost_its_call_is_heard_all_the_same(app: Api) -> None:
    """An event of an earlier lease is stored and answered 200."""
    tell(app, "events", event("e1", "answered", 1), epoch=2)

    assert tell(app, "events", event("e0", "answered", 1), epoch=1) == (200, {"state": "talking"})


def test_an_agent_cannot_report_what_is_not_its_own(app: Api, calls: MemoryCalls) -> None:
    """A booking that only the agent claims is no booking."""
    tell(app, "events", event(kind="stay_booked"))

    stored = calls.only_event()
    assert (stored.kind, stored.data) == (Kind.REPORTED, {"event": "stay_booked"})


def test_a_turn_is_redacted_once_more(app: Api, calls: MemoryCalls) -> None:
    """What an agent forgot to take out of a turn is not stored."""
    said = turn(guest="My number is +49 171 3920055, anna@example.org", agent="I call +491713920055.")

    assert tell(app, "turns", said) == (200, {"state": "stored"})

    (stored,) = calls.turns(CALL)
    assert "3920055" not in json.dumps(stored)
    assert "example.org" not in json.dumps(stored)
    assert "[phone]" in stored["guest"]


def test_a_call_that_fails_is_measured(app: Api, measure: MemoryMeasure) -> None:
    """A guest who heard an apology is seen in a metric; one who was served is not."""
    for told in (event(), event("e2", "failed", 2, data={"reason": "model_failed"}), event("e3", "ended", 3)):
        tell(app, "events", told)

    assert measure.measured == [("CallFailed", 1, "Count")]


def test_how_long_a_guest_waited_is_measured(app: Api, measure: MemoryMeasure) -> None:
    """The wait of every turn that answered a guest becomes a metric in milliseconds; a greeting has none."""
    tell(app, "turns", turn(agent="Hotel Aurora, hello."))
    tell(app, "turns", turn(number=2, guest="Two nights.", latency_ms={"model": 40, "answer": 1090}))

    assert measure.measured == [("TurnLatency", 1090, "Milliseconds")]


def test_a_call_is_read_with_its_turns(app: Api) -> None:
    """An agent that takes over reads the state, the hotel and what was said."""
    tell(app, "events", event())
    tell(app, "turns", turn(number=2, guest="Two nights.", tools=[{"name": "check_availability", "ms": 12}]))
    tell(app, "turns", turn(agent="Hotel Aurora, hello."))

    status, view = ask(app, request_event("GET", f"/v1/calls/{CALL.replace('+', '%2B')}"))

    assert status == 200
    assert (view["hotel"], view["call"]["state"]) == ("aurora", "talking")
    assert [turn["number"] for turn in view["turns"]] == [1, 2]


def test_a_call_nobody_reported_is_not_found(app: Api) -> None:
    """A call without events is no call."""
    status, answer = ask(app, request_event("GET", f"/v1/calls/{CALL}"))

    assert (status, answer["error"]["code"]) == (404, "not_found")


def test_a_follow_up_keeps_a_number_only_to_call_back(app: Api, calls: MemoryCalls) -> None:
    """The front desk gets a number in one field, and in no sentence."""
    left = {
        "id": "f1",
        "at": AT,
        "callback": "+491713920055",
        "message": "Please call +49 171 3920055 about a cot.",
        "guest_name": "Anna Meier 0171 3920055",
    }

    assert tell(app, "follow-ups", left) == (200, {"state": "stored"})

    kept = calls.follow_ups["f1"]
    assert kept["callback"] == "+491713920055"
    assert "3920055" not in kept["message"] + kept["guest_name"]
    assert kept["guest_name"].startswith("Anna Meier")
    assert "cot" in kept["message"]


@pytest.mark.parametrize("authorization", [None, "", TOKEN, f"bearer {TOKEN}", f"Bearer {TOKEN}x", "Bearer Zoë"])
@pytest.mark.parametrize("path", ["/call/event", "/v1/livekit/transcription"])
def test_an_earlier_client_must_show_its_token(
    app: Api, calls: MemoryCalls, path: str, authorization: str | None
) -> None:
    """Without the token nothing is stored, and nothing is said about the body."""
    headers = {} if authorization is None else {"authorization": authorization}

    status, answer = ask(app, request_event("POST", path, "{", headers))

    assert (status, answer["error"]["code"]) == (401, "unauthenticated")
    assert not calls.events


def test_an_earlier_event_without_an_id_is_named_by_its_body(app: Api, calls: MemoryCalls) -> None:
    """The same body twice is one event, of the bytes that were sent."""
    body = json.dumps({"call_id": CALL, "event": "call_started", "timestamp": AT}, indent=1)
    sent = request_event("POST", "/call/event", body, {"authorization": f"Bearer {TOKEN}"}, as_base64=True)

    ask(app, sent)
    ask(app, sent)

    stored = calls.only_event()
    assert (stored.source, stored.id) == (Source.LEGACY, f"event:{hashlib.sha256(body.encode()).hexdigest()}")


@pytest.mark.parametrize("told_id", ["491713920055", "x" * 128])
def test_an_earlier_id_that_may_be_a_number_is_known_by_its_hash(app: Api, calls: MemoryCalls, told_id: str) -> None:
    """An id goes into a key, where no number may stand, and it must fit."""
    body = {"call_id": CALL, "event": "call_started", "timestamp": AT, "id": told_id}

    ask(app, request_event("POST", "/call/event", body, {"authorization": f"Bearer {TOKEN}"}))

    assert calls.only_event().id == f"event:{hashlib.sha256(told_id.encode()).hexdigest()}"


def test_an_earlier_client_only_contributes_facts(app: Api, calls: MemoryCalls) -> None:
    """An event of an earlier client moves nothing and leaves its data behind."""
    body = {"call_id": CALL, "event": "ended", "timestamp": AT, "id": "x1", "data": {"name": "Anna Meier"}}

    answer = ask(app, request_event("POST", "/call/event", body, {"authorization": f"Bearer {TOKEN}"}))

    assert answer == (200, {"state": "ringing"})
    assert calls.only_event().data == {"event": "ended"}


@pytest.mark.parametrize("name", ["sip_491713920055", "Anna Meier called", "call +49 171 3920055"])
def test_an_earlier_events_name_is_a_word_of_a_program(app: Api, calls: MemoryCalls, name: str) -> None:
    """A name that holds a number, or is more than a word, is not kept."""
    body = {"call_id": CALL, "event": name, "timestamp": AT, "id": "x1"}

    ask(app, request_event("POST", "/call/event", body, {"authorization": f"Bearer {TOKEN}"}))

    assert calls.only_event().data == {"event": "unknown"}
