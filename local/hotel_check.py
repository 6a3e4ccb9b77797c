"""Compare a hotel's file with its booking system, and name what is missing: `make hotel-check HOTEL=aurora`.

The system is asked through the hotel's own connector: who the hotel is there, which rooms, rates and extras it knows,
and what one room is for two nights. Nothing is written. With `--stage` the key is the stage's secret; with `--pms` the
demo hotel is compared with that vendor's stand-in.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import boto3
import httpx

from lambdas.shared.domain.errors import BellhopError, HotelFileError
from lambdas.shared.domain.hotel import Hotel, load_hotel
from lambdas.shared.domain.stay import Offer, Stay
from lambdas.shared.pms import CONNECTORS, Parts, Pms, Property
from lambdas.shared.pms.parts import secrets_under
from lambdas.shared.pms.vendor_http import Gate, OpenGate
from local.processes import ROOT, Child, StartError, choosing_ports, free_port
from local.readiness import answers
from local.vendor import VENDORS, Vendor

REGION: Final = "eu-central-1"
AHEAD: Final = timedelta(days=30)
NIGHTS: Final = timedelta(days=2)


@dataclass(frozen=True)
class Finding:
    """One thing that was compared; what is not `fine` is to be put right before a guest finds it."""

    text: str
    fine: bool = True


class _Check(Parts):
    """A connector's parts for somebody at a keyboard: no breaker and no budget, which are the functions' own."""

    def gate(self, _: Hotel) -> Gate:
        return OpenGate()


def findings(hotel: Hotel, pms: Pms, now: datetime) -> Iterator[Finding]:
    """What the file says beside what the system tells; ends early when the system cannot be asked."""
    try:
        told = pms.describe()
        yield Finding(f"{hotel.pms.connector} knows the hotel as “{told.title}”")
        yield from _compared(hotel, told)
        if hotel.signs_in:
            arrival = hotel.day_of(now) + AHEAD
            stay = Stay(arrival=arrival, departure=arrival + NIGHTS)
            yield from _offered(hotel, stay, pms.offers(stay))
    except BellhopError as error:
        code = f" ({error.vendor_code})" if error.vendor_code else ""
        yield Finding(f"the booking system was asked in vain: {error}{code}", fine=False)
    can = ", ".join(sorted(pms.capabilities))
    yield Finding(f"it can: {can}")


def _compared(hotel: Hotel, told: Property) -> Iterator[Finding]:
    for field, ours, theirs in (
        ("currency", hotel.currency, told.currency),
        ("timezone", hotel.timezone, told.timezone),
    ):
        if theirs is None:
            yield Finding(f'{field} = "{ours}": the system does not say')
        else:
            same = ours == theirs
            yield Finding(f'{field} = "{ours}"' + ("" if same else f': the system says "{theirs}"'), fine=same)
    rooms = hotel.pms.rooms or {name: name for name in hotel.pms.demo}
    yield from _mapped("rooms", hotel.rooms, rooms, told.rooms)
    yield from _mapped("rates", hotel.rates, hotel.pms.rates, told.rates)
    yield from _mapped("extras", hotel.extras, hotel.pms.extras, told.extras)


def _mapped(part: str, ours: Iterable[str], codes: Mapping[str, str], theirs: Mapping[str, str]) -> Iterator[Finding]:
    for name in ours:
        code = codes.get(name)
        if code is None:
            yield Finding(f"[pms.{part}] {name} is missing: nobody is offered it", fine=False)
        elif code not in theirs:
            known = ", ".join(f'"{other}" ({title})' for other, title in theirs.items()) or "none"
            yield Finding(
                f'[pms.{part}] {name} = "{code}": the system tells of no such code; it has {known}', fine=False
            )
        else:
            yield Finding(f'[pms.{part}] {name} = "{code}": {theirs[code]}')
    if theirs and not codes:
        yield Finding(f"[pms.{part}] is empty, and the system has {_listed(theirs)}", fine=part == "extras")
        return
    spare = {code: title for code, title in theirs.items() if code not in codes.values()}
    if spare:
        yield Finding(f"[pms.{part}] does not have, and nobody is told of: {_listed(spare)}")


def _listed(codes: Mapping[str, str]) -> str:
    return ", ".join(f'"{code}" ({title})' for code, title in codes.items())


def _offered(hotel: Hotel, stay: Stay, offers: Iterable[Offer]) -> Iterator[Finding]:
    nights = f"{stay.arrival} to {stay.departure}"
    free: dict[str, list[str]] = {}
    for offer in offers:
        free.setdefault(offer.room_type, []).append(f"{offer.total}" + (f", {offer.rate}" if offer.rate else ""))
    for room in hotel.rooms:
        yield Finding(f"{room}, {nights}, one guest: {'; '.join(free.get(room, ['not free']))}")


def check_parts(secret: Callable[[str, bool], Mapping[str, str]]) -> Parts:
    """What a connector needs to be asked, and no more."""
    # A client is made, and asked nothing: the tables are the functions' own.
    client = boto3.client("dynamodb", region_name=REGION)
    return _Check(client=client, calls_table="none", leases_table="none", secret=secret)


@asynccontextmanager
async def _at_stand_in(connector: str, folder: Path) -> AsyncIterator[tuple[Hotel, Mapping[str, str]]]:
    """The demo hotel at that vendor's stand-in, and what its secret holds."""
    async with choosing_ports():
        vendor = Vendor(connector, f"http://127.0.0.1:{free_port(8805)}")
        child = await Child.start("vendor", vendor.command, {}, folder)
        try:
            async with httpx.AsyncClient(timeout=1.0) as http:
                await child.wait_until(answers(http, vendor.ready))
        except StartError:
            await child.stop()
            raise
    try:
        name = await asyncio.to_thread(vendor.move_hotel, ROOT / "hotels", folder / "hotels")
        yield load_hotel(folder / "hotels" / name), await asyncio.to_thread(vendor.secret)
    finally:
        await child.stop()


