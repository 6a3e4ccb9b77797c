"""Rates, changed prices, doubts and reservations, through the receptionist's real tools in a real session."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agent.hotel import NewPrice, Unheard
from lambdas.shared.domain.errors import (
    BellhopError,
    InDoubt,
    NotPossible,
    NotVerified,
    PriceChanged,
    TriesOver,
)
from lambdas.shared.domain.money import Money
from lambdas.shared.domain.stay import Guest, Reservation, ReservationState, Stay
from tests.agent import GUEST_NUMBER, Phoned, Reception, Use, phone

pytestmark = pytest.mark.unit

STAY = Stay(arrival=date(2027, 3, 15), departure=date(2027, 3, 17), adults=2)
DAYS: dict[str, Any] = {"arrival": "2027-03-15", "departure": "2027-03-17"}
OFFER = Use("check_availability", {**DAYS, "adults": 2, "children": 0, "room": "double room"})
BOOK = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller", "rate": None})
FIND = Use("find_reservation", {"surname": "Miller", "code": None, **DAYS})
FEE = Use("ask_cancellation_fee")
CANCEL = Use("cancel_stay")


def with_rates() -> Reception:
    """A hotel that has each room at two rates."""
    reception = Reception()
    reception.rates = {"flexible": 100, "saver": 90}
    return reception


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


# Rates and taxes.


async def test_of_a_rooms_rates_the_cheapest_is_said_and_named() -> None:
    """A guest hears one price a room and under which rate; the model knows the other one, should they ask."""
    async with phone(OFFER, "It is 232 euros.", reception=with_rates()) as phoned:
        await phoned.hear("A double room, please.")

        answer = phoned.model.tool_answer
        assert answer["say"] == (
            "A double room from Monday, March 15 to Wednesday, March 17 costs 232 euros and 20 cents in total. "
            "That is the saver rate."
        )
        assert [(offer["rate"], offer["total"]) for offer in answer["offers"]] == [
            ("saver rate", "232.20 EUR"),
            ("flexible rate", "258.00 EUR"),
        ]


async def test_each_room_is_said_once() -> None:
    """Two rooms at two rates are two prices, not four."""
    any_room = Use("check_availability", {**DAYS, "adults": 2, "children": 0, "room": None})
    async with phone(any_room, "There are two.", reception=with_rates()) as phoned:
        await phoned.hear("What do you have?")

        answer = phoned.model.tool_answer
        assert len(answer["offers"]) == 4
        assert answer["say"].count("costs") == 2
        assert "A suite costs 394 euros and 20 cents." in answer["say"]


@pytest.mark.parametrize(
    ("rate", "cents"), [(None, 23_220), ("saver rate", 23_220), ("flexible rate", 25_800), ("flexible", 25_800)]
)
async def test_the_rate_that_was_chosen_is_booked(rate: str | None, cents: int) -> None:
    """Without a choice it is the cheapest, which is the one that was said."""
    book = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller", "rate": rate})
    async with phone(OFFER, "232 euros.", book, "Booked.", reception=with_rates()) as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")

        (reservation,) = phoned.reception.reservations.values()
        assert reservation.total.cents == cents


async def test_a_rate_that_was_not_offered_is_not_booked() -> None:
    """A model that invents a rate is sent back to the offers."""
    book = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller", "rate": "staff rate"})
    async with phone(OFFER, "232 euros.", book, "Let me look.", reception=with_rates()) as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("At the staff rate.")

        assert phoned.model.tool_answer["error"] == "no_offer"
        assert phoned.reception.reservations == {}


async def test_a_hotel_with_one_rate_has_no_name_for_it() -> None:
    """Whatever rate a model names there, it is the only one."""
    book = Use("book_stay", {"room": "double room", "guest_name": "Peter Miller", "rate": "standard"})
    async with phone(OFFER, "258 euros.", book, "Booked.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")

        assert phoned.model.tool_answer["booked"] is True


async def test_city_tax_is_told_before_and_after_booking() -> None:
    """What comes on top is said with the price, not found at the desk."""
    reception = Reception()
    reception.city_tax_cents = 1000
    tax = "City tax of 10 euros is paid at the hotel, on top of that."
    async with phone(OFFER, "258 euros.", BOOK, "Booked.", reception=reception) as phoned:
        await phoned.hear("A double room, please.")
        offered = phoned.model.tool_answer
        await phoned.hear("Yes.")

        assert offered["say"].endswith(tax)
        assert offered["offers"][0]["city_tax"] == "10.00 EUR"
        assert phoned.model.tool_answer["say"].endswith(tax)


# Bookings that do not go as planned.


async def test_the_hotel_learns_whom_to_call_back() -> None:
    """The caller's number travels with the booking, for the case that it stays in doubt."""
    async with phone(OFFER, "258 euros.", BOOK, "Booked.") as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")

        assert [request.callback for request in phoned.reception.booked] == [GUEST_NUMBER]


