"""The mechanism of setting up: steps that are carried out again when their inputs have changed.

It needs nothing but Python's standard library, because it runs before anything is installed.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent


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
        self.notes: list[str] = []
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
        """Leave the step's last line on the screen, and below it what it has to tell."""
        start = "\r\x1b[2K" if self._terminal else ""
        self._print(f"{start}{self.title} · {time.monotonic() - self._began:.0f} s · {verdict}")
        for note in self.notes:
            self._print(f"      {note}")

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

    def tell(self, note: str) -> None:
        """Have a sentence stand below the step's last line: what a person should know of a step that did not fail."""
        self._log.write(f"{note}\n")
        self._progress.notes.append(note)

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
            done = 0
            for at, step in enumerate(steps):
                # Looked at anew each time: what one step installs can be an input of a later one.
                stale = [later for later in steps[at:] if not self.is_current(later)]
                if step in stale:
                    self._carry_out(step, f"[{done + 1}/{done + len(stale)}] {step.gives}")
                    done += 1

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
