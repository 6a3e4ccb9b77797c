"""Two hotels with their guests, and the pms function before both, for a client that wants what is not its own."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, Self, cast
from urllib.parse import quote

from lambdas.endpoints import EPOCH_HEADER
from lambdas.pms.notes import DynamoNotes
from lambdas.pms.routes import build_app
from lambdas.pms.service import Bookings
from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.call_store import CallStore, DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.shared.domain.stay import Contact, Guest, ReservationState, Stay
from lambdas.shared.http import Api
from lambdas.shared.leases import DynamoLeases, Leases
from lambdas.shared.pms import CONNECTORS
from lambdas.shared.pms.demo import DemoPms
from lambdas.shared.pms.system import NO_CONTACT
from lambdas.shared.wish_store import DynamoWishes
from local.gateway import LocalContext
from local.proxy_event import proxy_event, route_of
from tests.contract.vendors.benches import AURORA, STAY, Bench, Clock, moved
from tests.contract.vendors.keepers import DemoKeeper, Staff, Stood
from tests.memory import MemoryCalls, MemoryDue, MemoryLeases, MemoryNotes, MemoryVerified, MemoryWishes
from tests.scripted_pms import ScriptedPms

AWAY_NUMBER: Final = "+498912345001"
FOREIGN_EPOCH: Final = 7
_ids = itertools.count(1)


@dataclass(frozen=True)
class Person:
    """Somebody with a reservation; nobody else here has such a name, address or number."""

    first: str
    last: str
    contact: Contact
    room: str
    stay: Stay
    code: str

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self.first, self.last, self.contact.email or "", (self.contact.phone or "")[1:])


VICTIMS: Final = (
    ("Zacharias", "Quellwasser", "zq@quell.example", "+4915111111101", "double", 0),
    ("Ottilie", "Brunnenmacher", "ob@brunnen.example", "+4915111111102", "double", 0),
    ("Hildegunde", "Quarzstein", "hq@quarz.example", "+4915111111103", "suite", 3),
)
AWAY: Final = ("Theophil", "Sandkuhl", "ts@sand.example", "+4915111111104", "double", 0)
EVE: Final = ("Eva", "Fremdling", "eve@fremd.example", "+4915111111105", "double", 1)


def _new_id() -> str:
    return f"wish{next(_ids):010d}"


def _two_hotels(aurora: Hotel) -> Hotels:
    phone = AURORA.phone.model_copy(update={"numbers": (AWAY_NUMBER,)})
    away = AURORA.model_copy(update={"name": "borealis", "title": "Hotel Borealis", "phone": phone}, deep=True)
    by_number = {aurora.phone.numbers[0]: aurora, AWAY_NUMBER: away}
    return Hotels(by_name={hotel.name: hotel for hotel in (aurora, away)}, by_number=by_number)


def _person(keeper: Staff, facts: tuple[str, str, str, str, str, int]) -> Person:
    first, last, email, phone, room, days = facts
    stay, contact = moved(STAY, days), Contact(email=email, phone=phone)
    code = keeper.walk_in(room, stay, Guest(name=f"{first} {last}", last_name=last), contact)
    return Person(first, last, contact, room, stay, code)


@dataclass(frozen=True)
class ScriptedKeeper:
    """The staff of a hotel whose system is in memory and finds more than it is asked for."""

    system: ScriptedPms

    def stays(self) -> list[Stood]:
        kept = [
            Stood.of(found, [text for code, text in self.system.notes if code == found.code])
            for found in self.system.reservations.values()
        ]
        return sorted(kept, key=lambda stood: stood.code)

    def walk_in(self, room: str, stay: Stay, guest: Guest, contact: Contact = NO_CONTACT) -> str:
        return self.system.walk_in(guest.name, stay=stay, contact=contact).code

    def move(self, code: str, state: str) -> None:
        kept = self.system.reservations[code]
        self.system.reservations[code] = kept.model_copy(update={"state": ReservationState(state)})


@dataclass
class Estate:
    """Two hotels, their guests, and the function that both are behind."""

    calls: CallStore
    leases: Leases
    app: Api
    staff: Staff
    away_staff: Staff
    clock: Clock
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    @classmethod
    def in_memory(cls) -> Self:
        """Over stores in memory, fast enough for thousands of calls."""
        hotels, clock = _two_hotels(AURORA), Clock()
        calls, leases = MemoryCalls(hotels), MemoryLeases()
        systems = {hotel.name: ScriptedPms(hotel) for hotel in hotels}
        bookings = Bookings(
            hotels=hotels,
            calls=calls,
            leases=leases,
            wishes=MemoryWishes(calls, leases),
            verified=MemoryVerified(),
            notes=MemoryNotes(MemoryDue(calls)),
            pms=systems,
            now=clock,
            new_id=_new_id,
            sleep=lambda _: None,
        )
        keepers = {name: ScriptedKeeper(system) for name, system in systems.items()}
        return cls(calls, leases, build_app(bookings), keepers["aurora"], keepers["borealis"], clock)

    @classmethod
    def on_bench(cls, bench: Bench) -> Self:
        """Over both tables, Aurora behind the bench's connector and Borealis in the table itself."""
        parts, clock, hotels = bench.parts, bench.clock, _two_hotels(bench.hotel)
        away = hotels.by_name["borealis"]
        away_pms = cast("DemoPms", CONNECTORS["demo"](away, parts))
        calls = DynamoCallStore(calls_table=parts.calls_table, hotels=hotels, client=parts.client, clock=clock)
        leases = DynamoLeases(leases_table=parts.leases_table, client=parts.client, clock=clock)
        bookings = Bookings(
            hotels=hotels,
            calls=calls,
            leases=leases,
            wishes=DynamoWishes(calls=calls, leases_table=parts.leases_table),
            verified=DynamoVerifiedCodes(calls),
            notes=DynamoNotes(calls),
            pms={"aurora": bench.pms, "borealis": away_pms},
            now=clock,
            new_id=_new_id,
            sleep=lambda _: None,
        )
        away_staff = DemoKeeper(away_pms, away, parts.client, parts.calls_table)
        return cls(calls, leases, build_app(bookings), bench.keeper, away_staff, clock)

    def __post_init__(self) -> None:
        self.victims = [_person(self.staff, facts) for facts in VICTIMS]
        self.guest_away = _person(self.away_staff, AWAY)
        self.eve = _person(self.staff, EVE)
        self.other_call = self.call(AURORA.phone.numbers[0], epochs=FOREIGN_EPOCH)
        self.other_wish = self.wish_of(self.other_call)

    @property
    def foreign(self) -> list[Person]:
        return [*self.victims, self.guest_away]

    def call(self, number: str, *, epochs: int = 1, ended: bool = False) -> str:
        """A new call to that number, held under the last of so many epochs."""
        call_id = f"call_{number}_{next(_ids):012d}"
        for agent in range(epochs):
            if agent:
                self._let_go(call_id)
            self.leases.take(call_id, f"agent {agent}")
        for kind in (Kind.ANSWERED, *([Kind.ENDED] if ended else [])):
            seq = next(_ids)
            event = Event(
                call_id=call_id,
                source=Source.AGENT,
                id=str(seq),
                kind=kind,
                at=self.clock(),
                epoch=epochs,
                seq=seq,
            )
            self.calls.apply(event)
        return call_id

    def _let_go(self, call_id: str) -> None:
        """The next agent may have the call."""
        self.clock.now += timedelta(seconds=61)
        if isinstance(self.leases, MemoryLeases):
            self.leases.let_go(call_id)

    def wish_of(self, call_id: str) -> str:
        """A wish that another call holds."""
        stay = moved(STAY, 90).model_dump(mode="json")
        _, body = self.send("POST", f"{path_of('aurora', call_id)}/offers", {"stay": stay}, FOREIGN_EPOCH)
        wish_id: str = body["offers"][0]["wish_id"]
        return wish_id

    def send(self, method: str, path: str, body: Any = None, epoch: object = None, query: str = "") -> tuple[int, Any]:
        """The function's answer, as API Gateway would have asked it; 0 where no route of the API is met."""
        found = route_of(method, path)
        if found is None:
            return 0, {}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        headers = [("Content-Type", "application/json"), *([] if epoch is None else [(EPOCH_HEADER, str(epoch))])]
        event = proxy_event(
            found,
            method=method,
            raw_path=path,
            query=query,
            headers=headers,
            body=content,
            request_id="request",
            access_key="agent",
            now=self.clock(),
        )
        answer = self.app.resolve(event, LocalContext("pms"))
        return answer["statusCode"], json.loads(answer["body"])

    def stays(self) -> dict[str, Stood]:
        """Everything that is kept in both hotels, by hotel and code."""
        aurora = {f"aurora/{stay.code}": stay for stay in self.staff.stays()}
        return aurora | {f"borealis/{stay.code}": stay for stay in self.away_staff.stays()}


def path_of(hotel: str, call_id: str) -> str:
    return f"/v1/hotels/{quote(hotel, safe='')}/calls/{quote(call_id, safe='')}"
