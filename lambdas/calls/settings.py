"""What the calls function needs from its environment."""

from __future__ import annotations

from pathlib import Path

from lambdas.shared.settings import Settings


class CallsSettings(Settings):
    """The tables, the folder of the hotels, and the secret that holds the earlier clients' bearer token."""

    calls_table: str
    leases_table: str
    hotels: Path = Path("hotels")
    legacy_token_secret: str
