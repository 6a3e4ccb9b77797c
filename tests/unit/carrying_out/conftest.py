"""A desk at which wishes are carried out."""

from __future__ import annotations

import pytest

from lambdas.shared.pms.system import Capability
from tests.desk import Desk


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def safe(desk: Desk) -> Desk:
    """A desk whose system knows our reference again."""
    desk.system.can = frozenset(Capability)
    return desk
