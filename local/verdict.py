"""Did the call end where its scenario says? Judged on the final state of the hotel's system and of the call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from pydantic import BaseModel, ConfigDict

from lambdas.shared.domain.call import Outcome
from lambdas.shared.domain.stay import Reservation
from local.scenario import Expected, ExpectedReservation


class Check(BaseModel):
    """One thing that had to be true, in words for a reader."""

    model_config = ConfigDict(frozen=True)

    name: str
    expected: str
    found: str
    passed: bool


class Found(BaseModel):
    """What was there after the call: its own state, and what the hotel's system and the front desk got from it."""

    model_config = ConfigDict(frozen=True)

    state: str
    outcome: str | None
    reason: str | None = None
    reservations: tuple[Reservation, ...] = ()
    follow_ups: tuple[str, ...] = ()
    """The kinds of the call's follow-ups."""


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
    kinds = list(found.follow_ups)
    for follow_up in expected.follow_ups:
        if follow_up.kind is not None:
            there = follow_up.kind in kinds
            yield Check(
                name="follow-up",
                expected=follow_up.kind,
                found=follow_up.kind if there else ", ".join(kinds) or "none",
                passed=there,
            )
            if there:
                kinds.remove(follow_up.kind)


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
    total = f"{wanted.total_cents / 100:.2f} {wanted.currency}"
    yield _same("total", total, str(got.total))
