"""How DynamoDB Local is got, and what is said where it cannot be."""

import io
from pathlib import Path

import pytest

from local import dynamodb
from local.workshop import Progress, Shell

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is to be got, on a machine that has no program at all."""
    monkeypatch.setattr(dynamodb, "ROOT", tmp_path)
    monkeypatch.setattr(dynamodb, "FOLDER", tmp_path / "dynamodb")
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path / "dynamodb"


def make() -> None:
    shell = Shell(Progress("dynamodb", io.StringIO(), terminal=False), io.StringIO())
    dynamodb.make(shell, uv=Path("uv"), python=Path("python"))


def test_a_machine_without_maven_is_set_up_all_the_same(folder: Path) -> None:
    """Set-up goes on, and whoever wants DynamoDB Local reads what to install and what to run then."""
    make()

    with pytest.raises(dynamodb.NotInstalled, match=r"\(mvn\).* not on PATH: install it; then remove dynamodb and run"):
        dynamodb.command(8000)


def test_a_clone_that_was_not_set_up_says_so(folder: Path) -> None:
    """Without the jars the answer is `make ready`."""
    with pytest.raises(dynamodb.NotInstalled, match="run `make ready`"):
        dynamodb.command(8000)


def test_jars_without_a_java_say_so(folder: Path) -> None:
    """A Java that was removed after set-up is asked for by its oldest version."""
    (folder / "lib").mkdir(parents=True)

    with pytest.raises(dynamodb.NotInstalled, match="needs Java 17"):
        dynamodb.command(8000)


def test_set_up_is_done_again_when_the_machine_gets_a_program(folder: Path, tmp_path: Path) -> None:
    """Installing Maven later is noticed by the next `make`."""
    before = dynamodb.inputs()
    maven = tmp_path / "mvn"
    maven.write_text("#!/bin/sh\n")
    maven.chmod(0o755)

    assert dynamodb.inputs() != before
