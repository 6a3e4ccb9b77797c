"""Reservations found and cancelled, through the receptionist's real tools in a real session."""

from __future__ import annotations

from typing import Any

import pytest

from agent.hotel import NewPrice, Unheard
from lambdas.shared.domain.errors import BellhopError, InDoubt, NotPossible, NotVerified, TriesOver
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState
from tests.agent import GUEST_NUMBER, Phoned, Reception, Use, phone
from tests.unit.stay_asked import BOOK, DAYS, OFFER, STAY

pytestmark = pytest.mark.unit

FIND = Use("find_reservation", {"surname": "Miller", "code": None, **DAYS})
FEE = Use("ask_cancellation_fee")
CANCEL = Use("cancel_stay")


def with_stay(**changes: Any) -> Reception:
    """A hotel at which Peter Miller has a double room."""
    reception = Reception()
    booked = Reservation(
        code="K7F2X9",
        stay=STAY,
        room_type="double",
        room="double room",
        guest=Guest(name="Peter Miller"),
        total=Money(cents=25_800, currency="EUR"),
    )
    reception.reservations["before"] = booked.model_copy(update=changes)
    return reception


def state_of(phoned: Phoned) -> str:
    return phoned.reception.stay_of("K7F2X9").state


async def test_a_reservation_is_found_by_name_and_days() -> None:
    """The guest hears which one it is, in words; the model has it in figures."""
    async with phone(FIND, "I have found it.", reception=with_stay()) as phoned:
        await phoned.hear("The name is Miller, from the fifteenth to the seventeenth of March.")

        answer = phoned.model.tool_answer
        assert answer["found"] is True
        assert (answer["code"], answer["state"], answer["total"]) == ("K7F2X9", "booked", "258.00 EUR")
        assert answer["say"] == (
            "I have found your double room from Monday, March 15 to Wednesday, March 17 for 258 euros."
        )


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ({"surname": "van der Berg", "code": None, **DAYS}, {"surname": "van der Berg", **DAYS}),
        ({"surname": "García López", "code": None, **DAYS}, {"surname": "García López", **DAYS}),
        ({"surname": "Miller", "code": "K7F2X9"}, {"surname": "Miller", "code": "K7F2X9"}),
        ({"surname": "Miller", "code": "K7F2X9", **DAYS}, {"surname": "Miller", "code": "K7F2X9"}),
    ],
)
async def test_what_the_guest_said_is_asked(said: dict[str, Any], asked: dict[str, Any]) -> None:
    """The surname as it was said, and a code before days."""
    async with phone(Use("find_reservation", said), "…", reception=with_stay()) as phoned:
        await phoned.hear("It is about my reservation.")

        (request,) = phoned.reception.asked
        assert request.model_dump(mode="json", exclude_none=True) == asked


@pytest.mark.parametrize(
    "said",
    [
        {"surname": "Miller"},
        {"surname": "Miller", "arrival": "2027-03-15"},
        {"surname": "Miller", "departure": "2027-03-17"},
        {"surname": " ", **DAYS},
        {"surname": "Miller", "code": "<K7>"},
    ],
)
async def test_too_little_is_asked_for_and_costs_no_try(said: dict[str, Any]) -> None:
    """A model that asks with half of the facts does not use up the guest's tries."""
    async with phone(Use("find_reservation", said), "May I have the days?", reception=with_stay()) as phoned:
        await phoned.hear("It is about my reservation.")

        assert phoned.model.tool_answer["error"] == "needs_more"
        assert phoned.reception.asked == []


async def test_days_the_wrong_way_round_cost_no_try() -> None:
    """A slip in a date is asked for again before anybody judges it."""
    said = {"surname": "Miller", "arrival": "2027-03-17", "departure": "2027-03-15"}
    async with phone(Use("find_reservation", said), "Which days?", reception=with_stay()) as phoned:
        await phoned.hear("It is about my reservation.")

        assert phoned.model.tool_answer["error"] == "invalid"
        assert phoned.reception.asked == []


