"""Container images without a container engine: Debian's buildah, in chroot isolation, on a base made by debootstrap.

What was built runs as the fleet runs it: as the image's user, on a read-only root with a /tmp of its own, started by
the image's entry point with the image's variables.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cdk.packaging import find_python
from local.processes import ROOT

DEBIAN: Final = "bookworm"
PYTHON: Final = "3.13"
MIRROR: Final = "http://deb.debian.org/debian"
BASE: Final = f"localhost/bellhop-base:{DEBIAN}-python{PYTHON}"
TOOLS: Final = ("buildah", "debootstrap")
_PACKAGES: Final = "python3,python3-venv,ca-certificates"
_CERTIFICATES: Final = "/etc/ssl/certs"
_ENTER: Final = """
chroot=$1 root=$2 user=$3 folder=$4
shift 4
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -o remount,bind,ro "$root"
exec "$chroot" --userspec="$user" "$root" /usr/bin/env --chdir="$folder" "$@"
"""


class BuildError(Exception):
    """An image cannot be built or started; the message says what is missing, or ends with what the builder said."""


@dataclass(frozen=True)
class Image:
    """One image of the fleet."""

    name: str
    dockerfile: str

    @property
    def tag(self) -> str:
        """Its name in the builder's store."""
        return f"localhost/bellhop-{self.name}"


@dataclass(frozen=True)
class Built:
    """What a build took and gave."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Container:
    """A container's root folder, and how its image wants to be started."""

    root: Path
    user: str
    folder: str
    entry: tuple[str, ...]
    environ: Mapping[str, str]

    @property
    def python(self) -> str:
        """The version of the Python that its programs run on."""
        lines = (self.root / "opt/bellhop/pyvenv.cfg").read_text().splitlines()
        return dict(line.split(" = ", 1) for line in lines)["version"]

    def require_bytecode(self) -> None:
        """Raises BuildError when a module would be compiled again at every start, for nothing can be written then."""
        tag = f"cpython-{''.join(self.python.split('.')[:2])}"
        for folder in ("opt/bellhop/lib", "srv/bellhop"):
            for module in (self.root / folder).rglob("*.py"):
                compiled = module.parent / "__pycache__" / f"{module.stem}.{tag}.pyc"
                # Bit 0: by hash and not by date; bit 1: checked (https://peps.python.org/pep-0552/).
                if not compiled.exists() or compiled.read_bytes()[4:8] != b"\x01\x00\x00\x00":
                    raise BuildError(f"{module.relative_to(self.root)} has no bytecode that holds whatever its date")

    @property
    def command(self) -> list[str]:
        """Starts it in a mount namespace of its own; the process that is started becomes the image's."""
        # The image's PATH counts, in which this machine's programs for root are not.
        unshare, chroot = (shutil.which(name) or name for name in ("unshare", "chroot"))
        shell = (unshare, "--mount", "--propagation", "private", "/bin/sh", "-eu", "-c", _ENTER, "enter")
        return [*shell, chroot, str(self.root), self.user, self.folder, *self.entry]


