"""The verdict on a call, its report and the page, made from a call that nobody made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from rich.text import Text

from lambdas.calls.models import ToolRun, Turn
from lambdas.shared.domain.call import Outcome
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState, Stay
from local.caller import PhoneCall, Spoken
from local.ear import Recording, Span
from local.report import CallReport, report_of, stages
from local.report_page import render
from local.scenario import Expected, ExpectedCall, ExpectedFollowUp, ExpectedReservation
from local.terminal import verdict_line
from local.verdict import Found, LeftFollowUp, judge

pytestmark = pytest.mark.unit

TODAY = date(2026, 11, 24)
BEGAN = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RINGING = 1000.0
BOOKED = Expected(
    call=ExpectedCall(outcome=Outcome.BOOKED),
    reservations=(
        ExpectedReservation(
            room="double", arrival="03-12", departure="03-14", guest_name="Peter Miller", total_cents=25800
        ),
    ),
)


def reservation(**changes: object) -> Reservation:
    stay = Stay(arrival=date(2027, 3, 12), departure=date(2027, 3, 14), adults=2)
    facts: dict[str, object] = {
        "code": "K7M2QX",
        "stay": stay,
        "room_type": "double",
        "room": "double room",
        "guest": Guest(name="Peter Miller"),
        "total": Money(cents=25800, currency="EUR"),
    }
    return Reservation.model_validate({**facts, **changes})


def found(*stays: Reservation, outcome: str = "booked", **more: object) -> Found:
    return Found.model_validate({"state": "ended", "outcome": outcome, "reservations": stays, **more})


def failing(expected: Expected, what: Found) -> list[str]:
    return [check.name for check in judge(expected, what, TODAY) if not check.passed]


def test_a_call_that_booked_what_was_wished_passes() -> None:
    """Dates without a year mean the next such days, a name may be written in any case."""
    assert failing(BOOKED, found(reservation(guest=Guest(name="PETER miller")))) == []


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"room_type": "suite"}, ["room"]),
        ({"guest": Guest(name="Peter Mueller")}, ["guest"]),
        ({"total": Money(cents=12900, currency="EUR")}, ["total"]),
        ({"stay": Stay(arrival=date(2027, 3, 12), departure=date(2027, 3, 15))}, ["departure"]),
        ({"stay": Stay(arrival=date(2028, 3, 12), departure=date(2028, 3, 14))}, ["arrival", "departure"]),
    ],
)
def test_any_difference_in_the_hotels_system_fails(changes: dict[str, object], differs: list[str]) -> None:
    """Each fact of a reservation is a check of its own."""
    assert failing(BOOKED, found(reservation(**changes))) == differs


def test_a_second_booking_fails_the_call() -> None:
    """Exactly the expected reservations are there; one too many is as wrong as none."""
    assert failing(BOOKED, found(reservation(), reservation(code="ABCDEF"))) == ["reservations"]
    assert failing(BOOKED, found(outcome="answered")) == ["outcome", "reservations"]


def test_follow_ups_are_counted_and_compared() -> None:
    """Something left for the front desk must be there, and be what was expected as far as that was said."""
    any_kind = Expected(call=ExpectedCall(outcome=Outcome.MESSAGE_TAKEN), follow_ups=(ExpectedFollowUp(),))
    wanted = ExpectedFollowUp(kind="callback", guest_name="Peter Miller", message="party")
    callback = Expected(call=ExpectedCall(outcome=Outcome.MESSAGE_TAKEN), follow_ups=(wanted,))
    right = LeftFollowUp(kind="callback", calls_caller=True, guest_name="peter miller", message="A birthday party.")
    wrong = [
        right.model_copy(update={"kind": "message"}),
        right.model_copy(update={"calls_caller": False}),
        right.model_copy(update={"guest_name": None}),
        right.model_copy(update={"message": "A wedding."}),
    ]

    assert failing(any_kind, found(outcome="message_taken", follow_ups=(wrong[0],))) == []
    assert failing(callback, found(outcome="message_taken", follow_ups=(right,))) == []
    for one in wrong:
        assert failing(callback, found(outcome="message_taken", follow_ups=(one,))) == ["follow-up"]
    assert failing(any_kind, found(outcome="message_taken")) == ["follow-ups", "follow-up"]


def test_the_hotel_must_have_said_what_was_asked_for() -> None:
    """A call that ended well without its answer did not answer."""
    expected = Expected(call=ExpectedCall(outcome=Outcome.ANSWERED), answers=("half past (six|seven)",))

    assert failing(expected, found(outcome="answered", said="From half past six.")) == []
    assert failing(expected, found(outcome="answered", said="I do not know that.")) == ["answer"]


def test_a_failed_call_says_why() -> None:
    """The reason stands beside the outcome."""
    checks = judge(BOOKED, found(outcome="failed", reason="riva_unreachable"), TODAY)

    assert [check.found for check in checks if check.name == "outcome"] == ["failed (riva_unreachable)"]


def made_call(*, guest: Sequence[str], name: str = "Ann") -> tuple[PhoneCall, list[Turn]]:
    """A call of a greeting and two lines; the second interrupts the answer to the first."""
    recording = Recording()
    recording.add_guest(np.full(16_000, 300, np.int16), RINGING)
    recording.add_hotel(np.full(16_000, 900, np.int16), RINGING)
    lines = [
        Spoken(guest[0], Span(RINGING + 5, RINGING + 7)),
        Spoken(guest[1], Span(RINGING + 10, RINGING + 11), interrupts=True),
    ]
    hotel = [
        Span(RINGING + 0.7, RINGING + 4),
        Span(RINGING + 8.1, RINGING + 10.4),
        Span(RINGING + 12.5, RINGING + 13),
        Span(RINGING + 13.3, RINGING + 14),
    ]
    call = PhoneCall(
        number="+491713920055",
        id="call_+493023125001_Ab12Cd34Ef56",
        began=BEGAN,
        ringing=RINGING,
        ended=RINGING + 15,
        hung_up_by="hotel",
        gave_up=False,
        spoken=lines,
        guest_speech=[line.span for line in lines],
        hotel_speech=hotel,
        recording=recording,
        moments=[],
    )
    parts = {"recognition": 300, "end_of_turn": 500, "model": 20, "voice": 150, "answer": 700}
    turns = [
        turn(1, 0.4, agent="Good day."),
        turn(2, 7.5, guest=f"my name is {name}", agent="A long answer", latency_ms=parts),
        turn(3, 11.4, guest="stop", agent="Yes?", tools=(ToolRun(name="get_hotel_info", ms=12),)),
    ]
    return call, turns


def turn(number: int, at: float, **more: object) -> Turn:
    facts = {"number": number, "at": BEGAN + timedelta(seconds=at), "language": "en", "trace_id": f"{number:032x}"}
    return Turn.model_validate({**facts, **more})


def report(
    *, title: str = "A guest asks", guest: Sequence[str] = ("Hello", "Stop"), name: str = "Ann", what: Found
) -> tuple[CallReport, str]:
    call, turns = made_call(guest=guest, name=name)
    checks = judge(BOOKED, what, TODAY)
    made = report_of(call, scenario="book", title=title, hotel="Hotel Aurora", found=what, checks=checks, stored=turns)
    return made, render(made, call.recording.stereo(call.ringing))


def test_a_report_tells_the_waits_by_ear() -> None:
    """Pick-up, every turn's wait, and how long the interrupted hotel went on speaking."""
    made, _ = report(what=found(reservation()))

    assert made.passed
    assert made.pick_up_ms == 700
    assert (made.turn_ms.turns, made.turn_ms.p50, made.turn_ms.p95) == ((1100, 1500), 1100, 1500)
    assert made.barge_in_ms == (400,)
    assert made.duration_ms == 15_000


