"""Lines for the hotel's staff, each added to a reservation at most once, or told to the front desk.

    CALL#<id>  NOTE#<note>  state: sent, then added or in_doubt · code: the reservation's · at: when it was sent

The item is there before the note is sent, and beside it a follow-up that is kept back: should nobody report the note
as added, the front desk gets it. The follow-up alone has the text, redacted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Protocol

from pydantic import BaseModel, ConfigDict

from lambdas.shared.bookings.carrying_out import BUSY_FOR, PAUSE, PAUSES, perhaps_done
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.errors import BellhopError, InDoubt, NotPossible, Refused, Unreachable
from lambdas.shared.due_follow_ups import Due, DynamoDueFollowUps
from lambdas.shared.items import Write, encode, transact
from lambdas.shared.pms.system import Capability, Pms
from lambdas.shared.redaction import redact
from lambdas.shared.tables import EXPIRES, call_pk, follow_up_sk, hotel_pk, note_sk

DUE_AFTER: Final = timedelta(minutes=1)
"""Longer than any request of the function lives."""
ADDED: Final = "added"


class NoteState(StrEnum):
    """How far a note has come."""

    SENT = "sent"
    ADDED = "added"
    IN_DOUBT = "in_doubt"


class Note(BaseModel):
    """A note without its text."""

    model_config = ConfigDict(frozen=True)

    id: str
    call_id: str
    code: str
    at: datetime
    state: NoteState = NoteState.SENT


class NoteStore(Protocol):
    """The notes of calls."""

    def get(self, call_id: str, note_id: str) -> Note | None:
        """The note as it is now."""

    def begin(self, note: Note, follow_up: dict[str, Any]) -> bool:
        """Keeps a new note, and its follow-up back; False when the call has a note of that id."""

    def added(self, note: Note) -> None:
        """It stands in the hotel's system; its follow-up is withdrawn, or says so."""

    def doubt(self, note: Note, follow_up: dict[str, Any]) -> None:
        """The front desk has the follow-up from now on, unless the note has come further meanwhile."""

    def forget(self, note: Note) -> None:
        """It was not sent, and may be; nobody needs the follow-up."""


class DynamoNotes(NoteStore):
    """Kept beside the call, as long as the call is."""

    def __init__(self, calls: DynamoCallStore) -> None:
        self._calls = calls
        self._due = DynamoDueFollowUps(calls)

    def get(self, call_id: str, note_id: str) -> Note | None:
        for item in self._calls.items(call_id, "sk = :sk", {":sk": note_sk(note_id)}):
            return Note.model_validate({name: item[name] for name in Note.model_fields})
        return None

    def begin(self, note: Note, follow_up: dict[str, Any]) -> bool:
        back = self._due.kept_back(Due(note.call_id, follow_up), note.at + DUE_AFTER)
        return self._done(self._put(note, "attribute_not_exists(pk)"), back)

    def added(self, note: Note) -> None:
        after = note.model_copy(update={"state": NoteState.ADDED})
        if not self._done(self._put(after, "#state = :sent"), self._due.withdrawn(note.call_id, _follow_up_id(note))):
            self._done(self._told_otherwise(note))
            self._done(self._put(after, "attribute_exists(pk)"))

    def doubt(self, note: Note, follow_up: dict[str, Any]) -> None:
        due = Due(note.call_id, follow_up)
        self._done(
            self._put(note.model_copy(update={"state": NoteState.IN_DOUBT}), "#state = :sent"),
            self._due.left(due),
            self._due.withdrawn(note.call_id, follow_up["id"]),
        )

    def forget(self, note: Note) -> None:
        key = encode({"pk": call_pk(note.call_id), "sk": note_sk(note.id)})
        deleted = Write({"Delete": {"TableName": self._calls.table, "Key": key}})
        self._done(deleted, self._due.withdrawn(note.call_id, _follow_up_id(note)))

    def _done(self, *writes: Write) -> bool:
        """Did the conditions hold?"""
        try:
            self._calls.patience.until_done(lambda: transact(self._calls.client, writes))
        except _Otherwise:
            return False
        return True

    def _put(self, note: Note, condition: str) -> Write:
        names = {"pk": call_pk(note.call_id), "sk": note_sk(note.id)}
        values = {**note.model_dump(mode="json"), **names, EXPIRES: self._calls.expiry(note.call_id)}
        put: Any = {"TableName": self._calls.table, "Item": encode(values), "ConditionExpression": condition}
        if "#state" in condition:
            put["ExpressionAttributeNames"] = {"#state": "state"}
            put["ExpressionAttributeValues"] = encode({":sent": NoteState.SENT})
        return Write({"Put": put}, otherwise=_Otherwise())

    def _told_otherwise(self, note: Note) -> Write:
        """What came of the follow-up, if the front desk has it still."""
        key = {"pk": hotel_pk(self._calls.hotel_name(note.call_id)), "sk": follow_up_sk(note.at, _follow_up_id(note))}
        return Write(
            {
                "Update": {
                    "TableName": self._calls.table,
                    "Key": encode(key),
                    "UpdateExpression": "SET finding = :finding",
                    "ConditionExpression": "attribute_exists(pk)",
                    "ExpressionAttributeValues": encode({":finding": ADDED}),
                }
            },
            otherwise=_Otherwise(),
        )


