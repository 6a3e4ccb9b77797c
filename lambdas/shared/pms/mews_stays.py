"""A hotel's reservations in Mews, each with its guest and with what it costs, which are asked for apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from lambdas.shared.domain.said import normal_code, same_surname
from lambdas.shared.pms.amounts import amounts_of
from lambdas.shared.pms.mews_api import PAGE, Api
from lambdas.shared.pms.mews_models import Booked, OrderItem
from lambdas.shared.pms.mews_terms import Held, Terms


class Stays:
    """The reservations of one hotel; whatever cannot be read raises Unreachable."""

    def __init__(self, terms: Terms, api: Api, *, now: Callable[[], datetime]) -> None:
        self._terms = terms
        self._api = api
        self._now = now

    def by_id(self, id: str) -> Held | None:
        """The reservation of Mews' own key."""
        held = self._held(self._api.bookeds("a reservation", ReservationIds=[id]))
        return next((found for found in held if found.id == id), None)

    def by_code(self, code: str) -> Held | None:
        """The reservation of a confirmation number as a guest says it; None too where several bear it."""
        try:
            number = re.sub(r"[._/-]", "", normal_code(code))
        except ValueError:
            return None
        found = self._api.bookeds("a reservation by its code", Numbers=[number])
        held = self._held([booked for booked in found if booked.number.upper() == number])
        return held[0] if len(held) == 1 else None

    def under(self, reference: str, arrival: date) -> list[Held]:
        """Those whose channel number that is.

        The filter is described for groups that come from a channel, and ours do not: where it finds none, the arrivals
        of that day are compared.
        """
        what = "a reservation by its reference"
        found = self._api.bookeds(what, ChannelNumbers=[reference]) or self._api.arrivals(what, arrival)
        return self._held([booked for booked in found if booked.channel_number == reference])

    def arriving(self, day: date, surname: str) -> list[Held]:
        """Those of that surname that begin on that day.

        All of the day's are asked for: `customers/search` knows only guests who are in the house.
        """
        found = self._held(self._api.arrivals("the arrivals of a day", day), surname=surname)
        return [held for held in found if held.told.stay.arrival == day]

    def _held(self, bookeds: Sequence[Booked], *, surname: str | None = None) -> list[Held]:
        """Reservations with their guests and prices, those of that surname if one is given."""
        bookeds = [booked for booked in bookeds if booked.account_type == "Customer"]
        accounts = list(dict.fromkeys(booked.account_id for booked in bookeds))
        customers = {
            customer.id: customer
            for some in _parts(accounts)
            for customer in self._api.customers("the guests of reservations", CustomerIds=some)
            if surname is None or same_surname(customer.last_name, surname)
        }
        bookeds = [booked for booked in bookeds if booked.account_id in customers]
        if not bookeds:
            return []
        items: dict[str, list[OrderItem]] = {booked.id: [] for booked in bookeds}
        for some in _parts(list(items)):
            for item in self._api.items(some):
                items.get(item.service_order_id, []).append(item)
        house = self._api.house(self._now())
        found = []
        for booked in bookeds:
            with amounts_of("a reservation"):
                told = self._terms.told(house, booked, customers[booked.account_id], items[booked.id])
            if told:
                found.append(Held(booked, tuple(items[booked.id]), told))
        return found


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    """So many at a time as are answered on a page."""
    return (ids[begin : begin + PAGE] for begin in range(0, len(ids), PAGE))
