"""Tries, verified codes and notes as they stand in the table, also when many come at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from lambdas.pms.notes import DynamoNotes, Note, NoteState
from lambdas.pms.verification import WRONG_TRIES, DynamoVerifiedCodes
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.errors import TriesOver
from tests.integration.stores import HOTELS, Tables
from tests.reports import CALL_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.integration

OTHER = "call_+493023125001_other"
NOTE = Note(id="n1", code="AUR1", at=datetime(2026, 11, 24, 12, 0, tzinfo=UTC))


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


def test_a_note_is_begun_once(notes: DynamoNotes) -> None:
    """Whoever begins the same note later gets the first one, as it is by then."""
    assert notes.begin(CALL_ID, NOTE) is NOTE
    again = NOTE.model_copy(update={"at": datetime(2026, 11, 24, 13, 0, tzinfo=UTC)})
    assert notes.begin(CALL_ID, again) == NOTE

    notes.keep(CALL_ID, NOTE.model_copy(update={"state": NoteState.ADDED}))
    assert notes.begin(CALL_ID, again).state is NoteState.ADDED

    notes.forget(CALL_ID, NOTE)
    assert notes.begin(CALL_ID, again) is again


def test_a_note_that_many_begin_at_once_is_one_persons(notes: DynamoNotes) -> None:
    """Of all who begin it at the same moment one may send it."""
    mine = [NOTE.model_copy(update={"at": datetime(2026, 11, 24, 13, number, tzinfo=UTC)}) for number in range(16)]

    with ThreadPoolExecutor(8) as senders:
        begun = list(senders.map(lambda note: notes.begin(CALL_ID, note) is note, mine))

    assert sum(begun) == 1


def test_tries_and_notes_are_let_go_with_the_call(
    verified: DynamoVerifiedCodes, notes: DynamoNotes, tables: Tables
) -> None:
    """Each item has the expiry of the hotel's calls."""
    verified.begin(CALL_ID)
    notes.begin(CALL_ID, NOTE)

    items = tables.stored(CALL_ID)

    assert set(items) == {"VERIFIED", "NOTE#n1"}
    assert {item["expires"] for item in items.values()} == {tables.calls.expiry(CALL_ID)}
