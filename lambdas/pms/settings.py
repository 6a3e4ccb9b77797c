"""What the pms function needs from its environment."""

from __future__ import annotations

from pathlib import Path

from lambdas.shared.settings import Settings


class PmsSettings(Settings):
    """The tables, where the secrets of the hotels' systems are (`<pms_secrets>/<hotel>`), the folder of the hotels."""

    calls_table: str
    leases_table: str
    pms_secrets: str
    hotels: Path = Path("hotels")
