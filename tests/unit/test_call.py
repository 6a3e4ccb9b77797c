"""A call is what its reports come to, whatever order they arrive in."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lambdas.shared.domain.call import (
    AGENT_VANISHED,
    KINDS_OF,
    MOVES,
    TRANSITIONS,
    Call,
    Event,
    Kind,
    Outcome,
    Source,
    State,
    dialled_number,
)
from tests.reports import CALL_ID, by_agent, report, reports

pytestmark = pytest.mark.unit

WAYS_TO: dict[State, tuple[Kind, ...]] = {
    State.RINGING: (),
    State.TALKING: (Kind.ANSWERED,),
    State.ON_HOLD: (Kind.ANSWERED, Kind.HELD),
    State.TRANSFERRING: (Kind.ANSWERED, Kind.TRANSFER_STARTED),
    State.TRANSFERRED: (Kind.ANSWERED, Kind.TRANSFER_STARTED, Kind.TRANSFERRED),
    State.ENDED: (Kind.ANSWERED, Kind.ENDED),
}
INSIDE = [(state, kind, to) for state, moves in TRANSITIONS.items() for kind, to in moves.items()]
OUTSIDE = [(state, kind) for state in State for kind in sorted(MOVES) if kind not in TRANSITIONS[state]]
RANG = report(Source.LIVEKIT, Kind.ROOM_STARTED)
CLOSED = report(Source.LIVEKIT, Kind.ROOM_FINISHED, after=300)


@pytest.mark.parametrize(("state", "kind", "to"), INSIDE)
def test_a_move_of_the_table_leads_where_it_says(state: State, kind: Kind, to: State) -> None:
    """Every move the table has leads to its state, without an anomaly."""
    call = Call.of([RANG, *by_agent(*WAYS_TO[state], kind)])

    assert (call.state, call.anomalies) == (to, ())


@pytest.mark.parametrize(("state", "kind"), OUTSIDE)
def test_a_move_outside_the_table_is_an_anomaly(state: State, kind: Kind) -> None:
    """A move the table lacks leaves the state and stays visible."""
    call = Call.of([RANG, *by_agent(*WAYS_TO[state], kind)])

    assert call.state is state
    assert [(anomaly.kind, anomaly.state) for anomaly in call.anomalies] == [(kind, state)]


def test_every_state_can_be_ended_but_the_end() -> None:
    """Whoever hangs up ends the call, whatever was going on."""
    assert {state for state in State if Kind.ENDED not in TRANSITIONS[state]} == {State.ENDED}


@given(events=st.lists(reports(), min_size=1, max_size=25), data=st.data())
def test_order_and_repetition_do_not_matter(events: list[Event], data: st.DataObject) -> None:
    """The same reports, shuffled and some of them told again, are the same call."""
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    shuffled = data.draw(st.permutations(events + again))

    assert Call.of(shuffled) == Call.of(events)


@given(events=st.lists(reports(), min_size=1, max_size=25))
def test_an_ended_call_has_an_outcome_and_no_other_has(events: list[Event]) -> None:
    """Outcome and end come together, and nobody is present in a call that has ended."""
    call = Call.of(events)

    assert (call.outcome is not None) == call.is_over == (call.ended_at is not None)
    assert not (call.is_over and (call.guest_present or call.agent_present))


@given(events=st.lists(reports(), min_size=1, max_size=25))
def test_a_call_never_comes_back_to_life(events: list[Event]) -> None:
    """A call that has ended stays so, whatever else is reported."""
    over = [CLOSED, *events]

    assert Call.of(over).is_over


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        ([report(Source.PMS, Kind.STAY_BOOKED, code="A")], Outcome.BOOKED),
        ([report(Source.PMS, Kind.STAY_CHANGED, code="A")], Outcome.CHANGED),
        ([report(Source.PMS, Kind.STAY_CANCELLED, code="A")], Outcome.CANCELLED),
        (by_agent(Kind.TRANSFER_STARTED, Kind.TRANSFERRED, start=10), Outcome.TRANSFERRED),
        (by_agent(Kind.MESSAGE_TAKEN, start=20), Outcome.MESSAGE_TAKEN),
        (by_agent(Kind.FAILED, start=30), Outcome.FAILED),
        ([], Outcome.ANSWERED),
    ],
)
def test_the_first_outcome_that_applies_counts(told: list[Event], outcome: Outcome) -> None:
    """Each outcome wins over all that stand below it."""
    below: dict[Outcome, list[Event]] = {
        Outcome.CHANGED: [report(Source.PMS, Kind.STAY_CHANGED, code="A")],
        Outcome.CANCELLED: [report(Source.PMS, Kind.STAY_CANCELLED, code="A")],
        Outcome.TRANSFERRED: by_agent(Kind.TRANSFER_STARTED, Kind.TRANSFERRED, start=10),
        Outcome.MESSAGE_TAKEN: by_agent(Kind.MESSAGE_TAKEN, start=20),
        Outcome.FAILED: by_agent(Kind.FAILED, start=30),
    }
    ranks = list(Outcome)
    weaker = [event for other, events in below.items() if ranks.index(other) > ranks.index(outcome) for event in events]

    call = Call.of([*by_agent(Kind.ANSWERED), *told, *weaker, *by_agent(Kind.ENDED, start=40)])

    assert call.outcome is outcome


def test_a_guest_who_hangs_up_before_the_greeting_has_abandoned_the_call() -> None:
    """An agent that ends a call nobody answered makes it abandoned, not failed."""
    assert Call.of([RANG, *by_agent(Kind.ENDED), CLOSED]).outcome is Outcome.ABANDONED


def test_a_call_whose_agent_never_reported_its_end_has_failed() -> None:
    """A room that closes without the agent's word is a failure, and the reason says so."""
    call = Call.of([RANG, *by_agent(Kind.ANSWERED), CLOSED])

    assert (call.state, call.outcome, call.reason) == (State.ENDED, Outcome.FAILED, AGENT_VANISHED)


