"""What every connector to a booking system promises, judged on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambdas.shared.domain.errors import HotelFileError, SoldOut
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Guest, Offer, Reservation, Stay
from lambdas.shared.items import encode
from lambdas.shared.pms import CONNECTORS, Pms, open_pms
from lambdas.shared.pms.demo import ALPHABET, DemoPms, code_of
from tests.tables import database, new_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
STAY = Stay(arrival=date(2026, 12, 30), departure=date(2027, 1, 2), adults=2)
ANNA, BERT = Guest(name="Anna Meier"), Guest(name="Bert Brecht")


@pytest.fixture(scope="module")
def client() -> Iterator[DynamoDBClient]:
    with database() as client:
        yield client


@pytest.fixture
def table(client: DynamoDBClient) -> str:
    return new_tables(client)[0]


@pytest.fixture(params=sorted(CONNECTORS))
def pms(request: pytest.FixtureRequest, client: DynamoDBClient, table: str) -> Pms:
    """Hotel Aurora behind each connector: four singles, six doubles, one suite."""
    return CONNECTORS[request.param](HOTELS.by_name["aurora"], client=client, table=table)


@pytest.fixture
def demo(client: DynamoDBClient, table: str) -> DemoPms:
    return DemoPms(HOTELS.by_name["aurora"], client=client, table=table)


def offered(pms: Pms, room_type: str = "double", stay: Stay = STAY) -> Offer:
    (offer,) = pms.offers(stay, room_type)
    return offer


def test_free_rooms_are_offered_at_their_totals(pms: Pms) -> None:
    """Every room that sleeps the party is offered for all nights together, the cheapest first."""
    offers = pms.offers(STAY)

    assert [(offer.room_type, str(offer.total)) for offer in offers] == [
        ("double", "387.00 EUR"),
        ("suite", "657.00 EUR"),
    ]


def test_a_booking_is_found_by_its_reference(pms: Pms) -> None:
    """What was booked under our reference is found by it, entirely, and nothing else is."""
    booked = pms.book("wish00000001", offered(pms), ANNA)

    assert pms.find("wish00000001") == booked
    assert pms.find("wish00000002") is None
    assert (booked.stay, booked.room_type, booked.guest, booked.reference) == (STAY, "double", ANNA, "wish00000001")


def test_a_reference_is_booked_once(pms: Pms) -> None:
    """The same reference again gives the same reservation and takes no second room."""
    offer = offered(pms, "suite")

    assert pms.book("wish00000001", offer, ANNA) == pms.book("wish00000001", offer, ANNA)


def test_the_last_room_is_booked_once(pms: Pms) -> None:
    """When the last room is gone it is neither offered nor booked, and nothing is half booked."""
    offer = offered(pms, "suite")
    pms.book("wish00000001", offer, ANNA)

    with pytest.raises(SoldOut):
        pms.book("wish00000002", offer, BERT)

    assert pms.offers(STAY, "suite") == []
    assert pms.find("wish00000002") is None


def test_one_full_night_is_enough(pms: Pms) -> None:
    """A stay needs a room on every night; a night that is full does not touch the nights beside it."""
    middle = Stay(arrival=date(2026, 12, 31), departure=date(2027, 1, 1), adults=2)
    before = Stay(arrival=date(2026, 12, 30), departure=date(2026, 12, 31), adults=2)
    after = Stay(arrival=date(2027, 1, 1), departure=date(2027, 1, 2), adults=2)
    whole = offered(pms, "suite")
    pms.book("wish00000001", offered(pms, "suite", middle), ANNA)

    with pytest.raises(SoldOut):
        pms.book("wish00000002", whole, BERT)

    assert pms.offers(STAY, "suite") == []
    assert pms.offers(before, "suite")
    assert pms.offers(after, "suite")


def test_the_day_of_departure_is_free(pms: Pms) -> None:
    """One guest may arrive on the day another leaves."""
    next_stay = Stay(arrival=STAY.departure, departure=date(2027, 1, 3), adults=2)
    pms.book("wish00000001", offered(pms, "suite"), ANNA)

    assert pms.book("wish00000002", offered(pms, "suite", next_stay), BERT)


def test_two_at_once_with_one_reference_book_once(pms: Pms) -> None:
    """A reference that two senders book at the same moment is one reservation."""
    offer = offered(pms)

    with ThreadPoolExecutor(4) as senders:
        booked = list(senders.map(lambda _: pms.book("wish00000001", offer, ANNA), range(4)))

    assert len(set(map(Reservation.model_dump_json, booked))) == 1
    for number in range(5):
        pms.book(f"wish1000000{number}", offer, BERT)
    with pytest.raises(SoldOut):
        pms.book("wish20000000", offer, BERT)


def test_two_at_once_do_not_share_the_last_room(pms: Pms) -> None:
    """Of those who want the last room at the same moment, one gets it."""
    offer = offered(pms, "suite")

    def wanted(number: int) -> bool:
        try:
            pms.book(f"wish0000000{number}", offer, ANNA)
        except SoldOut:
            return False
        return True

    with ThreadPoolExecutor(4) as senders:
        assert sum(senders.map(wanted, range(4))) == 1


def test_a_connector_nobody_knows_stops_the_start(client: DynamoDBClient) -> None:
    """A hotel whose file names an unknown system is told which ones there are; no other takes its place."""
    aurora = HOTELS.by_name["aurora"]
    wrong = aurora.model_copy(update={"pms": aurora.pms.model_copy(update={"connector": "opera"})})

    with pytest.raises(HotelFileError) as caught:
        open_pms(replace(HOTELS, by_name={"aurora": wrong}), client=client, table="calls")

    assert str(caught.value) == 'hotels/aurora/hotel.toml: [pms] connector "opera" is not one of demo'


def test_a_code_can_be_read_out() -> None:
    """A reservation's code has no letter that sounds or looks like a digit, and tells nothing of its reference."""
    codes = {code_of(f"wish{number}") for number in range(200)}

    assert len(codes) == 200
    assert set("".join(codes)) <= set(ALPHABET)
    assert not set("01ILO") & set(ALPHABET)


def test_two_references_never_share_a_code(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """A reference whose code another stay has got gets its next one, and is found under it."""
    taken = encode({"pk": "PMS#aurora", "sk": f"STAY#{code_of('wish00000001')}", "reference": "wish00000000"})
    client.put_item(TableName=table, Item=taken)

    booked = demo.book("wish00000001", offered(demo), ANNA)

    assert booked.code == code_of("wish00000001", 1)
    assert demo.find("wish00000001") == booked


def test_the_hotel_lists_its_stays(demo: DemoPms) -> None:
    """Whoever checks what calls have led to sees every reservation, by arrival."""
    earlier = Stay(arrival=date(2026, 12, 1), departure=date(2026, 12, 2), adults=1)

    second = demo.book("wish00000001", offered(demo), ANNA)
    first = demo.book("wish00000002", offered(demo, "double", earlier), ANNA)

    assert demo.reservations() == [first, second]


def test_a_stay_is_forgotten_after_the_hotels_retention(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """A guest's name is kept as long after the departure as the hotel keeps its calls."""
    booked = demo.book("wish00000001", offered(demo), ANNA)

    key = {"pk": {"S": "PMS#aurora"}, "sk": {"S": f"STAY#{booked.code}"}}
    item = client.get_item(TableName=table, Key=key)["Item"]
    forgotten = datetime.fromtimestamp(int(item["expires"]["N"]), UTC)
    assert forgotten.date() == STAY.departure + timedelta(days=90)
