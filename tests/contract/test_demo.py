"""The demo hotel: what is only its own, and the house's policy to the minute."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ReadTimeoutError

from lambdas.shared.domain.errors import InDoubt, NotFound, NotPossible, PriceChanged, SoldOut
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Contact, Guest, Offer, Reservation, ReservationState, Stay
from lambdas.shared.items import decode, encode
from lambdas.shared.pms.demo import ALPHABET, DemoPms, code_of
from lambdas.shared.pms.system import Capability, Order
from tests.tables import database, new_tables

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
BERLIN = ZoneInfo("Europe/Berlin")
STAY = Stay(arrival=date(2026, 12, 30), departure=date(2027, 1, 2), adults=2)
LATER = Stay(arrival=date(2026, 12, 31), departure=date(2027, 1, 3), adults=2)
ANNA, BERT = Guest(name="Anna Müller"), Guest(name="Bert Brecht")
NOTHING, FIRST_NIGHT = Money(cents=0, currency="EUR"), Money(cents=21900, currency="EUR")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Mute:
    """A database that writes a transaction and does not say so."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> None:
        self._client.transact_write_items(**request)
        raise ReadTimeoutError(endpoint_url="https://dynamodb")


@pytest.fixture(scope="module")
def client() -> Iterator[DynamoDBClient]:
    with database() as client:
        yield client


@pytest.fixture
def table(client: DynamoDBClient) -> str:
    return new_tables(client)[0]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def demo(client: DynamoDBClient, table: str, clock: Clock) -> DemoPms:
    return DemoPms(HOTELS.by_name["aurora"], client=client, table=table, now=clock)


def offered(pms: DemoPms, room_type: str = "suite", stay: Stay = STAY) -> Offer:
    (offer,) = pms.offers(stay, room_type)
    return offer


def booked(pms: DemoPms, number: int = 1, room_type: str = "suite", stay: Stay = STAY) -> Reservation:
    return pms.book(Order(f"wish0000000{number}", offered(pms, room_type, stay), ANNA))


def stored(client: DynamoDBClient, table: str, code: str) -> dict[str, Any]:
    key = encode({"pk": "PMS#aurora", "sk": f"STAY#{code}"})
    return decode(client.get_item(TableName=table, Key=key)["Item"])


def test_it_can_everything(demo: DemoPms) -> None:
    """The demo hotel shows all that a system can do."""
    assert demo.capabilities == frozenset(Capability)


def test_it_describes_itself_as_its_file_does(demo: DemoPms) -> None:
    """There is no other system to compare the file with: rooms and title are the file's."""
    described = demo.describe()

    assert (described.title, described.currency, described.timezone) == ("Hotel Aurora", "EUR", "Europe/Berlin")
    assert described.rooms == {"single": "single room", "double": "double room", "suite": "suite"}


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
    order = Order("wish00000001", offered(demo), ANNA)

    reservation = demo.book(order)

    assert reservation.code == code_of("wish00000001", 1)
    assert demo.find(order) == reservation


def test_the_hotel_lists_its_stays(demo: DemoPms) -> None:
    """Whoever checks what calls have led to sees every reservation, by arrival."""
    second = booked(demo, 1)
    first = booked(demo, 2, stay=Stay(arrival=date(2026, 12, 1), departure=date(2026, 12, 2)))

    assert demo.reservations() == [first, second]


