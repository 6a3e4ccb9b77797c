"""The proxy's bodies. A request is as the earlier service took it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

SAMPLE_RATES: Final = range(8_000, 48_001)
"""Hz, in which speech is recorded."""

Encoding = Literal["wav", "flac", "ogg", "pcm", "mulaw"]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}-[A-Z]{2}$")]


class TranscribeRequest(BaseModel):
    """A recording: a file of one of the kinds in `encoding`, or raw mono samples, whose rate must be said."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    audio: str = Field(min_length=1, description="base64")
    language: Language | None = None
    sample_rate: int | None = Field(
        default=None, ge=SAMPLE_RATES[0], le=SAMPLE_RATES[-1], description="of raw samples; a file says its own"
    )
    encoding: Encoding | None = Field(
        default=None, description="pcm is 16-bit little-endian; without it a file is known by its first bytes"
    )


class Transcription(BaseModel):
    """What was said; an empty text when nothing was."""

    model_config = ConfigDict(frozen=True)

    text: str
    language: str
    confidence: float = Field(ge=0, le=1)
    seconds: float = Field(ge=0, description="how long the recording is")


class Fault(BaseModel):
    """What went wrong, for a program and for a person; neither quotes the audio or its words."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The one shape of an error."""

    error: Fault