def test_stored_turns_stand_beside_the_line_they_answer() -> None:
    """What was understood, answered and run belongs to the line that was spoken before it."""
    made, _ = report(what=found(reservation()))

    assert [turn.answered for turn in made.turns] == ["Good day.", "A long answer", "Yes?"]
    assert [turn.understood for turn in made.turns] == ["", "my name is Ann", "stop"]
    assert [tool.name for tool in made.turns[2].tools] == ["get_hotel_info"]
    assert made.turns[2].answer is not None
    assert (made.turns[2].answer.starts, made.turns[2].answer.ends) == (12_500, 14_000)
    assert made.parts_ms["recognition"] == {"p50": 300, "p95": 300}


def test_stages_follow_each_other() -> None:
    """Recognition and the end of a turn begin together, so only the rest of the longer one is a stage of its own."""
    parts = {"recognition": 300, "end_of_turn": 500, "model": 20, "tool": 0, "voice": 150, "answer": 700}

    assert dict(stages(parts)) == {"recognition": 300, "end_of_turn": 200, "model": 20, "voice": 150}


def test_a_page_shows_words_as_words() -> None:
    """What was said, however it is written, never becomes markup."""
    evil = "<script>alert('1')</script>"

    _, page = report(title=evil, guest=(evil, "Stop"), name=evil, what=found(reservation(room=evil)))

    assert "alert(&#x27;1&#x27;)" in page
    assert evil not in page


def test_a_page_needs_nothing_else() -> None:
    """No address but the recording's own data: the file can be opened off the network."""
    _, page = report(what=found(outcome="failed", reason="brain_unreachable"))

    addresses = re.findall(r"""(?:src|href)=["']?([^"'\s>]+)|url\(([^)]*)\)""", page)
    assert [first[:22] for first, _ in addresses] == ["data:audio/wav;base64,"]
    assert "brain unreachable" in page


def test_the_verdict_is_one_line() -> None:
    """What came of the call and the waits, in a line; a name that looks like markup is shown as it is."""
    made, _ = report(what=found(reservation(room="[red]double room")))

    line = Text.from_markup(verdict_line(made)).plain

    assert "\n" not in line
    assert line.startswith("✓ booked: [red]double room, 12 Mar to 14 Mar 2027, Peter Miller, 258.00 EUR")
    assert line.endswith("picked up after 0.70 s, turns p50 1.10 s, p95 1.50 s, fell silent after 0.40 s")


def test_a_reservation_that_should_be_cancelled_and_stands_is_told() -> None:
    """The state of a reservation is judged like its dates."""
    wanted = BOOKED.reservations[0].model_copy(update={"state": ReservationState.CANCELLED})
    expected = Expected(call=ExpectedCall(outcome=Outcome.CANCELLED), reservations=(wanted,))

    assert failing(expected, found(reservation(state="cancelled"), outcome="cancelled")) == []
    assert failing(expected, found(reservation(), outcome="cancelled")) == ["state"]
