"""What Cloudbeds answers, as far as it is read.

Names and meanings are those of its document of the PMS API v1.3: https://github.com/cloudbeds/openapi-specs. Hardly a
field is required there, so all may be missing. Its server writes an empty map as an empty list, and a list of one as
the thing itself (`propertyCurrency`), so both are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import BeforeValidator, ConfigDict
from pydantic.alias_generators import to_camel

from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.answers import Answered

Amount = int | float | str
Row = TypeVar("Row")
BASE_RATE: Final = "base"
"""What a hotel's file calls the rate every room type has and which is no plan: it is the one without a `ratePlanID`
(https://developers.cloudbeds.com/docs/revenue-management-system-rms)."""
STATES: Final[Mapping[str, ReservationState]] = {
    "confirmed": ReservationState.BOOKED,
    "not_confirmed": ReservationState.BOOKED,
    "canceled": ReservationState.CANCELLED,
    "no_show": ReservationState.CANCELLED,
    "checked_in": ReservationState.IN_HOUSE,
    "checked_out": ReservationState.DEPARTED,
}
NO_NAME: Final = "-"
"""Stands for the first name of a guest who has said one name only, since Cloudbeds wants both."""
NO_RESERVATION: Final = "reservation"
"""Our code for a refusal whose message speaks of the reservation."""
_FAULTS: Final[Mapping[str, str]] = {
    "user who approved this connection": "user_inactive",
    "your request could not be fully completed": "property_inactive",
    "none of the included property": "property_denied",
}
"""What stands in the message when the hotel's connection is at fault, not the request:
https://developers.cloudbeds.com/docs/common-api-errors-in-progress."""


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


def _mapped(value: Any) -> Any:
    return {} if value == [] else value


def _day(value: Any) -> Any:
    """The day of a moment that is written in the hotel's time."""
    return value[:10] if isinstance(value, str) else value


class _Answered(Answered):
    model_config = ConfigDict(
        coerce_numbers_to_str=True,
        alias_generator=lambda name: re.sub(r"Id(?=s?$)", "ID", to_camel(name)),
    )


class Verdict(_Answered):
    """Whether the request could be completed, which the status 200 does not say."""

    success: bool
    message: str = ""

    @property
    def connection_fault(self) -> str | None:
        """Our name for what is wrong with the hotel's connection, if that is it."""
        said = self.message.casefold()
        return next((code for begin, code in _FAULTS.items() if begin in said), None)

    @property
    def code(self) -> str:
        """What can be logged of the message, which is free text and may repeat what was sent."""
        if self.connection_fault:
            return self.connection_fault
        if parameter := re.search(r"parameter (\w{1,40}) is", self.message, re.IGNORECASE):
            return f"parameter_{parameter[1]}"
        return NO_RESERVATION if "reservation" in self.message.casefold() else "refused"


class Page(_Answered, Generic[Row]):
    """A part of a list; `total` is how long the whole is, where that is told."""

    data: tuple[Row, ...] = ()
    total: int | None = None


class Created(_Answered):
    reservation_id: str


class _Currency(_Answered):
    currency_code: str = ""


class _AvailableRoom(_Answered):
    room_type_id: str = ""
    room_rate_id: str = ""
    rooms_available: int = 0


class _AvailableProperty(_Answered):
    property_id: str = ""
    property_currency: Annotated[tuple[_Currency, ...], BeforeValidator(_listed)] = ()
    property_rooms: tuple[_AvailableRoom, ...] = ()


class Availability(_Answered):
    data: tuple[_AvailableProperty, ...] = ()

    def of(self, property_id: str) -> tuple[str, frozenset[tuple[str, str]]]:
        """The hotel's currency, and the room types with the rates at which one is free."""
        for found in self.data:
            if found.property_id in ("", property_id):
                currency = next((told.currency_code for told in found.property_currency), "")
                rooms = [room for room in found.property_rooms if room.rooms_available > 0]
                return currency, frozenset((room.room_type_id, room.room_rate_id) for room in rooms)
        return "", frozenset()


class _RateDay(_Answered):
    """One night of a rate, and on the day after the last perhaps the rules for leaving."""

    date: Annotated[date, BeforeValidator(_day)]
    total_rate: Amount | None = None
    rooms_available: int = 0
    closed_to_arrival: bool = False
    closed_to_departure: bool = False
    blocked: bool = False
    min_los: int = 0
    max_los: int = 0


class _AddOn(_Answered):
    add_on_id: str = ""
    add_on_name: str = ""


class Rate(_Answered):
    """What a room type costs at a rate; a rate's id belongs to one room type."""

    rate_id: str = ""
    room_type_id: str = ""
    rate_plan_id: Annotated[str, BeforeValidator(lambda value: value or BASE_RATE)] = BASE_RATE
    rate_plan_name_public: str = ""
    rate_plan_name_private: str = ""
    promo_code: str = ""
    add_ons: tuple[_AddOn, ...] = ()
    room_rate_detailed: tuple[_RateDay, ...] = ()

    @property
    def title(self) -> str:
        """What the hotel calls its plan."""
        return self.rate_plan_name_public or self.rate_plan_name_private or self.rate_plan_id

    def rooms_total(
        self, evenings: Sequence[date], departure: date, *, own: frozenset[date], currency: str
    ) -> Money | None:
        """What the nights cost together; None where the rate is not to be had for all of them.

        On `own` nights one room more counts as free. Raises ValueError for an amount that is none.
        """
        days = {day.date: day for day in self.room_rate_detailed}
        nights = [days[evening] for evening in evenings if evening in days]
        leaving = days.get(departure)
        if len(nights) < len(evenings) or nights[0].closed_to_arrival or (leaving and leaving.closed_to_departure):
            return None
        if any(night.blocked or night.rooms_available + (night.date in own) < 1 for night in nights):
            return None
        if any(night.min_los > len(nights) or 0 < night.max_los < len(nights) for night in nights):
            return None
        cents = [money(night.total_rate or 0, currency).cents for night in nights]
        # A night at nothing is one that has no price.
        return Money(cents=sum(cents), currency=currency) if all(amount > 0 for amount in cents) else None


class Rates(_Answered):
    data: tuple[Rate, ...] = ()


class _Levy(_Answered):
    """A tax or fee; the document calls both by the same fields."""

    fee_value: Amount = 0


class _Charges(_Answered):
    taxes: tuple[_Levy, ...] = ()
    grand_total: Amount


class Charges(_Answered):
    """What a stay costs with every tax and fee."""

    data: _Charges


class Levy(_Answered):
    """A tax or fee of the hotel; an exclusive one comes on top of a rate."""

    inclusive_or_exclusive: str = "exclusive"
    is_deleted: bool = False


class Levies(_Answered):
    data: tuple[Levy, ...] = ()


class Hotel(_Answered):
    property_id: str = ""
    property_name: str = ""
    property_timezone: str | None = None
    property_currency: Annotated[tuple[_Currency, ...], BeforeValidator(_listed)] = ()


class Hotels(_Answered):
    data: tuple[Hotel, ...] = ()


class RoomType(_Answered):
    room_type_id: str = ""
    room_type_name: str = ""


class _Guest(_Answered):
    guest_id: str = ""
    guest_first_name: str = ""
    guest_last_name: str = ""
    guest_email: str = ""
    guest_phone: str = ""
    guest_cell_phone: str = ""
    is_main_guest: bool = False

    @property
    def first_names(self) -> str:
        """Empty for whoever has one name."""
        first = self.guest_first_name.strip()
        return first if first != NO_NAME and self.guest_last_name.strip() else ""

    @property
    def surname(self) -> str:
        """The last name, or the only one."""
        return self.guest_last_name.strip() or self.guest_first_name.strip()


class _WithGuests(_Answered):
    """A reservation's guests by id; the main one is named by `guestID`, or says so itself."""

    reservation_id: str = ""
    property_id: str = ""
    third_party_identifier: str = ""
    guest_id: str = ""
    guest_list: Annotated[Mapping[str, _Guest], BeforeValidator(_mapped)] = {}

    @property
    def guest(self) -> _Guest | None:
        """The main guest."""
        guests = list(self.guest_list.values())
        named = [guest for guest in guests if guest.guest_id == self.guest_id and self.guest_id]
        return next(iter([*named, *(guest for guest in guests if guest.is_main_guest)]), None)


class Found(_WithGuests):
    """A reservation as a search tells it."""


class _Source(_Answered):
    source_id: str = ""


class _BookedRoom(_Answered):
    room_type_id: str = ""
    room_type_name: str = ""
    sub_reservation_id: str = ""
    rate_id: str = ""
    rate_name: str = ""
    adults: int = 0
    """Of a room for nobody, how many sleep there is not told."""
    children: int = 0
    detailed_room_rates: Annotated[Mapping[str, Amount], BeforeValidator(_mapped)] = {}


class Booked(_WithGuests):
    """A reservation, whole."""

    is_deleted: bool = False
    status: str = ""
    reservation_check_in: Annotated[date, BeforeValidator(_day)]
    reservation_check_out: Annotated[date, BeforeValidator(_day)]
    source: Annotated[_Source, BeforeValidator(_mapped)] = _Source()
    property_currency: str = ""
    rooms: tuple[_BookedRoom, ...] = ()
    total: Amount

    def first_night_of(self, total: Money) -> Money:
        """The first night's share of the total, as the nights' rates weigh; an even share where they are not told."""
        nights = sorted(
            (day, money(rate, total.currency).cents) for day, rate in self.rooms[0].detailed_room_rates.items()
        )
        whole = sum(cents for _, cents in nights)
        if whole <= 0:
            count = (self.reservation_check_out - self.reservation_check_in).days
            return money(Decimal(total.cents) / count / 100, total.currency)
        return money(Decimal(total.cents) * nights[0][1] / whole / 100, total.currency)
