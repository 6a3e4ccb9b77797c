"""The hotel of the tests of Mews alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import pytest

from tests.contract.mews.scenes import refusing
from tests.contract.vendors.benches import Bench, Workshop
from tests.contract.vendors.edited import Edit, Edited
from tests.contract.vendors.mews import MewsStandIn


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("mews")


@pytest.fixture
def mews(bench: Bench) -> MewsStandIn:
    return cast("MewsStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, mews: MewsStandIn) -> Callable[..., None]:
    """Edits what Mews answers to an operation, or refuses it with a status."""

    def edit(end: str, edit: Edit | None = None, *, status: int = 403) -> None:
        workshop.switch.app = Edited(mews.app, end, edit, method="POST") if edit else refusing(mews, end, status)

    return edit
