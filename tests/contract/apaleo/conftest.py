"""Hotel Aurora on Apaleo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import Bench, Workshop
from tests.contract.vendors.edited import Edit, Edited


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("apaleo")


@pytest.fixture
def apaleo(bench: Bench) -> ApaleoStandIn:
    return cast("ApaleoStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, apaleo: ApaleoStandIn) -> Callable[..., None]:
    """Edits what Apaleo answers to requests whose path ends so."""

    def edit(end: str, edit: Edit, **how: Any) -> None:
        workshop.switch.app = Edited(apaleo.app, end, edit, **how)

    return edit
