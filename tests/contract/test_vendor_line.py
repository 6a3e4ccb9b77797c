"""The pool that all hotels share, against a real server: one connection, and nothing of one hotel for another."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import pytest

from lambdas.shared.pms.credentials import ApiKey
from lambdas.shared.pms.parts import open_http
from lambdas.shared.pms.vendor_http import OpenGate, VendorHttp

pytestmark = pytest.mark.contract

HOTELS: Final = ("aurora", "boreal")


class Vendor(ThreadingHTTPServer):
    """Answers every request with a cookie and remembers connections and headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.connections = 0
        self.headers: list[Mapping[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Vendor

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def do_GET(self) -> None:
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.send_response(200)
        self.send_header("Set-Cookie", f"session={self.headers['x-key']}; Path=/")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        thread = threading.Thread(target=vendor.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield vendor
        finally:
            vendor.shutdown()
            thread.join()


@pytest.fixture
def lines(vendor: Vendor) -> Iterator[list[VendorHttp]]:
    """Two hotels' lines to one vendor over the process's pool."""
    with open_http.__wrapped__() as http:
        yield [VendorHttp(http, vendor.url, _key(hotel), OpenGate()) for hotel in HOTELS]


def _key(hotel: str) -> ApiKey:
    return ApiKey("x-key", lambda _: hotel)


def test_a_connection_is_used_again(vendor: Vendor, lines: list[VendorHttp]) -> None:
    """Requests that follow each other share one connection, whichever hotel's they are."""
    for _ in range(10):
        for line in lines:
            assert line.read("it", "GET", "/").ok

    assert vendor.connections == 1
    assert [headers["x-key"] for headers in vendor.headers[:2]] == list(HOTELS)


def test_a_vendors_cookie_is_not_carried_to_another_hotel(vendor: Vendor, lines: list[VendorHttp]) -> None:
    """What a vendor sets is sent back by nobody."""
    for _ in range(2):
        for line in lines:
            line.read("it", "GET", "/")

    assert not any("cookie" in headers for headers in vendor.headers)


def test_a_vendor_learns_little_of_us(vendor: Vendor, lines: list[VendorHttp]) -> None:
    """Who asks is said by the key, not by versions of libraries."""
    lines[0].read("it", "GET", "/")

    assert vendor.headers[0]["user-agent"] == "bellhop"
