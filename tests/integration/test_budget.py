"""All processes together ask a hotel's system so often in a minute, and not once more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lambdas.shared.budget import Budget
from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.items import decode, encode
from tests.integration.stores import Interrupted, Tables

pytestmark = pytest.mark.integration


def budget(tables: Tables, per_minute: int = 3, system: str = "pms#aurora") -> Budget:
    return Budget(
        system, per_minute=per_minute, client=tables.client, leases_table=tables.leases_table, now=tables.clock
    )


def spent(budget: Budget) -> bool:
    try:
        budget.spend()
    except Unreachable as error:
        return error.vendor_code == "budget"
    return False


def test_a_minutes_requests_are_shared(tables: Tables) -> None:
    """Processes spend from one budget; what is over it is refused."""
    one, other = budget(tables), budget(tables)

    assert [spent(one), spent(other), spent(one), spent(other), spent(one)] == [False, False, False, True, True]


def test_each_minute_has_its_own(tables: Tables) -> None:
    """With the next minute of the clock the requests begin anew."""
    one = budget(tables, per_minute=1)
    assert not spent(one)
    tables.clock.forward(59.9)
    assert spent(one)

    tables.clock.forward(0.1)

    assert not spent(one)


def test_each_hotel_has_its_own(tables: Tables) -> None:
    """One hotel's many guests do not keep another's from booking."""
    assert not spent(budget(tables, per_minute=1))
    assert not spent(budget(tables, per_minute=1, system="pms#boreal"))


def test_at_the_same_moment_no_more_pass(tables: Tables) -> None:
    """However many ask at once, as many pass as the budget has."""
    with ThreadPoolExecutor(8) as pool:
        refused = list(pool.map(spent, [budget(tables, per_minute=10) for _ in range(24)]))

    assert refused.count(False) == 10


def test_a_request_costs_one_write(tables: Tables) -> None:
    """Counting is one conditional update, in an old minute and in a new one."""
    client = Interrupted(tables.client)
    one = Budget(
        "pms#aurora",
        per_minute=2,
        client=client,  # type: ignore[arg-type]
        leases_table=tables.leases_table,
        now=tables.clock,
    )

    for _ in range(3):
        spent(one)
    tables.clock.forward(60)
    spent(one)

    assert client.asked == ["update_item"] * 4


def test_a_minute_is_forgotten(tables: Tables) -> None:
    """Its item goes an hour later."""
    budget(tables).spend()

    minute = int(tables.clock().timestamp()) // 60
    key = encode({"pk": f"BUDGET#pms#aurora#{minute}"})
    item = decode(tables.client.get_item(TableName=tables.leases_table, Key=key)["Item"])
    assert item["expires"] == int(tables.clock().timestamp()) + 3600
