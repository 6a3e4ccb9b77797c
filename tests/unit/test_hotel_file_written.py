"""A hotel's file as a program writes it."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

from local.vendor import to_toml

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    "table",
    [
        {},
        {"title": 'Hôtel "Zur Post" \\ Ä\n', "rooms": 3, "open": True, "share": 0.5, "languages": ["en", "de"]},
        {"numbers": [], "empty": {}},
        {"pms": {"connector": "demo", "demo": {"double": {"rooms": 6, "night_cents": 12900}}, "options": {}}},
        {"voices": {"en": [{"engine": "http", "voice": "joe"}, {"engine": "azure", "voice": "sara"}], "de": []}},
        {"name": "last", "phone": {"numbers": ["+49301234567"]}},
    ],
)
def test_what_is_written_is_read_again(table: dict[str, Any]) -> None:
    """Tables in tables, lists of tables, quotes and umlauts come back as they were."""
    assert tomllib.loads(to_toml(table)) == table


def test_what_stands_beside_tables_comes_before_them() -> None:
    """A value after a table's heading would belong to the table."""
    table = {"phone": {"front_desk": "+49"}, "name": "aurora"}

    assert to_toml(table) == 'name = "aurora"\n\n[phone]\nfront_desk = "+49"\n'
