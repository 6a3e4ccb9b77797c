"""A line for the hotel's staff stands in its system once, or the front desk has it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lambdas.pms.notes import Note
from lambdas.shared.domain.errors import BellhopError, InDoubt, NotFound, NotPossible, Refused, Unreachable
from lambdas.shared.pms.system import Capability
from tests.desk import CALL, NUMBER, Desk

pytestmark = pytest.mark.unit

TEXT = f"Arrives after 22:00, please call {NUMBER}"


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.book(desk.double())
    return desk


def add(desk: Desk, note_id: str = "n1", code: str = "code 1", text: str = TEXT) -> None:
    desk.bookings.add_note("aurora", CALL, code, note_id, text, 1)


def test_a_note_is_added_once(desk: Desk) -> None:
    """The same note again changes nothing; another is another. Its text is kept by the hotel's system alone."""
    add(desk)
    add(desk)
    add(desk, "n2", text="Vegetarian")

    assert desk.system.notes == [("CODE1", TEXT), ("CODE1", "Vegetarian")]
    assert "22:00" not in str(desk.notes.kept)


@pytest.mark.parametrize("failure", [Unreachable("no connection"), NotPossible("locked"), NotFound("gone")])
def test_a_note_that_was_not_added_can_be_tried_again(desk: Desk, failure: BellhopError) -> None:
    """When it is certain that it is not there, it may be sent again."""
    desk.system.failures = [failure]
    with pytest.raises(type(failure)):
        add(desk)

    add(desk)

    assert len(desk.system.notes) == 1


def test_a_note_in_doubt_goes_to_the_front_desk(desk: Desk) -> None:
    """It is not sent again; one follow-up has it, without the number that was in it."""
    desk.system.failures = [InDoubt("no answer", vendor_code="504")]

    for _ in range(2):
        with pytest.raises(InDoubt):
            add(desk)

    (follow_up,) = desk.calls.follow_ups.values()
    assert follow_up["id"] == "note:n1"
    assert follow_up["message"] == (
        "The booking system did not say whether it has this note on reservation CODE1: "
        "Arrives after 22:00, please call [phone]"
    )
    assert not desk.system.notes


def test_a_fault_of_ours_in_the_middle_of_a_note_is_a_doubt(desk: Desk) -> None:
    """Whatever goes wrong once a note was begun, it is told to somebody and not repeated."""
    desk.system.failures = [KeyError("odd answer")]

    with pytest.raises(InDoubt) as raised:
        add(desk)

    assert raised.value.vendor_code == "KeyError"
    assert len(desk.calls.follow_ups) == 1


def begun(desk: Desk, *, seconds_ago: float) -> Note:
    """A note that somebody began that long ago and has not reported."""
    note = Note(id="n1", call_id=CALL, code="CODE1", at=desk.now - timedelta(seconds=seconds_ago))
    desk.notes.begin(note, {"id": "note:n1", "at": note.at.isoformat(), "message": "Please look."})
    return note


def test_a_note_whose_sender_died_is_not_sent_again(desk: Desk) -> None:
    """What somebody began and did not report is in doubt, at once when it was long ago."""
    begun(desk, seconds_ago=21)
    asked_at = desk.now

    for _ in range(2):
        with pytest.raises(InDoubt):
            add(desk)

    assert desk.now == asked_at
    assert not desk.system.notes
    assert len(desk.calls.follow_ups) == 1
    assert not desk.due.kept


def test_who_meets_a_note_being_added_waits_for_it(desk: Desk) -> None:
    """A tool that is called twice at once has added the note once, and both hear so."""
    note = begun(desk, seconds_ago=1)
    desk.slept = [lambda: None, lambda: desk.notes.added(note)]

    add(desk)

    assert not desk.system.notes
    assert not desk.calls.follow_ups


def test_who_waited_for_a_note_that_was_not_sent_may_ask_again(desk: Desk) -> None:
    """When the first one finds that it could not be sent, nothing is in doubt."""
    note = begun(desk, seconds_ago=1)
    desk.slept = [lambda: desk.notes.forget(note)]

    with pytest.raises(Unreachable):
        add(desk)
    add(desk)

    assert len(desk.system.notes) == 1
    assert not desk.due.kept


def test_a_note_that_is_added_after_others_gave_up_says_so(desk: Desk) -> None:
    """The front desk's question is answered by the slow sender itself."""
    desk.system.while_writing = [lambda: gives_up(desk)]

    add(desk)

    assert desk.calls.follow_ups["note:n1"]["finding"] == "added"
    add(desk)


def gives_up(desk: Desk) -> None:
    with pytest.raises(InDoubt):
        add(desk)


def test_a_note_that_nobody_asks_for_again_reaches_the_front_desk(desk: Desk) -> None:
    """Who dies in the middle of a note has told the front desk already; it gets to know a minute later."""
    begun(desk, seconds_ago=59)
    assert desk.due.overdue("aurora", desk.now) == []
    desk.now += timedelta(seconds=1)

    (due,) = desk.due.overdue("aurora", desk.now)

    assert due.follow_up["id"] == "note:n1"
    add(desk, "n2")
    assert len(desk.due.kept) == 1


def test_a_notes_id_is_one_reservations(desk: Desk) -> None:
    """The id of one reservation's note says nothing of another's."""
    add(desk)
    other = desk.book(desk.offers()[-1])

    with pytest.raises(Refused):
        add(desk, code=other.code)

    assert len(desk.system.notes) == 1


def test_a_system_without_notes_says_so(desk: Desk) -> None:
    """Where the hotel's system takes none, a human is needed."""
    desk.system.can -= {Capability.NOTE}

    with pytest.raises(NotPossible):
        add(desk)
    assert not desk.notes.kept