def test_a_stay_is_forgotten_after_the_hotels_retention(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """A guest's name is kept as long after the departure as the hotel keeps its calls, also when the stay moves."""
    reservation = booked(demo)
    moved = Stay(arrival=STAY.arrival, departure=STAY.departure + timedelta(days=3), adults=2)
    kept_for = timedelta(days=90)

    def forgotten() -> date:
        return datetime.fromtimestamp(stored(client, table, reservation.code)["expires"], BERLIN).date()

    assert forgotten() == STAY.departure + kept_for
    demo.change(reservation.code, demo.change_offers(reservation, moved, "suite")[0])
    assert forgotten() == moved.departure + kept_for


def test_a_reservation_is_found_as_guests_say_it(demo: DemoPms) -> None:
    """A code in small letters and with spaces is that code; hostile ones are nobody's."""
    reservation = booked(demo)
    said = " ".join(reservation.code.lower())

    assert demo.reservation(f" {said}. ") == reservation
    for other in ("", "K7F2X", "STAY#x", "' OR 1=1", "\x00", "ü" * 5000):
        assert demo.reservation(other) is None
    assert demo.search("MUELLER", STAY.arrival) == [reservation]
    assert demo.search("Mueller", STAY.departure) == demo.search("Miller", STAY.arrival) == []


def test_how_a_guest_is_reached_stays_in_the_hotels_system(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """E-mail and phone are kept with the stay, told to who verifies, and leave no other way."""
    contact = Contact(email="anna@example.com", phone="+493012345678")

    reservation = demo.book(Order("wish00000001", offered(demo), ANNA, contact))

    assert reservation.contact == contact
    found = demo.reservation(reservation.code)
    assert found is not None
    assert found.contact == contact
    assert "anna@example.com" not in found.model_dump_json() + repr(found)
    assert stored(client, table, reservation.code)["contact"] == contact.model_dump()


def test_cancelling_is_free_until_six_on_the_day_before(demo: DemoPms, clock: Clock) -> None:
    """To the minute of the hotel's clock; then it costs the first night."""
    reservation = booked(demo)
    clock.now = datetime(2026, 12, 29, 17, 59, 59, tzinfo=BERLIN)
    assert demo.cancellation_fee(reservation) == NOTHING

    clock.now = datetime(2026, 12, 29, 18, 0, tzinfo=BERLIN)

    assert demo.cancellation_fee(reservation) == FIRST_NIGHT


def test_a_fee_that_was_not_said_is_not_taken(demo: DemoPms, clock: Clock) -> None:
    """Six o'clock passes while the guest decides: the cancellation is refused, and the stay stays."""
    reservation = booked(demo)
    clock.now = datetime(2026, 12, 29, 18, 0, tzinfo=BERLIN)

    with pytest.raises(PriceChanged):
        demo.cancel(reservation.code, NOTHING)

    assert demo.reservation(reservation.code) == reservation
    assert demo.cancel(reservation.code, FIRST_NIGHT).state is ReservationState.CANCELLED


def test_a_cancelled_room_is_free_again(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """It is offered and booked again, once: a second cancellation frees no second room."""
    reservation = booked(demo)
    cancelled = demo.cancel(reservation.code, NOTHING)
    assert demo.cancel(reservation.code, NOTHING) == cancelled == demo.reservation(reservation.code)

    booked(demo, 2)

    assert demo.offers(STAY, "suite") == []
    assert stored(client, table, reservation.code)["fee"] == NOTHING.model_dump()


def test_a_stay_moves_with_its_room(demo: DemoPms) -> None:
    """The only suite moves by a day though it takes two of those nights itself; the night it leaves is free."""
    reservation = booked(demo)
    assert demo.offers(LATER, "suite") == []
    (offer,) = demo.change_offers(reservation, LATER, "suite")

    changed = demo.change(reservation.code, offer)

    assert (changed.code, changed.reference, changed.guest) == (reservation.code, reservation.reference, ANNA)
    assert (changed.stay, changed.total) == (LATER, offer.total)
    assert demo.change(reservation.code, offer) == changed == demo.reservation(reservation.code)
    assert offered(demo, stay=Stay(arrival=STAY.arrival, departure=LATER.arrival, adults=2))
    for evening in LATER.evenings:
        assert demo.offers(Stay(arrival=evening, departure=evening + timedelta(days=1)), "suite") == []


def test_another_room_is_taken_for_the_old_one(demo: DemoPms) -> None:
    """Changing the room leaves the old one for others."""
    reservation = booked(demo)
    offers = {offer.room_type: offer for offer in demo.change_offers(reservation, STAY)}

    changed = demo.change(reservation.code, offers["double"])

    assert (changed.room_type, changed.total) == ("double", offers["double"].total)
    assert offered(demo).room_type == "suite"


def test_a_change_that_finds_no_room_changes_nothing(demo: DemoPms) -> None:
    """When somebody else is quicker the stay stays, and so do the nights of both."""
    reservation = booked(demo, 1, "double")
    (offer,) = demo.change_offers(reservation, STAY, "suite")
    other = booked(demo, 2)

    with pytest.raises(SoldOut):
        demo.change(reservation.code, offer)

    assert demo.reservations() == sorted([reservation, other], key=lambda each: each.code)


@pytest.mark.parametrize("total", [1, 65699, 65701])
def test_a_price_that_is_not_the_houses_is_refused(demo: DemoPms, total: int) -> None:
    """Neither a booking nor a change is made at another price than the one of now."""
    wrong = offered(demo).model_copy(update={"total": Money(cents=total, currency="EUR")})
    with pytest.raises(PriceChanged):
        demo.book(Order("wish00000001", wrong, ANNA))
    reservation = booked(demo, 2, "double")

    with pytest.raises(PriceChanged):
        demo.change(reservation.code, wrong)

    assert demo.reservations() == [reservation]


def test_more_guests_than_sleep_there_are_not_possible(demo: DemoPms) -> None:
    """An offer that was stretched to more guests is refused."""
    five = offered(demo).model_copy(update={"stay": STAY.model_copy(update={"adults": 5})})

    with pytest.raises(NotPossible):
        demo.book(Order("wish00000001", five, ANNA))


def test_after_arrival_nothing_is_changed_by_phone(demo: DemoPms, clock: Clock) -> None:
    """From the day after arrival the guest is in the house, after the departure gone; both are told, neither moved."""
    reservation = booked(demo)
    for day, state in ((31, ReservationState.IN_HOUSE), (34, ReservationState.DEPARTED)):
        clock.now = datetime(2026, 12, 1, 12, tzinfo=BERLIN) + timedelta(days=day - 1)
        found = demo.reservation(reservation.code)
        assert found is not None
        assert found.state is state
        for act in (
            lambda found=found: demo.cancellation_fee(found),
            lambda found=found: demo.change_offers(found, LATER),
            lambda: demo.cancel(reservation.code, FIRST_NIGHT),
            lambda: demo.change(reservation.code, reservation.offer),
        ):
            with pytest.raises(NotPossible):
                act()


def test_what_does_not_exist_is_not_found(demo: DemoPms) -> None:
    """A code of nobody's is neither changed nor cancelled nor noted on."""
    offer = offered(demo)

    for act in (
        lambda: demo.cancel("K7F2X9", NOTHING),
        lambda: demo.change("K7F2X9", offer),
        lambda: demo.add_note("K7F2X9", "late"),
    ):
        with pytest.raises(NotFound):
            act()


def test_a_note_is_kept_once(client: DynamoDBClient, table: str, demo: DemoPms) -> None:
    """Lines are kept in order, survive a change, and one that is there already is not added again."""
    reservation = booked(demo)
    for text in ("arrives late", "a cot, please", "arrives late"):
        demo.add_note(reservation.code, text)

    demo.change(reservation.code, demo.change_offers(reservation, LATER, "suite")[0])

    assert stored(client, table, reservation.code)["notes"] == ["arrives late", "a cot, please"]


def test_changes_at_the_same_moment_leave_one_stay(demo: DemoPms) -> None:
    """Of two who move and cancel at once one is first, and the nights add up afterwards."""
    reservation = booked(demo)
    (offer,) = demo.change_offers(reservation, LATER, "suite")
    acts = [
        lambda: demo.change(reservation.code, offer),
        lambda: demo.cancel(reservation.code, NOTHING),
        lambda: demo.add_note(reservation.code, "one"),
        lambda: demo.add_note(reservation.code, "two"),
    ]

    def done(act: Any) -> None:
        try:
            act()
        except NotPossible:
            return

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(done, acts))

    found = demo.reservation(reservation.code)
    assert found is not None
    assert found.state is ReservationState.CANCELLED
    assert [offer.room_type for offer in demo.offers(STAY)] == ["double", "suite"]
    assert [offer.room_type for offer in demo.offers(LATER)] == ["double", "suite"]


def test_a_table_that_says_nothing_leaves_it_in_doubt(
    client: DynamoDBClient, table: str, demo: DemoPms, clock: Clock
) -> None:
    """When a write was sent and not answered nobody claims that it was not done; asking again finds it."""
    mute = DemoPms(HOTELS.by_name["aurora"], client=cast("DynamoDBClient", Mute(client)), table=table, now=clock)
    order = Order("wish00000001", offered(demo), ANNA)

    with pytest.raises(InDoubt):
        mute.book(order)

    reservation = demo.find(order)
    assert reservation is not None
    assert mute.book(order) == reservation
    with pytest.raises(InDoubt):
        mute.cancel(reservation.code, NOTHING)
    assert mute.cancel(reservation.code, NOTHING).state is ReservationState.CANCELLED
