"""What a worker tells Prometheus: how many calls it has, and how full it is with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

CALLS: Final = "bellhop_agent_calls"
LOAD: Final = "bellhop_agent_load"


class WorkerMetrics:
    """The metrics of one worker, read at every scrape. `calls` counts those it has, of `most` that it may have.

    The framework's own are not among them: it counts calls in the jobs' processes, each apart from the others.
    """

    content_type: Final = CONTENT_TYPE_LATEST

    def __init__(self, calls: Callable[[], int], most: int) -> None:
        self._registry = CollectorRegistry()
        Gauge(CALLS, "Calls that the worker has", registry=self._registry).set_function(calls)
        Gauge(LOAD, "Share of the calls it may have", registry=self._registry).set_function(lambda: calls() / most)

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)
