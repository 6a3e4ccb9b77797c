"""What every connector promises of a note: the staff read it, as it was written, beside what stood there."""

from __future__ import annotations

from contextlib import suppress

import pytest

from lambdas.shared.domain.errors import NotFound, NotPossible
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms import Capability
from tests.contract.vendors.benches import ANNA, STAY, Bench, refused

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    "text",
    [
        "arrives at 23:30",
        "Zimmer zum Hof, bitte – für Žofia",
        "</script><b>x</b> & 'y' \"z\"",
        '{"price": 0}',
        "first line\nsecond line",
        "'; DELETE FROM notes;--",
        "🚲",
        "x" * 500,
    ],
)
def test_a_note_reaches_the_staff(bench: Bench, text: str) -> None:
    """A line for the staff stands at the reservation as it was written, and nothing else of it has changed."""
    booked = bench.pms.book(bench.order())
    (before,) = bench.keeper.stays()
    if not bench.can(Capability.NOTE):
        with refused(NotPossible):
            bench.pms.add_note(booked.code, text)
        assert bench.keeper.stays() == [before]
        return

    bench.pms.add_note(booked.code, text)

    (kept,) = bench.keeper.stays()
    assert sum(text in note for note in kept.notes) == 1
    found = bench.pms.reservation(booked.code)
    assert found is not None
    assert found.model_dump() == booked.model_dump()


def test_a_note_leaves_others_in_place(bench: Bench) -> None:
    """What stood at the reservation before is still there after it."""
    booked = bench.pms.book(bench.order())
    if not bench.can(Capability.NOTE):
        return
    bench.pms.add_note(booked.code, "arrives at 23:30")

    bench.pms.add_note(booked.code, "needs a cot")

    (kept,) = bench.keeper.stays()
    written = "\n".join(kept.notes)
    assert written.count("arrives at 23:30") == written.count("needs a cot") == 1


def test_a_note_is_for_one_reservation(bench: Bench) -> None:
    """Another reservation of the same name gets nothing of it."""
    other = bench.keeper.walk_in("double", STAY, ANNA)
    booked = bench.pms.book(bench.order())
    if not bench.can(Capability.NOTE):
        return

    bench.pms.add_note(booked.code, "needs a cot")

    assert not any("needs a cot" in note for kept in bench.keeper.stays() if kept.code == other for note in kept.notes)


@pytest.mark.parametrize("code", ["ZZZZZZ", "00000000", "1001/../1002", "🙂"])
def test_a_code_nobody_has_takes_no_note(bench: Bench, code: str) -> None:
    """A note to what is not there is told so."""
    bench.pms.book(bench.order())
    before = bench.keeper.stays()

    with refused(NotFound, NotPossible):
        bench.pms.add_note(code, "needs a cot")

    assert bench.keeper.stays() == before


def test_a_note_does_not_bring_back_a_cancelled_one(bench: Bench) -> None:
    """A reservation that was cancelled stays cancelled, whether or not its staff can still be written to."""
    booked = bench.pms.book(bench.order())
    bench.keeper.move(bench.keeper.stays()[0].code, ReservationState.CANCELLED)

    with suppress(NotPossible, NotFound):
        bench.pms.add_note(booked.code, "needs a cot")

    assert [kept.state for kept in bench.keeper.stays()] == ["cancelled"]
