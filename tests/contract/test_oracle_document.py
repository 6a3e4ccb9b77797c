"""Oracle's own documents judge every request of the connector and every answer of the stand-in."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, cast

import pytest

from lambdas.shared.domain.errors import NotPossible, Unreachable
from tests.contract.vendor_documents import Document
from tests.contract.vendors import scenes
from tests.contract.vendors.benches import STAY, Bench, Workshop
from tests.contract.vendors.oracle_ohip import OracleOhipStandIn
from tests.contract.vendors.scenes import Scene, booked, overheard

pytestmark = pytest.mark.contract

DOCUMENTS: Final = ("oracle/oauth.json", "oracle/par.json", "oracle/rsv.json")
THROTTLED: Final = frozenset({429})
"""Told by the guide: https://docs.oracle.com/en/industries/hospitality/integration-platform/ohipu/c_limits.htm"""


def amend(schema: dict[str, Any]) -> None:
    """`par` limits days to eight characters, which no day of its examples has: they have ten, as ISO 8601 has."""
    if schema.get("format") == "date":
        schema.pop("maxLength", None)


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [Document.load(name, undocumented=THROTTLED, amend=amend) for name in DOCUMENTS]


def opera(bench: Bench) -> OracleOhipStandIn:
    return cast("OracleOhipStandIn", bench.vendor)


def page_through_offers(bench: Bench) -> None:
    opera(bench).most_records = 1
    assert len(bench.pms.offers(STAY)) == 4


def book_what_is_refused(bench: Bench) -> None:
    scenes.refused_without(bench, "guarantee", "NONE")


def note_on_a_cancelled_stay(bench: Bench) -> None:
    code = booked(bench)
    bench.keeper.move(code, "cancelled")
    with pytest.raises(NotPossible):
        bench.pms.add_note(code, "Comes late")


def ask_with_a_token_that_ended(bench: Bench) -> None:
    bench.pms.offers(STAY)
    opera(bench).forget_tokens()
    bench.pms.offers(STAY)


def ask_with_a_wrong_secret(bench: Bench) -> None:
    wrong = {**opera(bench).secret, "client_secret": "other"}
    with pytest.raises(Unreachable):
        bench.renewed(secret=lambda *_: wrong).offers(STAY)


def ask_for_another_hotel(bench: Bench) -> None:
    scenes.ask_for_another_hotel(bench, "OTHER")


SCENES: Final[tuple[Scene, ...]] = (
    *scenes.SCENES,
    page_through_offers,
    book_what_is_refused,
    note_on_a_cancelled_stay,
    ask_with_a_token_that_ended,
    ask_with_a_wrong_secret,
    ask_for_another_hotel,
)


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_all_is_as_oracle_documents_it(documents: list[Document], workshop: Workshop, scene: Scene) -> None:
    """Every request and every answer is one that Oracle's documents describe, with no field that they do not name."""
    exchanges = overheard(workshop, "oracle_ohip", scene)

    assert exchanges
    for exchange in exchanges:
        (document,) = (found for found in documents if found.concerns(exchange))
        assert document.faults(exchange) == []


def test_every_operation_is_judged(documents: list[Document], workshop: Workshop) -> None:
    """The scenes make the connector use all of Oracle's operations that it knows, refused writes among them."""
    exchanges = [exchange for scene in SCENES for exchange in overheard(workshop, "oracle_ohip", scene)]
    used = Counter(
        (document.operation_of(exchange), exchange.status)
        for exchange in exchanges
        for document in documents
        if document.concerns(exchange)
    )

    assert {operation for operation, _ in used} == {
        "getToken",
        "getHotelAvailability",
        "getHotelReservations",
        "getReservation",
        "getReservationPolicies",
        "postReservation",
        "putReservation",
        "postCancelReservation",
    }
    assert {("postReservation", 201), ("postReservation", 400), ("putReservation", 400)} <= set(used)
