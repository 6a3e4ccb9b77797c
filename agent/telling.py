"""Rooms, rates, days and amounts in the language of a call: what a tool tells the model, and how a guest hears it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.call import OngoingCall
from agent.spoken import spoken_day, spoken_money
from lambdas.pms.models import HeldOffer
from lambdas.shared.domain.hotel import Hotel, Titled
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Reservation, Stay


class Telling:
    """How the hotel's things are called in one call, whose language may change."""

    def __init__(self, hotel: Hotel, call: OngoingCall) -> None:
        self._hotel, self._call = hotel, call

    @property
    def _language(self) -> str:
        return self._call.prompts.language

    def say(self, phrase: str, **facts: str) -> str:
        """A tool's fixed phrase, filled in."""
        return self._call.prompts.say(f"tool.{phrase}", **facts)

    def money(self, money: Money) -> str:
        """An amount as it is spoken."""
        return spoken_money(money, self._language)

    def days(self, stay: Stay) -> dict[str, str]:
        """The `arrival` and `departure` of a stay as they are spoken."""
        arrival, departure = (spoken_day(day, self._language) for day in (stay.arrival, stay.departure))
        return {"arrival": arrival, "departure": departure}

    def room(self, of: HeldOffer | Reservation) -> str:
        """The room's title: as the booking system has it, unless the hotel says what it is called in this language."""
        described = self._hotel.rooms.get(of.room_type)
        return described.titles.get(self._language, of.room) if described else of.room

    def rate(self, offer: HeldOffer) -> str | None:
        """The rate's title, likewise; None in a house with one rate."""
        described = self._hotel.rates.get(offer.rate_plan or "")
        return described.titles.get(self._language, offer.rate) if described else offer.rate

    def offered(self, phrase: str, offer: HeldOffer, among: Iterable[HeldOffer], **days: str) -> str:
        """An offer in a sentence, which names the rate where the room is to be had at another one too."""
        said = self.say(phrase, room=self.room(offer), total=self.money(offer.total), **days)
        several = sum(other.room_type == offer.room_type for other in among) > 1
        rate = self.rate(offer)
        return f"{said} {self.say('at_rate', rate=rate)}" if several and rate else said

    def city_tax(self, amount: Money | None) -> list[str]:
        """The sentence about it, if there is any to pay."""
        return [self.say("city_tax", amount=self.money(amount))] if amount and amount.cents else []

    def shown(self, offer: HeldOffer) -> dict[str, Any]:
        """An offer as the model reads it; its id it never sees."""
        shown: dict[str, Any] = {
            "room": self.room(offer),
            "nights": offer.nights,
            "arrival": offer.stay.arrival.isoformat(),
            "departure": offer.stay.departure.isoformat(),
            "total": str(offer.total),
        }
        if rate := self.rate(offer):
            shown["rate"] = rate
        if offer.includes:
            shown["includes"] = list(offer.includes)
        if offer.city_tax:
            shown["city_tax"] = str(offer.city_tax)
        return shown

    def told(self, reservation: Reservation) -> dict[str, Any]:
        """A reservation as the model reads it."""
        return {
            "code": reservation.code,
            "room": self.room(reservation),
            "nights": reservation.stay.nights,
            "arrival": reservation.stay.arrival.isoformat(),
            "departure": reservation.stay.departure.isoformat(),
            "total": str(reservation.total),
            "guest_name": reservation.guest.name,
        }

    def room_type(self, room: str) -> str:
        """The room's type from its type or title, as a model writes it; the hotel refuses one it lacks."""
        return _named(self._hotel.rooms, room) or room.strip().lower().replace(" ", "_")

    def rate_plan(self, rate: str) -> str:
        """The rate's plan from its plan or title, as a model writes it."""
        return _named(self._hotel.rates, rate) or rate


def _named(things: Mapping[str, Titled], said: str) -> str | None:
    """The name of the thing that is called so, in whichever language; a name of ours may stand among other words."""
    wanted = said.strip().lower()
    for name, thing in things.items():
        titles = (title.lower() for title in (thing.title, *thing.titles.values()))
        if wanted == name or wanted in titles or name in wanted.split():
            return name
    return None
