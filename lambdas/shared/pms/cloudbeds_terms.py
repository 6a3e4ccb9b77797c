"""What Cloudbeds says of a hotel, in the hotel's own terms, and the other way round; nothing here asks anybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lambdas.shared.domain.errors import HotelFileError, NotPossible
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import EmailAddress, Guest, Offer, RatePlan, Reservation, RoomType, Stay
from lambdas.shared.pms.amounts import money
from lambdas.shared.pms.answers import contact_of
from lambdas.shared.pms.cloudbeds_models import NO_NAME, STATES, Booked, Rate
from lambdas.shared.pms.names import Names
from lambdas.shared.pms.reservations import require_booked
from lambdas.shared.pms.system import Order

_FREE_UNTIL: Final = r"^(\d{1,2})d ([01]\d|2[0-3]):([0-5]\d)$"


class Options(BaseModel):
    """`[pms.options]`: what Cloudbeds wants to know of every booking, and the policy that it keeps to itself.

    `source` is the hotel's own third-party source for bookings by phone, as postReservation takes it; only a
    reservation of such a source keeps our reference. The taxes and fees of the property must be applied to it, or a
    booking costs something else than was told (https://myfrontdesk.cloudbeds.com/hc/en-us/articles/217997368).
    `country`, `zip` and `email` are sent for guests, who are not asked for the first two; the address, the hotel's own,
    stands in for a guest's where none is given.

    A stay is cancelled for nothing until `free_until`, so many days before the arrival at that time of the hotel's
    ("1d 18:00"); then it costs `late_fee`, and at the rates named in `non_refundable` always everything. Without
    `free_until` no stay is cancelled by phone: no answer of Cloudbeds' tells a policy, and it charges none by itself
    (https://myfrontdesk.cloudbeds.com/hc/en-us/articles/219146188-Cancel-direct-reservations).
    """

    model_config = ConfigDict(frozen=True)

    source: str = Field(pattern=r"^ss-\d{1,20}-[01]$")
    country: str = Field(pattern=r"^[A-Z]{2}$")
    email: EmailAddress
    zip: str = Field(default="00000", max_length=20)
    payment_method: Literal["cash", "credit", "ebanking", "pay_pal"] = "cash"
    free_until: str | None = Field(default=None, pattern=_FREE_UNTIL)
    late_fee: Literal["first_night", "total"] = "first_night"
    non_refundable: str = Field(default="", pattern=r"^[a-z0-9_, ]*$")


@dataclass(frozen=True)
class Quote:
    """An offer and the rate's id that books it."""

    offer: Offer
    rate_id: str


@dataclass(frozen=True)
class Held:
    """A reservation of the hotel's, in Cloudbeds' words and in ours."""

    booked: Booked
    told: Reservation
    is_a_channels: bool
    """Did it come through a channel, where Cloudbeds changes nothing?"""

    @property
    def id(self) -> str:
        return self.booked.reservation_id

    def own_nights(self, room_code: str) -> frozenset[date]:
        """The nights on which it takes one of these rooms itself."""
        mine = self.booked.rooms[0].room_type_id == room_code
        return frozenset(self.told.stay.evenings) if mine else frozenset()

    def require_booked(self) -> None:
        """Raises NotPossible for what is over, has begun, is more than one room, or is a channel's.

        A channel's reservation is changed at the channel, or both no longer agree:
        https://myfrontdesk.cloudbeds.com/hc/en-us/articles/216541178-Cancel-or-modify-OTA-reservations.
        """
        require_booked(self.told)
        if len(self.booked.rooms) > 1:
            raise NotPossible("a reservation of several rooms is not changed by phone")
        if self.is_a_channels:
            raise NotPossible("a reservation made through a channel is changed there")


class Terms:
    """One hotel's rooms, rates, guests and policy. Raises HotelFileError when the file contradicts itself."""

    def __init__(self, hotel: Hotel, options: Options) -> None:
        self.names = Names(hotel)
        self.options = options
        self._hotel = hotel
        self._never_refunded = frozenset(name for name in re.split(r"[, ]+", options.non_refundable) if name)
        for name in sorted(self._never_refunded - set(hotel.pms.rates)):
            raise HotelFileError(
                f'hotels/{hotel.name}/hotel.toml: [pms.options] non_refundable "{name}" is not one of the rates '
                f"{', '.join(hotel.pms.rates) or '(none)'}"
            )

    def offer(self, stay: Stay, room: RoomType, plan: RatePlan, rate: Rate, price: tuple[Money, Money | None]) -> Offer:
        """A room at a rate, in the hotel's words; the price with the tax in it."""
        return Offer(
            stay=stay,
            room_type=room,
            room=self.names.room_title(room),
            total=price[0],
            rate_plan=plan,
            rate=self.names.rate_title(plan),
            taxes=price[1],
            includes=self.names.extras(add_on.add_on_id for add_on in rate.add_ons),
        )

    def booking(self, order: Order, rate_id: str) -> dict[str, str]:
        """The form of postReservation. A guest without an address gets no e-mail: it would reach the hotel."""
        offer, guest, contact = order.offer, order.guest, order.contact
        stay, room = offer.stay, self.names.mapped_rooms[offer.room_type]
        form = {
            "sourceID": self.options.source,
            "thirdPartyIdentifier": order.reference,
            "startDate": stay.arrival.isoformat(),
            "endDate": stay.departure.isoformat(),
            "guestFirstName": guest.first_names or NO_NAME,
            "guestLastName": guest.surname,
            "guestCountry": self.options.country,
            "guestZip": self.options.zip,
            "guestEmail": contact.email or self.options.email,
            "rooms[0][roomTypeID]": room,
            "rooms[0][quantity]": "1",
            "rooms[0][roomRateID]": rate_id,
            "adults[0][roomTypeID]": room,
            "adults[0][quantity]": str(stay.adults),
            "children[0][roomTypeID]": room,
            "children[0][quantity]": str(stay.children),
            "paymentMethod": self.options.payment_method,
            "sendEmailConfirmation": "true" if contact.email else "false",
        }
        return {**form, "guestPhone": contact.phone} if contact.phone else form

    def changed_room(self, held: Held, found: Quote) -> dict[str, str]:
        """The room of putReservation's form, priced anew."""
        stay = found.offer.stay
        room = {
            "subReservationID": held.booked.rooms[0].sub_reservation_id,
            "roomTypeID": self.names.mapped_rooms[found.offer.room_type],
            "checkinDate": stay.arrival.isoformat(),
            "checkoutDate": stay.departure.isoformat(),
            "adults": str(stay.adults),
            "children": str(stay.children),
            "rateID": found.rate_id,
            "adjustPrice": "true",
        }
        return {f"rooms[0][{name}]": value for name, value in room.items() if value}

    def held(self, booked: Booked, rate_plan_code: str | None) -> Held | None:
        """A reservation in our words; None for what is deleted, lacks room, guest or name, or is longer or for more
        people than is dealt with by phone. Raises ValueError for amounts that cannot be.
        """
        guest, state = booked.guest, STATES.get(booked.status)
        if booked.is_deleted or state is None or guest is None or not booked.rooms or not booked.reservation_id:
            return None
        first, last = guest.first_names, guest.surname
        room, total = booked.rooms[0], money(booked.total, booked.property_currency or self._hotel.currency)
        try:
            stay = Stay(
                arrival=booked.reservation_check_in,
                departure=booked.reservation_check_out,
                adults=sum(each.adults for each in booked.rooms),
                children=sum(each.children for each in booked.rooms),
            )
            name = Guest(name=f"{first} {last}".strip(), last_name=last)
        except ValidationError:
            return None
        room_type = self.names.room_type(room.room_type_id)
        plan = self.names.rate_plan(rate_plan_code) if rate_plan_code else None
        # The hotel's own address, which stands in for a missing one, is no guest's.
        stands_in = guest.guest_email.casefold() == self.options.email.casefold()
        address = None if stands_in else guest.guest_email
        is_ours = _same_source(booked.source.source_id, self.options.source)
        told = Reservation(
            code=booked.reservation_id,
            stay=stay,
            room_type=room_type or "other",
            room=self.names.room_title(room_type) if room_type else room.room_type_name or room.room_type_id,
            guest=name,
            total=total,
            state=state,
            rate_plan=plan,
            rate=self.names.rate_title(plan) if plan else room.rate_name or None,
            reference=booked.third_party_identifier or None if is_ours else None,
            contact=contact_of([address], [guest.guest_cell_phone, guest.guest_phone]),
        )
        return Held(booked, told, is_a_channels=booked.source.source_id.startswith("ss-") and not is_ours)

    def fee(self, held: Held, now: datetime) -> Money:
        """What cancelling costs now, by the hotel's file. Raises NotPossible where that does not tell."""
        held.require_booked()
        match = re.fullmatch(_FREE_UNTIL.strip("^$"), self.options.free_until or "")
        plan, total = held.told.rate_plan, held.told.total
        if match is None or plan is None:
            raise NotPossible("what cancelling this stay costs is not known by phone")
        if plan in self._never_refunded:
            return total
        day = held.told.stay.arrival - timedelta(days=int(match[1]))
        if now < datetime.combine(day, time(int(match[2]), int(match[3])), self._hotel.zone):
            return Money(cents=0, currency=total.currency)
        return total if self.options.late_fee == "total" else held.booked.first_night_of(total)


def _same_source(one: str, other: str) -> bool:
    """Are the two one source? A reservation's may lack the suffix that says who collects the payment."""
    return re.sub(r"^(ss?-\d+)-\d$", r"\1", one) == re.sub(r"^(ss?-\d+)-\d$", r"\1", other)
