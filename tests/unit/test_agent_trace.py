"""One trace id per turn, in every request the turn causes."""

from __future__ import annotations

import re

import pytest

from agent.trace import Traces, new_trace_id, traceparent

pytestmark = pytest.mark.unit


def test_a_traceparent_is_what_the_standard_asks_for() -> None:
    """Version 00, the trace's 32 digits, a span of its own, sampled."""
    trace_id = new_trace_id()

    headers = {traceparent(trace_id) for _ in range(3)}

    assert all(re.fullmatch(rf"00-{trace_id}-[0-9a-f]{{16}}-01", header) for header in headers)
    assert len(headers) == 3


def test_an_answer_carries_the_trace_of_the_words_it_answers() -> None:
    """Recognition and answer of one turn are found under one id."""
    traces = Traces()
    heard = traces.recognition_metadata()[0][1].split("-")[1]

    traces.commit()

    assert traces.answering == heard
    assert traces.answer_headers()["traceparent"].split("-")[1] == heard


def test_the_request_that_is_open_for_what_comes_next_is_another_turn() -> None:
    """A recogniser that opens its next request before the turn is committed does not mix the two up."""
    traces = Traces()
    first = traces.recognition_metadata()[0][1].split("-")[1]
    second = traces.recognition_metadata()[0][1].split("-")[1]

    answered = [traces.commit(), traces.commit()]

    assert answered == [first, second]


def test_a_turn_recognised_in_pieces_leaves_the_newest_request_to_the_next_turn() -> None:
    """A pause that closed a request inside a turn costs no turn its id."""
    traces = Traces()
    ids = [traces.recognition_metadata()[0][1].split("-")[1] for _ in range(3)]

    answered = [traces.commit(), traces.commit()]

    assert answered == [ids[0], ids[2]]


def test_a_request_that_is_replaced_before_anybody_spoke_is_no_turn() -> None:
    """A recogniser that is told another language between two turns opens a request anew: that one has the next turn."""
    traces = Traces()
    traces.recognition_metadata()

    traces.request_replaced()
    heard = traces.recognition_metadata()[0][1].split("-")[1]

    assert traces.commit() == heard


def test_what_the_agent_says_by_itself_is_a_turn_of_its_own() -> None:
    """A greeting answers nobody's words."""
    traces = Traces()
    before = traces.answering

    assert traces.speak_first() != before
