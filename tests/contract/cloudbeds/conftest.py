"""Hotel Aurora on Cloudbeds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from tests.contract.vendors.benches import Bench, Workshop
from tests.contract.vendors.cloudbeds import CloudbedsStandIn
from tests.contract.vendors.edited import Edit, Edited


@pytest.fixture
def bench(workshop: Workshop) -> Bench:
    return workshop.bench("cloudbeds")


@pytest.fixture
def cloudbeds(bench: Bench) -> CloudbedsStandIn:
    return cast("CloudbedsStandIn", bench.vendor)


@pytest.fixture
def edited(workshop: Workshop, cloudbeds: CloudbedsStandIn) -> Callable[..., None]:
    """Edits what Cloudbeds answers to a method; None stands for an answer that is not edited any more."""

    def edit(method: str, edit: Edit | None, *, verb: str = "GET", **how: Any) -> None:
        app = cloudbeds.app
        workshop.switch.app = Edited(app, f"/{method}", edit, method=verb, **how) if edit else app

    return edit
