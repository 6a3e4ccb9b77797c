"""What Apaleo's stand-in is asked for, in the house's words: people, rate plans, nights and their prices.

ISSUES is that of apaleo.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from tests.contract.vendors.apaleo_asked import Body, Problem, Query, day_of, in_order
from tests.contract.vendors.apaleo_told import Telling
from tests.contract.vendors.house import House, Kept

CHANNELS: Final = frozenset({"Direct", "BookingCom", "Ibe", "ChannelManager", "Expedia", "Homelike"})


@dataclass(frozen=True)
class Wanted:
    """Reads what is wanted of a house that tells itself so."""

    told: Telling

    @property
    def house(self) -> House:
        return self.told.house

    def planned(self, plan: Any) -> tuple[str, str]:
        """The house's rate and room of a rate plan's id."""
        for room in self.house.rooms:
            for rate in self.house.rates:
                if self.told.rate_plan(rate, room)["id"] == plan:
                    return rate, room
        raise Problem("The following rate plans with provided Ids do not exist.")

    def free(
        self, asked: Query, arrival: date, departure: date, people: int, *, without: str | None = None
    ) -> Iterable[tuple[str, str, int]]:
        """Each rate of each room that is asked for, free for all nights and large enough."""
        ids, known = asked.all("unitGroupIds"), set(self.told.codes.rooms.values())
        if not known.issuperset(ids):
            raise Problem("The following unit groups with provided Ids do not exist.")
        if (channel := asked.one("channelCode")) and channel not in CHANNELS:
            raise Problem("The value is not valid.", 400)
        for room in self.house.rooms.values():
            free = self.house.free(room.code, arrival, departure, without=without)
            if free > 0 and people <= room.sleeps and (not ids or self.told.codes.rooms[room.code] in ids):
                yield from ((rate, room.code, free) for rate in self.house.rates)

    def amended(
        self, kept: Kept, rate: str, room: str, arrival: date, departure: date, *, requote: bool
    ) -> tuple[int, ...]:
        """What each night costs: those that it has already at that rate plan keep their price, unless re-quoted."""
        nights = self.house.night_cents(room, rate, arrival, departure)
        if requote or (kept.rate, kept.room) != (rate, room):
            return nights
        had = {kept.arrival + timedelta(days=day): cents for day, cents in enumerate(kept.night_cents)}
        return tuple(had.get(arrival + timedelta(days=day), cents) for day, cents in enumerate(nights))

    def person(self, told: Any) -> dict[str, Any]:
        """`GuestModel`, `BookerModel`: only the last name is needed."""
        person = Body(told, {"lastName", "firstName", "email", "phone", "title", "middleInitial", "address"})
        return {
            "last_name": person.needed("lastName"),
            "first_name": person.get("firstName") or "",
            "email": person.get("email"),
            "phone": person.get("phone"),
        }

    def stay(self, wanted: Body, amount: str, *, kept: Kept | None = None, ignoring: bool = False) -> dict[str, Any]:
        """What a booking or an amendment asks for, in the house's words; `amount` is what a night's price
        is called, `ignoring` says that the rate plan's is taken instead."""
        arrival, departure = day_of(wanted.needed("arrival")), day_of(wanted.needed("departure"))
        in_order(arrival, departure)
        adults, ages = wanted.needed("adults"), wanted.get("childrenAges") or []
        if not isinstance(adults, int) or adults < 1 or not all(isinstance(age, int) for age in ages):
            raise Problem("Adults: The value is not valid.")
        slices = wanted.needed("timeSlices")
        expected = (departure - arrival).days
        if not isinstance(slices, list) or len(slices) != expected:
            raise Problem(f"Expected {expected} time slices but {len(slices)} were provided")  # ISSUES 387
        nights = [Body(slice, {"ratePlanId", amount}) for slice in slices]
        plans = {night.needed("ratePlanId") for night in nights}
        if len(plans) != 1:
            raise Problem("The stand-in has one rate plan for all nights.")
        rate, room = self.planned(plans.pop())
        if adults + len(ages) > self.house.rooms[room].sleeps:
            raise Problem("The occupancy exceeds the maximum number of persons.")
        requote = bool(wanted.get("requote"))
        usual = (
            self.amended(kept, rate, room, arrival, departure, requote=requote)
            if kept
            else self.house.night_cents(room, rate, arrival, departure)
        )
        priced = [self.cents(night.get(amount), cents) for night, cents in zip(nights, usual, strict=True)]
        priced = list(usual) if ignoring else priced
        return {
            "room": room,
            "rate": rate,
            "arrival": arrival,
            "departure": departure,
            "adults": adults,
            "children": len(ages),
            "night_cents": tuple(priced),
        }

    def cents(self, told: Any, usual: int) -> int:
        """A night's own price (ISSUES 299), or the rate plan's."""
        if told is None:
            return usual
        value = Body(told, {"amount", "currency"})
        amount = value.needed("amount")
        if not isinstance(amount, int | float) or value.needed("currency") != self.house.currency:
            raise Problem("The specified condition was not met for 'Amount'.")
        return round(amount * 100)