@pytest.mark.parametrize("number", [None, "anonymous", "+"])
async def test_a_number_that_is_none_is_not_sent(number: str | None) -> None:
    """A caller who hides their number books all the same."""
    async with phone(OFFER, "258 euros.", BOOK, "Booked.", number=number) as phoned:
        await phoned.hear("A double room, please.")
        await phoned.hear("Yes.")

        assert [request.callback for request in phoned.reception.booked] == [None]
        assert phoned.model.tool_answer["booked"] is True


async def test_a_changed_price_is_said_and_booked_once_agreed_to() -> None:
    """The new price is offered as the function holds it, and a second yes books it."""
    reception = Reception()
    async with phone(OFFER, "258 euros.", BOOK, "It is more now.", BOOK, "Booked.", reception=reception) as phoned:
        await phoned.hear("A double room, please.")
        dearer = reception.hold(STAY, "double").model_copy(update={"total": Money(cents=27_800, currency="EUR")})
        reception.held[dearer.wish_id] = dearer
        reception.refusals = [NewPrice("it costs something else by now", dearer)]
        await phoned.hear("Yes.")
        told = phoned.model.tool_answer
        await phoned.hear("Yes, all the same.")

        assert told["error"] == "price_changed"
        assert told["say"] == (
            "I'm sorry, the price has just changed: the double room now costs 278 euros. Shall I book it at that price?"
        )
        assert [request.wish_id for request in reception.booked][1] == dearer.wish_id
        assert phoned.model.tool_answer["total"] == "278.00 EUR"


@pytest.mark.parametrize("error", [NewPrice("gone", None), PriceChanged("gone")])
async def test_a_changed_price_without_a_new_one_is_asked_for_again(error: BellhopError) -> None:
    """The old price is not booked by a second try."""
    reception = Reception()
    async with phone(OFFER, "258 euros.", BOOK, "Let me look.", reception=reception) as phoned:
        await phoned.hear("A double room, please.")
        reception.refusals = [error]
        await phoned.hear("Yes.")

        assert phoned.model.tool_answer["error"] == "price_changed"
        assert phoned.model.tool_answer["say"].endswith("Let me look again.")


@pytest.mark.parametrize(
    ("number", "said"),
    [(GUEST_NUMBER, "The front desk knows about it, and calls you back."), (None, "knows about it, and finds out.")],
)
async def test_a_doubt_is_told_as_one(number: str | None, said: str) -> None:
    """The guest hears neither yes nor no, and who finds out; the functions have told the front desk already."""
    async with phone(OFFER, "258 euros.", BOOK, "I cannot see it.", number=number) as phoned:
        await phoned.hear("A double room, please.")
        phoned.reception.refusals = [InDoubt("it is not known")]
        await phoned.hear("Yes.")
        await phoned.settle()

        assert phoned.model.tool_answer["error"] == "in_doubt"
        assert phoned.model.tool_answer["say"].endswith(said)
        assert phoned.reception.follow_ups == []
        assert not phoned.call.ending


async def test_a_wish_that_nobody_may_have_heard_of_is_left_to_the_front_desk() -> None:
    """When the answer is lost on the way, the front desk hears of it from here, once."""
    async with phone(OFFER, "258 euros.", BOOK, "I cannot see it.", BOOK, "I still cannot.") as phoned:
        await phoned.hear("A double room, please.")
        phoned.reception.refusals = [Unheard("POST hotels: ReadTimeout"), Unheard("POST hotels: ReadTimeout")]
        await phoned.hear("Yes.")
        await phoned.hear("Try again.")
        await phoned.settle()

        (follow_up,) = phoned.reception.follow_ups
        assert (follow_up.kind, follow_up.callback, follow_up.guest_name) == ("callback", GUEST_NUMBER, "Peter Miller")
        assert "has booked a double room, 15 March 2027 to 17 March 2027." in follow_up.message
        assert {request.wish_id for request in phoned.reception.booked} == {phoned.reception.booked[0].wish_id}


async def test_a_doubt_that_cannot_be_left_is_not_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of a call back that no one knows about."""
    monkeypatch.setattr("agent.call.STORED_WITHIN", 0.01)
    async with phone(OFFER, "258 euros.", BOOK, "I cannot see it.") as phoned:
        phoned.reception.broken = {"calls"}
        await phoned.hear("A double room, please.")
        phoned.reception.refusals = [Unheard("POST hotels: ReadTimeout")]
        await phoned.hear("Yes.")

        assert phoned.model.tool_answer["error"] == "in_doubt"
        assert phoned.model.tool_answer["say"].endswith("Please ask the front desk about it.")


# Reservations.


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
