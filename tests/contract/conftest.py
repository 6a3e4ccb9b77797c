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
    """One database, one pool of connections and one server for whichever vendor a test asks for.

    A stand-in on a busy machine is slow, and is no vendor that answers too late: a test of those has limits of its own.
    """
    # Imported here: most contract tests have nothing to do with booking systems.
    from lambdas.shared.pms import vendor_http
    from lambdas.shared.pms.parts import open_http
    from tests.contract.vendors.benches import Switch, Ungated, Workshop
    from tests.contract.vendors.line import served_in_thread
    from tests.tables import database

    switch = Switch()
    http: httpx.Client = open_http.__wrapped__()
    patience = pytest.MonkeyPatch.context()
    with database() as client, served_in_thread(switch) as url, http, patience as patch:
        patch.setattr(vendor_http, "READ_SECONDS", 20.0)
        patch.setattr(vendor_http, "READS_TOGETHER", 60.0)
        patch.setattr(vendor_http, "WRITE_SECONDS", 20.0)
        yield Workshop(client, http, switch, url, parts=Ungated)
