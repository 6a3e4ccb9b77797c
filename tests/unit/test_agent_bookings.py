"""Rates, changed prices and doubts of a booking, through the receptionist's real tools in a real session."""

from __future__ import annotations

import pytest

from agent.hotel import NewPrice, Unheard
from lambdas.shared.domain.errors import BellhopError, InDoubt, PriceChanged
from lambdas.shared.domain.money import Money
from tests.agent import GUEST_NUMBER, Reception, Use, phone
from tests.unit.stay_asked import BOOK, DAYS, OFFER, STAY

pytestmark = pytest.mark.unit


def with_rates() -> Reception:
    """A hotel that has each room at two rates."""
    reception = Reception()
    reception.rates = {"flexible": 100, "saver": 90}
    return reception


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
