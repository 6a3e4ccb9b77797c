"""The questions saved for the logs name fields that our lines really have.

The fields are read from the source: every call of a logger says which line it writes. What every line carries besides
is taken from a line that was written.
"""

from __future__ import annotations

import ast
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Final

import pytest
import structlog

from agent import logs
from cdk.units.conditions import SLOW_TURN_MS
from cdk.units.http_api import ACCESS_LINE
from cdk.units.queries import QUESTIONS
from lambdas.shared.http import Api
from tests.events import ask, request_event
from tests.infrastructure.conftest import ROOT

pytestmark = pytest.mark.infrastructure

LEVELS: Final = {"debug", "info", "warning", "error", "exception", "critical"}
BY_CLOUDWATCH: Final = {
    "@timestamp",
    "@message",
    "@log",
    "@type",
    "@duration",
    "@initDuration",
    "@maxMemoryUsed",
}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_AnalyzeLogData-discoverable-fields.html"""
WORDS: Final = {
    *("fields", "filter", "stats", "sort", "limit", "by", "as", "in", "and", "or", "like", "desc", "asc"),
    *("coalesce", "count", "count_distinct", "latest", "max", "pct"),
}
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html"""


def lines_in_source() -> dict[str, set[str]]:
    """The fields of each line that agent, functions and fleet write, by its message."""
    found: dict[str, set[str]] = {}
    for package in ("agent", "lambdas", "gpu_fleet"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text("utf-8"))):
                for message, fields in _line(call):
                    found.setdefault(message, set()).update(fields)
    return found


def _line(call: ast.AST) -> Iterator[tuple[str, set[str]]]:
    match call:
        case ast.Call(ast.Attribute(logger, level), [ast.Constant(str(message)), *_], keywords):
            if level in LEVELS and "logger" in ast.unparse(logger):
                yield message, {keyword.arg for keyword in keywords if keyword.arg}


LINES: Final = lines_in_source()


@pytest.fixture(scope="module")
def on_every_line() -> set[str]:
    """The fields that a function's line and an agent's line of a call carry whatever they say."""
    app = Api("questions")
    function, agent = io.StringIO(), io.StringIO()
    handler = logging.StreamHandler(function)
    handler.setFormatter(app.logger.registered_formatter)
    app.logger.addHandler(handler)

    @app.get("/thing")
    def thing() -> dict[str, str]:
        app.logger.info("asked")
        return {}

    ask(app, request_event("GET", "/thing", headers={"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"}))
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure_logs("INFO", agent)
    logs.lines_are_about(call_id="call_+493023125001_a", epoch=1)
    structlog.get_logger().info("asked")
    logging.getLogger("livekit.agents").warning("asked", extra={"room": "call_+493023125001_a"})
    root.handlers[:] = handlers
    root.setLevel(level)
    logs._about.clear()
    structlog.reset_defaults()
    written = f"{function.getvalue()}{agent.getvalue()}".splitlines()
    return {field for line in written for field in json.loads(line)}


def named_in(question: str) -> set[str]:
    """The fields that a question names."""
    patterns = re.findall(r"/[^/\n]+/", question)
    plain = re.sub(r'"[^"]*"', "", re.sub(r"/[^/\n]+/", "", question))
    aliases = set(re.findall(r"\bas (\w+)", plain))
    searched = {field for pattern in patterns for field in re.findall(r'"(\w+)":', pattern)}
    return searched | set(re.findall(r"@?[A-Za-z_][A-Za-z0-9_]*", plain)) - WORDS - aliases


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_names_fields_that_are_written(name: str, on_every_line: set[str]) -> None:
    """Whatever a question looks at is in some line, or is CloudWatch's own or the API's access log's."""
    known = on_every_line | BY_CLOUDWATCH | set(ACCESS_LINE) | {field for fields in LINES.values() for field in fields}

    assert named_in(QUESTIONS[name]) <= known


@pytest.mark.parametrize(
    "name", [name for name, question in QUESTIONS.items() if re.search(r'(event|message) = "', question)]
)
def test_a_question_about_a_line_names_its_fields(name: str, on_every_line: set[str]) -> None:
    """A question about one kind of line is answered by that line: it is written, and with these fields."""
    (message,) = re.findall(r'(?:event|message) = "([^"]+)"', QUESTIONS[name])

    assert message in LINES
    assert named_in(QUESTIONS[name]) <= LINES[message] | on_every_line | BY_CLOUDWATCH


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_short_enough(name: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html"""
    assert len(QUESTIONS[name]) <= 10_000
    assert len(f"bellhop/prod/{name}") <= 255


def test_slow_means_the_same_everywhere() -> None:
    """The answers that the question finds are those that the alarm is about."""
    assert f"ms > {SLOW_TURN_MS}" in QUESTIONS["slow answers"]
