"""What set-up installs of Debian's packages, and what it says where it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import system_packages
from local.system_packages import PACKAGES, Package
from local.workshop import StepFailed

pytestmark = pytest.mark.unit


class Machine:
    """A machine with some packages, an apt-get that knows others, and a Shell on it that remembers what it ran."""

    def __init__(self, folder: Path, *, in_lists: set[str], on_mirror: set[str]) -> None:
        self.folder, self.in_lists, self.on_mirror = folder, in_lists, on_mirror
        self.ran: list[str] = []
        self.told: list[str] = []

    def run(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        words = [str(word) for word in command]
        verb = next(word for word in words if word in ("install", "update"))
        names = [word for word in words[words.index(verb) + 1 :] if not word.startswith("-")]
        self.ran.append(" ".join([verb, *names]))
        if verb == "update":
            self.in_lists |= self.on_mirror
        elif not set(names) <= self.in_lists:
            raise StepFailed("apt-get ended with exit code 100")
        for name in names:
            (self.folder / name).touch()

    def tell(self, note: str) -> None:
        self.told.append(note)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three packages, one of them optional; what is in the folder is installed."""
    folder = tmp_path / "installed"
    folder.mkdir()
    listed = (
        Package("compiler", str(folder / "compiler")),
        Package("library", str(folder / "library")),
        Package("voice", str(folder / "voice"), optional=True),
    )
    monkeypatch.setattr(system_packages, "PACKAGES", listed)
    monkeypatch.setattr(system_packages, "STATE", tmp_path / "state/system-packages.txt")
    monkeypatch.setattr("local.system_packages.os.geteuid", lambda: 0)
    monkeypatch.setattr("local.system_packages.shutil.which", lambda _: "/usr/bin/apt-get")
    return folder


def set_up(machine: Machine) -> None:
    system_packages.make(machine)  # type: ignore[arg-type]


def test_what_is_missing_is_installed_and_nothing_else(packages: Path) -> None:
    """A machine that has some of the packages gets the others, without asking for new lists first."""
    (packages / "compiler").touch()
    machine = Machine(packages, in_lists={"library", "voice"}, on_mirror=set())

    set_up(machine)

    assert machine.ran == ["install library", "install voice"]
    assert not machine.told


def test_lists_are_renewed_when_they_are_too_old(packages: Path) -> None:
    """A fresh machine, whose lists of packages are empty, gets them and then the packages."""
    machine = Machine(packages, in_lists=set(), on_mirror={"compiler", "library", "voice"})

    set_up(machine)

    assert machine.ran == ["install compiler library", "update", "install compiler library", "install voice"]
    assert not machine.told


def test_an_optional_package_may_be_missing_in_silence(packages: Path) -> None:
    """A machine that does not use Debian's non-free part is whole without what is in it."""
    machine = Machine(packages, in_lists={"compiler", "library"}, on_mirror=set())

    set_up(machine)

    assert system_packages.missing() == []
    assert not machine.told


def test_what_cannot_be_installed_is_told_and_stops_nothing(packages: Path) -> None:
    """Without a mirror the step ends well, and says what is missing and how to get it."""
    machine = Machine(packages, in_lists={"voice"}, on_mirror=set())

    set_up(machine)

    assert machine.told[-1] == "not installed: compiler library; on Debian, sudo apt-get install compiler library"
    assert system_packages.STATE.exists()


@pytest.mark.parametrize("lacks", ["rights", "apt-get"])
def test_where_it_may_not_install_nothing_is_tried(packages: Path, monkeypatch: pytest.MonkeyPatch, lacks: str) -> None:
    """An ordinary user, or one whose machine is no Debian, is told what to install."""
    if lacks == "rights":
        monkeypatch.setattr("local.system_packages.os.geteuid", lambda: 1000)
    else:
        monkeypatch.setattr("local.system_packages.shutil.which", lambda _: None)
    machine = Machine(packages, in_lists={"compiler", "library"}, on_mirror=set())

    set_up(machine)

    assert not machine.ran
    assert machine.told == ["not installed: compiler library; on Debian, sudo apt-get install compiler library"]


def test_a_machine_that_has_everything_is_left_alone(packages: Path) -> None:
    """Nothing is asked of apt-get when every package is there, whoever installed it."""
    for name in ("compiler", "library", "voice"):
        (packages / name).touch()
    machine = Machine(packages, in_lists=set(), on_mirror=set())

    set_up(machine)

    assert (machine.ran, machine.told) == ([], [])


def test_what_the_detector_is_compiled_with_is_installed() -> None:
    """The packages that pycld3 names as missing are among those that set-up installs."""
    assert set(system_packages.PROTOBUF) <= {package.name for package in PACKAGES if not package.optional}
