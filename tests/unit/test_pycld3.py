"""pycld3 is compiled where the machine can, and where it cannot the other detector is set and the reason told."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import pycld3
from local.workshop import StepFailed

pytestmark = pytest.mark.unit

UV, PYTHON = Path("/the/uv"), Path("/the/python")


class Shell:
    """Remembers what was run and told; the programs in `broken` fail."""

    def __init__(self, *broken: Path) -> None:
        self.broken = broken
        self.ran: list[str | Path] = []
        self.told: list[str] = []

    def run(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        self.ran.append(command[0])
        if command[0] in self.broken:
            raise StepFailed(f"{Path(command[0]).name} ended with exit code 1")

    def tell(self, note: str) -> None:
        self.told.append(note)


@pytest.fixture
def lacking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages of Debian that this machine lacks; none unless the test adds some."""
    names: list[str] = []
    monkeypatch.setattr(pycld3, "REASON", tmp_path / "state/pycld3-missing.txt")
    monkeypatch.setattr("local.system_packages.missing", lambda _: names)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: "cld3")
    return names


def make(shell: Shell) -> None:
    pycld3.make(shell, uv=UV, python=PYTHON)  # type: ignore[arg-type]


def test_where_it_can_be_compiled_both_detectors_serve(lacking: list[str]) -> None:
    """It is installed, tried once, and LANGUAGE_DETECTOR is what is deployed."""
    shell = Shell()

    make(shell)

    assert shell.ran == [UV, PYTHON]
    assert (pycld3.reason(), pycld3.detector()) == (None, "both")


def test_without_a_compiler_nothing_is_tried_and_the_other_detector_is_set(lacking: list[str]) -> None:
    """The sentence says what to install, and the local stack has a detector that works."""
    lacking += ["g++", "libprotobuf-dev"]
    shell = Shell()

    make(shell)

    assert not shell.ran
    assert pycld3.detector() == "classifier"
    assert shell.told == [
        "pycld3 is not installed, so the local stack sets LANGUAGE_DETECTOR=classifier: it is compiled with g++ "
        "libprotobuf-dev: install that, then run `make ready`"
    ]


@pytest.mark.parametrize("broken", [UV, PYTHON])
def test_one_that_does_not_compile_or_start_is_not_used(lacking: list[str], broken: Path) -> None:
    """A wheel whose library is gone is no detector either."""
    shell = Shell(broken)

    make(shell)

    assert pycld3.detector() == "classifier"
    assert pycld3.reason() == f"{broken.name} ended with exit code 1"
    assert len(shell.told) == 1


def test_a_reason_is_forgotten_when_it_no_longer_holds(lacking: list[str]) -> None:
    """Whoever installs what was missing has both detectors after the next set-up."""
    lacking.append("g++")
    make(Shell())
    lacking.clear()

    make(Shell())

    assert pycld3.detector() == "both"


def test_a_new_compiler_is_a_reason_to_set_up_again(lacking: list[str]) -> None:
    """What there is to compile it with is part of what the environment is made of."""
    before = pycld3.inputs()
    lacking.append("g++")

    assert pycld3.inputs() != before
