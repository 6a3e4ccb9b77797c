"""A reservation is shown to whoever knows it as its guest does, and three wrong answers end that for the call."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from pydantic import ValidationError

from lambdas.pms.models import VerificationRequest
from lambdas.shared.domain.errors import NotVerified, TriesOver, Unreachable
from lambdas.shared.domain.stay import Contact, Reservation, ReservationState
from tests.desk import CALL, OTHER_CALL, STAY, Desk

pytestmark = pytest.mark.unit

ARRIVAL, DEPARTURE = STAY.arrival, STAY.departure
CONTACT = Contact(email="Anna.Mueller@example.com", phone="+491713920055")


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def anna(desk: Desk) -> Reservation:
    """A reservation made at the front desk."""
    return desk.system.walk_in("Anna Müller", stay=STAY, contact=CONTACT)


def verify(desk: Desk, call_id: str = CALL, **said: Any) -> Reservation:
    return desk.bookings.verify("aurora", call_id, VerificationRequest(**said), 1)


@pytest.mark.parametrize(
    "said",
    [
        {"code": "DESK1", "surname": "Müller"},
        {"code": " desk 1. ", "surname": "MUELLER"},
        {"arrival": ARRIVAL, "departure": DEPARTURE, "surname": "muller"},
        {"arrival": ARRIVAL, "email": "anna.mueller@EXAMPLE.com", "surname": "Müller"},
        {"arrival": ARRIVAL, "phone": "+491713920055", "surname": "Müller"},
    ],
)
def test_who_knows_enough_is_shown_the_reservation(desk: Desk, anna: Reservation, said: dict[str, Any]) -> None:
    """Code and surname, or surname, arrival and one fact more; from then on the call may read it, and no other may."""
    assert verify(desk, **said) == anna

    assert desk.bookings.reservations("aurora", CALL, 1) == [anna]
    assert desk.bookings.reservation("aurora", CALL, "desk1", 1) == anna
    assert desk.bookings.reservations("aurora", OTHER_CALL, 1) == []


WRONG: list[dict[str, Any]] = [
    {"code": "DESK1", "surname": "Meier"},
    {"code": "DESK9", "surname": "Müller"},
    {"code": "'; drop", "surname": "Müller"},
    {"arrival": ARRIVAL, "departure": DEPARTURE, "surname": "Meier"},
    {"arrival": ARRIVAL, "departure": date(2026, 12, 7), "surname": "Müller"},
    {"arrival": date(2026, 12, 5), "departure": DEPARTURE, "surname": "Müller"},
    {"arrival": ARRIVAL, "email": "anna@example.com", "surname": "Müller"},
    {"arrival": ARRIVAL, "phone": "+491713920056", "surname": "Müller"},
]


def test_whatever_was_wrong_the_answer_is_the_same(desk: Desk, anna: Reservation) -> None:
    """The answer does not tell which part was wrong, nor whether there is such a reservation."""
    answers = set()
    for said in WRONG:
        desk.verified.tries.clear()
        with pytest.raises(NotVerified) as raised:
            verify(desk, **said)
        answers.add(str(raised.value))

    assert len(answers) == 1
    assert desk.bookings.reservations("aurora", CALL, 1) == []


@pytest.mark.parametrize("fact", ["email", "phone"])
def test_a_fact_the_hotel_does_not_have_fits_nothing(desk: Desk, fact: str) -> None:
    """A reservation without an e-mail address is not found by one."""
    desk.system.walk_in("Anna Müller", stay=STAY)

    with pytest.raises(NotVerified):
        verify(desk, surname="Müller", arrival=ARRIVAL, **{fact: getattr(CONTACT, fact)})


def test_two_that_fit_are_none(desk: Desk, anna: Reservation) -> None:
    """When what was said fits two reservations neither is shown; one that was cancelled does not count beside one."""
    second = desk.system.walk_in("Hans Mueller", stay=STAY)
    said: dict[str, Any] = {"surname": "Müller", "arrival": ARRIVAL, "departure": DEPARTURE}
    with pytest.raises(NotVerified):
        verify(desk, **said)

    cancelled = second.model_copy(update={"state": ReservationState.CANCELLED})
    desk.system.reservations[second.code] = cancelled

    assert verify(desk, **said) == anna


def test_a_cancelled_reservation_can_be_verified(desk: Desk, anna: Reservation) -> None:
    """A guest may ask about what they have cancelled."""
    desk.system.reservations[anna.code] = anna.model_copy(update={"state": ReservationState.CANCELLED})

    assert verify(desk, surname="Müller", arrival=ARRIVAL, departure=DEPARTURE).code == anna.code


def test_three_wrong_answers_end_it_for_the_call(desk: Desk, anna: Reservation) -> None:
    """The third wrong answer is the last that is judged, and then the right one does not help either."""
    for error in (NotVerified, NotVerified, TriesOver):
        with pytest.raises(error):
            verify(desk, code="DESK1", surname="Meier")

    desk.system.blind = [AssertionError("must not be asked any more")]
    for surname in ("Meier", "Müller"):
        with pytest.raises(TriesOver):
            verify(desk, code="DESK1", surname=surname)
    desk.system.blind.clear()
    assert verify(desk, OTHER_CALL, code="DESK1", surname="Müller") == anna


def test_right_answers_do_not_count(desk: Desk, anna: Reservation) -> None:
    """A guest with several reservations can show each of them, with two wrong answers between."""
    for surname in ("Müller", "Meier", "Müller", "Meier", "Müller"):
        if surname == "Müller":
            assert verify(desk, code="DESK1", surname=surname) == anna
        else:
            with pytest.raises(NotVerified):
                verify(desk, code="DESK1", surname=surname)

    assert desk.verified.tries[CALL] == 2
    assert desk.bookings.reservations("aurora", CALL, 1) == [anna]


def test_a_silent_system_is_no_wrong_answer(desk: Desk, anna: Reservation) -> None:
    """What could not be judged does not count."""
    for _ in range(4):
        desk.system.blind = [Unreachable("silent")]
        with pytest.raises(Unreachable):
            verify(desk, code="DESK1", surname="Meier")

    assert desk.verified.tries[CALL] == 0


def test_what_the_call_has_booked_needs_no_verification(desk: Desk) -> None:
    """A guest may ask about what they have just booked; only a booking counts, not an offer to cancel one."""
    booked = desk.book(desk.double())

    assert desk.bookings.reservation("aurora", CALL, booked.code, 1) == booked


@pytest.mark.parametrize(
    "said",
    [
        {"surname": "Müller"},
        {"code": "DESK1"},
        {"code": "DESK1", "surname": ""},
        {"code": "DESK1", "surname": "Müller", "arrival": ARRIVAL},
        {"surname": "Müller", "arrival": ARRIVAL},
        {"surname": "Müller", "departure": DEPARTURE},
        {"surname": "Müller", "arrival": ARRIVAL, "departure": DEPARTURE, "phone": "+491713920055"},
        {"surname": "Müller", "arrival": ARRIVAL, "phone": "0171"},
        {"surname": "Müller", "code": "DESK1", "email": "anna@example.com"},
    ],
)
def test_a_question_is_put_one_way_or_the_other(said: dict[str, Any]) -> None:
    """More facts at once would be more guesses at once; fewer are none."""
    with pytest.raises(ValidationError):
        VerificationRequest(**said)


def test_how_a_guest_is_reached_is_never_answered(desk: Desk, anna: Reservation) -> None:
    """E-mail and number of a reservation serve for comparing and leave the function in no answer."""
    shown = verify(desk, code="DESK1", surname="Müller")

    assert shown.contact == CONTACT
    assert "example.com" not in shown.model_dump_json() + repr(shown)
