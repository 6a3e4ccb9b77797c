"""What the receptionist's worker needs to know from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, FilePath, StringConstraints, ValidationInfo, field_validator

from lambdas.shared.speech.detector import DetectorName
from lambdas.shared.speech.registry import SpeechSettings

Url = Annotated[str, StringConstraints(pattern=r"^(https?|wss?)://[^\s]+$")]


class AgentSettings(SpeechSettings):
    """The variables of a worker and its speech engines; secrets are named here and read where they are used."""

    livekit_url: Url
    livekit_secret: str
    api_url: Url
    aws_region: str = "eu-central-1"
    riva_url: Annotated[str, StringConstraints(pattern=r"^[^\s/]+:\d+$")]
    riva_tls: bool = False
    riva_ca: FilePath | None = None
    """The authorities that Riva's certificate may be of, in PEM, where they are not the usual ones."""
    riva_cert: FilePath | None = None
    """The worker's own certificate, where Riva asks for one, and below its key; both in PEM."""
    riva_key: Annotated[FilePath | None, Field(validate_default=True)] = None
    azure_speech_region: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+$")] | None = None
    """Where Azure hears the rest of a call when Riva is gone; without it nobody does."""
    azure_speech_secret: Annotated[str | None, Field(validate_default=True)] = None
    """The name of the secret that holds its key."""
    language_detector: DetectorName = "both"
    """What tells which of a hotel's languages a guest speaks."""
    llm_url: Url
    llm_model: str
    llm_secret: str
    hotels: Path = Path("hotels")
    max_calls: int = Field(default=4, ge=1, le=100)
    longest_call_seconds: int = Field(default=900, ge=30, le=7200)
    worker_host: str = "127.0.0.1"
    worker_port: int = Field(default=0, ge=0, le=65535)
    metrics_port: int = Field(default=0, ge=0, le=65535)
    """Where Prometheus may ask; 0 is nowhere."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("riva_key")
    @classmethod
    def _with_certificate(cls, key: Path | None, info: ValidationInfo) -> Path | None:
        if (key is None) != (info.data.get("riva_cert") is None):
            raise ValueError("RIVA_CERT and RIVA_KEY belong together: set both or neither")
        if not info.data.get("riva_tls") and (key or info.data.get("riva_ca")):
            raise ValueError("RIVA_CA, RIVA_CERT and RIVA_KEY are of no use without RIVA_TLS=true")
        return key

    @field_validator("azure_speech_secret")
    @classmethod
    def _with_region(cls, secret: str | None, info: ValidationInfo) -> str | None:
        if (secret is None) != (info.data.get("azure_speech_region") is None):
            raise ValueError("AZURE_SPEECH_REGION and AZURE_SPEECH_SECRET belong together: set both or neither")
        return secret
