"""Tries, verified codes and notes as they stand in the table, also when many come at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from lambdas.pms.notes import DUE_AFTER, DynamoNotes, Note, NoteState
from lambdas.pms.verification import WRONG_TRIES, DynamoVerifiedCodes
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.errors import TriesOver
from lambdas.shared.due_follow_ups import DynamoDueFollowUps
from tests.integration.stores import HOTELS, Tables
from tests.reports import CALL_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

OTHER = "call_+493023125001_other"
NOTE = Note(id="n1", call_id=CALL_ID, code="AUR1", at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC))
FOLLOW_UP = {"id": "note:n1", "kind": "message", "at": NOTE.at.isoformat(), "message": "Please look."}


@pytest.fixture
def calls(tables: Tables, dynamodb: DynamoDBClient) -> DynamoCallStore:
    return DynamoCallStore(calls_table=tables.calls_table, hotels=HOTELS, client=dynamodb, clock=tables.clock)


@pytest.fixture
def verified(calls: DynamoCallStore) -> DynamoVerifiedCodes:
    return DynamoVerifiedCodes(calls)


@pytest.fixture
def notes(calls: DynamoCallStore) -> DynamoNotes:
    return DynamoNotes(calls)


def test_a_call_has_three_tries(verified: DynamoVerifiedCodes) -> None:
    """They are counted by the call, and after the third there is none."""
    assert [verified.begin(CALL_ID) for _ in range(WRONG_TRIES)] == [1, 2, 3]

    with pytest.raises(TriesOver):
        verified.begin(CALL_ID)
    assert verified.begin(OTHER) == 1


def test_a_try_is_given_back_once_however_often_it_is_sent(
    verified: DynamoVerifiedCodes, dynamodb: DynamoDBClient
) -> None:
    """boto3 repeats what it hears no answer to; what carries a token DynamoDB does once, so no call gains a try."""
    sent: list[bytes] = []

    def note(params: dict[str, Any], **_: object) -> None:
        sent.append(params["body"])

    verified.begin(CALL_ID)
    dynamodb.meta.events.register("before-call.dynamodb", note)
    verified.give_back(CALL_ID, code="AUR1")
    dynamodb.meta.events.unregister("before-call.dynamodb", note)

    assert [b"ClientRequestToken" in body for body in sent] == [True]


def test_a_try_that_was_right_or_not_judged_is_given_back(verified: DynamoVerifiedCodes) -> None:
    """Right answers leave their codes, in order and once each, and all of the tries."""
    for code in ("AUR2", "AUR1", "AUR2", None):
        verified.begin(CALL_ID)
        verified.give_back(CALL_ID, code=code)

    assert verified.codes(CALL_ID) == ("AUR2", "AUR1")
    assert verified.codes(OTHER) == ()
    assert verified.begin(CALL_ID) == 1


def test_many_guesses_at_once_are_three_at_most(verified: DynamoVerifiedCodes) -> None:
    """However many arrive at the same moment, no more than three are judged."""

    def guess(_: int) -> bool:
        try:
            return verified.begin(CALL_ID) <= WRONG_TRIES
        except TriesOver:
            return False

    with ThreadPoolExecutor(8) as guessers:
        judged = list(guessers.map(guess, range(24)))

    assert sum(judged) == WRONG_TRIES


def overdue(calls: DynamoCallStore) -> list[str]:
    """The follow-ups that are due a minute after the note was begun."""
    due = DynamoDueFollowUps(calls).overdue("aurora", NOTE.at + DUE_AFTER)
    return [each.follow_up["id"] for each in due if each.call_id == CALL_ID]


def left(tables: Tables) -> list[dict[str, Any]]:
    return [item for sk, item in tables.partition("HOTEL#aurora").items() if sk.startswith("FOLLOWUP#")]


def test_a_note_is_begun_once(notes: DynamoNotes, calls: DynamoCallStore) -> None:
    """With the note its follow-up is kept back; a second one of the same id changes neither."""
    assert notes.begin(NOTE, FOLLOW_UP)
    assert not notes.begin(NOTE.model_copy(update={"code": "AUR2"}), {**FOLLOW_UP, "message": "other"})

    assert notes.get(CALL_ID, "n1") == NOTE
    assert notes.get(OTHER, "n1") is None
    assert overdue(calls) == ["note:n1"]
    assert DynamoDueFollowUps(calls).overdue("aurora", NOTE.at) == []
    assert DynamoDueFollowUps(calls).overdue("borealis", NOTE.at + DUE_AFTER) == []


def test_a_note_that_was_added_needs_nobody(notes: DynamoNotes, calls: DynamoCallStore, tables: Tables) -> None:
    """Its follow-up is withdrawn."""
    notes.begin(NOTE, FOLLOW_UP)

    notes.added(NOTE)

    assert notes.get(CALL_ID, "n1") == NOTE.model_copy(update={"state": NoteState.ADDED})
    assert overdue(calls) == []
    assert left(tables) == []


def test_a_note_that_was_not_sent_is_forgotten(notes: DynamoNotes, calls: DynamoCallStore) -> None:
    """It may be begun anew."""
    notes.begin(NOTE, FOLLOW_UP)

    notes.forget(NOTE)

    assert overdue(calls) == []
    assert notes.begin(NOTE, FOLLOW_UP)


def test_a_note_in_doubt_is_the_front_desks(notes: DynamoNotes, calls: DynamoCallStore, tables: Tables) -> None:
    """The follow-up is left once, also when it was doubted twice, and says so when the note was added after all."""
    notes.begin(NOTE, FOLLOW_UP)

    for _ in range(2):
        notes.doubt(NOTE, FOLLOW_UP)

    assert overdue(calls) == []
    assert [(item["id"], item.get("finding"), item["state"]) for item in left(tables)] == [("note:n1", None, "open")]
    notes.added(NOTE)
    notes.doubt(NOTE, FOLLOW_UP)
    assert [(item["id"], item["finding"]) for item in left(tables)] == [("note:n1", "added")]
    kept = notes.get(CALL_ID, "n1")
    assert kept
    assert kept.state is NoteState.ADDED


def test_what_is_due_is_left_once(notes: DynamoNotes, calls: DynamoCallStore, tables: Tables) -> None:
    """Who died in the middle of a note has told the front desk."""
    notes.begin(NOTE, FOLLOW_UP)
    due = DynamoDueFollowUps(calls)

    for each in due.overdue("aurora", NOTE.at + DUE_AFTER) * 2:
        due.leave(each)

    assert overdue(calls) == []
    (item,) = left(tables)
    assert (item["message"], item["call_id"], item["hotel"]) == ("Please look.", CALL_ID, "aurora")


def test_a_note_that_many_begin_at_once_is_one_persons(notes: DynamoNotes) -> None:
    """Of all who begin it at the same moment one may send it."""
    with ThreadPoolExecutor(8) as senders:
        begun = list(senders.map(lambda _: notes.begin(NOTE, FOLLOW_UP), range(16)))

    assert sum(begun) == 1


def test_tries_and_notes_are_let_go_with_the_call(
    verified: DynamoVerifiedCodes, notes: DynamoNotes, tables: Tables
) -> None:
    """Each item has the expiry of the hotel's calls."""
    verified.begin(CALL_ID)
    notes.begin(NOTE, FOLLOW_UP)

    items = tables.stored(CALL_ID) | tables.partition("HOTEL#aurora")

    assert set(items) == {"VERIFIED", "NOTE#n1", f"DUE#{CALL_ID}#note:n1"}
    assert {item["expires"] for item in items.values()} == {tables.calls.expiry(CALL_ID)}
