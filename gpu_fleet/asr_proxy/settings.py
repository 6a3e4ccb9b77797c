"""What the proxy needs from its environment."""

from __future__ import annotations

from pydantic import Field

from gpu_fleet.riva.settings import HostAndPort, Port
from lambdas.shared.settings import Settings


class ProxySettings(Settings):
    """Where Riva is, where the proxy listens, who may use it and how much of it."""

    riva_url: HostAndPort
    # Clients are elsewhere in the network, which the security group and the token guard.
    proxy_host: str = "0.0.0.0"  # noqa: S104
    proxy_port: Port = 8000
    token_secret: str
    """The name of the secret that holds the clients' bearer token."""
    default_language: str = "en-US"
    """Of a recording whose language the client does not say."""
    max_audio_bytes: int = Field(default=10_000_000, ge=1_000, le=100_000_000)
    max_audio_seconds: float = Field(default=300, ge=1, le=3600)
    max_streams: int = Field(default=8, ge=1, le=64)
    """Recordings at once; Riva's streams belong to the calls first."""