class _Otherwise(Exception):
    """A note is not as it was thought to be."""


@dataclass(frozen=True)
class Notes:
    """Adds notes."""

    notes: NoteStore
    now: Callable[[], datetime]
    sleep: Callable[[float], None]

    def add(self, pms: Pms, call_id: str, note_id: str, code: str, text: str) -> None:
        """The note stands in the hotel's system once this returns, once however often it is asked for.

        Raises NotFound, NotPossible, InDoubt, Unreachable when it was not sent: ask again, and Unrecorded when that is
        not certain.
        """
        if Capability.NOTE not in pms.capabilities:
            raise NotPossible("the hotel's system takes no notes")
        note = Note(id=note_id, call_id=call_id, code=code, at=self.now())
        if not self.notes.begin(note, _follow_up(note, text)):
            self._await(note, text)
            return
        try:
            pms.add_note(code, text)
        except InDoubt as error:
            raise self._in_doubt(note, text, error.vendor_code) from None
        except BellhopError:
            self.notes.forget(note)
            raise
        except Exception as error:
            # A fault of ours in the middle of a write: it may have been sent.
            raise self._in_doubt(note, text, type(error).__name__) from None
        with perhaps_done():
            self.notes.added(note)

    def _await(self, mine: Note, text: str) -> None:
        """Returns once somebody else has added the note, and raises InDoubt when they do not come back.

        Raises Refused when the id is another reservation's, and Unreachable when it turned out not to be sent.
        """
        begun_at = mine.at
        for _ in range(PAUSES):
            kept = self.notes.get(mine.call_id, mine.id)
            if kept is None:
                raise Unreachable("the note was not sent; ask again")
            if kept.code != mine.code:
                raise Refused("this note's id is another reservation's; give each note its own")
            if kept.state is NoteState.ADDED:
                return
            begun_at = kept.at
            if kept.state is NoteState.IN_DOUBT or self.now() >= begun_at + BUSY_FOR:
                break
            self.sleep(PAUSE)
        raise self._in_doubt(mine.model_copy(update={"at": begun_at}), text)

    def _in_doubt(self, note: Note, text: str, vendor_code: str | None = None) -> InDoubt:
        with perhaps_done():
            self.notes.doubt(note, _follow_up(note, text))
        return InDoubt("it is not known whether the hotel's system has the note", vendor_code=vendor_code)


def _follow_up_id(note: Note) -> str:
    return f"note:{note.id}"


def _follow_up(note: Note, text: str) -> dict[str, Any]:
    message = f"The booking system did not say whether it has this note on reservation {note.code}: {redact(text)}"
    return {"id": _follow_up_id(note), "kind": "message", "at": note.at.isoformat(), "message": message}
