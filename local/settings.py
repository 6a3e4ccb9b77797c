"""What the local services need from their environment; the stack writes it, each service reads its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from lambdas.shared.settings import Settings

Port = Annotated[int, Field(ge=1, le=65535)]


class GatewaySettings(Settings):
    """Where to listen, and the one identity that may sign. The functions' own settings are in the same environment."""

    port: Port
    region: str
    access_key: str
    secret_key: str


class RivaSettings(Settings):
    """Where recognition listens, and the folder of its model, which is made when it is missing."""

    port: Port = 50051
    model_dir: Path = Path(".local/models/whisper-base")
    threads: int = Field(default=2, ge=1, le=64)


class VoicesSettings(Settings):
    """Where the engine listens; with an API key it answers only those who send it."""

    port: Port = 8802
    api_key: str | None = None


class BrainSettings(Settings):
    """Where the brain listens and for whom; `scenario` is the file to begin with, and it can be replaced later."""

    port: Port
    api_key: str = Field(min_length=1)
    scenario: Path | None = None
