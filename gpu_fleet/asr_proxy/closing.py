"""Why a stream ends: the code of its close, which a client's program reads, and the reason, which a person reads."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

LONGEST_REASON: Final = 123
"""Bytes that a close frame has room for (RFC 6455, 5.5.1)."""


class Closing(IntEnum):
    """The codes with which the proxy closes a stream; from 4000 on they are its own.

    1009, 1007 and 1002 are sent by the WebSocket library, 1011 also by the server when a ping was not answered, 1012
    by the server when it is being stopped.
    """

    DONE = 1000
    INTERNAL = 1011
    INVALID = 4400
    UNAUTHENTICATED = 4401
    IDLE = 4408
    TOO_LONG = 4413
    SLOW = 4418
    BUSY = 4429
    UNREACHABLE = 4503


class Ended(Exception):
    """The stream ends here, for this reason; it never quotes what was said."""

    def __init__(self, code: Closing, reason: str) -> None:
        super().__init__(reason)
        self.code = code

    @property
    def reason(self) -> str:
        """As much of the reason as a close frame holds."""
        return str(self).encode()[:LONGEST_REASON].decode(errors="ignore")
