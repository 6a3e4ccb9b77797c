"""Lines for the hotel's staff, each added to a reservation at most once.

    CALL#<id>  NOTE#<id>  state: sent, then added or in_doubt · code: the reservation's · at: when it was sent

The item is there before the note is sent and does not hold its text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from lambdas.shared.call_store import CallStore, DynamoCallStore
from lambdas.shared.domain.errors import BellhopError, InDoubt, NotPossible, Refused
from lambdas.shared.items import encode, reaching
from lambdas.shared.pms.system import Capability, Pms
from lambdas.shared.redaction import redact
from lambdas.shared.tables import EXPIRES, call_pk, note_sk


class NoteState(StrEnum):
    """How far a note has come."""

    SENT = "sent"
    ADDED = "added"
    IN_DOUBT = "in_doubt"


class Note(BaseModel):
    """A note without its text."""

    model_config = ConfigDict(frozen=True)

    id: str
    code: str
    at: datetime
    state: NoteState = NoteState.SENT


class NoteStore(Protocol):
    """The notes of calls."""

    def begin(self, call_id: str, note: Note) -> Note:
        """This note, now there; or the one that was there before."""

    def keep(self, call_id: str, note: Note) -> None:
        """The note as it is now."""

    def forget(self, call_id: str, note: Note) -> None:
        """It was not sent, and may be."""


class DynamoNotes(NoteStore):
    """Kept beside the call, as long as the call is."""

    def __init__(self, calls: DynamoCallStore) -> None:
        self._calls = calls

    def begin(self, call_id: str, note: Note) -> Note:
        for item in self._calls.items(call_id, "sk = :sk", {":sk": note_sk(note.id)}):
            return Note.model_validate({name: item[name] for name in Note.model_fields})
        client = self._calls.client
        with reaching("a note"):
            try:
                client.put_item(
                    TableName=self._calls.table,
                    Item=encode(self._values(call_id, note)),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except client.exceptions.ConditionalCheckFailedException:
                return self.begin(call_id, note)
        return note

    def keep(self, call_id: str, note: Note) -> None:
        with reaching("a note"):
            self._calls.client.put_item(TableName=self._calls.table, Item=encode(self._values(call_id, note)))

    def forget(self, call_id: str, note: Note) -> None:
        with reaching("a note"):
            self._calls.client.delete_item(
                TableName=self._calls.table, Key=encode({"pk": call_pk(call_id), "sk": note_sk(note.id)})
            )

    def _values(self, call_id: str, note: Note) -> dict[str, object]:
        names = {"pk": call_pk(call_id), "sk": note_sk(note.id)}
        return {**note.model_dump(mode="json"), **names, EXPIRES: self._calls.expiry(call_id)}


@dataclass(frozen=True)
class Notes:
    """Adds notes; what is in doubt goes to the front desk, its text redacted."""

    notes: NoteStore
    calls: CallStore
    now: Callable[[], datetime]

    def add(self, pms: Pms, call_id: str, note_id: str, code: str, text: str) -> None:
        """The note stands in the hotel's system once this returns, once however often it is asked for.

        Raises NotFound, NotPossible, InDoubt, and Unreachable when it was not sent: ask again.
        """
        if Capability.NOTE not in pms.capabilities:
            raise NotPossible("the hotel's system takes no notes")
        mine = Note(id=note_id, code=code, at=self.now())
        kept = self.notes.begin(call_id, mine)
        if kept.code != code:
            raise Refused("this note's id is another reservation's; give each note its own")
        if kept.state is NoteState.ADDED:
            return
        if kept is not mine:
            # Sent by somebody who did not live to tell, or who is still at it: it is not sent again.
            raise self._in_doubt(call_id, kept, text)
        try:
            pms.add_note(code, text)
        except InDoubt as error:
            raise self._in_doubt(call_id, mine, text, error.vendor_code) from None
        except BellhopError:
            self.notes.forget(call_id, mine)
            raise
        self.notes.keep(call_id, mine.model_copy(update={"state": NoteState.ADDED}))

    def _in_doubt(self, call_id: str, note: Note, text: str, vendor_code: str | None = None) -> InDoubt:
        message = (
            f"The booking system did not say whether it has added this note to reservation {note.code}: {redact(text)}"
        )
        follow_up = {"id": f"note:{note.id}", "kind": "message", "at": note.at.isoformat(), "message": message}
        self.calls.add_follow_up(call_id, follow_up)
        self.notes.keep(call_id, note.model_copy(update={"state": NoteState.IN_DOUBT}))
        return InDoubt("it is not known whether the hotel's system has the note", vendor_code=vendor_code)
