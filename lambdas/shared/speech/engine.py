"""What every speech engine can do, whoever sells it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Protocol

Headers = Callable[[], Mapping[str, str]]
"""Headers to send with the next request, such as the traceparent of the turn it belongs to."""


class Engine(Protocol):
    """Voices behind one way of speaking."""

    @property
    def sample_rate(self) -> int:
        """Samples a second of everything this engine says."""

    def speak(self, text: str, voice: str, language: str) -> AsyncGenerator[bytes, None]:
        """The text as 16-bit mono PCM, every chunk as soon as it is there and whole samples only.

        Closing the generator cancels the request at once. Raises NotFound for an unknown voice, Refused when the
        engine will not say this, Unreachable when it does not answer, stalls or breaks off; a timeout is then the
        cause.
        """

    async def close(self) -> None:
        """Let go of connections; nothing may be asked afterwards."""
