"""What the pms function needs from its environment."""

from __future__ import annotations

from pathlib import Path

from lambdas.shared.settings import Settings


class PmsSettings(Settings):
    """The tables, and the folder of the hotels."""

    calls_table: str
    leases_table: str
    hotels: Path = Path("hotels")
