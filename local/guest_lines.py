"""Speaks the recorded lines of the scenarios' guests: `python -m local.guest_lines` writes all of them anew.

They are kept in the repository, because the voice that says them so that they are understood (mbrola-de6) is not free
and not on every machine.
"""

from __future__ import annotations

import sys
import tomllib
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.espeak import german_voice, speak_german
from local.scenario import RECORDINGS, recording

RATE: Final = 16_000
SCENARIOS: Final = RECORDINGS.parents[1] / "e2e" / "scenarios"


def recorded_lines() -> Iterator[tuple[str, str]]:
    """The name and the words of each recorded line. The files are read as they are: a scenario whose recordings are
    missing is none yet."""
    for path in sorted(SCENARIOS.glob("*.toml")):
        for line in tomllib.loads(path.read_text(encoding="utf-8"))["lines"]:
            if name := line.get("recording"):
                yield name, line["text"]


def write_line(name: str, text: str) -> Path:
    """The line as a 16 kHz mono WAV."""
    path = recording(name)
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(b"".join(speak_german(text, RATE)))
    return path


if __name__ == "__main__":
    if german_voice() != "mb-de6":
        raise SystemExit("these lines are understood only in MBROLA's voice: apt-get install espeak-ng mbrola-de6")
    for named, words in recorded_lines():
        sys.stdout.write(f"{write_line(named, words)}\n")
