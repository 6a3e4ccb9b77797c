"""The audio of a conversation that may still be needed, by sample number: 16-bit, mono, one sample rate."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

AUDIBLE: Final = 500
"""Samples beyond this (-36 dBFS) may be speech; a quiet telephone line stays below it."""
_STRIDE: Final = 32
"""Every so many samples one is looked at: at 16 kHz, 25 in a frame of 50 ms."""


def audible(chunk: bytes) -> bool:
    """Whether something in it is loud enough to be speech."""
    samples = memoryview(chunk).cast("h")[::_STRIDE]
    return len(samples) > 0 and (max(samples) > AUDIBLE or min(samples) < -AUDIBLE)


class KeptAudio:
    """The chunks that were pushed, from sample `start` up to `end`; what is older than `seconds` is dropped.

    Samples are counted from the first of the conversation, chunks likewise. A chunk is kept or dropped whole.
    """

    def __init__(self, sample_rate: int, seconds: float) -> None:
        self.start = 0
        self.end = 0
        self.first = 0
        """The number of the oldest chunk that is kept."""
        self._chunks: deque[bytes] = deque()
        self._most = int(seconds * sample_rate)

    def add(self, chunk: bytes) -> None:
        """Keeps the chunk, and drops what has become too old."""
        self._chunks.append(chunk)
        self.end += len(chunk) // 2
        if self.end - self.start > self._most:
            self.forget(self.end - self._most)

    def forget(self, before: int) -> None:
        """Drops the chunks that lie wholly before that sample."""
        while self._chunks and self.start + len(self._chunks[0]) // 2 <= before:
            self.start += len(self._chunks.popleft()) // 2
            self.first += 1

    def chunk(self, number: int) -> bytes:
        """The chunk of that number, which must be kept."""
        return self._chunks[number - self.first]

    def find(self, sample: int) -> tuple[int, int]:
        """The number of the chunk that holds the sample, and how many samples of the chunk come before it."""
        start = self.start
        for place, chunk in enumerate(self._chunks):
            if sample < start + len(chunk) // 2:
                return self.first + place, sample - start
            start += len(chunk) // 2
        return self.first + len(self._chunks), 0

    def first_audible(self, start: int) -> int:
        """The first sample from `start` on of a chunk that is loud enough to be speech, or `end`."""
        number, skipped = self.find(max(start, self.start))
        sample = max(start, self.start) - skipped
        for chunk in islice(self._chunks, number - self.first, None):
            if audible(chunk):
                return max(sample, start)
            sample += len(chunk) // 2
        return self.end

    def read(self, start: int, end: int) -> bytes:
        """What is kept of the audio between two samples."""
        begin = max(start, self.start)
        number, skipped = self.find(begin)
        joined = b"".join(islice(self._chunks, number - self.first, None))[2 * skipped :]
        return joined[: 2 * max(end - begin, 0)]
