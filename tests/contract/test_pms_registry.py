"""A hotel's file names its connector, and a process knows only those that its hotels use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.pms import CONNECTORS, Parts, Pms, open_pms
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.gate import HotelGate

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[2]
HOTELS = Hotels.load(ROOT / "hotels")


def no_secret(hotel: str, fresh: bool) -> Mapping[str, str]:
    raise AssertionError("nothing is opened with a secret")


PARTS = Parts(client=cast("Any", None), calls_table="calls", leases_table="leases", secret=no_secret)


def with_connector(name: str) -> Hotels:
    aurora = HOTELS.by_name["aurora"]
    facts = aurora.model_copy(update={"pms": aurora.pms.model_copy(update={"connector": name})})
    return replace(HOTELS, by_name={"aurora": facts})


def test_the_connectors_are_these() -> None:
    """A hotel may use one of four vendors or be a demo."""
    assert sorted(CONNECTORS) == ["apaleo", "cloudbeds", "demo", "mews", "oracle_ohip"]


def test_a_hotel_gets_its_connector() -> None:
    """Every hotel is opened with the connector that its file names, under its own name."""
    opened = open_pms(HOTELS, PARTS)

    assert isinstance(opened["aurora"], DemoPms)


def test_a_connector_nobody_knows_stops_the_start() -> None:
    """A hotel whose file names an unknown system is told which ones there are; no other takes its place."""
    with pytest.raises(HotelFileError) as caught:
        open_pms(with_connector("opera"), PARTS)

    assert str(caught.value) == (
        'hotels/aurora/hotel.toml: [pms] connector "opera" is not one of apaleo, cloudbeds, demo, mews, oracle_ohip'
    )


def test_a_hotel_that_tells_too_little_stops_the_start() -> None:
    """A connector that misses something in the hotel's file is not opened, and no request finds that out."""

    def connect(hotel: Hotel, parts: Parts) -> Pms:
        raise HotelFileError(f"hotels/{hotel.name}/hotel.toml: [pms] property is missing")

    with pytest.raises(HotelFileError, match="property is missing"):
        open_pms(HOTELS, PARTS, connectors={"demo": connect})


def test_a_process_without_vendors_starts_without_their_libraries() -> None:
    """Only a hotel whose connector speaks HTTP costs the time to load it."""
    program = (
        "import sys; from pathlib import Path; from lambdas.shared.domain.hotel import Hotels;"
        "from lambdas.shared.pms import Parts, open_pms;"
        "open_pms(Hotels.load(Path('hotels')), Parts(None, 'c', 'l', lambda hotel, fresh: {}));"
        "print(sorted({'httpx', 'boto3'} & set(sys.modules)))"
    )

    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"


def test_a_line_goes_where_the_hotels_file_says() -> None:
    """The vendor's usual address serves, unless the file has another; breaker and budget are the hotel's."""
    aurora = HOTELS.by_name["aurora"]
    elsewhere = aurora.model_copy(update={"pms": aurora.pms.model_copy(update={"url": "https://other.example.com"})})
    auth = cast("Any", None)

    usual = PARTS.line(aurora, "https://api.example.com", auth)
    other = PARTS.line(elsewhere, "https://api.example.com", auth)

    assert (usual.base_url, other.base_url) == ("https://api.example.com", "https://other.example.com")
    assert usual.http is other.http
    assert isinstance(usual.gate, HotelGate)
