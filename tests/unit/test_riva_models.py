"""The table of recognisers: how one is run, and what the operators' page says of it."""

from __future__ import annotations

import re
from typing import Final

import pytest

from gpu_fleet.riva.models import CACHE_PATH, DEFAULT, GRPC_PORT, HTTP_PORT, MODELS, RivaModel
from local.processes import ROOT

pytestmark = pytest.mark.unit

SECTION: Final = (
    (ROOT / "docs/operations.md")
    .read_text(encoding="utf-8")
    .partition("## Choose the recogniser's model")[2]
    .partition("\n## ")[0]
)


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_container_is_told_profile_ports_and_cache(model: RivaModel) -> None:
    """The cloud starts a recogniser with what the table says, and no key is among it."""
    assert model.environment == {
        "NIM_TAGS_SELECTOR": model.selector,
        "NIM_GRPC_API_PORT": str(GRPC_PORT),
        "NIM_HTTP_API_PORT": str(HTTP_PORT),
        "NIM_CACHE_PATH": CACHE_PATH,
    }


def test_the_page_shows_the_table() -> None:
    """Whoever chooses a model reads the figures that the fleet is sized by."""
    rows = [
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in SECTION.splitlines()
        if line.startswith("| `")
    ]

    assert [row[:5] for row in rows] == [
        (model.name, model.tag, model.selector, f"{model.gpu_gib:g}", str(model.streams_per_gpu))
        for model in MODELS.values()
    ]
    listens = [re.match(r"yes|no", row[5]) for row in rows]
    assert [found and found[0] == "yes" for found in listens] == [model.streaming for model in MODELS.values()]
    assert [row[0] for row in rows if "default" in row[5]] == [DEFAULT]
