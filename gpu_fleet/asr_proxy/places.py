"""How much is recognised at once, and what is counted of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Busy(Exception):
    """As much is being recognised as is allowed."""

    def __init__(self) -> None:
        super().__init__("as many recordings and streams as allowed are being heard")


class Metrics:
    """What the proxy counts; nothing in it tells recordings apart."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "bellhop_asr_requests", "Requests by route and status", ("route", "status"), registry=self.registry
        )
        self.closes = Counter(
            "bellhop_asr_closes", "Streams that ended, by close code", ("code",), registry=self.registry
        )
        self.streams = Gauge(
            "bellhop_asr_streams", "Recordings and streams being recognised now", registry=self.registry
        )
        self.audio = Counter("bellhop_asr_audio_seconds", "Audio that was recognised", registry=self.registry)
        self.took = Histogram("bellhop_asr_seconds", "How long a recording's recognition took", registry=self.registry)


class Places:
    """A place for each recording and each stream, from before its first byte is read; who finds none is told so, and
    does not wait."""

    def __init__(self, most: int, metrics: Metrics) -> None:
        self._most = most
        self._metrics = metrics
        self._taken = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place for the length of the block; raises Busy."""
        if self._taken >= self._most:
            raise Busy
        self._taken += 1
        self._metrics.streams.set(self._taken)
        try:
            yield
        finally:
            self._taken -= 1
            self._metrics.streams.set(self._taken)
