"""The stay that a guest asks for by phone, and how the model offers and books it."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from lambdas.shared.domain.stay import Stay
from tests.agent import Use

STAY: Final = Stay(arrival=date(2027, 3, 15), departure=date(2027, 3, 17), adults=2)
DAYS: Final[dict[str, Any]] = {"arrival": "2027-03-15", "departure": "2027-03-17"}
OFFER: Final = Use("check_availability", {**DAYS, "adults": 2, "children": 0, "room": "double room"})
BOOK: Final = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller", "rate": None})
