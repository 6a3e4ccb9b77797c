"""A packaged function as Lambda runs it: its code and its libraries unpacked, nothing else to import, AWS's variables.

Lambda runs Python 3.13 on arm64. Here the code is that of the template's asset; the libraries are packed anew, by the
same program, for this machine's processor and for the interpreter that is found: 3.13, or else the one of the tests.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from cdk import packaging
from tests.runtime_api import Sandbox

RUNTIME_CLIENT: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""AWS's runtime client and what it needs; Lambda has it outside of function and layers."""
MACHINE: Final = f"{platform.machine()}-manylinux_2_28"


@dataclass(frozen=True)
class Unpacked:
    """An interpreter, the folders it imports from, and a folder for logs."""

    python: Path
    version: str
    code: Path
    layer: Path
    runtime_client: Path
    logs: Path

    @classmethod
    def at(cls, folder: Path, *, code: Path) -> Unpacked:
        """The code with libraries for this machine; raises PackagingError when those cannot be had."""
        found = packaging.find_python(packaging.LAMBDA_PYTHON)
        version = packaging.LAMBDA_PYTHON if found else f"{sys.version_info.major}.{sys.version_info.minor}"
        unpacked = cls(
            python=found or Path(sys.executable),
            version=version,
            code=code,
            layer=folder / "layer",
            runtime_client=folder / "runtime_client",
            logs=folder,
        )
        packaging.build_layer(unpacked.layer, platform=MACHINE, python_version=version)
        packaging.compile_bytecode(unpacked.layer, python=unpacked.python, deployed="/opt")
        unpacked._install_runtime_client()
        return unpacked

    @cached_property
    def told(self) -> str:
        """What runs the functions, in a line for the report of a test run."""
        command: list[str | Path] = [self.python, "-c", "import platform; print(platform.python_version())"]
        exact = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        return f"Python {exact} ({self.python}), libraries for {MACHINE}"

    def libraries(self) -> set[str]:
        """The libraries and their versions, as their folders of metadata are named."""
        return libraries_in(self.layer)

    def sandbox(
        self,
        handler: str,
        variables: Mapping[str, str],
        *,
        name: str,
        memory_mb: int = 512,
        snap_start: bool = False,
        aws: str | None = None,
    ) -> Sandbox:
        """An execution environment of a function with exactly these variables beside those that Lambda sets.

        `aws` is the address at which every service of AWS answers.
        """
        lambdas_own = {
            "AWS_ACCESS_KEY_ID": "ASIAEXAMPLEEXAMPLE12",
            "AWS_SECRET_ACCESS_KEY": "example",
            "AWS_SESSION_TOKEN": "example",
            "AWS_REGION": "eu-central-1",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "1",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if snap_start else "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[1]00000000000000000000000000000001",
            "LAMBDA_TASK_ROOT": str(self.code),
            "LAMBDA_RUNTIME_DIR": str(self.runtime_client),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": f"{self.code}:{self.layer / 'python'}:{self.runtime_client}",
            "TZ": ":UTC",
            # What is deployed cannot be written to there.
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        if aws:
            lambdas_own["AWS_ENDPOINT_URL"] = aws
        # Without `site`, so that nothing installed for the interpreter can stand in for a library of the layer.
        command: list[str | Path] = [self.python, "-S", "-m", "awslambdaric"]
        log = self.logs / f"{name}.log"
        return Sandbox(handler, command, {**lambdas_own, **variables}, cwd=self.code, log=log)

    def _install_runtime_client(self) -> None:
        pins = (packaging.ROOT / "requirements/dev.txt").read_text("utf-8")
        wanted = "|".join(map(re.escape, RUNTIME_CLIENT))
        entries = re.findall(rf"^(?:{wanted})==.*(?:\n +--hash.*)*", pins, re.MULTILINE)
        requirements = self.logs / "runtime_client.txt"
        requirements.write_text("\n".join(entries), "utf-8")
        command: list[str | Path] = [packaging.find_uv(), "pip", "install", "--quiet", "--target", self.runtime_client]
        exactly: list[str | Path] = [
            "--no-deps",
            "--require-hashes",
            "--only-binary",
            ":all:",
            "--requirements",
            requirements,
        ]
        subprocess.run([*command, "--python", self.python, *exactly], check=True, stdin=subprocess.DEVNULL)


def libraries_in(layer: Path) -> set[str]:
    """The libraries in a layer and their versions."""
    return {path.name for path in (layer / "python").glob("*.dist-info")}
