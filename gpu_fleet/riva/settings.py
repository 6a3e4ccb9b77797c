"""What the probe needs from its environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from lambdas.shared.settings import Settings

Port = Annotated[int, Field(ge=1, le=65535)]
HostAndPort = Annotated[str, StringConstraints(pattern=r"^[^\s/]+:\d+$")]


class ProbeSettings(Settings):
    """Which Riva is probed, how often, and where the probe tells of it.

    The default address suits a sidecar: containers of one task share the loopback interface.
    """

    riva_url: HostAndPort
    probe_host: str = "127.0.0.1"
    probe_port: Port = 8001
    probe_seconds: float = Field(default=10, ge=1, le=300)
    """The pause between two recognitions."""
    probe_timeout: float = Field(default=5, ge=1, le=60)
    """Seconds that one recognition may take; the phrase itself is sent at once, not at the pace of speech."""
