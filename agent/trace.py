"""One W3C trace id per turn, passed on in every request that the turn causes and stored with it.

A turn's first request is its recognition, which opens before anybody knows where the turn ends: as soon as one request
is flushed the next one opens, ready for what the guest says next. So the ids of open requests wait in a list, and the
turn that is committed takes the oldest.
"""

from __future__ import annotations

import secrets


def new_trace_id() -> str:
    """32 hexadecimal digits, never all zero."""
    return f"{secrets.randbits(128) | 1:032x}"


def traceparent(trace_id: str) -> str:
    """The `traceparent` header of one request of a trace (W3C Trace Context, level 1)."""
    return f"00-{trace_id}-{secrets.randbits(64) | 1:016x}-01"


class Traces:
    """The trace ids of one call; `answering` is that of the turn the agent is busy with."""

    def __init__(self) -> None:
        self.answering = new_trace_id()
        self._heard: list[str] = []

    def commit(self) -> str:
        """What was heard is answered from now on; the request that is still open belongs to the next turn."""
        self.answering = self._heard[0] if self._heard else new_trace_id()
        self._heard = self._heard[1:][-1:]
        return self.answering

    def speak_first(self) -> str:
        """The agent says something that answers nothing: a turn of its own, with an id of its own."""
        self.answering = new_trace_id()
        return self.answering

    def request_replaced(self) -> None:
        """The open request has heard nobody yet and is closed; another one opens for what the guest says next."""
        self._heard.clear()

    def recognition_metadata(self) -> list[tuple[str, str]]:
        """The metadata of a recognition request that opens now."""
        self._heard.append(new_trace_id())
        return [("traceparent", traceparent(self._heard[-1]))]

    def heard_again_metadata(self) -> list[tuple[str, str]]:
        """The metadata of a request that hears once more what the oldest open one has heard."""
        return [("traceparent", traceparent(self._heard[0] if self._heard else self.answering))]

    def answer_headers(self) -> dict[str, str]:
        """The header of a request for the answer."""
        return {"traceparent": traceparent(self.answering)}
