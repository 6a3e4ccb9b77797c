"""Hotels on booking systems, for tests of what a stage needs for them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from lambdas.shared.domain.hotel import BookingSystem, Hotels, load_hotel

AURORA: Final = load_hotel(Path(__file__).parents[1] / "hotels" / "aurora")


def hotels_on(**systems: BookingSystem) -> Hotels:
    """Hotel Aurora once under each of these names, with that booking system."""
    named = {name: AURORA.model_copy(update={"name": name, "pms": system}) for name, system in systems.items()}
    return Hotels(by_name=named, by_number={})