def require_tools() -> None:
    """Raises BuildError that says in one sentence what this machine lacks."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise BuildError(
            f"no image can be built without {' and '.join(missing)}; on Debian, apt-get install buildah debootstrap"
        )
    if os.geteuid() != 0:
        raise BuildError("no image can be built here: mounts and users of a container need root; use sudo -E")


def make_base(*, fresh: bool = False) -> Built | None:
    """The base that stands for python:3.13-slim where no registry can be asked; None when it is there already.

    Its Python is a copy of this machine's 3.13 where there is one that can be copied, else Debian's own.
    """
    if not fresh and _said("buildah", "images", "--quiet", "--filter", f"reference={BASE}"):
        return None
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bellhop-base-") as folder:
        _run("debootstrap", "--variant=minbase", f"--include={_PACKAGES}", DEBIAN, folder, MIRROR)
        if not _add_python(Path(folder)):
            # Of Debian's own Python what a library without a wheel is compiled with; the copy has it.
            _run(_chroot(), folder, "/usr/bin/apt-get", "install", "--yes", "--no-install-recommends", "python3-dev")
        # Packages as they were downloaded, and lists of them, are of no use to a program.
        shutil.rmtree(Path(folder) / "var/cache/apt/archives", ignore_errors=True)
        shutil.rmtree(Path(folder) / "var/lib/apt/lists", ignore_errors=True)
        container = _said("buildah", "from", "scratch")
        try:
            _run("buildah", "add", "--quiet", container, folder, "/")
            _run("buildah", "commit", "--quiet", container, BASE)
        finally:
            _run("buildah", "rm", container)
    return Built(time.monotonic() - began, _megabytes(BASE))


def _add_python(base: Path) -> bool:
    """Copies this machine's Python of the version that is deployed; False when there is none that starts there."""
    found = find_python(PYTHON)
    prefix = Path(_said(found, "-c", "import sys; print(sys.base_prefix)")) if found else Path("/usr")
    if prefix == Path("/usr"):
        return False
    target, library, headers = base / "usr/local", f"lib/python{PYTHON}", f"include/python{PYTHON}"
    unneeded = shutil.ignore_patterns("test", "config-*", "site-packages", "idlelib", "tkinter", "__pycache__", "*.a")
    shutil.copytree(prefix / library, target / library, symlinks=True, ignore=unneeded)
    shutil.copytree(prefix / headers, target / headers)
    for shared in (prefix / "lib").glob("libpython3*"):
        shutil.copy2(shared, target / "lib", follow_symlinks=False)
    program = target / f"bin/python{PYTHON}"
    shutil.copy2(prefix / f"bin/python{PYTHON}", program)
    (target / "bin/python3").symlink_to(program.name)
    _run(_chroot(), base, "/sbin/ldconfig")
    try:
        _run(_chroot(), base, "/usr/local/bin/python3", "-c", "import ssl, sqlite3, ctypes, lzma, bz2, uuid")
    except BuildError:
        # Built for another distribution: Debian's own, which is there, serves.
        (target / "bin/python3").unlink()
        return False
    return True


def _chroot() -> str:
    return shutil.which("chroot") or "chroot"


def build(image: Image, base: str, *, fresh: bool = False) -> Built:
    """Builds one image on that base, all of it anew if `fresh`; raises BuildError."""
    began = time.monotonic()
    arguments = ["--build-arg", f"BASE_IMAGE={base}"]
    for name in ("PIP_CERT", "PIP_INDEX_URL"):
        if os.environ.get(name):
            arguments += ["--build-arg", f"{name}={os.environ[name]}"]
    if os.environ.get("PIP_CERT"):
        arguments += ["--volume", f"{_CERTIFICATES}:{_CERTIFICATES}:ro"]
    # The format of Docker's own images is the one that has health checks.
    how = ("--isolation", "chroot", "--format", "docker", *(("--no-cache",) if fresh else ("--layers",)))
    pull = "--pull-never" if base == BASE else "--pull"
    _run("buildah", "bud", *how, pull, *arguments, "--tag", image.tag, "--file", image.dockerfile, ".")
    return Built(time.monotonic() - began, _megabytes(image.tag))


@contextmanager
def container_of(image: Image) -> Iterator[Container]:
    """A container of that image, not yet started; it is gone after the block. Raises BuildError."""
    config = json.loads(_said("buildah", "inspect", "--type", "image", image.tag))["Docker"]["config"]
    if not config.get("Healthcheck") or not config.get("User"):
        raise BuildError(f"{image.dockerfile}: an image must have a HEALTHCHECK and a USER")
    name = _said("buildah", "from", "--pull-never", image.tag)
    try:
        yield Container(
            root=Path(_said("buildah", "mount", name)),
            user=config["User"],
            folder=config["WorkingDir"],
            entry=tuple(config["Entrypoint"]),
            environ=dict(variable.split("=", 1) for variable in config["Env"]),
        )
    finally:
        with contextlib.suppress(BuildError):
            _run("buildah", "rm", name)


def _megabytes(tag: str) -> float:
    images: list[dict[str, Any]] = json.loads(_said("buildah", "images", "--json", tag))
    size, unit = images[0]["size"].split()
    return float(size) * {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1e3}[unit.upper()]


def _said(*command: str | Path) -> str:
    return _run(*command).strip()


def _run(*command: str | Path) -> str:
    arguments: Sequence[str] = [str(part) for part in command]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join(f"    {line}" for line in (done.stdout + done.stderr).splitlines()[-15:])
        raise BuildError(f"{' '.join(arguments[:2])} failed:\n{told}")
    return done.stdout
