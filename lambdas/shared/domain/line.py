"""A hotel's line at LiveKit: what its trunk and its rule are called, and when two numbers of trunks are one."""

from __future__ import annotations

import re
from typing import Final

_MARKS: Final = re.compile(r"[ ()-]")


def line_name(stage: str, hotel: str) -> str:
    """The name of a hotel's SIP trunk and of its dispatch rule at LiveKit, by which they are found again."""
    return f"bellhop/{stage}/{hotel}"


def normal_number(number: str) -> str:
    """A number in E.164, as LiveKit compares those of trunks; what is no number stays as it is, but for its marks.

    Source: `NormalizeNumber` in https://github.com/livekit/protocol/blob/main/livekit/sip.go.
    """
    bare = _MARKS.sub("", number)
    return f"+{bare}" if bare.isdigit() else bare
