"""Who may act: a call that is going on, at its own hotel, through the agent that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambdas.shared.call_store import CallStore
from lambdas.shared.domain.errors import CallOver, NotFound
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.leases import Leases
from lambdas.shared.pms.system import Pms


@dataclass(frozen=True)
class Desk:
    """The hotels with their booking systems, and the calls that may ask something of them."""

    hotels: Hotels
    calls: CallStore
    leases: Leases
    pms: Mapping[str, Pms]

    def hotel(self, name: str) -> Hotel:
        """Raises NotFound."""
        hotel = self.hotels.by_name.get(name)
        if hotel is None:
            raise NotFound("there is no such hotel")
        return hotel

    def acting(self, hotel_name: str, call_id: str, epoch: int) -> Hotel:
        """The hotel, if the call is one of its own, goes on, and the epoch is the current lease's.

        Raises NotFound, CallOver, StaleEpoch.
        """
        hotel = self.hotel(hotel_name)
        call = self.calls.call(call_id)
        if self.calls.hotel_of(call_id) != hotel:
            raise NotFound("there is no such call at this hotel")
        if call.is_over:
            raise CallOver("the call has ended")
        self.leases.require(call_id, epoch)
        return hotel
