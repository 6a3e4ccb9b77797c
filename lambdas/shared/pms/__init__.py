"""A hotel's booking system, whichever it is: the connectors that speak to one, by the name a hotel's file uses.

A connector is a module of this package with `connect(hotel, parts) -> Pms`. It is imported when a hotel uses it, so a
function starts as fast as its hotels' connectors allow.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final, cast

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.pms.parts import Connector, Parts
from lambdas.shared.pms.system import Capability, Order, Pms, Property

__all__ = ["CONNECTORS", "Capability", "Connector", "Order", "Parts", "Pms", "Property", "open_pms"]


def _in_module(name: str) -> Connector:
    def connect(hotel: Hotel, parts: Parts) -> Pms:
        module = importlib.import_module(f"{__name__}.{name}")
        return cast("Connector", module.connect)(hotel, parts)

    return connect


CONNECTORS: Final[Mapping[str, Connector]] = {
    name: _in_module(name) for name in ("apaleo", "cloudbeds", "demo", "mews", "oracle_ohip")
}


def open_pms(hotels: Hotels, parts: Parts, *, connectors: Mapping[str, Connector] = CONNECTORS) -> Mapping[str, Pms]:
    """The booking system of every hotel, by the hotel's name.

    Raises HotelFileError when a hotel names a connector that does not exist, or does not tell it enough.
    """
    for hotel in hotels:
        if hotel.pms.connector not in connectors:
            known = ", ".join(sorted(connectors))
            raise HotelFileError(
                f'hotels/{hotel.name}/hotel.toml: [pms] connector "{hotel.pms.connector}" is not one of {known}'
            )
    return {hotel.name: connectors[hotel.pms.connector](hotel, parts) for hotel in hotels}
