"""What a receptionist needs of a hotel's booking system, whichever it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final, Protocol

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, RoomType, Stay

NO_CONTACT: Final = Contact()


class Capability(StrEnum):
    """What not every system can do; where it is missing, the receptionist offers a human."""

    CHANGE_DATES = "change_dates"
    CHANGE_ROOM = "change_room"
    CHANGE_GUESTS = "change_guests"
    CANCEL = "cancel"
    NOTE = "note"
    SAFE_REPEAT = "safe_repeat"
    """It knows our reference again: a booking sent twice under it is one."""


@dataclass(frozen=True)
class Order:
    """A booking to be made: `reference` is the wish's id."""

    reference: str
    offer: Offer
    guest: Guest
    contact: Contact = NO_CONTACT


@dataclass(frozen=True)
class Property:
    """The hotel as its system describes it; rooms, rates and extras map the system's codes to its words for them."""

    title: str
    currency: str | None
    timezone: str | None
    rooms: Mapping[str, str]
    rates: Mapping[str, str]
    extras: Mapping[str, str]


class Pms(Protocol):
    """One hotel's booking system, in the hotel's own terms. Nothing that the hotel's file does not map is ever told.

    A read raises Unreachable. A write that raises Unreachable or any Refused but InDoubt has changed nothing; InDoubt
    says that it may have been done. Every error carries the vendor's code for the log.
    """

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this system can do."""

    def describe(self) -> Property:
        """What the system knows of the hotel, for comparing the hotel's file with it."""

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """The rooms and rates that are free for every night and sleep everybody, the cheapest first."""

    def book(self, order: Order) -> Reservation:
        """The offer as a reservation under our reference. Sends one booking and never repeats it.

        Raises SoldOut, PriceChanged, NotPossible, InDoubt.
        """

    def find(self, order: Order) -> Reservation | None:
        """The reservation that this order led to, cancelled or not; None when the system has none."""

    def reservation(self, code: str) -> Reservation | None:
        """The reservation of a code as a guest says it; None when there is none."""

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        """The reservations of that surname, whatever its case and accents, that arrive on that day."""

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        """What the reservation could become, at its new total: free without the room it takes itself.

        Raises NotPossible when the system cannot change what is asked for.
        """

    def change(self, code: str, offer: Offer) -> Reservation:
        """The reservation as the offer says; once it is so, asking again changes nothing.

        Raises NotFound, SoldOut, PriceChanged, NotPossible, InDoubt.
        """

    def cancellation_fee(self, booked: Reservation) -> Money:
        """What it costs to cancel now, by the reservation's policy. Raises NotPossible where it is not allowed."""

    def cancel(self, code: str, fee: Money) -> Reservation:
        """The reservation, cancelled; one that is cancelled already stays so.

        Raises NotFound, PriceChanged when the fee is another by now, NotPossible, InDoubt.
        """

    def add_note(self, code: str, text: str) -> None:
        """Adds a line for the hotel's staff to a reservation. Raises NotFound, NotPossible, InDoubt."""
