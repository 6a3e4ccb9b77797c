"""What is shipped of the functions, made without docker: our code, and a layer of the libraries it needs.

Lambda's processor and Python need not be this machine's: uv installs the wheels of another platform as well. The CDK
gives every file in an asset the same date, by which Python would take bytecode for stale; so ours is marked as never
checked, and nothing is compiled when a function starts.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = ROOT / "requirements/lambdas.txt"
FOLDERS: Final = ("lambdas", "hotels")
"""What of the repository the functions run: their code, and the hotels they answer for."""

LAMBDA_PLATFORM: Final = "aarch64-manylinux_2_28"
"""arm64 on Amazon Linux 2023, whose glibc is 2.34, in uv's words
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html)."""
LAMBDA_PYTHON: Final = "3.13"

NEVER_IMPORTED: Final = ("bin", "google-stubs", "phonenumbers/geodata", "phonenumbers/carrierdata", "**/*.pyi")
"""A quarter of the layer: commands, types, and where in the world a phone number is."""


class PackagingError(Exception):
    """The functions cannot be packed here; the message says what is missing."""


def find_uv() -> Path:
    """The uv that `make ready` installs, or else the machine's; raises PackagingError when there is none."""
    for found in (ROOT / ".local/uv/bin/uv", shutil.which("uv")):
        if found and _answers(found, "--version"):
            return Path(found)
    raise PackagingError("uv, which packs the functions' libraries, is neither in .local/uv nor on PATH: `make ready`")


def find_python(version: str) -> Path | None:
    """An interpreter of that version that really starts: on PATH, among pyenv's, or where uv knows one."""
    candidates = [shutil.which(f"python{version}"), *_of_pyenv(version), _of_uv(version)]
    is_it = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    return next((Path(found) for found in candidates if found and _answers(found, "-c", is_it)), None)


def build_layer(
    target: Path,
    *,
    platform: str = LAMBDA_PLATFORM,
    python_version: str = LAMBDA_PYTHON,
    uv: Path | None = None,
) -> None:
    """The functions' libraries for that platform, as wheels with known hashes, in the layer's folder `python`.

    Raises PackagingError when uv is missing or cannot find every wheel.
    """
    libraries = target / "python"
    command: list[str | Path] = [
        uv or find_uv(),
        "pip",
        "install",
        "--quiet",
        "--target",
        libraries,
        "--python",
        sys.executable,
    ]
    wanted: list[str | Path] = [
        "--python-platform",
        platform,
        "--python-version",
        python_version,
        "--only-binary",
        ":all:",
    ]
    exactly: list[str | Path] = ["--require-hashes", "--no-deps", "--link-mode", "copy", "--requirements", REQUIREMENTS]
    try:
        subprocess.run(
            [*command, *wanted, *exactly],
            check=True,
            cwd=ROOT,
            env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        told = " ".join(error.stderr.split()) or f"exit code {error.returncode}"
        raise PackagingError(f"uv cannot install {REQUIREMENTS.relative_to(ROOT)} for {platform}: {told}") from None
    for pattern in NEVER_IMPORTED:
        for path in list(libraries.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def build_code(target: Path) -> None:
    """Our code and the hotels, as they stand below the root of the repository."""
    for path in _code():
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def compile_bytecode(target: Path, *, python: Path, deployed: str) -> None:
    """Add bytecode of that interpreter's version to everything below `target`, which Lambda unpacks at `deployed`."""
    compile_all = ["-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"]
    # Tracebacks name files as they are where the code runs, and packing elsewhere gives the same bytes.
    try:
        subprocess.run([python, *compile_all, "-s", target, "-p", deployed, target], check=True, stdout=sys.stderr)
    except subprocess.CalledProcessError:
        raise PackagingError(f"{python} cannot compile what is in {target}") from None


def let_lambda_read(target: Path) -> None:
    """Let everybody read what is below `target`, whatever the umask of whoever packs it.

    Lambda runs functions as a user of its own and keeps the rights that files have when they are zipped
    (https://repost.aws/knowledge-center/lambda-deployment-package-errors).
    """
    for path in target.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def layer_fingerprint(*, bytecode: bool) -> str:
    """Changes when the layer would."""
    return _hash(REQUIREMENTS, Path(__file__), bytecode=bytecode)


def code_fingerprint(*, bytecode: bool) -> str:
    """Changes when the packed code would."""
    return _hash(*_code(), Path(__file__), bytecode=bytecode)


def _code() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                yield path


def _hash(*paths: Path, bytecode: bool) -> str:
    digest = hashlib.sha256(str(bytecode).encode())
    for path in paths:
        content = path.read_bytes()
        digest.update(f"\0{path.relative_to(ROOT).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _of_pyenv(version: str) -> list[Path]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    return sorted(root.glob(f"versions/{version}*/bin/python{version}"), reverse=True)


def _of_uv(version: str) -> str | None:
    try:
        command: list[str | Path] = [find_uv(), "python", "find", "--no-project", "--managed-python", version]
        never = os.environ | {"UV_PYTHON_DOWNLOADS": "never"}
        return subprocess.run(command, check=True, capture_output=True, text=True, env=never).stdout.strip()
    except (PackagingError, subprocess.CalledProcessError):
        return None


def _answers(program: str | Path, *arguments: str) -> bool:
    """Whether it starts and succeeds: pyenv's shims stand on PATH also for versions that are not there."""
    try:
        return subprocess.run([program, *arguments], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
