"""Lambda's own Python, which is newer than the one of the clone, and the functions' tests under it.

`python -m local.lambda_python [argument of pytest …]` runs them. Where the machine has no such Python the folder holds
the reason and the command says it. This module needs nothing but Python's standard library, because set-up runs before
anything is installed.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cdk import packaging
from local.workshop import ROOT, Shell

FOLDER: Final = ROOT / ".local/lambda-python"
REQUIREMENTS: Final = ROOT / "requirements/lambda-tests.txt"


def inputs() -> Sequence[str | bytes]:
    """What the folder is made of: the pinned packages, and the interpreter that is found."""
    return [REQUIREMENTS.read_bytes(), str(packaging.find_python(packaging.LAMBDA_PYTHON)), str(ROOT)]


def make(shell: Shell, *, uv: Path) -> None:
    """Fill the folder with an environment of that Python and what the tests need, or with the reason why not.

    Raises StepFailed when the packages cannot be installed.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    found = packaging.find_python(packaging.LAMBDA_PYTHON)
    if found is None:
        FOLDER.mkdir(parents=True)
        reason = f"Python {packaging.LAMBDA_PYTHON} is neither on PATH nor one of pyenv's or uv's"
        _reason().write_text(f"{reason}: install it, then run `make ready`", "utf-8")
        return
    shell.run(uv, "venv", "--python", found, FOLDER)
    shell.run(uv, "pip", "sync", "--python", _python(), "--require-hashes", REQUIREMENTS)


def main(words: Sequence[str]) -> int:
    """Run the functions' unit and contract tests and give pytest's status; where they cannot run say why and give 0."""
    if not _python().exists():
        why = _reason().read_text("utf-8") if _reason().exists() else "run `make ready`"
        print(f"the functions' tests do not run under Lambda's own Python: {why}")
        return 0
    print(f"the functions' tests under Python {packaging.LAMBDA_PYTHON}, Lambda's own", flush=True)
    pytest = ("-m", "pytest", "-q", "--lambda-tests", "-p", "no:cacheprovider", "tests/unit", "tests/contract")
    # Minutes of broken connections, in which no version of Python differs from another.
    left_out = ("--ignore", "tests/contract/connectors/test_faults.py")
    return subprocess.run([_python(), *pytest, *left_out, *words], cwd=ROOT, check=False).returncode


def _python() -> Path:
    return FOLDER / "bin/python"


def _reason() -> Path:
    return FOLDER / "missing.txt"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
