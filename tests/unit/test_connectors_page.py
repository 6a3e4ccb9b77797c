"""docs/connectors.md tells what each connector really asks for."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from cdk.preflight.secrets import BOOKING_SYSTEMS
from lambdas.shared.pms import CONNECTORS

pytestmark = pytest.mark.unit

PAGE = (Path(__file__).parents[2] / "docs" / "connectors.md").read_text(encoding="utf-8")
VENDORS = sorted(set(CONNECTORS) - {"demo"})


def options_of(connector: str) -> type[BaseModel]:
    """The model of the connector's `[pms.options]`."""
    options: type[BaseModel] = importlib.import_module(f"lambdas.shared.pms.{connector}_terms").Options
    return options


def paragraph(connector: str) -> str:
    """What the page says of a connector's options."""
    found = re.search(rf"^\*\*Options of `{connector}`\.\*\*(.+?)\n\n", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"docs/connectors.md has no paragraph **Options of `{connector}`.**"
    return found[1]


def cell(row: str, connector: str) -> str:
    """What stands in the first table's row for a connector."""
    head, line = (
        next(line for line in PAGE.splitlines() if line.startswith(start)) for start in ("| | `oracle", f"| {row} |")
    )
    column = [name.strip(" `") for name in head.split("|")].index(connector)
    return line.split("|")[column]


@pytest.mark.parametrize("connector", VENDORS)
def test_every_option_of_a_connector_is_told(connector: str) -> None:
    """Whoever writes a hotel's file finds each option on the page, and none that is none."""
    told = set(re.findall(r"`([a-z_]+)`", paragraph(connector)))

    assert set(options_of(connector).model_fields) <= told


@pytest.mark.parametrize("connector", VENDORS)
def test_the_required_options_are_told_first(connector: str) -> None:
    """What has no default stands before the word "Optional"."""
    required = {name for name, field in options_of(connector).model_fields.items() if field.is_required()}

    before = paragraph(connector).partition("ptional")[0]

    assert required == required & set(re.findall(r"`([a-z_]+)`", before))


@pytest.mark.parametrize("connector", VENDORS)
def test_the_fields_of_a_secret_are_told(connector: str) -> None:
    """Preflight and the page ask for the same."""
    assert set(re.findall(r"`([a-z_]+)`", cell("secret", connector))) == set(BOOKING_SYSTEMS[connector])


@pytest.mark.parametrize("connector", CONNECTORS)
def test_what_is_proven_is_told_of_each(connector: str) -> None:
    """A connector without a row in the table of proofs is not known to work."""
    assert any(line.startswith(f"| `{connector}` |") for line in PAGE.splitlines())
