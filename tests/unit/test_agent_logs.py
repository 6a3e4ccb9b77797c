"""A line of the agent's log is JSON and holds nothing personal."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from agent import logs

pytestmark = pytest.mark.unit


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """What a worker with this logging writes; afterwards logging is as it was before."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    logs.configure_logs("INFO", stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    logs._about.clear()
    structlog.reset_defaults()


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_says_which_call_it_is_about(output: io.StringIO) -> None:
    """Every line of a job's process carries its call and epoch."""
    logs.lines_are_about(call_id="call_+493023125001_AbCdEf123456", epoch=2)

    structlog.get_logger().info("tool ran", tool="book_stay", ms=20)

    (line,) = lines(output)
    assert line["event"] == "tool ran"
    assert (line["call_id"], line["epoch"], line["ms"]) == ("call_+493023125001_AbCdEf123456", 2, 20)


def test_a_librarys_line_keeps_its_message_and_loses_what_is_about_a_guest(
    output: io.StringIO,
) -> None:
    """The framework's own lines name participants and quote transcripts; those fields do not get through."""
    logging.getLogger("livekit.agents").warning(
        "RoomIO linked to participant sip_+491713920055",
        extra={"participant": "sip_+491713920055", "lk.pii.user_input": "my name is Peter Miller", "job_id": "AJ_1"},
    )

    (line,) = lines(output)
    assert "491713920055" not in json.dumps(line)
    assert "Peter" not in json.dumps(line)
    assert line["job_id"] == "AJ_1"


def test_an_exception_is_told_by_its_kind_and_place(output: io.StringIO) -> None:
    """An error's message may quote a guest where no pattern finds it; neither ours nor a library's is kept."""
    quoting = "Peter Miller at +491713920055"
    try:
        raise ValueError(quoting)
    except ValueError as error:
        structlog.get_logger().error("agent failed", exc_info=error)
        logging.getLogger("livekit.agents").exception("exception occurred while executing tool")

    for line in lines(output):
        assert "Miller" not in json.dumps(line)
        assert "491713920055" not in json.dumps(line)
        assert line["error"] == "ValueError"
        assert "test_agent_logs.py" in str(line["at"])