def test_the_reason_of_a_failure_comes_before_the_reason_of_the_end() -> None:
    """What went wrong first is what a reviewer wants to know."""
    failed = report(Source.AGENT, Kind.FAILED, after=50, epoch=1, seq=2, reason="no_recognition")
    ended = report(Source.AGENT, Kind.ENDED, after=51, epoch=1, seq=3, reason="agent_hung_up")

    assert Call.of([*by_agent(Kind.ANSWERED), ended, failed]).reason == "no_recognition"


def test_a_second_agent_goes_on_where_the_first_one_stopped() -> None:
    """Reports fold by epoch before sequence, so a late report of the first agent does not undo the second's."""
    first, second = by_agent(Kind.ANSWERED, Kind.HELD), by_agent(Kind.RESUMED, epoch=2)

    call = Call.of([*second, *first])

    assert (call.state, call.epoch, call.anomalies) == (State.TALKING, 2, ())


def test_present_is_who_joined_more_often_than_they_left() -> None:
    """Presence is counted, so it does not depend on which report came last."""
    told = [
        report(Source.LIVEKIT, Kind.GUEST_JOINED, after=1, guest="1:abc"),
        report(Source.LIVEKIT, Kind.AGENT_JOINED, after=2),
        report(Source.LIVEKIT, Kind.AGENT_LEFT, after=1),
        report(Source.LIVEKIT, Kind.AGENT_JOINED, after=9),
    ]

    call = Call.of(told)

    assert (call.guest_present, call.agent_present, call.guest) == (True, True, "1:abc")


JOINED = report(Source.LIVEKIT, Kind.GUEST_JOINED, after=1)


@pytest.mark.parametrize(
    ("told", "unattended"),
    [
        ([JOINED, CLOSED], True),
        ([RANG, JOINED, report(Source.LIVEKIT, Kind.GUEST_LEFT, after=9), CLOSED], True),
        ([JOINED], False),
        ([CLOSED], False),
        ([JOINED, report(Source.LIVEKIT, Kind.AGENT_JOINED, after=2), CLOSED], False),
        ([JOINED, *by_agent(Kind.ANSWERED), CLOSED], False),
    ],
)
def test_a_call_is_unattended_when_a_guest_met_no_agent(told: list[Event], unattended: bool) -> None:
    """A finished room with a guest and without any word of an agent is a phone that nobody answered."""
    assert Call.of(told).unattended is unattended


def test_times_are_those_of_the_reports() -> None:
    """A call starts with its earliest report and ends with the earlier word for its end."""
    answered, ended = by_agent(Kind.ANSWERED, Kind.ENDED)

    call = Call.of([CLOSED, ended, RANG, answered])

    assert (call.started_at, call.answered_at, call.ended_at) == (RANG.at, answered.at, ended.at)


def test_stays_are_listed_in_the_order_they_were_settled() -> None:
    """A reviewer sees which reservations a call touched."""
    later, sooner = (report(Source.PMS, Kind.STAY_BOOKED, after=after, code=f"AUR{after}") for after in (80, 20))

    assert Call.of([later, sooner]).stays == ("AUR20", "AUR80")


@pytest.mark.parametrize(
    ("source", "kind"), [(source, kind) for source in Source for kind in Kind if kind not in KINDS_OF[source]]
)
def test_a_source_reports_only_what_it_may(source: Source, kind: Kind) -> None:
    """A source that reports what is not its own is kept as one that reported something, or not at all."""
    if kind is Kind.REPORTED:
        assert report(source, kind).kind is Kind.REPORTED
        return

    with pytest.raises(ValidationError, match=f"{source} may not report {kind}"):
        report(source, kind)


@pytest.mark.parametrize("events", [[], [RANG, RANG.model_copy(update={"call_id": "call_+493023125001_other"})]])
def test_a_call_is_made_of_reports_on_one_call(events: Sequence[Event]) -> None:
    """No report, or reports on two calls, tell of no call."""
    with pytest.raises(ValueError, match="the events of one call are needed"):
        Call.of(events)


@pytest.mark.parametrize(
    ("room", "number"),
    [
        (CALL_ID, "+493023125001"),
        ("call_493023125001_x", "+493023125001"),
        ("call_+493023125001", None),
        ("call_+493023125001_x\n", None),
        ("lobby", None),
        ("", None),
    ],
)
def test_the_dialled_number_is_in_the_rooms_name(room: str, number: str | None) -> None:
    """A room made by the dispatch rule says which number was dialled; any other room is no call."""
    assert dialled_number(room) == number
