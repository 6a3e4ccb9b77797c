"""The demo hotel on each vendor's stand-in, as `make call PMS=…` and `make hotel-check PMS=…` have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import boto3
import pytest

from lambdas.shared.domain.hotel import Hotels, load_hotel
from lambdas.shared.pms import CONNECTORS
from local.booking_system import BookingSystem
from local.hotel_check import check_parts, findings
from local.processes import ROOT
from local.scenario import Booked
from local.stack import PMS_SECRETS, Stack
from local.vendor import VENDORS, Vendor
from tests.contract.vendors.__main__ import build_app
from tests.contract.vendors.benches import Switch, stand_in_of
from tests.contract.vendors.house import House
from tests.contract.vendors.line import served_in_thread
from tests.tables import database, new_tables

pytestmark = pytest.mark.contract

TODAY = date(2026, 11, 24)
BOOKED = Booked(room="double", arrival="03-12", departure="03-14", guest_name="Peter Miller", adults=2)


@contextmanager
def served(connector: str) -> Iterator[Vendor]:
    """The vendor's stand-in with an empty house."""
    switch = Switch()
    with served_in_thread(switch) as url:
        switch.app = build_app(stand_in_of(connector)(House()), url)
        yield Vendor(connector, url)


@dataclass(frozen=True)
class Cloud:
    """As much of a stack as a booking system needs."""

    vendor: Vendor | None
    calls_table: str
    leases_table: str

    def aws_client(self, service: str) -> Any:
        make: Any = boto3.client
        return make(service, region_name="eu-central-1")


@contextmanager
def cloud(vendor: Vendor | None) -> Iterator[Stack]:
    """Tables, and the hotel's secret where a vendor asks for one."""
    with database() as client:
        calls, leases = new_tables(client)
        stack = cast("Stack", Cloud(vendor, calls, leases))
        if vendor is not None:
            held = json.dumps(vendor.secret())
            stack.aws_client("secretsmanager").create_secret(Name=f"{PMS_SECRETS}/aurora", SecretString=held)
        yield stack


@pytest.mark.parametrize("connector", VENDORS)
def test_the_hotel_moves_to_the_vendor_with_all_it_has(connector: str, tmp_path: Path) -> None:
    """Its folder differs from the demo's in what the vendor calls its rooms and rates, and in nothing else."""
    with served(connector) as vendor:
        name = vendor.move_hotel(ROOT / "hotels", tmp_path / "hotels")
        again = vendor.move_hotel(ROOT / "hotels", tmp_path / "hotels")

        moved, at_home = Hotels.load(tmp_path / "hotels").by_name[name], load_hotel(ROOT / "hotels" / name)
        assert name == again
        assert moved.pms.connector == connector
        assert (moved.pms.url or "").startswith(vendor.url)
        assert set(moved.pms.rooms) == set(at_home.rooms)
        assert set(moved.rates) == {"flexible", "saver"}
        kept = {"pms", "rates", "extras"}
        assert moved.model_dump(exclude=kept) == at_home.model_dump(exclude=kept)


@pytest.mark.parametrize("connector", VENDORS)
def test_a_stay_is_booked_beforehand_at_the_vendor(connector: str, tmp_path: Path) -> None:
    """It stands there at the rate that can be cancelled, and the vendor's side tells it in our terms."""
    with served(connector) as vendor, cloud(vendor) as stack:
        name = vendor.move_hotel(ROOT / "hotels", tmp_path / "hotels")
        system = BookingSystem(stack, load_hotel(tmp_path / "hotels" / name))
        before = system.reservations()

        system.book(BOOKED, TODAY)

        (stay,) = system.reservations()
        assert before == []
        assert (stay.room_type, stay.guest.name, stay.state) == ("double", "Peter Miller", "booked")
        assert (stay.stay.arrival, stay.stay.nights, stay.stay.adults) == (date(2027, 3, 12), 2, 2)
        assert (str(stay.total), stay.rate_plan) == ("258.00 EUR", "flexible")


def test_a_stay_is_booked_beforehand_at_the_demo_hotel() -> None:
    """Without a vendor it stands in our own table."""
    with cloud(None) as stack:
        system = BookingSystem(stack, load_hotel(ROOT / "hotels" / "aurora"))

        system.book(BOOKED, TODAY)

        (stay,) = system.reservations()
        assert (stay.guest.name, str(stay.total)) == ("Peter Miller", "258.00 EUR")


def test_a_stay_for_which_no_room_is_free_stops_the_scenario() -> None:
    """A scenario that cannot begin as it says is not played."""
    with cloud(None) as stack:
        system = BookingSystem(stack, load_hotel(ROOT / "hotels" / "aurora"))
        suite = BOOKED.model_copy(update={"room": "suite"})
        system.book(suite, TODAY)

        with pytest.raises(LookupError, match="no suite is free from 2027-03-12 to 2027-03-14"):
            system.book(suite, TODAY)


@pytest.mark.parametrize("connector", VENDORS)
def test_the_moved_hotel_lacks_nothing(connector: str, tmp_path: Path) -> None:
    """What the check asks of a vendor is answered, and every room of the demo hotel has its prices there."""
    with served(connector) as vendor, cloud(vendor):
        name = vendor.move_hotel(ROOT / "hotels", tmp_path / "hotels")
        hotel, secret = load_hotel(tmp_path / "hotels" / name), vendor.secret()
        pms = CONNECTORS[connector](hotel, check_parts(lambda *_: secret))

        found = [*findings(hotel, pms, datetime(2026, 11, 24, 11, 0, tzinfo=UTC))]

        assert [finding.text for finding in found if not finding.fine] == []
        assert any(finding.text.endswith("232.20 EUR, saver rate; 258.00 EUR, flexible rate") for finding in found)
