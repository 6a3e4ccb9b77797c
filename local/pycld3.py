"""pycld3, the language detector that has no wheels: compiled where this machine can, and what serves where it cannot.

uv keeps the compiled wheel in its cache, so one machine compiles it once, for all clones. Where there is no compiler or
no protobuf, the folder's file holds the reason; the local stack then sets LANGUAGE_DETECTOR to the other detector and
tests of this one are skipped with the reason. This module needs nothing but Python's standard library, because set-up
runs before anything is installed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from local import system_packages
from local.workshop import ROOT, Shell, StepFailed

if TYPE_CHECKING:
    from lambdas.shared.speech.detector import DetectorName

REQUIREMENTS: Final = ROOT / "requirements/langid.txt"
REASON: Final = ROOT / ".local/pycld3-missing.txt"
_TRIAL: Final = "import cld3; cld3.get_language('Have you a room for tonight?').language == 'en' or exit(1)"


def inputs() -> Sequence[str | bytes]:
    """What it is made of: the pinned source, and what there is to compile it with."""
    return [REQUIREMENTS.read_bytes(), " ".join(system_packages.missing(system_packages.PROTOBUF))]


def make(shell: Shell, *, uv: Path, python: Path) -> None:
    """Put it into the environment of that Python, or the reason why not into a file, and say so.

    Never raises because something is missing: every command works with the other detector.
    """
    REASON.unlink(missing_ok=True)
    lacking = system_packages.missing(system_packages.PROTOBUF)
    try:
        if lacking:
            raise StepFailed(f"it is compiled with {' '.join(lacking)}: install that, then run `make ready`")
        shell.run(uv, "pip", "install", "--python", python, "--require-hashes", "--no-deps", "-r", REQUIREMENTS)
        shell.run(python, "-I", "-c", _TRIAL)
    except StepFailed as failure:
        REASON.parent.mkdir(parents=True, exist_ok=True)
        REASON.write_text(f"{failure}", "utf-8")
        shell.tell(f"pycld3 is not installed, so the local stack sets LANGUAGE_DETECTOR=classifier: {failure}")


def reason() -> str | None:
    """Why it is not installed here, or None when it is."""
    if REASON.exists():
        return REASON.read_text("utf-8")
    return None if importlib.util.find_spec("cld3") else "run `make ready`"


def detector() -> DetectorName:
    """What LANGUAGE_DETECTOR is on this machine."""
    return "both" if reason() is None else "classifier"
