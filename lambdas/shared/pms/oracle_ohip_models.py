"""What OPERA Cloud answers, as far as it is read, and what stands in it.

The names and meanings are those of Oracle's documents `par` (availability) and `rsv` (reservations), release 25.5:
https://github.com/oracle/hospitality-api-docs. Hardly a field is required there, so all of them may be missing here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, Literal

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms.answers import Answered

Amount = int | float | str
STATES: Final[Mapping[str, ReservationState]] = {
    "Reserved": ReservationState.BOOKED,
    "DueIn": ReservationState.BOOKED,
    "Cancelled": ReservationState.CANCELLED,
    "NoShow": ReservationState.CANCELLED,
    "InHouse": ReservationState.IN_HOUSE,
    "DueOut": ReservationState.IN_HOUSE,
    "Walkin": ReservationState.IN_HOUSE,
    "PendingCheckout": ReservationState.IN_HOUSE,
    "CheckedOut": ReservationState.DEPARTED,
}
"""`pMS_ResStatusType`. What is only requested or on the waiting list is no stay and has no state."""


class _Answered(Answered):
    model_config = ConfigDict(alias_generator=to_camel, coerce_numbers_to_str=True)


class Tax(_Answered):
    """`Inclusive` taxes are a part of the price, `Exclusive` ones come on top."""

    code: str = ""
    type: Literal["Inclusive", "Exclusive"] = "Inclusive"
    amount: Amount = 0


class Taxes(_Answered):
    tax: tuple[Tax, ...] = ()


class Total(_Answered):
    """`amountAfterTax` has every tax in it, those on top too."""

    amount_before_tax: Amount | None = None
    amount_after_tax: Amount | None = None
    currency_code: str | None = None
    taxes: Taxes = Taxes()


class Rate(_Answered):
    """What each night of the evenings from `start` to `end` costs."""

    base: Total = Total()
    total: Total = Total()
    start: date = date.min
    end: date = date.max


class Rates(_Answered):
    rate: tuple[Rate, ...] = ()


class Package(_Answered):
    package_code: str = ""
    included_in_rate: bool = False


class RoomRate(_Answered):
    """A room at a rate, offered or booked."""

    room_type: str = ""
    rate_plan_code: str = ""
    total: Total = Total()
    rates: Rates = Rates()
    packages: tuple[Package, ...] = ()
    availability: str = "Available"
    suppress_rate: bool = False
    tax_included: bool = False
    market_code: str | None = None
    source_code: str | None = None
    number_of_units: int | None = None


class _OfferedStay(_Answered):
    room_rates: tuple[RoomRate, ...] = ()


class _RoomType(_Answered):
    room_type: str = ""
    description: str = ""


class _RoomTypes(_Answered):
    room_type: tuple[_RoomType, ...] = ()


class _RatePlan(_Answered):
    rate_plan_code: str = ""
    description: str = ""


class _RatePlans(_Answered):
    rate_plan: tuple[_RatePlan, ...] = ()


class _MasterInfo(_Answered):
    room_types: _RoomTypes = _RoomTypes()
    rate_plans: _RatePlans = _RatePlans()


class _CurrencyFormatting(_Answered):
    currency_code: str | None = None


class _DateTimeFormatting(_Answered):
    time_zone_region: str | None = None


class _PropertyControls(_Answered):
    currency_formatting: _CurrencyFormatting = _CurrencyFormatting()
    date_time_formatting: _DateTimeFormatting = _DateTimeFormatting()


class _HotelInfo(_Answered):
    hotel_name: str = ""
    property_controls: _PropertyControls = _PropertyControls()


class Segment(_Answered):
    room_stays: tuple[_OfferedStay, ...] = ()
    master_info: _MasterInfo = _MasterInfo()
    hotel_info: _HotelInfo = _HotelInfo()
    has_more: bool = False
    paging_key: str | None = None


class Availability(_Answered):
    hotel_availability: tuple[Segment, ...] = ()


class Id(_Answered):
    """A number and what it is: `Reservation` is the system's key, `Confirmation` what a guest is told."""

    id: str = ""
    type: str = ""


class ExternalReference(_Answered):
    id: str = ""
    id_context: str = ""


class _GuestCounts(_Answered):
    """Nobody, where it is not told how many."""

    adults: int = 0
    children: int = 0


class _CurrentRoom(_Answered):
    room_description: str = ""


class _Guarantee(_Answered):
    guarantee_code: str | None = None


