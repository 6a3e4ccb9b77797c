"""Every connector's bench: the suite over CONNECTORS runs on each, and none is left out because it is not there yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.contract.vendors.benches import ALL, VENDORS, Bench, Workshop
from tests.contract.vendors.line import Line


@pytest.fixture(autouse=True)
def _cleared(workshop: Workshop) -> Iterator[None]:
    yield
    workshop.clear()


@pytest.fixture(params=ALL)
def bench(request: pytest.FixtureRequest, workshop: Workshop) -> Bench:
    """Hotel Aurora behind each connector: four singles, six doubles, one suite."""
    return workshop.bench(request.param)


@pytest.fixture(params=VENDORS)
def vendor(request: pytest.FixtureRequest, workshop: Workshop) -> Bench:
    """The same behind each connector that speaks to somebody else."""
    return workshop.bench(request.param)


@pytest.fixture(params=VENDORS)
def opened(request: pytest.FixtureRequest, workshop: Workshop) -> Callable[..., Bench]:
    """Opens a bench of each such connector with what the test asks for."""
    return lambda **wanted: workshop.bench(request.param, **wanted)


@pytest.fixture
def line(workshop: Workshop) -> Iterator[Line]:
    """The line to the vendor of the test."""
    with Line.to(workshop.url) as line:
        yield line


@pytest.fixture(params=VENDORS)
def on_line(request: pytest.FixtureRequest, workshop: Workshop, line: Line) -> Bench:
    """A vendor behind a line that can break."""
    return workshop.bench(request.param, at=line.url)
