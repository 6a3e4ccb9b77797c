"""The demo hotel on a vendor's booking system: the vendor's stand-in runs as a process, the hotel's folder names it.

The stand-ins are those of the contract suite (`tests/contract/vendors`), as strict as their vendors.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from lambdas.shared.domain.stay import Reservation
from lambdas.shared.pms import CONNECTORS
from local.processes import ROOT

STAND_INS: Final = ROOT / "tests" / "contract" / "vendors"
VENDORS: Final = tuple(
    name for name in sorted(CONNECTORS) if (STAND_INS / f"{name}.py").exists() or (STAND_INS / name).is_dir()
)
"""The connectors whose vendor can be stood in for: a module or a package there."""


@dataclass(frozen=True)
class Vendor:
    """A vendor's stand-in at its address."""

    connector: str
    url: str

    @property
    def ready(self) -> str:
        """An address that answers once it serves."""
        return f"{self.url}/_house/hotel"

    @property
    def command(self) -> Sequence[str]:
        """What runs it."""
        port = self.url.rpartition(":")[2]
        return [sys.executable, "-m", "tests.contract.vendors", self.connector, "--port", port]

    def secret(self) -> Mapping[str, str]:
        """What the hotel's secret must hold."""
        return {**self._ask("secret")}

    def reservations(self) -> list[Reservation]:
        """Everything the vendor keeps, cancelled stays too."""
        return [Reservation.model_validate(kept) for kept in self._ask("reservations")]

    def move_hotel(self, hotels: Path, folder: Path) -> str:
        """Write the folder anew, with the demo hotel as the vendor serves it; the hotel's name."""
        facts = self._ask("hotel")
        name = str(facts["name"])
        shutil.rmtree(folder, ignore_errors=True)
        home = folder / name
        shutil.copytree(hotels / name / "knowledge", home / "knowledge")
        told = {field: value for field, value in facts.items() if field not in ("knowledge", "knowledge_in")}
        (home / "hotel.toml").write_text(to_toml(told), encoding="utf-8")
        return name

    def _ask(self, what: str) -> Any:
        response = httpx.get(f"{self.url}/_house/{what}", timeout=5)
        response.raise_for_status()
        return response.json()


def to_toml(table: Mapping[str, Any], name: str = "") -> str:
    """A table of JSON's kinds of values as TOML; names must be bare keys, and nothing may be null."""
    tables = {key: value for key, value in table.items() if isinstance(value, dict)}
    lists = {key: value for key, value in table.items() if isinstance(value, list) and _holds_tables(value)}
    lines = [
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in table.items()
        if key not in tables and key not in lists
    ]
    parts = ["\n".join(lines)] if lines else []
    for key, inner in tables.items():
        place = f"{name}.{key}" if name else key
        parts.append(f"[{place}]\n{to_toml(inner, place)}")
    for key, entries in lists.items():
        place = f"{name}.{key}" if name else key
        parts += [f"[[{place}]]\n{to_toml(entry, place)}" for entry in entries]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def _holds_tables(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, dict) for value in values)
