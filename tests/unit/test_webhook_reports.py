"""What LiveKit reports becomes events that hold facts and nothing personal."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.livekit_webhook.service import DROPPED, GUEST_WITHOUT_AGENT, NO_CALL, UNKNOWN_HOTEL, UNREADABLE, Reports
from lambdas.shared.domain.call import Kind, Outcome, Source, State
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.guest import guest_key
from tests.memory import MemoryCalls, MemoryCount

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
CALL = "call_+493023125001_aB3dE5gH7jK9"
NUMBER = "+491713920055"
NOW = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)


@pytest.fixture
def calls() -> MemoryCalls:
    return MemoryCalls(HOTELS)


@pytest.fixture
def count() -> MemoryCount:
    return MemoryCount()


@pytest.fixture
def reports(calls: MemoryCalls, count: MemoryCount) -> Reports:
    return Reports(calls, guest_secret=lambda: b"key", count=count, now=lambda: NOW)


def report(event: str, room: str = CALL, **fields: Any) -> bytes:
    told = {
        "event": event,
        "room": {"sid": "RM_1", "name": room, "turnPassword": "turn-me"},
        "id": "EV_1",
        "createdAt": "1795545000",
        **fields,
    }
    return json.dumps(told).encode()


def guest(number: str | None = NUMBER) -> dict[str, Any]:
    attributes = {"sip.callStatus": "active", "sip.trunkPhoneNumber": "+493023125001"}
    if number is not None:
        attributes["sip.phoneNumber"] = number
    return {
        "sid": "PA_1",
        "identity": f"sip_{number}",
        "name": f"Phone {number}",
        "kind": "SIP",
        "attributes": attributes,
    }


@pytest.mark.parametrize(
    ("event", "participant", "kind"),
    [
        ("room_started", None, Kind.ROOM_STARTED),
        ("room_finished", None, Kind.ROOM_FINISHED),
        ("participant_joined", "SIP", Kind.GUEST_JOINED),
        ("participant_left", "SIP", Kind.GUEST_LEFT),
        ("participant_joined", "AGENT", Kind.AGENT_JOINED),
        ("participant_left", "AGENT", Kind.AGENT_LEFT),
        ("participant_joined", "EGRESS", Kind.REPORTED),
        ("participant_joined", None, Kind.REPORTED),
        ("participant_connection_aborted", "SIP", Kind.REPORTED),
        ("track_published", "SIP", Kind.REPORTED),
        ("egress_ended", None, Kind.REPORTED),
        ("brand_new_thing", None, Kind.REPORTED),
    ],
)
def test_each_report_is_an_event(
    reports: Reports, calls: MemoryCalls, event: str, participant: str | None, kind: Kind
) -> None:
    """Rooms, guests and agents that come and go are facts about a call; anything else is kept by its name."""
    fields: dict[str, Any] = {"participant": {"identity": "x", "kind": participant}} if participant else {}

    reports.accept(report(event, **fields))

    stored = calls.only_event()
    assert (stored.source, stored.id, stored.kind) == (Source.LIVEKIT, "EV_1", kind)
    assert stored.at == datetime.fromtimestamp(1795545000, UTC)
    assert stored.data["event"] == event


def test_nothing_personal_is_kept(reports: Reports, calls: MemoryCalls) -> None:
    """Of a guest who joins only a hash remains: no number, name, identity or password."""
    reports.accept(report("participant_joined", participant=guest()))

    stored = calls.only_event().model_dump_json()
    assert "1713920055" not in stored
    assert "Phone" not in stored
    assert "turn-me" not in stored
    assert calls.only_event().data["guest"] == guest_key("aurora", NUMBER, b"key")


@pytest.mark.parametrize("number", [None, "", "anonymous", "unavailable", "12", "sip:anna@example.org"])
def test_a_withheld_number_is_no_guest(reports: Reports, calls: MemoryCalls, number: str | None) -> None:
    """Without a phone number there is nothing to recognise a guest by, and the call goes on."""
    reports.accept(report("participant_joined", participant=guest(number)))

    assert calls.only_event().kind is Kind.GUEST_JOINED
    assert "guest" not in calls.only_event().data


def test_a_name_in_place_of_a_word_is_not_kept(reports: Reports, calls: MemoryCalls) -> None:
    """Where LiveKit's own words belong, anything else is left out."""
    odd = {"kind": "Anna Meier", "disconnectReason": "+491713920055"}

    reports.accept(report("+491713920055 called", participant=odd))

    assert calls.only_event().data == {"event": "unknown"}
    assert calls.only_event().kind is Kind.REPORTED


