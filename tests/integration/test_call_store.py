"""What is stored of a call: its events, what they come to, what was said, what is left to do."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lambdas.shared.domain.call import Call, Event, Kind, Outcome, Source
from lambdas.shared.domain.errors import NotFound, Unreachable
from lambdas.shared.items import TRIES, encode
from lambdas.shared.tables import DAY_INDEX, GUEST_INDEX
from tests.integration.stores import Tables
from tests.reports import CALL_ID, RING, by_agent, report

pytestmark = pytest.mark.integration

RANG = report(Source.LIVEKIT, Kind.ROOM_STARTED)
JOINED = report(Source.LIVEKIT, Kind.GUEST_JOINED, after=1, guest="1:abc")
BOOKED = report(Source.PMS, Kind.STAY_BOOKED, after=130, code="AUR1")
WHOLE = [
    RANG,
    JOINED,
    *by_agent(Kind.ANSWERED, Kind.ENDED),
    BOOKED,
    report(Source.LIVEKIT, Kind.ROOM_FINISHED, after=200),
]


def of_unknown_hotel(event: Event) -> Event:
    return event.model_copy(update={"call_id": "call_+493099999999_x"})


def test_a_call_is_what_its_events_come_to(tables: Tables) -> None:
    """Told one after the other, the reports of a call lead to its end and outcome."""
    for event in WHOLE:
        told = tables.calls.apply(event)

    assert told == tables.calls.call(CALL_ID) == Call.of(WHOLE)
    assert told.outcome is Outcome.BOOKED


def test_an_event_costs_one_query_and_one_transaction(tables: Tables) -> None:
    """In the normal case the database is asked twice, and a repetition once."""
    tables.calls.apply(RANG)
    tables.calls.apply(RANG)

    assert tables.interrupted.asked == ["query", "transact_write_items", "query"]


def test_a_repeated_event_changes_nothing(tables: Tables) -> None:
    """A webhook that is delivered twice leaves every item as it was, also when its second telling differs."""
    tables.calls.apply(JOINED)
    before = tables.stored(CALL_ID)

    tables.calls.apply(JOINED)
    tables.calls.apply(JOINED.model_copy(update={"data": {"guest": "1:other"}}))

    assert tables.stored(CALL_ID) == before


def test_ids_of_two_sources_are_apart(tables: Tables) -> None:
    """A source that happens to use another one's id takes nothing from it."""
    same = [report(source, Kind.REPORTED, name="1") for source in (Source.LIVEKIT, Source.LEGACY, Source.AGENT)]

    for event in same:
        call = tables.calls.apply(event)

    assert call.events == len(same)


def test_a_person_can_read_a_call_in_the_console(tables: Tables) -> None:
    """The projection is plain attributes: hotel, day, state, outcome, times, version."""
    for event in WHOLE:
        tables.calls.apply(event)

    item = tables.stored(CALL_ID)["CALL"]
    assert {
        name: item[name] for name in ("hotel", "hotel_day", "state", "outcome", "guest_key", "stays", "version")
    } == {
        "hotel": "aurora",
        "hotel_day": "HOTEL#aurora#2026-11-24",
        "state": "ended",
        "outcome": "booked",
        "guest_key": "1:abc",
        "stays": ["AUR1"],
        "version": len(WHOLE),
    }
    assert item["started_at"] == "2026-11-24T22:59:30.000000+00:00"


def test_the_day_of_a_call_is_the_hotels_own(tables: Tables) -> None:
    """A call just after midnight in Berlin is the next day's; an earlier report that comes late moves it back."""
    tables.calls.apply(report(Source.LIVEKIT, Kind.GUEST_JOINED, after=60))
    day = tables.stored(CALL_ID)["CALL"]["hotel_day"]

    tables.calls.apply(RANG)

    assert day == "HOTEL#aurora#2026-11-25"
    assert tables.stored(CALL_ID)["CALL"]["hotel_day"] == "HOTEL#aurora#2026-11-24"


