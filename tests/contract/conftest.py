"""What the tests of booking systems have in common."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import httpx

    from tests.contract.vendors.benches import Workshop


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    """One database, one pool of connections and one server for whichever vendor a test asks for."""
    # Imported here: most contract tests have nothing to do with booking systems.
    from lambdas.shared.pms.parts import open_http
    from tests.contract.vendors.benches import Switch, Workshop
    from tests.contract.vendors.line import served_in_thread
    from tests.tables import database

    switch = Switch()
    http: httpx.Client = open_http.__wrapped__()
    with database() as client, served_in_thread(switch) as url, http:
        yield Workshop(client, http, switch, url)