@pytest.mark.parametrize("error", [NotVerified("no"), TriesOver("no")])
async def test_what_does_not_fit_is_told_without_saying_what(error: BellhopError) -> None:
    """The guest hears the same whether the name, the days or the whole reservation was wrong."""
    async with phone(FIND, "I cannot find it.", CANCEL, "…", reception=with_stay()) as phoned:
        phoned.reception.refusals = [error]
        await phoned.hear("The name is Miller.")
        told = phoned.model.tool_answer
        await phoned.hear("Cancel it.")

        assert told["error"] == error.code
        assert "cannot find a reservation with these details" in told["say"]
        assert set(told) == {"error", "say"}
        assert phoned.model.tool_answer["error"] == "no_fee"
        assert state_of(phoned) == "booked"


async def test_the_name_in_a_search_is_kept_out_of_the_record() -> None:
    """What is stored of the turn has a mark where the name was."""
    async with phone(FIND, "I have found it.", reception=with_stay()) as phoned:
        await phoned.hear("It is Miller, Peter Miller.")
        await phoned.settle()

        assert "Miller" not in phoned.reception.turns[-1].guest


async def test_a_cancelled_reservation_is_said_to_be_cancelled() -> None:
    """A guest who is not sure any more learns it."""
    async with phone(FIND, "It is.", reception=with_stay(state=ReservationState.CANCELLED)) as phoned:
        await phoned.hear("Is my reservation cancelled?")

        assert phoned.model.tool_answer["state"] == "cancelled"
        assert phoned.model.tool_answer["say"].endswith("It is cancelled.")


# Cancelling.


@pytest.mark.parametrize(
    ("cents", "fee", "gone"),
    [
        (0, "Cancelling it costs nothing.", "The reservation is cancelled, free of charge."),
        (12_900, "Cancelling it costs 129 euros.", "The reservation is cancelled. The fee is 129 euros."),
    ],
)
async def test_a_guest_hears_the_fee_and_then_cancels(cents: int, fee: str, gone: str) -> None:
    """The fee that was agreed to is the fee that is charged."""
    reception = with_stay()
    reception.fee_cents = cents
    async with phone(FIND, "Found.", FEE, "It costs…", CANCEL, "Done.", reception=reception) as phoned:
        await phoned.hear("It is about my reservation.")
        await phoned.hear("What does it cost to cancel?")
        told = phoned.model.tool_answer
        await phoned.hear("Yes, please.")

        assert told["say"] == fee
        assert phoned.model.tool_answer["cancelled"] is True
        assert phoned.model.tool_answer["say"] == gone
        assert state_of(phoned) == "cancelled"


async def test_a_booking_of_this_call_can_be_cancelled() -> None:
    """Who has just booked need not say who they are."""
    async with phone(OFFER, "258.", BOOK, "Booked.", FEE, "Nothing.", CANCEL, "Done.") as phoned:
        for words in ("A double room, please.", "Yes.", "I must cancel it.", "Yes."):
            await phoned.hear(words)

        assert phoned.model.tool_answer["cancelled"] is True
        assert phoned.reception.stay_of("AB7K2Q").state == "cancelled"


async def test_nothing_is_cancelled_before_the_fee_was_asked() -> None:
    """A model that skips the fee is sent back to it."""
    async with phone(FIND, "Found.", CANCEL, "Let me look.", reception=with_stay()) as phoned:
        await phoned.hear("It is about my reservation.")
        await phoned.hear("Cancel it.")

        assert phoned.model.tool_answer["error"] == "no_fee"
        assert state_of(phoned) == "booked"


async def test_nothing_is_cancelled_in_the_breath_that_tells_the_fee() -> None:
    """A guest cannot have agreed to what has not been said yet."""
    reception = with_stay()
    reception.fee_cents = 12_900
    async with phone(
        FIND, "Found.", FEE, CANCEL, "It costs 129 euros.", CANCEL, "Done.", reception=reception
    ) as phoned:
        await phoned.hear("It is about my reservation.")
        await phoned.hear("Cancel it.")
        told, state = phoned.model.tool_answer, state_of(phoned)
        await phoned.hear("Yes.")

        assert (told["error"], told["say"]) == ("not_agreed", "Cancelling it costs 129 euros.")
        assert state == "booked"
        assert state_of(phoned) == "cancelled"


async def test_a_fee_for_no_reservation_is_not_made_up() -> None:
    """What is not found has no fee."""
    async with phone(FEE, "Which one?", reception=with_stay()) as phoned:
        await phoned.hear("What does it cost to cancel?")

        assert phoned.model.tool_answer["error"] == "no_reservation"


