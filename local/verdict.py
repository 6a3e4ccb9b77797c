"""Did the call end where its scenario says? Judged on the final state of the hotel's system and of the call."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from lambdas.shared.domain.call import Outcome
from lambdas.shared.domain.stay import Reservation
from local.scenario import Expected, ExpectedFollowUp, ExpectedReservation


class Check(BaseModel):
    """One thing that had to be true, in words for a reader."""

    model_config = ConfigDict(frozen=True)

    name: str
    expected: str
    found: str
    passed: bool


class LeftFollowUp(BaseModel):
    """What the front desk was left to do; `calls_caller` says that the number to call is the caller's."""

    model_config = ConfigDict(frozen=True)

    kind: str
    calls_caller: bool = False
    guest_name: str | None = None
    message: str = ""

    def __str__(self) -> str:
        to = " to the caller" if self.calls_caller else ""
        return f"{self.kind}{to}, {self.guest_name or 'no name'}: {self.message}"

    def is_like(self, wanted: ExpectedFollowUp) -> bool:
        """Whether this is what a scenario expects."""
        if wanted.kind is not None and wanted.kind != self.kind:
            return False
        if wanted.kind == "callback" and not self.calls_caller:
            return False
        if wanted.guest_name is not None and wanted.guest_name.casefold() != (self.guest_name or "").casefold():
            return False
        return wanted.message is None or re.search(wanted.message, self.message, re.IGNORECASE) is not None


class Found(BaseModel):
    """What was there after the call: its own state, and what the hotel's system and the front desk got from it."""

    model_config = ConfigDict(frozen=True)

    state: str
    outcome: str | None
    reason: str | None = None
    reservations: tuple[Reservation, ...] = ()
    follow_ups: tuple[LeftFollowUp, ...] = ()
    said: str = ""
    """Everything the hotel said, as it is stored."""


def judge(expected: Expected, found: Found, today: date) -> tuple[Check, ...]:
    """Every check of a call that was made today; the call passed when all of them did."""
    return tuple(_checks(expected, found, today))


def _checks(expected: Expected, found: Found, today: date) -> Iterator[Check]:
    because = f" ({found.reason})" if found.reason and found.outcome == Outcome.FAILED else ""
    yield _same("call", expected.call.state, found.state)
    yield _same("outcome", expected.call.outcome, found.outcome or "none", told=because)
    yield _same("reservations", str(len(expected.reservations)), str(len(found.reservations)))
    for wanted, got in _paired(expected.reservations, found.reservations, today):
        yield from _reservation(wanted, got, today)
    yield _same("follow-ups", str(len(expected.follow_ups)), str(len(found.follow_ups)))
    left = list(found.follow_ups)
    for follow_up in expected.follow_ups:
        match = next((one for one in left if one.is_like(follow_up)), None)
        described = ", ".join(f"{name} {value}" for name, value in follow_up if value is not None) or "any"
        told = str(match) if match else "; ".join(map(str, left)) or "none"
        yield Check(name="follow-up", expected=described, found=told, passed=match is not None)
        if match:
            left.remove(match)
    for answer in expected.answers:
        heard = re.search(answer, found.said, re.IGNORECASE)
        yield Check(name="answer", expected=answer, found=heard[0] if heard else "not said", passed=heard is not None)


def _same(name: str, expected: str, found: str, told: str = "") -> Check:
    return Check(name=name, expected=expected, found=found + told, passed=expected == found)


def _paired(
    wanted: Sequence[ExpectedReservation], got: Sequence[Reservation], today: date
) -> Iterator[tuple[ExpectedReservation, Reservation]]:
    """Each expected reservation with the one that is most like it; those without a partner are counted elsewhere."""
    left = list(got)
    for expected in wanted:
        if left:
            best = max(left, key=lambda one: sum(check.passed for check in _reservation(expected, one, today)))
            left.remove(best)
            yield expected, best


def _reservation(wanted: ExpectedReservation, got: Reservation, today: date) -> Iterator[Check]:
    arrival, departure = wanted.stay(today)
    yield _same("room", wanted.room, got.room_type)
    yield _same("arrival", arrival.isoformat(), got.stay.arrival.isoformat())
    yield _same("departure", departure.isoformat(), got.stay.departure.isoformat())
    name = got.guest.name
    same_name = wanted.guest_name.casefold() == name.casefold()
    yield Check(name="guest", expected=wanted.guest_name, found=name, passed=same_name)
    yield _same("state", wanted.state, got.state)
    total = f"{wanted.total_cents / 100:.2f} {wanted.currency}"
    yield _same("total", total, str(got.total))
