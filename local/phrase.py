"""Speaks the sentence that Riva's probe listens for: `python -m local.phrase` writes gpu_fleet/riva/phrase.wav anew."""

from __future__ import annotations

import sys
import wave
from pathlib import Path
from typing import Final

from gpu_fleet.riva.probe import PHRASE, PHRASE_FILE
from local.voices import synthesise

RATE: Final = 16_000
_PAUSE: Final = bytes(RATE * 2 * 3 // 10)


def write_phrase(path: Path = PHRASE_FILE) -> Path:
    """The sentence as a 16 kHz mono WAV, with 0.3 s of silence on both sides."""
    speech = synthesise(PHRASE, "en_US-joe-medium", RATE)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(_PAUSE + speech + _PAUSE)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{write_phrase()}\n")
