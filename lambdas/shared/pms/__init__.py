"""A hotel's booking system, whichever it is: what a receptionist needs of it, and the connectors that speak to one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Guest, Offer, Reservation, RoomType, Stay
from lambdas.shared.pms.demo import DemoPms

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Pms(Protocol):
    """One hotel's booking system. Every method may raise Unreachable."""

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The rooms that are free for every night and sleep everybody, the cheapest first."""

    def book(self, reference: str, offer: Offer, guest: Guest) -> Reservation:
        """The offer as a reservation under our reference; the same reference never becomes a second one.

        Raises SoldOut, and InDoubt when the system may have booked and cannot be asked whether it did.
        """

    def find(self, reference: str) -> Reservation | None:
        """The reservation made under our reference."""


class Connector(Protocol):
    """Opens the booking system of a hotel whose file names it; `client` and `table` are our own database."""

    def __call__(self, hotel: Hotel, *, client: DynamoDBClient, table: str) -> Pms: ...


CONNECTORS: Final[Mapping[str, Connector]] = {"demo": DemoPms}


def open_pms(
    hotels: Hotels,
    *,
    client: DynamoDBClient,
    table: str,
    connectors: Mapping[str, Connector] = CONNECTORS,
) -> Mapping[str, Pms]:
    """The booking system of every hotel, by the hotel's name.

    Raises HotelFileError when a hotel names a connector that does not exist.
    """
    for hotel in hotels:
        if hotel.pms.connector not in connectors:
            known = ", ".join(sorted(connectors))
            raise HotelFileError(
                f'hotels/{hotel.name}/hotel.toml: [pms] connector "{hotel.pms.connector}" is not one of {known}'
            )
    return {hotel.name: connectors[hotel.pms.connector](hotel, client=client, table=table) for hotel in hotels}
