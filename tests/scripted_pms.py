"""A hotel's booking system in memory, which fails as a test asks it to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import TypeVar

from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, RoomType, Stay
from lambdas.shared.pms.system import NO_CONTACT, Capability, Order, Pms, Property

Result = TypeVar("Result")


class ScriptedPms(Pms):
    """A hotel's system in memory that keeps every booking it is sent, also a second one under one reference.

    `failures` are raised one by each write: with `acts_though_failing` after it was done, as when the answer of a slow
    system gets lost. `blind` are raised one by each look-up. `hidden` keeps what was booked from being found.
    """

    def __init__(self, hotel: Hotel) -> None:
        self.reservations: dict[str, Reservation] = {}
        self.prices = {name: hotel.night_price(name) for name in hotel.rooms}
        self.city_tax: Money | None = None
        self.fee = Money(cents=0, currency=hotel.currency)
        self.sold_out: set[RoomType] = set()
        self.can = frozenset(Capability) - {Capability.SAFE_REPEAT}
        self.failures: list[Exception] = []
        self.acts_though_failing = False
        self.blind: list[Exception] = []
        self.hidden = False
        self.notes: list[tuple[str, str]] = []
        self.contacts: list[Contact] = []
        self.writes = 0
        self.while_writing: list[Callable[[], object]] = []
        self._hotel = hotel

    @property
    def capabilities(self) -> frozenset[Capability]:
        return self.can

    @property
    def booked(self) -> list[Reservation]:
        """What stands, in the order in which it was booked."""
        return [stay for stay in self.reservations.values() if stay.state is ReservationState.BOOKED]

    def describe(self) -> Property:
        raise NotImplementedError

    def offers(self, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        fitting = [
            name for name, room in self._hotel.rooms.items() if room_type in (None, name) and room.sleeps >= stay.guests
        ]
        offers = [
            Offer(
                stay=stay,
                room_type=name,
                room=self._hotel.rooms[name].title,
                total=self.prices[name] * stay.nights,
                city_tax=self.city_tax,
            )
            for name in fitting
            if name not in self.sold_out
        ]
        return sorted(offers, key=lambda offer: offer.total.cents)

    def book(self, order: Order) -> Reservation:
        known = self._known(order.reference)
        if known and Capability.SAFE_REPEAT in self.can:
            return self._write(lambda: known)
        return self._write(lambda: self._book(order))

    def find(self, order: Order) -> Reservation | None:
        self._look()
        return None if self.hidden else self._known(order.reference)

    def reservation(self, code: str) -> Reservation | None:
        self._look()
        return self.reservations.get(code)

    def search(self, surname: str, arrival: date) -> list[Reservation]:
        self._look()
        return [stay for stay in self.reservations.values() if stay.stay.arrival == arrival]

    def change_offers(self, booked: Reservation, stay: Stay, room_type: RoomType | None = None) -> list[Offer]:
        return self.offers(stay, room_type)

    def change(self, code: str, offer: Offer) -> Reservation:
        before = self.reservations[code]
        after = Reservation.of(offer, code=code, guest=before.guest, reference=before.reference)
        return self._write(lambda: self._keep(after))

    def cancellation_fee(self, booked: Reservation) -> Money:
        return self.fee

    def cancel(self, code: str, fee: Money) -> Reservation:
        cancelled = self.reservations[code].model_copy(update={"state": ReservationState.CANCELLED})
        return self._write(lambda: self._keep(cancelled))

    def add_note(self, code: str, text: str) -> None:
        self._write(lambda: self.notes.append((code, text)))

    def walk_in(self, name: str = "Bert Brecht", *, stay: Stay, contact: Contact = NO_CONTACT) -> Reservation:
        """A reservation that no call has made."""
        (offer,) = self.offers(stay, "double")
        code = f"DESK{len(self.reservations) + 1}"
        booked = Reservation.of(offer, code=code, guest=Guest(name=name), reference=None)
        return self._keep(booked.model_copy(update={"contact": contact}))

    def _known(self, reference: str) -> Reservation | None:
        return next((stay for stay in self.reservations.values() if stay.reference == reference), None)

    def _book(self, order: Order) -> Reservation:
        self.contacts.append(order.contact)
        code = f"CODE{len(self.reservations) + 1}"
        return self._keep(Reservation.of(order.offer, code=code, guest=order.guest, reference=order.reference))

    def _keep(self, reservation: Reservation) -> Reservation:
        self.reservations[reservation.code] = reservation
        return reservation

    def _look(self) -> None:
        if self.blind:
            raise self.blind.pop(0)

    def _write(self, act: Callable[[], Result]) -> Result:
        self.writes += 1
        failure = self.failures.pop(0) if self.failures else None
        if failure and not self.acts_though_failing:
            raise failure
        done = act()
        if self.while_writing:
            self.while_writing.pop(0)()
        if failure:
            raise failure
        return done
