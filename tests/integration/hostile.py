"""A client of the pms function that wants what is not its own: other guests' stays, other hotels', other calls'.

It holds one call and one reservation of its own and may know codes, surnames and days of others, but never what would
verify them. Each of its sequences is seeded; the estate knows what every request of one may have changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final, cast
from urllib.parse import quote, urlencode

from lambdas.shared.domain.said import normal_code
from tests.contract.vendors.benches import AURORA, STAY, moved
from tests.contract.vendors.keepers import Stood
from tests.integration.estate import FOREIGN_EPOCH, Estate, Person, path_of

STRINGS: Final = (
    "",
    " ",
    "*",
    "%",
    "'",
    '"',
    "null",
    "../../etc/passwd",
    "..%2f..%2fv1",
    "' OR '1'='1",
    "'; DROP TABLE reservations;--",
    "${jndi:ldap://x/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "\x00",
    "\r\nX-Call-Epoch: 7",
    "a\u202eb",
    "🙂" * 20,
    "ﷺ",
    "A" * 5_000,
    "-1",
    "1e309",
    "true",
    "#",
    "?code=1001",
    "CALL#x",
    "STAY#",
)
_DEEP: Final = b'{"surname":' * 500 + b"1" + b"}" * 500


@dataclass
class Hostile:
    """One sequence of requests of one call."""

    estate: Estate
    seed: str
    wishes: list[tuple[str, str, str | None]] = field(default_factory=list)
    """What this call holds: wish, kind, the code it is about."""
    wrong: int = 0
    touched: set[str] = field(default_factory=set)
    """Codes of what an answer said is written."""
    namesakes: list[Person] = field(default_factory=list)
    """Under whose names this call has booked: those names are its own guests' now, too."""

    def __post_init__(self) -> None:
        self.dice = Random(self.seed)
        self.call_id = self.estate.call(AURORA.phone.numbers[0])
        self.path = path_of("aurora", self.call_id)
        self.own = {self.estate.eve.code}
        self.days = self.dice.randint(5, 300)
        self.steps: list[str] = []

    def run(self, steps: int) -> list[str]:
        """What went wrong in so many requests."""
        before = self.estate.stays()
        kinds = list(ACTIONS)
        for _ in range(steps):
            self.dice.choices(kinds, [ACTIONS[kind] for kind in kinds])[0](self)
        problems = [*self.estate.problems, *self._changes(before, self.estate.stays())]
        self.estate.problems.clear()
        return [f"{self.seed}: {problem}; {self.steps}" for problem in problems]

    def _changes(self, before: dict[str, Stood], after: dict[str, Stood]) -> list[str]:
        """Every reservation that changed, appeared or is gone without an answer that says so."""
        changed = [key for key in {*before, *after} if before.get(key) != after.get(key)]
        mine = {f"aurora/{code}" for code in self.touched}
        return [f"unwanted write: {before.get(key)} became {after.get(key)}" for key in changed if key not in mine]

    # The requests. Each is sent by `_ask`, which judges the answer.

    def honest_verification(self) -> None:
        eve = self.estate.eve
        by_code = {"surname": eve.last, "code": eve.code}
        by_facts = {"surname": eve.last, "arrival": str(eve.stay.arrival), "email": eve.contact.email}
        status, body = self._ask("POST", "/verification", self.dice.choice([by_code, by_facts]))
        # Wrong by now, if this reservation has been changed since.
        self.wrong += status == 409
        if self.wrong >= 3 and body.get("error", {}).get("code") != "tries_over":
            self._complain("a verification after three wrong answers")
        if status == 200 and body["reservation"]["code"] != eve.code:
            self._complain("another reservation than the own was verified")

    def wrong_verification(self) -> None:
        person = self.dice.choice(self.estate.foreign)
        others = ["Fremdling", "Meier", person.first, person.last[:-1], f"{person.last}s", *STRINGS]
        day, wrong_day = str(person.stay.arrival), str(person.stay.departure + timedelta(days=1))
        said = self.dice.choice(
            [
                {"surname": self.dice.choice(others), "code": person.code},
                {"surname": person.last, "code": self.dice.choice([self.estate.eve.code, "ZZZZZZ", *STRINGS])},
                {"surname": person.last, "arrival": day, "departure": wrong_day},
                {"surname": person.last, "arrival": day, "email": self.estate.eve.contact.email},
                {"surname": person.last, "arrival": day, "phone": self.estate.eve.contact.phone},
                {"surname": person.last, "arrival": wrong_day, "email": person.contact.email},
                {"surname": person.last, "arrival": day},
                {"surname": self.dice.choice(others), "arrival": day, "departure": str(person.stay.departure)},
                # The right words at the wrong hotel.
                {"surname": self.estate.guest_away.last, "code": self.estate.guest_away.code},
            ]
        )
        status, body = self._ask("POST", "/verification", said)
        code = body.get("error", {}).get("code")
        if status == 200:
            self._complain("a wrong answer verified something")
        self.wrong += status == 409
        if status == 409 and code != ("tries_over" if self.wrong >= 3 else "not_verified"):
            self._complain(f"wrong answer {self.wrong} was answered {code}")

    def insist(self) -> None:
        """Guesses on and on."""
        for _ in range(4):
            self.wrong_verification()

    def list_reservations(self) -> None:
        self._ask("GET", "/reservations")

    def get_reservation(self) -> None:
        code = self._code()
        status, body = self._ask("GET", f"/reservations/{quote(code, safe='')}")
        self._uniform(code, status, body)

    def offers_to_book(self) -> None:
        stay = moved(STAY, self.days + self.dice.randint(0, 3)).model_dump(mode="json")
        status, body = self._ask("POST", "/offers", {"stay": stay, "room_type": self.dice.choice([None, "double"])})
        if status == 200:
            self.wishes += [(offer["wish_id"], "book", None) for offer in body["offers"][:2]]

    def offers_to_change(self) -> None:
        code = self._code()
        stay = moved(STAY, self.days + self.dice.randint(0, 9)).model_dump(mode="json")
        status, body = self._ask("POST", "/offers", {"kind": "change", "code": code, "stay": stay})
        self._keep(code, "change", status, body)

    def offers_to_cancel(self) -> None:
        code = self._code()
        status, body = self._ask("POST", "/offers", {"kind": "cancel", "code": code})
        self._keep(code, "cancel", status, body)

    def book(self) -> None:
        wish = self._wish()
        hostile_name = f"Eva {self.dice.choice(STRINGS)}"
        name = self.dice.choice(["Eva Fremdling", "Eva Fremdling", hostile_name, "E" * 101, "ü" * 100])
        body: dict[str, Any] = {
            "wish_id": wish,
            "guest": {"name": name},
            "rooms": self.dice.choice([1, 1, 2, 0, 10**6]),
            "contact": self.dice.choice([{}, {"email": "eve@fremd.example"}, {"email": self.dice.choice(STRINGS)}]),
        }
        if self.dice.random() < 0.5:
            held = [wish for wish, kind, _ in self.wishes if kind == "book"]
            body = {"wish_id": self.dice.choice(held or [wish]), "guest": {"name": "Eva Fremdling"}}
        status, answer = self._ask("POST", "/reservations", body)
        if status == 200:
            self._written(answer["reservation"]["code"], wish, "book")

    def namesake(self) -> None:
        """Books under a victim's name, for the victim's own nights: a reservation of one's own, and no other."""
        person = self.dice.choice(self.estate.victims)
        stay = person.stay.model_dump(mode="json")
        status, body = self._ask("POST", "/offers", {"stay": stay, "room_type": person.room})
        offers = body.get("offers", []) if status == 200 else []
        if not offers or self.dice.random() < 0.7:
            return
        guest = {"name": f"{person.first} {person.last}"}
        request = {"wish_id": offers[0]["wish_id"], "guest": guest}
        self.namesakes.append(person)
        status, body = self._ask("POST", "/reservations", request)
        if status == 200:
            self._written(body["reservation"]["code"], offers[0]["wish_id"], "book")
            # The next guests shall find a room: this one is given back by the front desk.
            self.own.discard(body["reservation"]["code"])
            self.estate.staff.move(body["reservation"]["code"], "cancelled")

    def change(self) -> None:
        code, wish = self._code_and_wish("change")
        status, body = self._ask("PUT", f"/reservations/{quote(code, safe='')}", {"wish_id": wish})
        self._uniform(code, status, body)
        if status == 200:
            self._written(body["reservation"]["code"], wish, "change")

    def cancel(self) -> None:
        code, wish = self._code_and_wish("cancel")
        query = self.dice.choice([urlencode({"wish_id": wish})] * 4 + ["", f"wish_id={quote(wish)}&wish_id=x" * 2])
        status, body = self._ask("DELETE", f"/reservations/{quote(code, safe='')}", query=query)
        self._uniform(code, status, body)
        if status == 200:
            self._written(body["reservation"]["code"], wish, "cancel")

    def note(self) -> None:
        code = self._code()
        body = {
            "id": self.dice.choice(["n1", "n2", "n3", self.dice.choice(STRINGS)]),
            "text": self.dice.choice(["needs a cot", *STRINGS]),
        }
        status, answer = self._ask("POST", f"/reservations/{quote(code, safe='')}/notes", body)
        self._uniform(code, status, answer)
        if status == 200:
            self.touched.add(self._known(code))

    def other_calls(self) -> None:
        """Everything again under another call, another hotel, or an epoch that is not the call's."""
        number = self.estate.guest_away
        call_id, hotel, epoch = self.dice.choice(
            [
                (self.estate.other_call, "aurora", self.dice.choice([0, 1, 6, 8])),
                (self.call_id, "borealis", 1),
                (self.call_id, "aurora", self.dice.choice([0, 2, -1, "1e3", "9" * 40, "1 OR 1", "", None])),
                (self.estate.other_call, "borealis", FOREIGN_EPOCH),
                (self.dice.choice(STRINGS) or "x", "aurora", 1),
                (self.call_id, self.dice.choice(STRINGS) or "x", 1),
            ]
        )
        base = path_of(hotel, call_id)
        person = self.dice.choice([*self.estate.victims, number])
        right = {"surname": person.last, "code": person.code}
        wish = {"wish_id": self.estate.other_wish, "guest": {"name": "Eva Fremdling"}}
        code = quote(person.code, safe="")
        method, path, body = self.dice.choice(
            [
                ("POST", "/verification", right),
                ("GET", "/reservations", None),
                ("GET", f"/reservations/{code}", None),
                ("POST", "/reservations", wish),
                ("PUT", f"/reservations/{code}", {"wish_id": self.estate.other_wish}),
                ("DELETE", f"/reservations/{code}", None),
                ("POST", f"/reservations/{code}/notes", {"id": "n1", "text": "needs a cot"}),
                ("POST", "/offers", {"kind": "cancel", "code": person.code}),
            ]
        )
        query = f"wish_id={self.estate.other_wish}" if method == "DELETE" else ""
        status, _ = self._ask(method, path, body, base=base, epoch=epoch, query=query)
        if status == 200:
            self._complain(f"{method} {path} was done under {call_id} at {hotel} with epoch {epoch}")

    def garbage(self) -> None:
        """A body of a right request of which something is wrong."""
        stay = moved(STAY, self.days).model_dump(mode="json")
        path, body = self.dice.choice(
            [
                ("/offers", {"stay": stay, "kind": "book", "room_type": "double"}),
                ("/verification", {"surname": "Fremdling", "code": "ZZZZZZ"}),
                ("/reservations", {"wish_id": "wish0000", "guest": {"name": "Eva Fremdling"}, "rooms": 1}),
                (f"/reservations/{self.estate.victims[0].code}/notes", {"id": "n1", "text": "needs a cot"}),
            ]
        )
        content: Any = self._spoilt(cast("dict[str, Any]", json.loads(json.dumps(body))))
        if self.dice.random() < 0.3:
            content = self.dice.choice(
                [b"", b"{", b"[]", b"\xff\xfe", b"1" * 100_000, b'{"a":' * 3_000, _DEEP, b"NaN", b'"x"']
            )
        status, answer = self._ask("POST", path, content)
        self.wrong += path == "/verification" and status == 409
        if path == "/reservations" and status == 200:
            self._complain(f"garbage has booked {answer}")

    def _ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        base: str | None = None,
        epoch: object = 1,
        query: str = "",
    ) -> tuple[int, Any]:
        status, answer = self.estate.send(method, f"{base or self.path}{path}", body, epoch, query)
        self.steps.append(f"{method} {path} {str(body)[:120]} → {status}")
        self.estate.answers[self.steps[-1].split("/")[0] + path.split("/")[1], status] += 1
        text = json.dumps(answer, ensure_ascii=False)
        if status >= 500:
            self._complain(f"{status} {text[:300]}")
        for person in self.estate.foreign:
            told = [secret for secret in person.secrets if secret and secret in text and person not in self.namesakes]
            if told:
                self._complain(f"{method} {path} told {told}")
            if person.code in text and person.code not in f"{path}{body}{query}":
                self._complain(f"{method} {path} told the code {person.code}")
        return status, answer

    def _uniform(self, code: str, status: int, answer: Any) -> None:
        """What is not verified is answered alike, whether it exists here, elsewhere or nowhere."""
        error = answer.get("error", {})
        expected = {"code": "not_verified", "message": "this call has not shown whose reservation it is"}
        if status not in (0, 400) and self._known(code) not in self.own and error != expected:
            self._complain(f"{code!r} was answered {status} {error}")

    def _keep(self, code: str, kind: str, status: int, body: Any) -> None:
        self._uniform(code, status, body)
        if status == 200:
            self.wishes += [(offer["wish_id"], kind, self._known(code)) for offer in body["offers"][:2]]

    def _written(self, code: str, wish_id: str, kind: str) -> None:
        """A write was answered: it is one of this call's own wishes, of that kind, about that reservation."""
        self.touched.add(code)
        self.own.add(code)
        about = [wish for wish in self.wishes if wish[0] == wish_id]
        if kind != "book" and (wish_id, kind, code) not in about:
            self._complain(f"{kind} of {code} by wish {wish_id}, which is {about}")
        if code in {person.code for person in self.estate.foreign}:
            self._complain(f"{kind} of another's reservation {code}")

    def _known(self, code: str) -> str:
        """The code as it is kept, if it is one of the call's own."""
        try:
            said = normal_code(code)
        except ValueError:
            return code
        return next((known for known in self.own if normal_code(known) == said), code)

    def _code(self) -> str:
        foreign = [person.code for person in self.estate.foreign]
        pools = [[*self.own], [*self.own], foreign, foreign, ["ZZZZZZ", "1", *STRINGS[1:]]]
        return self.dice.choice(self.dice.choice(pools)) or "x"

    def _wish(self) -> str:
        mine = [wish[0] for wish in self.wishes]
        others = [self.estate.other_wish, "wish9999999999", *STRINGS]
        return self.dice.choice(mine if mine and self.dice.random() < 0.8 else others)

    def _code_and_wish(self, kind: str) -> tuple[str, str]:
        """What belongs together, as often as not."""
        fitting = [(code, wish) for wish, held, code in self.wishes if held == kind and code]
        return self.dice.choice(fitting) if fitting and self.dice.random() < 0.5 else (self._code(), self._wish())

    def _spoilt(self, body: dict[str, Any]) -> dict[str, Any]:
        holder = body
        key = self.dice.choice(list(holder))
        if isinstance(holder[key], dict) and self.dice.random() < 0.6:
            holder = holder[key]
            key = self.dice.choice(list(holder))
        values: list[Any] = [None, 10**30, -1, 1.5, float("inf"), [], {}, [[[]]], True, "\ud800", *STRINGS]
        match self.dice.randint(0, 3):
            case 0:
                del holder[key]
            case 1:
                holder[self.dice.choice(["__proto__", "code", "epoch", "price", ""])] = self.dice.choice(values)
            case _:
                holder[key] = self.dice.choice(values)
        return body

    def _complain(self, problem: str) -> None:
        self.estate.problems.append(problem)


ACTIONS: Final[Mapping[Callable[[Hostile], None], int]] = {
    Hostile.honest_verification: 5,
    Hostile.wrong_verification: 4,
    Hostile.insist: 1,
    Hostile.list_reservations: 2,
    Hostile.get_reservation: 5,
    Hostile.offers_to_book: 5,
    Hostile.offers_to_change: 4,
    Hostile.offers_to_cancel: 3,
    Hostile.book: 5,
    Hostile.namesake: 1,
    Hostile.change: 6,
    Hostile.cancel: 5,
    Hostile.note: 5,
    Hostile.other_calls: 8,
    Hostile.garbage: 6,
}
"""What a client does, and how often in proportion."""
