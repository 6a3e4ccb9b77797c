"""Hotel Aurora on OPERA Cloud."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.contract.vendors.benches import Bench, Workshop
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("oracle_ohip")


@pytest.fixture
def opera(bench: Bench) -> OracleOhipStandIn:
    return cast("OracleOhipStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, opera: OracleOhipStandIn) -> Callable[..., None]:
    """Edits what OPERA answers to requests whose path ends so."""

    def edit(end: str, edit: Edit, **how: Any) -> None:
        workshop.switch.app = Edited(opera.app, end, edit, **how)

    return edit
