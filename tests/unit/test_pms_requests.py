"""What an agent may send the pms function, and what nobody may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from lambdas.pms.routes import build_app
from lambdas.shared.domain.errors import InDoubt
from lambdas.shared.domain.money import Money
from tests.desk import CALL, STAY, Desk
from tests.events import ask, request_event

pytestmark = pytest.mark.unit

PATH = f"/v1/hotels/aurora/calls/{quote(CALL, safe='')}"
STAY_BODY = STAY.model_dump(mode="json")
HOSTILE = [
    "\ud800",
    "\x00",
    "..",
    "/",
    "%2F",
    "%zz",
    "<script>",
    "${jndi:ldap://x}",
    "' OR 1=1 --",
    "🏨" * 30,
    "a" * 300,
    "\u202eK1",
    "٣",
    " ",
    "\n",
    "null",
    "-1",
    "9999-12-31",
]
Sent = tuple[str, str, Any, dict[str, str] | None]


class Function:
    """The function over a desk whose call has booked a room."""

    def __init__(self) -> None:
        self.desk = Desk()
        self.app = build_app(self.desk.bookings)
        self.code = self.desk.book(self.desk.double()).code

    def ask(self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None) -> tuple[int, Any]:
        event = request_event(method, PATH + path, body, {"X-Call-Epoch": "1"})
        if query:
            event["queryStringParameters"] = query
            event["multiValueQueryStringParameters"] = {name: [value] for name, value in query.items()}
        return ask(self.app, event)


@pytest.fixture
def function() -> Function:
    return Function()


def sent_with(text: str) -> Iterator[Sent]:
    """Every request, with the text wherever one can stand."""
    code = quote(text.encode("utf-8", "surrogatepass"), safe="")
    for path in (f"/reservations/{code}", "/reservations/CODE1"):
        yield "GET", path, None, None
        yield "PUT", path, {"wish_id": text, "callback": text}, None
        yield "PUT", path, {"wish_id": "neverheld1"}, None
        yield "DELETE", path, None, {"wish_id": text}
        yield "DELETE", path, None, None
        yield "POST", f"{path}/notes", {"id": text, "text": text}, None
        yield "POST", f"{path}/notes", {"id": "n1", "text": text}, None
    yield "POST", "/verification", {"code": text, "surname": text}, None
    for fact in ("departure", "email", "phone"):
        yield "POST", "/verification", {"surname": text, "arrival": text, fact: text}, None
        yield "POST", "/verification", {"surname": text, "arrival": "2026-12-04", fact: text}, None
    yield "POST", "/offers", {"kind": text}, None
    yield "POST", "/offers", {"stay": STAY_BODY | {"arrival": text}}, None
    yield "POST", "/offers", {"stay": STAY_BODY, "room_type": text}, None
    yield "POST", "/offers", {"kind": "cancel", "code": text}, None
    yield "POST", "/offers", {"kind": "change", "code": "CODE1", "room_type": text}, None
    yield "POST", "/reservations", {"wish_id": text, "guest": {"name": text}}, None
    yield (
        "POST",
        "/reservations",
        {"wish_id": "neverheld1", "guest": {"name": "Anna"}, "contact": {"email": text, "phone": text}},
        None,
    )


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_no_text_breaks_the_function_or_books(function: Function, text: str) -> None:
    """Whatever stands in a name, a code, a note or a date: it is refused or kept, and nothing unwanted is written."""
    writes = function.desk.system.writes

    for method, path, body, query in sent_with(text):
        function.desk.verified.tries.clear()
        status, answer = function.ask(method, path, body, query)

        noted = path.endswith("/notes") and "CODE1" in path
        read = method == "GET" and path == "/reservations/CODE1"
        assert status in ((200, 400, 409) if noted or read else (400, 404, 409)), (method, path, body, answer)

    assert function.desk.system.writes - writes == len(function.desk.system.notes)
    assert len(function.desk.system.booked) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "1", '"x"', '{"stay": {"arrival": 1e999}}', '{"rooms": NaN}'])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/offers"),
        ("POST", "/verification"),
        ("POST", "/reservations"),
        ("PUT", "/reservations/CODE1"),
        ("POST", "/reservations/CODE1/notes"),
    ],
)
def test_a_body_that_is_none_is_a_wrong_request(function: Function, method: str, path: str, body: str) -> None:
    """What is not the JSON that is awaited is refused before anything is asked."""
    assert function.ask(method, path, body)[0] == 400


def test_a_price_that_changed_is_told_with_its_offer(function: Function) -> None:
    """The error carries the offer as offers do; carried out, it is booked."""
    _, offered = function.ask("POST", "/offers", {"stay": STAY_BODY, "room_type": "suite"})
    function.desk.system.prices["suite"] = Money(cents=25000, currency="EUR")
    asked = {"wish_id": offered["offers"][0]["wish_id"], "guest": {"name": "Anna Meier"}}

    status, answer = function.ask("POST", "/reservations", asked)

    new = answer["error"]["offer"]
    assert (status, answer["error"]["code"], new["total"]["cents"], new["nights"]) == (409, "price_changed", 50000, 2)
    status, answer = function.ask("POST", "/reservations", asked | {"wish_id": new["wish_id"]})
    assert (status, answer["reservation"]["total"]["cents"]) == (200, 50000)


def test_an_offer_tells_what_is_paid_and_when(function: Function) -> None:
    """What comes on top, what it costs to cancel, and whose reservation it is about stand in the offer."""
    function.desk.system.city_tax = Money(cents=500, currency="EUR")
    function.desk.system.fee = Money(cents=12900, currency="EUR")

    _, booking = function.ask("POST", "/offers", {"stay": STAY_BODY, "room_type": "suite"})
    _, ending = function.ask("POST", "/offers", {"kind": "cancel", "code": function.code})

    (suite,), (end,) = booking["offers"], ending["offers"]
    assert (suite["kind"], suite["city_tax"]["cents"], suite["code"], suite["fee"]) == ("book", 500, None, None)
    assert (end["kind"], end["code"], end["fee"]["cents"], end["room"]) == ("cancel", "CODE1", 12900, "double room")


@pytest.mark.parametrize(
    ("body", "callback"), [(None, None), ({}, None), ({"callback": "+491713920055"}, "+491713920055")]
)
def test_a_cancellation_may_say_whom_to_call(function: Function, body: Any, callback: str | None) -> None:
    """Its body may be left out; a number in it is the follow-up's, should the cancellation stay in doubt."""
    _, offered = function.ask("POST", "/offers", {"kind": "cancel", "code": function.code})
    wish = {"wish_id": offered["offers"][0]["wish_id"]}
    function.desk.system.failures = [InDoubt("no answer")]

    status, answer = function.ask("DELETE", "/reservations/CODE1", body, wish)

    assert (status, answer["error"]["code"]) == (409, "in_doubt")
    (follow_up,) = function.desk.calls.follow_ups.values()
    assert follow_up["callback"] == callback


def test_how_a_guest_is_reached_is_in_no_answer(function: Function) -> None:
    """A booking that is answered, read, listed and verified never shows e-mail or number."""
    _, offered = function.ask("POST", "/offers", {"stay": STAY_BODY, "room_type": "suite"})
    contact = {"email": "anna@example.com", "phone": "+491713920055"}
    asked = {"wish_id": offered["offers"][0]["wish_id"], "guest": {"name": "Anna Meier"}, "contact": contact}

    answers = [
        function.ask("POST", "/reservations", asked),
        function.ask("GET", "/reservations/CODE2"),
        function.ask("GET", "/reservations"),
        function.ask("POST", "/verification", {"code": "CODE2", "surname": "Meier"}),
    ]

    assert [status for status, _ in answers] == [200] * 4
    assert "example.com" not in str(answers)
    assert "3920055" not in str(answers)
    assert function.desk.system.contacts[-1].email == "anna@example.com"
