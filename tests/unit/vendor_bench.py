"""A line to a vendor that answers as a test has written."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import httpx

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.pms.vendor_http import Answer, VendorHttp

Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class Vendor:
    """Answers with what it was told to, one after the other, then with 200."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.seen: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        step = self.steps.pop(0) if self.steps else httpx.Response(200, json={"ok": True})
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, httpx.Response) else step(request)


class Key:
    """Headers with a number that counts how often they were renewed."""

    def __init__(self) -> None:
        self.number = 1

    def headers(self) -> Mapping[str, str]:
        return {"x-key": str(self.number)}

    def renew(self) -> None:
        self.number += 1


class Gate:
    """Notes what passes; shuts when told to."""

    def __init__(self) -> None:
        self.told: list[bool] = []
        self.entered = 0
        self.shut = False

    def enter(self) -> None:
        if self.shut:
            raise Unreachable("shut", vendor_code="breaker")
        self.entered += 1

    def tell(self, *, failed: bool) -> None:
        self.told.append(failed)


class Bench:
    """A line to a vendor, with what it waited for."""

    def __init__(self, *steps: Step) -> None:
        self.vendor, self.gate, self.key = Vendor(*steps), Gate(), Key()
        self.waited: list[float] = []
        self.seconds = 0.0
        self.left = math.inf
        http = httpx.Client(transport=httpx.MockTransport(self.vendor))
        self.line = VendorHttp(
            http,
            "https://vendor.example.com/v1",
            self.key,
            self.gate,
            sleep=self.waited.append,
            draw=lambda _, to: to,
            clock=lambda: self.seconds,
            left=lambda: self.left - self.seconds,
        )

    def read(self) -> Answer:
        return self.line.read("offers", "GET", "/offers", params={"nights": 2})

    def write(self) -> Answer:
        return self.line.write("a booking", "POST", "/bookings", json={"n": 1}, headers={"x-id": "7"})


def refused() -> httpx.ConnectError:
    return httpx.ConnectError("refused")
