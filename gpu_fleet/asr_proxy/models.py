"""The proxy's bodies and messages. A request for a transcript is as the earlier service took it."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gpu_fleet.asr_proxy.settings import Language

SAMPLE_RATES: Final = range(8_000, 48_001)
"""Hz, in which speech is recorded."""
LONGEST_TEXT: Final = 2_000
"""Characters by which a language is told."""

Encoding = Literal["wav", "flac", "ogg", "pcm", "mulaw"]
SampleRate = Annotated[int, Field(ge=SAMPLE_RATES[0], le=SAMPLE_RATES[-1])]


class Request(BaseModel):
    """The base of what clients send: what nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Described(Request):
    """How a recording is to be read: a file of one of the kinds in `encoding`, or raw mono samples."""

    sample_rate: SampleRate | None = Field(default=None, description="of raw samples, for which it must be said")
    encoding: Encoding | None = Field(
        default=None, description="pcm is 16-bit little-endian; without it a file is known by its first bytes"
    )


class Spoken(Described):
    """How a recording is to be read, and in which language it is."""

    language: Language | None = None


class TranscribeRequest(Spoken):
    """A recording whose words are wanted."""

    audio: str = Field(min_length=1, description="base64")


class DetectRequest(Described):
    """What is to be told the language of: a text, or a recording, which is transcribed first."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["text"]}, {"required": ["audio"]}]})

    text: str = Field(default="", max_length=LONGEST_TEXT)
    audio: str = Field(default="", description="base64")

    @model_validator(mode="after")
    def _is_one_of_them(self) -> Self:
        if bool(self.text) == bool(self.audio):
            raise ValueError("send text or audio, one of them")
        return self


class Transcription(BaseModel):
    """What was said; an empty text when nothing was."""

    model_config = ConfigDict(frozen=True)

    text: str
    language: str
    confidence: float = Field(ge=0, le=1)
    seconds: float = Field(ge=0, description="how long the recording is")


class Detection(BaseModel):
    """The language of what was said, as `language` of a request takes it; null when there is too little to tell by."""

    model_config = ConfigDict(frozen=True)

    language: str | None
    probability: float = Field(ge=0, le=1)
    detector: str = Field(description="which of the detectors said so")


class StreamConfig(Request):
    """The first message of a stream: what the samples that follow are, and what is wanted of them."""

    sample_rate: SampleRate
    encoding: Literal["pcm", "mulaw"] = "pcm"
    language: Language | None = None
    interim_results: bool = True


class StreamEnd(Request):
    """The last message of a stream: no more samples come, and what is still to be said about them is awaited."""

    type: Literal["end"]


class StreamResult(BaseModel):
    """What was said since the last final result: an interim one may change, a final one does not."""

    model_config = ConfigDict(frozen=True)

    type: Literal["interim", "final"]
    text: str
    language: str
    confidence: float = Field(ge=0, le=1)
    seconds: float = Field(ge=0, description="how much sound had been listened to by then")


class Fault(BaseModel):
    """What went wrong, for a program and for a person; neither quotes the audio or its words."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The one shape of an error."""

    error: Fault