def check(hotel: Hotel, parts: Parts) -> bool:
    """Print what is found; False when something is to be put right."""
    pms = CONNECTORS[hotel.pms.connector](hotel, parts)
    wrong = 0
    for finding in findings(hotel, pms, parts.now()):
        print(f"  {'✓' if finding.fine else '✕'} {finding.text}")
        wrong += not finding.fine
    print(f"{hotel.title}: {'nothing is missing' if not wrong else f'{wrong} to be put right'}")
    return not wrong


async def _compare(options: argparse.Namespace) -> bool:
    if options.pms:
        with tempfile.TemporaryDirectory() as folder:
            async with _at_stand_in(options.pms, Path(folder)) as (hotel, secret):
                if options.hotel not in (None, hotel.name):
                    raise SystemExit(f"with PMS it is the demo hotel that is compared: say HOTEL={hotel.name}")
                return await asyncio.to_thread(check, hotel, check_parts(lambda *_: secret))
    hotel = load_hotel(ROOT / "hotels" / options.hotel)
    if hotel.pms.connector not in CONNECTORS:
        raise HotelFileError(f'hotels/{hotel.name}: "{hotel.pms.connector}" is none of {", ".join(CONNECTORS)}')
    if hotel.signs_in and not options.stage:
        raise SystemExit(f"{hotel.pms.connector} asks for a key: say STAGE=dev or STAGE=prod, whose secret is used")
    return check(hotel, check_parts(secrets_under(f"bellhop/{options.stage}/pms")))


def main() -> None:
    """Compare a hotel's file with its booking system; the exit status is 0 when nothing is missing."""
    options = _options()
    if not (options.hotel or options.pms):
        raise SystemExit("say which hotel: HOTEL=aurora")
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    try:
        fine = asyncio.run(_compare(options))
    except (HotelFileError, StartError) as error:
        raise SystemExit(str(error)) from None
    sys.exit(0 if fine else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make hotel-check", description=main.__doc__)
    parser.add_argument("hotel", nargs="?", help="the folder of the hotel below hotels/")
    parser.add_argument("--stage", choices=("dev", "prod"), help="whose secret is the key to the system")
    parser.add_argument("--pms", choices=VENDORS, help="compare the demo hotel with that vendor's stand-in")
    return parser.parse_args()


if __name__ == "__main__":
    main()