async def test_a_fee_is_good_for_the_reservation_it_was_told_for() -> None:
    """Who turns to another reservation hears that one's fee first."""
    async with phone(FIND, "Found.", FEE, "Nothing.", FIND, "Found.", CANCEL, "…", reception=with_stay()) as phoned:
        for words in ("My reservation.", "What does it cost?", "The other one, I mean.", "Cancel it."):
            await phoned.hear(words)

        assert phoned.model.tool_answer["error"] == "no_fee"
        assert state_of(phoned) == "booked"


async def test_a_fee_that_changed_is_told_before_it_is_charged() -> None:
    """At six in the evening free of charge becomes the first night: the guest decides again."""
    reception = with_stay()
    async with phone(
        FIND, "Found.", FEE, "Nothing.", CANCEL, "Now 129.", CANCEL, "Done.", reception=reception
    ) as phoned:
        await phoned.hear("My reservation.")
        await phoned.hear("What does it cost?")
        reception.fee_cents = 12_900
        reception.refusals = [NewPrice("it costs something else by now", reception.hold_cancellation("K7F2X9"))]
        await phoned.hear("Cancel it.")
        told, state = phoned.model.tool_answer, state_of(phoned)
        await phoned.hear("Yes, all the same.")

        assert (told["error"], told["say"]) == ("price_changed", "Cancelling it costs 129 euros.")
        assert state == "booked"
        assert phoned.model.tool_answer["fee"] == "129.00 EUR"


@pytest.mark.parametrize(
    ("doubt", "number", "left"),
    [
        (InDoubt("it is not known"), GUEST_NUMBER, []),
        (Unheard("DELETE hotels: ReadTimeout"), GUEST_NUMBER, [("callback", GUEST_NUMBER)]),
        (Unheard("DELETE hotels: ReadTimeout"), None, [("message", None)]),
    ],
)
async def test_a_cancellation_in_doubt_reaches_the_front_desk(
    doubt: BellhopError, number: str | None, left: list[tuple[str, str | None]]
) -> None:
    """The functions know whom to call, and what they may not have heard of is left from here."""
    async with phone(
        FIND, "Found.", FEE, "Nothing.", CANCEL, "I cannot see it.", reception=with_stay(), number=number
    ) as phoned:
        await phoned.hear("My reservation.")
        await phoned.hear("What does it cost?")
        phoned.reception.refusals = [doubt]
        await phoned.hear("Cancel it.")
        await phoned.settle()

        follow_ups = phoned.reception.follow_ups
        assert phoned.model.tool_answer["error"] == "in_doubt"
        assert [(follow_up.kind, follow_up.callback) for follow_up in follow_ups] == left
        assert [request.callback for request in phoned.reception.cancelled] == [number]
        assert all("has cancelled the reservation of a double room" in one.message for one in follow_ups)


async def test_what_cannot_be_cancelled_by_phone_is_offered_to_a_human() -> None:
    """A hotel's system that cannot do it does not end the call."""
    reception = with_stay()

    async def refuse(_: object) -> Any:
        raise NotPossible("the hotel's system cannot cancel")

    async with phone(FIND, "Found.", FEE, "Sorry.", reception=reception) as phoned:
        await phoned.hear("My reservation.")
        reception.offers = refuse  # type: ignore[method-assign,assignment]
        await phoned.hear("Cancel it.")

        assert phoned.model.tool_answer["error"] == "not_possible"
        assert phoned.model.tool_answer["say"].endswith("Shall I leave the front desk a message about it?")
        assert not phoned.call.ending


@pytest.mark.parametrize("moves", [(FIND,), (FIND, "Found.", FEE), (FIND, "Found.", FEE, "Nothing.", CANCEL)])
async def test_a_hotel_that_is_not_reached_is_told_and_the_call_ends(moves: tuple[Any, ...]) -> None:
    """Whichever tool finds nobody, the guest hears it; nothing is promised."""
    async with phone(*moves, "…", reception=with_stay()) as phoned:
        *before, last = [move for move in moves if isinstance(move, Use)]
        for _ in before:
            await phoned.hear("Go on.")
        phoned.reception.broken = {"pms"}
        await phoned.hear("Go on.")
        await phoned.call.over.wait()

        assert phoned.hung_up == ["pms_unreachable"]
        assert last.tool