def test_a_days_calls_are_listed_by_their_time(tables: Tables) -> None:
    """The first index gives a list row's fields, the earliest call first."""
    for name, after in (("b", 20.5), ("a", 20), ("c", 5)):
        tables.calls.apply(
            report(Source.LIVEKIT, Kind.ROOM_STARTED, after=after).model_copy(
                update={"call_id": f"call_+493023125001_{name}"}
            )
        )

    found = tables.client.query(
        TableName=tables.calls_table,
        IndexName=DAY_INDEX,
        KeyConditionExpression="hotel_day = :day",
        ExpressionAttributeValues=encode({":day": "HOTEL#aurora#2026-11-24"}),
    )["Items"]
    assert [item["id"]["S"][-1] for item in found] == ["c", "a", "b"]
    assert set(found[0]) == {"pk", "sk", "hotel_day", "started_at", "id", "hotel", "state", "stays"}


def test_a_guests_calls_are_found_by_keys_alone(tables: Tables) -> None:
    """The second index knows which calls a guest made, and nothing about them."""
    tables.calls.apply(JOINED)
    tables.calls.add_turn(CALL_ID, 1, {"number": 1, "guest": "hello", "started_at": "never"})

    (found,) = tables.client.query(
        TableName=tables.calls_table,
        IndexName=GUEST_INDEX,
        KeyConditionExpression="guest_key = :guest",
        ExpressionAttributeValues=encode({":guest": "1:abc"}),
    )["Items"]
    assert set(found) == {"pk", "sk", "guest_key", "started_at"}


def test_everything_of_a_call_is_let_go_when_its_hotel_says(tables: Tables) -> None:
    """Events and projection expire together, a hotel's retention after the call was first heard of."""
    first = int((tables.clock() + timedelta(days=90)).timestamp())
    tables.calls.apply(RANG)
    tables.clock.forward(3600)
    tables.calls.apply(JOINED)

    assert {item["expires"] for item in tables.stored(CALL_ID).values()} == {first}


def test_a_call_to_an_unknown_number_is_kept_for_thirty_days(tables: Tables) -> None:
    """A number no hotel has leads to no error: the call belongs to nobody, by UTC's day, for a month."""
    told = of_unknown_hotel(RANG)

    tables.calls.apply(told)

    item = tables.stored(told.call_id)["CALL"]
    assert (item["hotel"], item["hotel_day"]) == ("unknown", "HOTEL#unknown#2026-11-24")
    assert item["expires"] == int((tables.clock() + timedelta(days=30)).timestamp())
    assert tables.calls.hotel_of(told.call_id) is None


def test_a_call_nobody_reported_on_is_not_found(tables: Tables) -> None:
    """Turns alone make no call."""
    tables.calls.add_turn(CALL_ID, 1, {"number": 1})

    with pytest.raises(NotFound):
        tables.calls.call(CALL_ID)


@pytest.mark.parametrize("others", range(1, TRIES))
def test_no_event_is_lost_when_others_write_meanwhile(tables: Tables, others: int) -> None:
    """However many write between reading and writing, up to seven in a row, every event counts."""
    told = [report(Source.LIVEKIT, Kind.REPORTED, after=after) for after in range(others)]
    tables.interrupted.others = [partial(tables.other_calls.apply, event) for event in told]

    call = tables.calls.apply(RANG)

    assert call == Call.of([RANG, *told])
    assert tables.stored(CALL_ID)["CALL"]["version"] == others + 1
    assert len(tables.pauses) == others


def test_a_write_that_always_collides_gives_up(tables: Tables) -> None:
    """After eight tries, with pauses that grow to about a second in all, the caller is told to come again."""
    told = [report(Source.LIVEKIT, Kind.REPORTED, after=after) for after in range(TRIES)]
    tables.interrupted.others = [partial(tables.other_calls.apply, event) for event in told]

    with pytest.raises(Unreachable):
        tables.calls.apply(RANG)

    assert tables.calls.call(CALL_ID) == Call.of(told)
    assert tables.pauses == sorted(tables.pauses)
    assert sum(tables.pauses) < 1.5


def test_the_same_event_told_twice_at_once_is_stored_once(tables: Tables) -> None:
    """Two deliveries that read the same state end as one event."""
    tables.interrupted.others = [lambda: tables.other_calls.apply(RANG)]

    assert tables.calls.apply(RANG) == Call.of([RANG])
    assert tables.stored(CALL_ID)["CALL"]["version"] == 1


