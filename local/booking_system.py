"""The hotel's booking system beside a call: what stands in it before, and what a call has led to."""

from __future__ import annotations

import json
from datetime import date
from typing import Final, cast
from uuid import uuid4

from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.stay import Guest, Reservation, Stay
from lambdas.shared.pms import CONNECTORS, Order, Parts
from lambdas.shared.pms.demo import DemoPms
from local.scenario import Booked
from local.stack import PMS_SECRETS, Stack

FLEXIBLE: Final = "flexible"
"""The rate at which a stay is booked beforehand, where the hotel has several: the one that can be cancelled."""


class BookingSystem:
    """A hotel's booking system on a stack, seen from the hotel's side of it."""

    def __init__(self, stack: Stack, hotel: Hotel) -> None:
        self._vendor, self._secrets = stack.vendor, stack.aws_client("secretsmanager")
        parts = Parts(
            client=stack.aws_client("dynamodb"),
            calls_table=stack.calls_table,
            leases_table=stack.leases_table,
            secret=lambda name, _: self._secret(name),
        )
        self._pms = CONNECTORS[hotel.pms.connector](hotel, parts)

    def reservations(self) -> list[Reservation]:
        """Everything that is kept, cancelled stays too; at a vendor as the vendor's side tells it."""
        if self._vendor is not None:
            return self._vendor.reservations()
        return cast("DemoPms", self._pms).reservations()

    def book(self, booked: Booked, today: date) -> None:
        """A reservation from before the call, through the hotel's connector. Raises LookupError if none is free."""
        arrival, departure = booked.stay(today)
        stay = Stay(arrival=arrival, departure=departure, adults=booked.adults)
        for offer in self._pms.offers(stay, booked.room):
            if offer.rate_plan in (None, FLEXIBLE):
                self._pms.book(Order(reference=uuid4().hex, offer=offer, guest=Guest(name=booked.guest_name)))
                return
        raise LookupError(f"no {booked.room} is free from {arrival} to {departure}")

    def _secret(self, hotel: str) -> dict[str, str]:
        held: dict[str, str] = json.loads(
            self._secrets.get_secret_value(SecretId=f"{PMS_SECRETS}/{hotel}")["SecretString"]
        )
        return held
