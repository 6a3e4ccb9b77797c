"""What the receptionist's worker needs to know from its environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from lambdas.shared.settings import Settings

Url = Annotated[str, StringConstraints(pattern=r"^(https?|wss?)://[^\s]+$")]


class AgentSettings(Settings):
    """The variables of a worker; secrets are named here and read where they are used."""

    livekit_url: Url
    livekit_secret: str
    api_url: Url
    aws_region: str = "eu-central-1"
    riva_url: Annotated[str, StringConstraints(pattern=r"^[^\s/]+:\d+$")]
    riva_tls: bool = False
    llm_url: Url
    llm_model: str
    llm_secret: str
    speech_engines: Annotated[str, StringConstraints(pattern=r"^[a-z_]+(,[a-z_]+)*$")] = "http"
    speech_url: Url | None = None
    hotels: Path = Path("hotels")
    max_calls: int = Field(default=4, ge=1, le=100)
    longest_call_seconds: int = Field(default=900, ge=30, le=7200)
    worker_host: str = "127.0.0.1"
    worker_port: int = Field(default=0, ge=0, le=65535)
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @property
    def engines(self) -> frozenset[str]:
        """The speech engines that this stage has."""
        return frozenset(self.speech_engines.split(","))
