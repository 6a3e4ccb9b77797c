"""German as Debian's espeak-ng says it, with the voice of mbrola-de6 where that is installed.

espeak-ng by itself is hard to follow in German; through the diphones of MBROLA's voice de6 it is not.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import soxr

SPEED: Final = 130
"""Words a minute; faster, the diphones run into each other."""
WITHIN: Final = 20.0
"""Seconds for a sentence."""
DIPHONES: Final = Path("/usr/share/mbrola/de6/de6")
_HEADER: Final = 44
"""Bytes of the WAV header; the lengths in it are unknown when it is written to a pipe."""
_END_OF_SENTENCE: Final = re.compile(r"(?<=[^\d\s][.!?])\s+")


class EspeakMissing(Exception):
    """The program is not installed; the message says what to do."""


def require_espeak() -> str:
    """The program's path; raises EspeakMissing."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise EspeakMissing("German is said by espeak-ng, which is not installed: apt-get install espeak-ng mbrola-de6")
    return program


def german_voice() -> str:
    """The voice that says it: MBROLA's where both its program and its diphones are installed."""
    return "mb-de6" if shutil.which("mbrola") and DIPHONES.exists() else "de"


def speak_german(text: str, sample_rate: int) -> Iterator[bytes]:
    """The text as 16-bit mono PCM, a piece a sentence; raises EspeakMissing."""
    program, voice = require_espeak(), german_voice()
    for sentence in _END_OF_SENTENCE.split(text):
        command = [program, "-v", voice, "-s", str(SPEED), "--stdout", "--stdin"]
        # Its words come on standard input: on the command line every process of the machine could read them.
        spoken = subprocess.run(command, input=sentence.encode(), capture_output=True, check=True, timeout=WITHIN)
        wave = io.BytesIO(spoken.stdout)
        head = wave.read(_HEADER)
        native = int.from_bytes(head[24:28], "little")
        samples = np.frombuffer(wave.read(), np.int16)
        if native != sample_rate:
            samples = soxr.resample(samples, native, sample_rate)
        yield samples.astype(np.int16).tobytes()