@pytest.mark.parametrize(
    "fields",
    [
        {"id": "no id of ours!"},
        {"id": None},
        {"id": 7},
        {"createdAt": "yesterday"},
        {"createdAt": "253402300799"},
        {"createdAt": "999999999999999"},
        {"createdAt": None},
        {"participant": "Anna"},
        {"participant": {"kind": 3, "attributes": ["x"]}},
        {"numDropped": "many"},
    ],
)
def test_an_odd_report_is_stored_all_the_same(reports: Reports, calls: MemoryCalls, fields: dict[str, Any]) -> None:
    """Whatever a signed report says about a call, it is kept, and once."""
    body = report("participant_joined", **fields)

    reports.accept(body)
    reports.accept(body)

    assert calls.only_event().call_id == CALL


@pytest.mark.parametrize("told_id", [None, 7, "no id of ours!"])
def test_reports_without_an_id_are_told_apart(reports: Reports, calls: MemoryCalls, told_id: object) -> None:
    """Two reports that name themselves badly are two events, and none of them is lost."""
    for event in ("room_started", "room_finished"):
        reports.accept(report(event, id=told_id))

    assert [event.kind for event in calls.events.values()] == [Kind.ROOM_STARTED, Kind.ROOM_FINISHED]


def test_a_time_at_the_end_of_the_calendar_is_now(reports: Reports, calls: MemoryCalls) -> None:
    """A time whose day at the hotel does not exist cannot keep a report from being stored."""
    reports.accept(report("room_started", createdAt="253402300799"))

    assert calls.only_event().at == NOW


@pytest.mark.parametrize(
    ("body", "metric"),
    [
        (report("room_started", room="playground"), NO_CALL),
        (report("room_started", room="call_nobody_x"), NO_CALL),
        (b'{"event": "egress_started", "id": "EV_2"}', NO_CALL),
        (b'{"room": "text"}', NO_CALL),
        (b"[]", UNREADABLE),
        (b"not json", UNREADABLE),
        (b"", UNREADABLE),
        (b"\xff\xfe", UNREADABLE),
    ],
)
def test_what_is_of_no_call_is_counted(
    reports: Reports, calls: MemoryCalls, count: MemoryCount, body: bytes, metric: str
) -> None:
    """A report of another room, or one that cannot be read, writes nothing and is seen in a metric."""
    call = reports.accept(body)

    assert call is None
    assert not calls.events
    assert count.counted == {metric: 1}


def test_a_number_no_hotel_has_is_a_call_and_counted(reports: Reports, calls: MemoryCalls, count: MemoryCount) -> None:
    """A call to a number of nobody is kept without a guest's hash, and raises a metric."""
    reports.accept(report("participant_joined", room="call_+493023125099_x", participant=guest()))

    assert "guest" not in calls.only_event().data
    assert count.counted == {UNKNOWN_HOTEL: 1}


def test_lost_webhooks_are_counted(reports: Reports, count: MemoryCount) -> None:
    """When LiveKit says it dropped webhooks, the metric says how many."""
    reports.accept(report("room_started", numDropped=7))

    assert count.counted == {DROPPED: 7}


def test_a_room_that_finishes_ends_its_call(reports: Reports) -> None:
    """A call whose agent never reported its end failed when its room finished."""
    reports.accept(report("room_started"))
    call = reports.accept(report("room_finished", id="EV_2", createdAt="1795545060"))

    assert call is not None
    assert (call.state, call.outcome) == (State.ENDED, Outcome.FAILED)


ARRIVED = report("participant_joined", id="EV_1", participant=guest())
FINISHED = report("room_finished", id="EV_9")


def test_a_guest_nobody_spoke_to_is_counted_once(reports: Reports, count: MemoryCount) -> None:
    """A guest whose call ends without an agent raises a metric, once, however often LiveKit tells of it."""
    for body in (ARRIVED, FINISHED, FINISHED, ARRIVED):
        reports.accept(body)

    assert count.counted == {GUEST_WITHOUT_AGENT: 1}


@pytest.mark.parametrize(
    "told",
    [
        [ARRIVED, report("participant_joined", id="EV_2", participant={"kind": "AGENT"}), FINISHED],
        [report("participant_joined", id="EV_2", participant={"kind": "AGENT"}), FINISHED],
        [report("room_started"), FINISHED],
        [FINISHED],
        [ARRIVED],
        [ARRIVED, report("participant_left", id="EV_3", participant=guest())],
    ],
)
def test_a_call_that_had_an_agent_or_no_guest_is_not_counted(
    reports: Reports, count: MemoryCount, told: list[bytes]
) -> None:
    """A guest who was spoken to, a room without a guest and a call that goes on raise no metric."""
    for body in told:
        reports.accept(body)

    assert not count.counted
