"""What connectors are made of, shared by all hotels of a process."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.pms.system import Pms
from lambdas.shared.settings import SettingsError, read_secret

if TYPE_CHECKING:
    import httpx
    from mypy_boto3_dynamodb import DynamoDBClient

    from lambdas.shared.pms.credentials import Secret
    from lambdas.shared.pms.vendor_http import Auth, Gate, VendorHttp

KEPT_ALIVE: Final = 10.0
"""Seconds an idle connection is used again. Network devices forget one silently, and a write on it would be in doubt;
a write follows a read at once, so ten seconds reuse every connection that matters."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@functools.cache
def open_http() -> httpx.Client:
    """The process's connection pool. It keeps no cookies: one hotel's session must not speak for another."""
    # Imported here: a process whose hotels need no vendor starts without it.
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    import httpx

    # They tell every address with its query at INFO, and a search's query holds a guest's name.
    for told in ("httpx", "httpcore"):
        logging.getLogger(told).setLevel(logging.WARNING)
    return httpx.Client(
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=10, keepalive_expiry=KEPT_ALIVE),
        headers={"User-Agent": "bellhop"},
    )


def secrets_under(prefix: str) -> Callable[[str, bool], Mapping[str, str]]:
    """The hotels' secrets in Secrets Manager: `<prefix>/<hotel>`, each a JSON object of texts."""

    def secret(hotel: str, fresh: bool) -> Mapping[str, str]:
        try:
            held = json.loads(read_secret(f"{prefix}/{hotel}", fresh=fresh))
        except SettingsError as error:
            raise Unreachable(str(error), vendor_code="secret") from None
        except ValueError:
            held = None
        if not isinstance(held, dict) or not all(isinstance(value, str) for value in held.values()):
            raise Unreachable(f"secret {prefix}/{hotel} is not a JSON object of texts", vendor_code="secret")
        return held

    return secret


@dataclass(frozen=True)
class Parts:
    """`secret` gives what a hotel's secret holds, read anew if its second argument says so, or raises Unreachable."""

    client: DynamoDBClient
    calls_table: str
    leases_table: str
    secret: Callable[[str, bool], Mapping[str, str]]
    http: Callable[[], httpx.Client] = open_http
    now: Callable[[], datetime] = utc_now
    sleep: Callable[[float], None] = time.sleep

    def secret_of(self, hotel: Hotel) -> Secret:
        """The hotel's secret."""
        return functools.partial(self.secret, hotel.name)

    def gate(self, hotel: Hotel) -> Gate:
        """The hotel's breaker and budget, shared by all functions."""
        from lambdas.shared.breaker import Breaker
        from lambdas.shared.budget import Budget
        from lambdas.shared.observability import open_logger
        from lambdas.shared.pms.gate import HotelGate

        def opened() -> None:
            open_logger("pms").warning("booking system fails and is left alone", hotel=hotel.name)

        system, limit = f"pms#{hotel.name}", hotel.pms.requests_per_minute
        client, table = self.client, self.leases_table
        breaker = Breaker(system, client=client, leases_table=table, now=self.now, opened=opened)
        budget = Budget(system, per_minute=limit, client=client, leases_table=table, now=self.now)
        return HotelGate(breaker, budget)

    def line(self, hotel: Hotel, base_url: str, auth: Auth) -> VendorHttp:
        """The hotel's line to its vendor; a file's `[pms] url` goes before the vendor's usual address."""
        from lambdas.shared.pms.vendor_http import VendorHttp

        url = hotel.pms.url or base_url
        return VendorHttp(self.http(), base_url=url, auth=auth, gate=self.gate(hotel), sleep=self.sleep)


Connector = Callable[[Hotel, Parts], Pms]
"""Opens the booking system of a hotel whose file names it; raises HotelFileError when the file does not suffice."""
