"""One function invoked once with moto in this process: every recorded event, and what a person reads of faults."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from lambdas.endpoints import ENDPOINTS
from local.invoke import InvocationError, Invoked, functions, invoke, show
from local.processes import ROOT
from local.recorded import read_event, route_of
from tests.triggers import EVENTS, TRIGGERS, Trigger

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Handlers read their environment when they are imported, so the next test imports them anew."""
    yield
    for function in functions():
        sys.modules.pop(f"lambdas.{function}.handler", None)


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_every_recorded_event_is_answered_right(trigger: Trigger) -> None:
    """A developer who invokes a function with its event sees what the deployed one would answer."""
    invoked = invoke(trigger.function, trigger.file)

    assert invoked.fault is None
    assert trigger.faults(invoked.answer, invoked.told, invoked.logs) == []


def test_every_file_is_a_trigger_and_every_route_has_a_file() -> None:
    """No event lies about unused, and no route of the API is without one."""
    files = {path.stem for path in EVENTS.glob("*.json")}
    routes = {route_of(read_event(trigger.file)) for trigger in TRIGGERS}

    assert files == {trigger.name for trigger in TRIGGERS}
    assert set(ENDPOINTS) <= routes
    assert {trigger.function for trigger in TRIGGERS} == set(functions())


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)
def test_events_hold_no_secret_and_no_real_person(trigger: Trigger) -> None:
    """Tokens are filled in later, and the only numbers are one kept for films and the demo hotel's."""
    text = trigger.file.read_text()

    assert "eyJ" not in text
    assert set(re.findall(r"\+49\d{7,}", text)) <= {"+491713920055", "+493023125001"}


@pytest.mark.parametrize(
    ("function", "content", "said"),
    [
        ("ghost", "{}", r"there is no function 'ghost'; there are calls, .*pms"),
        ("pms", None, r"there is no file .*event.json; in tests/events there are agent_event, call, .*offers"),
        ("pms", "{", r"is not JSON: "),
        ("pms", "[]", r"is not a JSON object"),
        ("pms", "{}", r"no event of API Gateway, CloudFormation or EventBridge"),
        ("pms", '{"httpMethod": "GET"}', r"lacks resource, path, headers, requestContext, body, isBase64Encoded"),
    ],
)
def test_what_cannot_be_invoked_is_said_in_a_sentence(
    tmp_path: Path, function: str, content: str | None, said: str
) -> None:
    """A function that is not there, a file that is none, or that lacks fields: each has its own words."""
    event = tmp_path / "event.json"
    if content is not None:
        event.write_text(content)

    with pytest.raises(InvocationError, match=said):
        invoke(function, event)


def test_an_event_of_another_function_is_told_apart() -> None:
    """API Gateway would never have sent it here."""
    with pytest.raises(InvocationError, match=r"GET /v1/calls/\{call_id\}, which is a route of calls, not of pms"):
        invoke("pms", EVENTS / "call.json")


def test_the_answer_and_the_logs_are_readable() -> None:
    """Status, headers and body as the client gets them; log lines as level, message and fields; metrics by name."""
    metric = {"_aws": {"CloudWatchMetrics": [{"Metrics": [{"Name": "UnknownHotel"}]}]}, "UnknownHotel": [1.0]}
    line = {"level": "INFO", "message": "offers [held]", "timestamp": "now", "hotel": "aurora", "offers": 1}
    answer = {"statusCode": 200, "multiValueHeaders": {"Content-Type": ["application/json"]}, "body": '{"offers":[]}'}
    screen = io.StringIO()

    logs = (json.dumps(line), json.dumps(metric), "a plain [line]")
    show(Invoked(answer, None, logs, None, import_s=0.5, run_s=0.02), Console(file=screen, width=80))

    assert screen.getvalue().splitlines() == [
        "200  imported in 0.50 s, ran 20 ms",
        "Content-Type: application/json",
        "{",
        '  "offers": []',
        "}",
        "logs",
        "  info     offers [held]  hotel=aurora  offers=1",
        "  metric   UnknownHotel=[1.0]",
        "  a plain [line]",
    ]


def test_a_fault_is_shown_where_it_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler that cannot be imported gives its traceback, and the shell a status that is not 0."""
    monkeypatch.setattr("lambdas.tts_router.routes.build_app", lambda _: 1 / 0)

    invoked = invoke("tts_router", EVENTS / "speech_plan.json")

    assert invoked.fault is not None
    assert "ZeroDivisionError" in invoked.fault


def test_the_command_prints_what_the_function_answers() -> None:
    """`python -m local.invoke` is one command from a shell, whatever AWS variables that shell has."""
    command = [sys.executable, "-m", "local.invoke", "pms", "tests/events/offers.json"]

    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("200  ")
    assert '"cents": 25800' in ran.stdout
    assert "offers held" in ran.stdout
