"""Whose reservation a call is about: judged here, kept on the call, and never left to the agent.

    CALL#<id>  VERIFIED  codes: what the call has verified · tries: how many wrong answers it gave

A try is counted before it is judged and given back when it was right, so no more than three wrong answers of a call
are ever judged, however many arrive at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from lambdas.pms.models import VerificationRequest
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.errors import NotVerified, TriesOver, Unreachable
from lambdas.shared.domain.said import normal_code, same_surname
from lambdas.shared.domain.stay import Reservation, ReservationState
from lambdas.shared.domain.wish import WishKind, WishState
from lambdas.shared.items import Write, decode, encode, reaching, transact
from lambdas.shared.pms.system import Pms
from lambdas.shared.tables import EXPIRES, VERIFIED, call_pk
from lambdas.shared.wish_store import Wishes

WRONG_TRIES: Final = 3


class VerifiedCodes(Protocol):
    """What calls have verified, and how often they were wrong."""

    def begin(self, call_id: str) -> int:
        """Counts a try and says which it is. Raises TriesOver when the call has none left."""

    def give_back(self, call_id: str, *, code: str | None = None) -> None:
        """The last try was not wrong; with a code it was right and the reservation is verified."""

    def codes(self, call_id: str) -> tuple[str, ...]:
        """What the call has verified, in that order."""


class DynamoVerifiedCodes(VerifiedCodes):
    """Kept beside the call, as long as the call is."""

    def __init__(self, calls: DynamoCallStore) -> None:
        self._calls = calls

    def begin(self, call_id: str) -> int:
        client = self._calls.client
        with reaching("a verification"):
            try:
                written = client.update_item(
                    TableName=self._calls.table,
                    Key=_key(call_id),
                    UpdateExpression=f"SET {EXPIRES} = :expires ADD tries :one",
                    ConditionExpression="attribute_not_exists(tries) OR tries < :most",
                    ExpressionAttributeValues=encode(
                        {":expires": self._calls.expiry(call_id), ":one": 1, ":most": WRONG_TRIES}
                    ),
                    ReturnValues="UPDATED_NEW",
                )
            except client.exceptions.ConditionalCheckFailedException:
                raise _tries_over() from None
        return int(decode(written["Attributes"])["tries"])

    def give_back(self, call_id: str, *, code: str | None = None) -> None:
        codes = [code] if code else []
        # A transaction is done once, however often boto3 asks for it: given back twice it would be a try more.
        given_back = Write(
            {
                "Update": {
                    "TableName": self._calls.table,
                    "Key": _key(call_id),
                    "UpdateExpression": "SET codes = list_append(if_not_exists(codes, :none), :codes) ADD tries :less",
                    "ExpressionAttributeValues": encode({":none": [], ":codes": codes, ":less": -1}),
                }
            }
        )
        self._calls.patience.until_done(lambda: transact(self._calls.client, (given_back,)))

    def codes(self, call_id: str) -> tuple[str, ...]:
        for item in self._calls.items(call_id, "sk = :sk", {":sk": VERIFIED}):
            return tuple(dict.fromkeys(item.get("codes", ())))
        return ()


@dataclass(frozen=True)
class Verification:
    """Lets a call at the reservations it has shown to be about, and at those it has made."""

    verified: VerifiedCodes
    wishes: Wishes

    def verify(self, pms: Pms, call_id: str, said: VerificationRequest) -> Reservation:
        """The reservation that what was said fits.

        Raises NotVerified, whatever was wrong, also when there is no such reservation or there are two; TriesOver
        from the third wrong answer on; and Unreachable, which is no wrong answer.
        """
        number = self.verified.begin(call_id)
        try:
            fitting = _fitting(pms, said)
        except Unreachable:
            self.verified.give_back(call_id)
            raise
        if fitting is None:
            raise _tries_over() if number >= WRONG_TRIES else _not_verified()
        self.verified.give_back(call_id, code=fitting.code)
        return fitting

    def codes(self, call_id: str) -> tuple[str, ...]:
        """The codes of the reservations that the call has verified, then of those it has made."""
        booked = (
            wish.code
            for wish in self.wishes.of_call(call_id)
            if wish.kind is WishKind.BOOK and wish.state is WishState.BOOKED and wish.code
        )
        return tuple(dict.fromkeys((*self.verified.codes(call_id), *booked)))

    def require(self, call_id: str, code: str) -> str:
        """The code as the hotel's system writes it. Raises NotVerified for every other, whether it exists or not."""
        for known in self.codes(call_id):
            if _same_code(known, code):
                return known
        raise _not_verified()


def _fitting(pms: Pms, said: VerificationRequest) -> Reservation | None:
    if said.code is not None:
        found = _by_code(pms, said.code)
        return found if found and same_surname(found.guest.surname, said.surname) else None
    if said.arrival is None:
        return None
    fitting = [booked for booked in pms.search(said.surname, said.arrival) if _fits(booked, said)]
    # A guest who has cancelled and booked again means the reservation that stands.
    standing = [booked for booked in fitting if booked.state is not ReservationState.CANCELLED]
    fitting = standing or fitting
    return fitting[0] if len(fitting) == 1 else None


def _by_code(pms: Pms, code: str) -> Reservation | None:
    try:
        return pms.reservation(normal_code(code))
    except ValueError:
        return None


def _fits(booked: Reservation, said: VerificationRequest) -> bool:
    """The surname and the arrival once more, whatever the system calls similar, and the one fact that was given."""
    if not same_surname(booked.guest.surname, said.surname) or booked.stay.arrival != said.arrival:
        return False
    if said.departure is not None:
        return booked.stay.departure == said.departure
    if said.email is not None:
        return booked.contact.email is not None and booked.contact.email.casefold() == said.email.casefold()
    return said.phone is not None and booked.contact.phone == said.phone


def _same_code(one: str, other: str) -> bool:
    try:
        return normal_code(one) == normal_code(other)
    except ValueError:
        return one == other


def _not_verified() -> NotVerified:
    return NotVerified("this call has not shown whose reservation it is")


def _tries_over() -> TriesOver:
    return TriesOver("there were too many wrong answers in this call; a human goes on")


def _key(call_id: str) -> dict[str, dict[str, str]]:
    return {"pk": {"S": call_pk(call_id)}, "sk": {"S": VERIFIED}}