class BookedStay(_Answered):
    arrival_date: date
    departure_date: date
    guest_counts: _GuestCounts = _GuestCounts()
    room_rates: tuple[RoomRate, ...] = ()
    guarantee: _Guarantee = _Guarantee()
    total: Total = Total()
    current_room_info: _CurrentRoom = _CurrentRoom()


class _PersonName(_Answered):
    given_name: str = ""
    surname: str = ""
    name_type: str = "Primary"


class _Customer(_Answered):
    person_name: tuple[_PersonName, ...] = ()


class _Email(_Answered):
    email_address: str = ""


class _EmailInfo(_Answered):
    email: _Email = _Email()


class _Emails(_Answered):
    email_info: tuple[_EmailInfo, ...] = ()


class _Telephone(_Answered):
    phone_number: str = ""


class _TelephoneInfo(_Answered):
    telephone: _Telephone = _Telephone()


class _Telephones(_Answered):
    telephone_info: tuple[_TelephoneInfo, ...] = ()


class _Profile(_Answered):
    customer: _Customer = _Customer()
    emails: _Emails = _Emails()
    telephones: _Telephones = _Telephones()


class _ProfileInfo(_Answered):
    profile: _Profile = _Profile()


class BookedGuest(_Answered):
    profile_info: _ProfileInfo = _ProfileInfo()
    primary: bool = False

    @property
    def name(self) -> tuple[str, str]:
        """First names and surname; empty where the profile has none."""
        names = self.profile_info.profile.customer.person_name
        found = next((name for name in names if name.name_type == "Primary" and name.surname), None)
        return (found.given_name.strip(), found.surname.strip()) if found else ("", "")

    @property
    def emails(self) -> Sequence[str]:
        return [info.email.email_address for info in self.profile_info.profile.emails.email_info]

    @property
    def phones(self) -> Sequence[str]:
        return [info.telephone.phone_number for info in self.profile_info.profile.telephones.telephone_info]


class _RateSummary(_Answered):
    """`net` has the tax in it and `gross` has not: the document's words, and it means them so."""

    net: Amount | None = None
    currency_code: str | None = None


class Booked(_Answered):
    """A reservation, whole."""

    reservation_id_list: tuple[Id, ...] = ()
    external_references: tuple[ExternalReference, ...] = ()
    room_stay: BookedStay
    reservation_guests: tuple[BookedGuest, ...] = ()
    rate_summary: _RateSummary = _RateSummary()
    reservation_status: str = ""
    hotel_id: str = ""


class _Bookeds(_Answered):
    reservation: tuple[Booked, ...] = ()


class Reservations(_Answered):
    reservations: _Bookeds = _Bookeds()


class _FoundGuest(_Answered):
    surname: str = ""


class Found(_Answered):
    """A reservation as a search tells it, in short."""

    reservation_id_list: tuple[Id, ...] = ()
    reservation_guest: _FoundGuest = _FoundGuest()


class _Founds(_Answered):
    reservation_info: tuple[Found, ...] = ()
    has_more: bool = False


class Search(_Answered):
    reservations: _Founds = _Founds()


class _Link(_Answered):
    href: str = ""


class Created(_Answered):
    """A new reservation's address is in the header `Location` and among the links."""

    links: tuple[_Link, ...] = ()


class _Deadline(_Answered):
    absolute_deadline: datetime | None = None


class _AmountPercent(_Answered):
    basis_type: Literal["FlatAmount", "Percentage", "Nights", "NightPercentage", "FullAmount"] | None = None
    nights: int | None = None
    percent: Amount | None = None
    amount: Amount | None = None
    currency_code: str | None = None


class Penalty(_Answered):
    """What a cancellation costs once it is `effective`, which it is from its deadline on, in the hotel's time."""

    deadline: _Deadline = _Deadline()
    amount_percent: _AmountPercent = _AmountPercent()
    non_refundable: bool = False
    effective: bool | None = None


class _CancellationPolicy(_Answered):
    policy: Penalty = Penalty()


class Policies(_Answered):
    cancellation_policies: tuple[_CancellationPolicy, ...] = ()


def fault_code(body: Any, status: int) -> str:
    """OPERA's own code of a fault, whose register is not public, or the status where it does not say."""
    code = body.get("o:errorCode") if isinstance(body, dict) else None
    return code if isinstance(code, str) and re.fullmatch(r"[\w.:-]{1,40}", code, re.ASCII) else str(status)


def id_of(ids: Sequence[Id], kind: Literal["Reservation", "Confirmation"]) -> str | None:
    """The number of that kind."""
    return next((found.id for found in ids if found.type == kind and found.id), None)
