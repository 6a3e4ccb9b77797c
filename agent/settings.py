"""What the receptionist's worker needs to know from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

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
