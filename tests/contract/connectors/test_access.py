"""What every connector promises of a hotel's secret: when it is read, read anew, and what is told of it."""

from __future__ import annotations

from typing import Final, cast

import pytest

from lambdas.shared.domain.errors import Unreachable
from lambdas.shared.domain.stay import ReservationState
from lambdas.shared.pms import Pms
from tests.contract.vendors.apaleo import ApaleoStandIn
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn

pytestmark = pytest.mark.contract

ROTATED: Final = {
    "apaleo": "client_secret",
    "cloudbeds": "api_key",
    "mews": "access_token",
    "oracle_ohip": "client_secret",
}
"""The field of each vendor's secret that a hotel replaces."""


def test_opening_asks_nobody(vendor: Bench) -> None:
    """A process starts without a request: neither the secret nor the vendor is needed before the first question."""
    assert vendor.renewed(secret=lambda *_: pytest.fail("the secret was read"))
    assert vendor.vendor.seen == []


def _rotated(vendor: Bench) -> Pms:
    """The connector in a process that knows the secret as it was before a field of it was replaced."""
    stand_in, old = vendor.vendor, vendor.vendor.secret
    stand_in.secret = {**old, ROTATED[vendor.connector]: "rotated"}
    return vendor.renewed(secret=lambda _, fresh: stand_in.secret if fresh else old)


def test_a_rotated_secret_is_read_anew(vendor: Bench) -> None:
    """When the secret was replaced, the next request reads it again and goes through; the guest hears nothing."""
    assert _rotated(vendor).offers(STAY)


def test_a_booking_outlives_a_rotated_secret(vendor: Bench) -> None:
    """A booking goes through as well, and is made once."""
    order = vendor.order()

    booked = _rotated(vendor).book(order)

    assert booked.state is ReservationState.BOOKED
    assert len(vendor.house.reservations) == 1


@pytest.mark.parametrize("connector", ["apaleo", "oracle_ohip"])
def test_a_refused_token_is_renewed(workshop: Workshop, connector: str) -> None:
    """A token that the vendor has forgotten costs a new one and no error, in a booking too."""
    bench = workshop.bench(connector)
    order = bench.order()
    cast("ApaleoStandIn | OracleOhipStandIn", bench.vendor).forget_tokens()

    assert bench.pms.book(order)
    assert len(bench.house.reservations) == 1


@pytest.mark.parametrize(
    ("connector", "field", "value"),
    [
        ("apaleo", "client_id", ""),
        ("apaleo", "client_secret", None),
        ("cloudbeds", "api_key", "cbat_ü"),
        ("cloudbeds", "api_key", None),
        ("mews", "client_token", None),
        ("mews", "access_token", None),
        ("oracle_ohip", "app_key", "41ecd082"),
        ("oracle_ohip", "enterprise_id", "aurora"),
        ("oracle_ohip", "client_id", ""),
        ("oracle_ohip", "scope", None),
    ],
)
def test_a_secret_of_another_shape_is_named(workshop: Workshop, connector: str, field: str, value: str | None) -> None:
    """A field of the secret that is missing or cannot be right is named, and nothing that the secret holds is."""
    bench = workshop.bench(connector)
    secret = {name: told for name, told in {**bench.vendor.secret, field: value}.items() if told is not None}

    with pytest.raises(Unreachable) as refused:
        bench.renewed(secret=lambda *_: secret).offers(STAY)

    assert field in str(refused.value)
    assert not any(told in str(refused.value) for told in secret.values() if told)
