"""What a hotel and its booking system call the same room, rate and extra."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import RatePlan, RoomType


class Names:
    """A hotel's own names beside its system's codes, as its file maps them; what is not mapped has none.

    Raises HotelFileError when two names stand for one code, since what the system answers could then be either.
    """

    def __init__(self, hotel: Hotel) -> None:
        self._hotel = hotel
        self.mapped_rooms: Mapping[RoomType, str] = hotel.pms.rooms
        self.mapped_rates: Mapping[RatePlan, str] = hotel.pms.rates
        self._rooms = _turned(hotel, "rooms", hotel.pms.rooms)
        self._rates = _turned(hotel, "rates", hotel.pms.rates)
        self._extras = _turned(hotel, "extras", hotel.pms.extras)

    def room_type(self, code: str) -> RoomType | None:
        """Our name of a room's code."""
        return self._rooms.get(code)

    def room_code(self, room_type: RoomType) -> str | None:
        """The system's code of a room."""
        return self.mapped_rooms.get(room_type)

    def room_title(self, room_type: RoomType) -> str:
        """A room in a guest's words. Raises KeyError for a room that the hotel does not have."""
        return self._hotel.rooms[room_type].title

    def rate_plan(self, code: str) -> RatePlan | None:
        """Our name of a rate's code."""
        return self._rates.get(code)

    def rate_code(self, plan: RatePlan) -> str | None:
        """The system's code of a rate."""
        return self.mapped_rates.get(plan)

    def rate_title(self, plan: RatePlan) -> str:
        """A rate in a guest's words. Raises KeyError for a rate that the hotel does not have."""
        return self._hotel.rates[plan].title

    def extras(self, codes: Iterable[str]) -> tuple[str, ...]:
        """The extras in a guest's words, each once and in the order of the codes; unmapped ones are left out."""
        names = dict.fromkeys(self._extras[code] for code in codes if code in self._extras)
        return tuple(self._hotel.extras[name].title for name in names)


def _turned(hotel: Hotel, part: str, codes: Mapping[str, str]) -> Mapping[str, str]:
    turned: dict[str, str] = {}
    for name, code in codes.items():
        if code in turned:
            raise HotelFileError(
                f'hotels/{hotel.name}/hotel.toml: [pms.{part}] {name} "{code}" is {turned[code]}\'s already; '
                "a code has one name"
            )
        turned[code] = name
    return turned
