"""One agent holds a call, and everybody can tell it from an earlier one."""

import pytest

from lambdas.shared.domain.errors import LeaseHeld, StaleEpoch
from tests.integration.stores import Tables
from tests.reports import CALL_ID

pytestmark = pytest.mark.integration


def test_a_call_nobody_holds_is_given(tables: Tables) -> None:
    """The first agent of a call gets epoch 1, for a minute."""
    lease = tables.leases.take(CALL_ID, "one")

    assert lease.epoch == 1
    assert (lease.expires_at - tables.clock()).total_seconds() == 60


def test_a_call_that_is_held_is_refused(tables: Tables) -> None:
    """A second agent is refused, and the first one's lease stays what it was."""
    tables.leases.take(CALL_ID, "one")

    with pytest.raises(LeaseHeld):
        tables.leases.take(CALL_ID, "two")

    tables.leases.require(CALL_ID, 1)


def test_a_holder_renews_under_the_same_epoch(tables: Tables) -> None:
    """An agent that asks again keeps its number and gets a new minute, also after its time had run out."""
    for _ in range(3):
        tables.clock.forward(61)
        lease = tables.leases.take(CALL_ID, "one")

    assert lease.epoch == 1
    assert (lease.expires_at - tables.clock()).total_seconds() == 60


def test_epochs_count_up_from_holder_to_holder(tables: Tables) -> None:
    """Whoever takes over after the time has run out gets the next number, also one who held it before."""
    epochs = []
    for holder in ("one", "two", "one"):
        epochs.append(tables.leases.take(CALL_ID, holder).epoch)
        tables.clock.forward(61)

    assert epochs == [1, 2, 3]


def test_a_lease_ends_at_its_time(tables: Tables) -> None:
    """It is held to the last moment, and free at the next."""
    tables.leases.take(CALL_ID, "one")
    tables.clock.forward(59.999)
    with pytest.raises(LeaseHeld):
        tables.leases.take(CALL_ID, "two")

    tables.clock.forward(0.001)

    assert tables.leases.take(CALL_ID, "two").epoch == 2


@pytest.mark.parametrize("epoch", [0, 1, 3])
def test_an_epoch_that_is_not_the_last_is_stale(tables: Tables, epoch: int) -> None:
    """An agent that lost its call, or never had it, is told so; the last epoch holds though its time has run out."""
    tables.leases.take(CALL_ID, "one")
    tables.clock.forward(61)
    tables.leases.take(CALL_ID, "two")
    tables.clock.forward(61)

    with pytest.raises(StaleEpoch):
        tables.leases.require(CALL_ID, epoch)

    tables.leases.require(CALL_ID, 2)


def test_a_call_nobody_ever_held_has_no_epoch(tables: Tables) -> None:
    """Epoch 0, the number of an agent without a lease, is never the holder's."""
    with pytest.raises(StaleEpoch):
        tables.leases.require(CALL_ID, 0)


def test_leases_of_two_calls_are_apart(tables: Tables) -> None:
    """One agent may hold many calls."""
    assert [tables.leases.take(f"call_+493023125001_{name}", "one").epoch for name in "ab"] == [1, 1]
