"""What the webhook function needs from its environment."""

from __future__ import annotations

from pathlib import Path

from lambdas.shared.settings import Settings


class WebhookSettings(Settings):
    """The table, the folder of the hotels, and the names of two secrets.

    `livekit_secret` holds JSON with `api_key` and `api_secret`, `guest_key_secret` the key of the guests' hashes.
    """

    calls_table: str
    hotels: Path = Path("hotels")
    livekit_secret: str
    guest_key_secret: str
