"""Whoever is about to deploy learns what would fail, and how to put it right."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from rich.console import Console

from cdk.preflight import __main__ as program
from cdk.preflight import machine
from cdk.preflight.checks import CHECKS
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import STOPPING, Finding, State
from cdk.preflight.look import Check, look_at
from cdk.preflight.table import show
from cdk.preflight.values import operators_values, residency
from cdk.stages import NEEDED, Stage
from lambdas.shared.domain.hotel import Hotels

pytestmark = pytest.mark.unit

HOTELS = Hotels.load(Path("hotels"))
DEPLOYMENT = Deployment(Stage.of("prod", {}), HOTELS, boto3.Session())
FINE = Finding.fine("there")


def failing(error: Exception) -> Check:
    def look(_: Deployment) -> Finding:
        raise error

    return Check("it", look)


def shown(**found: Finding) -> str:
    console = Console(file=io.StringIO(), width=100)
    show(console, "Stage prod", found)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_every_check_is_carried_out_and_told_in_the_tables_order() -> None:
    """Checks run side by side; their rows do not change places."""
    first_may_end = threading.Event()

    def slow(_: Deployment) -> Finding:
        assert first_may_end.wait(10)
        return Finding.fine("late")

    def fast(_: Deployment) -> Finding:
        first_may_end.set()
        return Finding.fine("early")

    found = look_at(DEPLOYMENT, [Check("slow", slow), Check("fast", fast)])

    assert [(subject, finding.seen) for subject, finding in found.items()] == [("slow", "late"), ("fast", "early")]


def test_a_check_that_hangs_has_not_seen_its_thing() -> None:
    """A check may not keep the table waiting, and what it did not see is not taken for fine."""
    never = threading.Event()

    def hanging(_: Deployment) -> Finding:
        never.wait()
        return FINE

    found = look_at(DEPLOYMENT, [Check("hanging", hanging), Check("fine", lambda _: FINE)], seconds=0.2)
    never.set()

    assert found["hanging"].state is State.UNSEEN
    assert found["fine"] is FINE


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NoCredentialsError(), "no AWS credentials"),
        (ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetParameter"), "AccessDenied"),
        (ConnectionRefusedError(), "cannot be reached"),
        (TimeoutError(), "cannot be reached"),
        (ValueError("sk-very-secret"), "the check failed"),
    ],
)
def test_what_cannot_be_looked_at_is_not_fine(error: Exception, told: str) -> None:
    """Whatever keeps a check from looking stops a deployment, and is told by its kind alone."""
    finding = look_at(DEPLOYMENT, [failing(error)])["it"]

    assert finding.state is State.UNSEEN
    assert finding.state in STOPPING
    assert told in finding.seen
    assert finding.fix
    assert "secret" not in finding.seen + finding.fix


def test_a_right_that_is_lacking_is_named() -> None:
    """A deployer who may not look learns which action to allow."""
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetParameter")

    assert look_at(DEPLOYMENT, [failing(denied)])["it"].fix == "let the deployer call GetParameter"


def test_the_table_shows_every_finding_and_each_fix_once() -> None:
    """What is to be done is told once, with all it is about, and a command stays on one line."""
    command = "aws " + "x" * 150
    text = shown(
        docker=Finding.fine("docker 29 [stable]"),
        quota=Finding.wrong("0 of 40", fix=command),
        zones=Finding.wrong("none", fix=command),
        trunk=Finding.not_yet("no line", fix="deploy"),
    )

    assert "docker 29 [stable]" in text
    assert f"quota, zones\n  {command}\n" in text
    assert text.endswith("2 of 4 stop a deployment\n")


def test_a_table_without_faults_says_so() -> None:
    """What is not there yet, or is to be tried by hand, stops nobody."""
    text = shown(a=FINE, b=Finding.not_yet("later"), c=Finding.by_hand("try", fix="call"))

    assert text.endswith("ready to deploy\n")


def test_subjects_are_different() -> None:
    """The table has a row for every check."""
    assert len({check.subject for check in CHECKS}) == len(CHECKS)


def test_values_that_only_the_operator_knows_are_asked_for() -> None:
    """A stage that is not filled in is told every value it lacks, and where to write it."""
    finding = operators_values(DEPLOYMENT)

    assert finding.state is State.WRONG
    assert all(value in finding.seen for value in NEEDED)
    assert "context.stages.prod" in finding.fix


def test_a_place_outside_the_eu_is_told() -> None:
    """What stops the synthesis is found before it."""
    outside = Stage.of("prod", {"region": "us-east-1"})

    assert "region is 'us-east-1'" in residency(Deployment(outside, HOTELS, boto3.Session())).seen
    assert residency(DEPLOYMENT).state is State.FINE


@pytest.mark.parametrize(
    ("script", "state", "told"),
    [
        ("echo 29.1.0", State.FINE, "29.1.0"),
        ("echo Cannot connect to the daemon >&2; exit 1", State.WRONG, "does not answer"),
        (None, State.WRONG, "is not installed"),
    ],
)
def test_a_container_builder_has_to_answer(
    script: str | None, state: State, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A builder that is installed and not running builds nothing."""
    builder = tmp_path / "builder"
    if script:
        builder.write_text(f"#!/bin/sh\n{script}\n")
        builder.chmod(0o755)
    monkeypatch.setenv("CDK_DOCKER", str(builder))

    finding = machine.docker(DEPLOYMENT)

    assert finding.state is state
    assert told in finding.seen


@pytest.mark.parametrize(
    ("version", "state"),
    [("v24.19.0", State.FINE), ("v20.20.2", State.WRONG), ("nonsense", State.WRONG), ("", State.WRONG)],
)
def test_node_has_to_be_new_enough(version: str, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CDK's command line runs on Node.js 22 or newer."""
    node = tmp_path / "node"
    node.write_text(f"#!/bin/sh\necho {version}\n")
    node.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(machine, "_OURS", tmp_path / "none")

    assert machine.node(DEPLOYMENT).state is state


@pytest.mark.parametrize(
    ("finding", "status"),
    [
        (FINE, 0),
        (Finding.not_yet("later"), 0),
        (Finding.by_hand("try", fix="call"), 0),
        (Finding.wrong("0 of 8", fix="ask for more"), 1),
        (Finding.unseen("no answer", fix="look again"), 1),
    ],
)
def test_the_exit_status_says_whether_to_deploy(
    finding: Finding, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A script can wait for 0."""
    monkeypatch.setattr(program, "CHECKS", [Check("it", lambda _: finding)])

    assert program.main(["dev"]) == status
    assert finding.seen in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [[], ["staging"], ["dev", "-c", "region"], ["dev", "-c", "livekit_url=https://x"], ["dev", "-c", "colour=red"]],
)
def test_a_wrong_question_has_its_own_exit_status(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown stage or value is a question that was wrong, not a stage that is."""
    monkeypatch.setattr(program, "CHECKS", [])
    try:
        status: object = program.main(arguments)
    except SystemExit as usage:
        status = usage.code

    assert status == 2
    assert capsys.readouterr().err


def test_values_of_the_command_line_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-c name=value` says a value as it does for `cdk`."""
    regions: list[str] = []

    def look(deployment: Deployment) -> Finding:
        regions.append(deployment.stage.region)
        return FINE

    monkeypatch.setattr(program, "CHECKS", [Check("region", look)])

    assert program.main(["dev", "-c", "region=eu-west-1"]) == 0
    assert regions == ["eu-west-1"]