def test_a_query_that_saw_half_a_transaction_is_repeated(tables: Tables) -> None:
    """A projection that counts more events than were read is never overwritten."""
    for event in (RANG, JOINED):
        tables.calls.apply(event)
    whole = tables.stored(CALL_ID)
    missing = encode({"pk": whole["CALL"]["pk"], "sk": f"EVENT#livekit#{JOINED.id}"})
    tables.client.delete_item(TableName=tables.calls_table, Key=missing)

    with pytest.raises(Unreachable):
        tables.calls.apply(BOOKED)

    assert tables.stored(CALL_ID)["CALL"] == whole["CALL"]


def test_a_call_with_more_than_a_page_of_events_is_read_whole(tables: Tables) -> None:
    """Twelve hundred kilobytes of a talkative earlier client's reports are all of the call."""
    told = [report(Source.LEGACY, Kind.REPORTED, after=after, text="x" * 300_000) for after in range(4)]
    for event in (*told, RANG):
        tables.calls.apply(event)

    assert tables.calls.call(CALL_ID).events == 5


def test_turns_come_back_as_they_were_given(tables: Tables) -> None:
    """A turn is kept once per epoch and number, and read in the order of the call."""
    turns: list[dict[str, Any]] = [
        {"number": number, "guest": f"{epoch}.{number}", "tools": [{"name": "x", "ms": 3, "error": None}], "ms": 0.25}
        for epoch in (2, 10)
        for number in (1, 2, 11)
    ]
    for turn in reversed(turns):
        tables.calls.add_turn(CALL_ID, int(turn["guest"].split(".")[0]), turn)

    tables.calls.add_turn(CALL_ID, 2, {**turns[0], "guest": "told again"})

    assert tables.calls.turns(CALL_ID) == turns


def test_a_follow_up_lies_with_its_hotel_once(tables: Tables) -> None:
    """The front desk finds what is open by time; what is told twice is one, and goes with the hotel's retention."""
    at = datetime(2026, 11, 24, 23, 1, tzinfo=UTC)
    follow_up = {"id": "f1", "kind": "callback", "at": at.isoformat(), "callback": "+491713920055", "message": "Call."}
    tables.calls.add_follow_up(CALL_ID, {**follow_up, "guest_name": None})
    tables.calls.add_follow_up(CALL_ID, {**follow_up, "message": "Told again."})

    assert tables.partition("HOTEL#aurora") == {
        "FOLLOWUP#2026-11-24T23:01:00.000000+00:00#f1": {
            **follow_up,
            "pk": "HOTEL#aurora",
            "sk": "FOLLOWUP#2026-11-24T23:01:00.000000+00:00#f1",
            "hotel": "aurora",
            "call_id": CALL_ID,
            "state": "open",
            "expires": int((tables.clock() + timedelta(days=90)).timestamp()),
        }
    }


def test_a_follow_up_of_an_unknown_hotel_is_kept(tables: Tables) -> None:
    """Nothing a guest asked for is lost, though nobody knows whose guest it was."""
    call_id = of_unknown_hotel(RANG).call_id

    tables.calls.add_follow_up(call_id, {"id": "f1", "at": RING.isoformat(), "message": "Call."})

    assert len(tables.partition("HOTEL#unknown")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        EndpointConnectionError(endpoint_url="https://dynamodb"),
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "Query"),
        ClientError({"Error": {"Code": "InternalServerError"}}, "Query"),
    ],
)
def test_a_database_that_does_not_answer_is_unreachable(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """Faults that may pass become the one error that makes a caller come again."""

    def fail(**_: Any) -> None:
        raise fault

    monkeypatch.setattr(tables.client, "query", fail)

    with pytest.raises(Unreachable):
        tables.other_calls.apply(RANG)


def test_a_fault_of_ours_is_not_hidden(tables: Tables) -> None:
    """A table that does not exist is nothing to come again for."""
    tables.other_calls.table = "nowhere"

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        tables.other_calls.apply(RANG)
