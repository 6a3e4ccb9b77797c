"""Guests phone a hotel whose booking system is a vendor's: what they wanted is in the vendor's stand-in afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from local.processes import ROOT
from local.stack import Replacements, Stack
from local.vendor import VENDORS
from tests.figures import Figures
from tests.spoken import failed_checks, phone

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@pytest_asyncio.fixture(params=VENDORS, scope="module", loop_scope="session")
async def moved(request: pytest.FixtureRequest, stack: Stack) -> AsyncIterator[Stack]:
    """A second stack with the demo hotel at that vendor; it hears and speaks through the first one's parts."""
    speech = Replacements(riva=stack.addresses.riva, voices=stack.addresses.voices)
    logs = ROOT / ".local" / "logs" / request.param
    async with Stack.start(logs=logs, replace=speech, pms=request.param) as running:
        yield running


@pytest.mark.parametrize("name", ["book", "cancel"])
async def test_a_guest_gets_what_they_phoned_for_at_a_vendor(moved: Stack, figures: Figures, name: str) -> None:
    """A stay is booked at its cheapest rate; one made before is found, and cancelled once its fee was said."""
    at = moved.vendor.connector if moved.vendor else "home"

    (report,) = await phone(moved, name, figures, f"{name} at {at}")

    assert failed_checks(report) == []
