"""What is needed of Debian: a compiler and a library for language detection, and German voices for guests.

Set-up installs what is missing where it may, as root with apt-get. Elsewhere it says what to install and nothing fails:
who needs a package looks for it with `missing()`. This module needs nothing but Python's standard library, because
set-up runs before anything is installed.
"""

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from local.workshop import ROOT, Shell, StepFailed

STATE: Final = ROOT / ".local/system-packages.txt"
PROTOBUF: Final = ("g++", "protobuf-compiler", "libprotobuf-dev")
"""What pycld3 is compiled with."""


@dataclass(frozen=True)
class Package:
    """A package of Debian, and a program or file by which it is known to be there, whoever installed it."""

    name: str
    sign: str
    optional: bool = False
    """Whether it is in a part of Debian that a machine need not use, such as non-free."""

    @property
    def is_there(self) -> bool:
        return Path(self.sign).exists() if self.sign.startswith("/") else shutil.which(self.sign) is not None


PACKAGES: Final = (
    Package("g++", "g++"),
    Package("protobuf-compiler", "protoc"),
    Package("libprotobuf-dev", "/usr/include/google/protobuf/message.h"),
    Package("espeak-ng", "espeak-ng"),
    Package("mbrola-de6", "/usr/share/mbrola/de6/de6", optional=True),
)


def missing(names: Iterable[str] = ()) -> list[str]:
    """Which of the named packages are not there, or of all that are not optional."""
    wanted = set(names) or {package.name for package in PACKAGES if not package.optional}
    return [package.name for package in PACKAGES if package.name in wanted and not package.is_there]


def inputs() -> Sequence[str | bytes]:
    """What decides what is installed: the list, and whether this user may."""
    return [repr(PACKAGES), str(os.geteuid() == 0), str(shutil.which("apt-get"))]


def make(shell: Shell) -> None:
    """Install what is missing, if this user may, and say what is missing then."""
    STATE.parent.mkdir(parents=True, exist_ok=True)
    if missing(package.name for package in PACKAGES) and os.geteuid() == 0 and shutil.which("apt-get"):
        _install(shell)
    lacking = missing()
    if lacking:
        shell.tell(f"not installed: {' '.join(lacking)}; on Debian, sudo apt-get install {' '.join(lacking)}")
    STATE.write_text("".join(f"{package.name}: {package.is_there}\n" for package in PACKAGES), "utf-8")


def _install(shell: Shell) -> None:
    """Each group by itself, so that a package this machine's sources lack takes no other with it."""
    needed, optional = missing(), missing(package.name for package in PACKAGES if package.optional)
    for names in filter(None, (needed, optional)):
        try:
            _apt_get(shell, "install", *names)
        except StepFailed:
            _update(shell)
            try:
                _apt_get(shell, "install", *names)
            except StepFailed as failure:
                if names is needed:
                    shell.tell(f"apt-get cannot install {' '.join(names)}: {failure}")


def _update(shell: Shell) -> None:
    """The lists of packages, as far as they can be had: a source that does not answer leaves the others' lists."""
    try:
        _apt_get(shell, "update")
    except StepFailed as failure:
        shell.tell(f"some lists of packages are old: {failure}")


def _apt_get(shell: Shell, verb: str, *names: str) -> None:
    # Another apt that is at work on this machine is waited for; a mirror that does not answer is not waited for long.
    patience = ("-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=20")
    quiet = ("--yes", "--no-install-recommends", "-q") if verb == "install" else ("-q",)
    shell.run("apt-get", *patience, verb, *quiet, *names, env={"DEBIAN_FRONTEND": "noninteractive"})
