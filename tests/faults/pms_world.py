"""A call and a hotel's booking system in which processes die, lines break and agents ask twice.

`World.process` is one instance of the functions; each of its vendor requests and table writes is two moments, one
before and one after, at which something can be made to happen to it.
"""

from __future__ import annotations

import itertools
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from aws_lambda_powertools import Logger
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.pms.models import OffersRequest
from lambdas.pms.notes import DynamoNotes, NoteState
from lambdas.pms.service import Bookings
from lambdas.pms.verification import DynamoVerifiedCodes
from lambdas.shared.bookings.carrying_out import Asked, CarryingOut
from lambdas.shared.call_store import DynamoCallStore
from lambdas.shared.domain.call import Event, Kind, Source
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.domain.stay import Guest, Stay
from lambdas.shared.domain.wish import Wish, WishKind
from lambdas.shared.due_follow_ups import DynamoDueFollowUps
from lambdas.shared.leases import DynamoLeases
from lambdas.shared.pms import Pms
from lambdas.shared.wish_store import DynamoWishes
from lambdas.wish_settler.service import Settling
from tests.contract.vendors.benches import ANNA, CONTACT, STAY, Bench, moved
from tests.contract.vendors.keepers import Stood
from tests.memory import MemoryCount

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CALL: Final = "call_+493023125001_aB3dE5gH7jK9"
HOTEL: Final = "aurora"
CALLBACK: Final = "+491701234567"
LATER: Final = moved(STAY, 1)
WRITES: Final = ("transact_write_items", "put_item", "update_item", "delete_item")
_QUIET: Final = Logger(service="faults", level="CRITICAL")
_TLS: Final = ssl.create_default_context()
"""One for all processes: each of its own would read the machine's certificates, and no vendor here speaks TLS."""
_ids = itertools.count(1)


class Killed(BaseException):
    """The function's process is gone; no handler of ours runs."""


def throttled() -> Exception:
    """DynamoDB has not done it."""
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, "TransactWriteItems")


def unheard() -> Exception:
    """DynamoDB has done it, and its answer was lost."""
    return ReadTimeoutError(endpoint_url="https://dynamodb.eu-central-1.amazonaws.com", error="timed out")


class Steps:
    """The moments of a process, counted from 0; at `at` it meets with `accident`."""

    def __init__(self, at: int | None = None, accident: Callable[[], BaseException] = Killed) -> None:
        self.names: list[str] = []
        self._at, self._accident = at, accident

    def around(self, name: str, deed: Callable[[], Any]) -> Any:
        self._pass(f"before {name}")
        result = deed()
        self._pass(f"after {name}")
        return result

    def _pass(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self._at:
            raise self._accident()


class _Table:
    """A client whose writes are steps."""

    def __init__(self, client: DynamoDBClient, steps: Steps) -> None:
        self._client, self._steps = client, steps

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if name not in WRITES:
            return operation
        return lambda **request: self._steps.around("a table write", lambda: operation(**request))


class _Wire(httpx.HTTPTransport):
    """A connection pool whose requests are steps."""

    def __init__(self, steps: Steps) -> None:
        super().__init__(verify=_TLS)
        self._steps = steps

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def exchange() -> httpx.Response:
            response = super(_Wire, self).handle_request(request)
            response.read()
            return response

        answer: httpx.Response = self._steps.around("a vendor request", exchange)
        return answer


@dataclass
class Process:
    """One instance of the pms function and of the settler, with what it meets with."""

    bookings: Bookings
    settling: Settling
    steps: Steps
    http: httpx.Client

    def close(self) -> None:
        self.http.close()


@dataclass
class World:
    """One call of Hotel Aurora, whose system is on the bench."""

    bench: Bench
    epoch: int = 0

    def __post_init__(self) -> None:
        self.hotels = Hotels(
            by_name={HOTEL: self.bench.hotel}, by_number={self.bench.hotel.phone.numbers[0]: self.bench.hotel}
        )
        self.parts = self.bench.parts
        self.leases = DynamoLeases(
            leases_table=self.parts.leases_table, client=self.parts.client, clock=self.bench.clock
        )
        self.calls = self._calls(self.parts.client)
        self.wishes = DynamoWishes(calls=self.calls, leases_table=self.parts.leases_table)
        self.take_over("first")
        self.tell(Kind.ANSWERED)

    def process(self, steps: Steps | None = None, *, sleep: Callable[[float], None] | None = None) -> Process:
        """A new process of the functions, which shares nothing with the others but table and vendor."""
        steps = steps or Steps()
        client = cast("DynamoDBClient", _Table(self.parts.client, steps))
        http = httpx.Client(transport=_Wire(steps), headers={"User-Agent": "bellhop"})
        pms = {HOTEL: self.bench.renewed(client=client, http=lambda: http)}
        calls = self._calls(client)
        wishes = DynamoWishes(calls=calls, leases_table=self.parts.leases_table)
        sleep = sleep or self.forward
        bookings = Bookings(
            hotels=self.hotels,
            calls=calls,
            leases=DynamoLeases(leases_table=self.parts.leases_table, client=client, clock=self.bench.clock),
            wishes=wishes,
            verified=DynamoVerifiedCodes(calls),
            notes=DynamoNotes(calls),
            pms=pms,
            now=self.bench.clock,
            new_id=lambda: f"wish{next(_ids):08d}",
            sleep=sleep,
        )
        settling = Settling(
            hotels=self.hotels,
            carrying_out=CarryingOut(wishes, pms, now=self.bench.clock, sleep=sleep),
            due=DynamoDueFollowUps(calls),
            count=MemoryCount(),
            logger=_QUIET,
        )
        return Process(bookings, settling, steps, http)

    def forward(self, seconds: float) -> None:
        self.bench.clock.now += timedelta(seconds=seconds)

    def take_over(self, holder: str) -> None:
        """That agent holds the call from now on."""
        self.epoch = self.leases.take(CALL, holder).epoch

    def tell(self, kind: Kind) -> None:
        """The agent reports."""
        seq = next(_ids)
        self.calls.apply(
            Event(
                call_id=CALL,
                source=Source.AGENT,
                id=str(seq),
                kind=kind,
                at=self.bench.clock(),
                epoch=self.epoch,
                seq=seq,
            )
        )

    def settle(self, *, minutes: int = 60, every: int = 15) -> None:
        """The schedule runs for so long after the call."""
        for _ in range(0, minutes, every):
            self.forward(every * 60)
            process = self.process()
            process.settling.run()
            process.close()

    def follow_ups(self) -> list[dict[str, Any]]:
        """What the front desk has to do."""
        return self.calls.items_of_hotel(HOTEL, "begins_with(sk, :from)", {":from": "FOLLOWUP#"})

    def events(self) -> list[dict[str, Any]]:
        """What the booking system's side has reported on the call."""
        return self.calls.items(CALL, "begins_with(sk, :from)", {":from": "EVENT#pms#"})

    def records(self, wish_id: str) -> bool:
        """Does the call say that it was done? A note has no wish."""
        if wish_id:
            return any(item["data"]["wish"] == wish_id for item in self.events())
        note = DynamoNotes(self.calls).get(CALL, "note-1")
        return note is not None and note.state is NoteState.ADDED

    def stays(self) -> list[Stood]:
        return self.bench.keeper.stays()

    def _calls(self, client: DynamoDBClient) -> DynamoCallStore:
        return DynamoCallStore(
            calls_table=self.parts.calls_table, hotels=self.hotels, client=client, clock=self.bench.clock
        )


@dataclass(frozen=True)
class Wanted:
    """What the guest of the call wants: one of the kinds of a wish, or a note."""

    kind: str
    code: str | None = None
    before: tuple[Stood, ...] = ()

    @classmethod
    def in_world(cls, world: World, kind: str) -> Wanted:
        """Ready to be asked for; a change, a cancellation and a note are about a reservation this call has made."""
        if kind == "book":
            return cls(kind)
        process = world.process()
        booking = cls("book")
        done = process.bookings.carry_out(
            HOTEL, CALL, booking.offered(world, process).id, WishKind.BOOK, booking.asked(world)
        )
        process.close()
        world.forward(60)
        world.take_over("first")
        return cls(kind, done.code, tuple(world.stays()))

    def offered(self, world: World, process: Process) -> Wish:
        """The wish that holds it, as the guest chooses it."""
        stay: Stay | None = {"book": STAY, "change": LATER}.get(self.kind)
        request = OffersRequest.model_validate({"kind": self.kind, "stay": stay, "code": self.code})
        wishes = process.bookings.offers(HOTEL, CALL, request, world.epoch)
        return next(
            wish for wish in wishes if wish.offer.room_type == "double" and wish.offer.rate_plan in (None, "flexible")
        )

    def asked(self, world: World, guest: Guest = ANNA) -> Asked:
        if self.kind != "book":
            return Asked(epoch=world.epoch, callback=CALLBACK)
        return Asked(epoch=world.epoch, guest=guest, contact=CONTACT, callback=CALLBACK)

    def ask(self, world: World, process: Process, wish_id: str) -> Wish | None:
        """Asks the function to do it; a note has no wish. Raises what the function answers."""
        if self.kind == "note":
            process.bookings.add_note(HOTEL, CALL, self.code or "", "note-1", "needs a cot", world.epoch)
            return None
        return process.bookings.carry_out(HOTEL, CALL, wish_id, WishKind(self.kind), self.asked(world), self.code)

    def done(self, world: World) -> int:
        """How often it was done, as the other side has it."""
        stays = world.stays()
        match self.kind:
            case "book":
                return len([stay for stay in stays if stay.stands])
            case "change":
                return len([stay for stay in stays if stay.stands and stay.arrival == LATER.arrival])
            case "cancel":
                return len([stay for stay in stays if not stay.stands])
        return sum(note.count("needs a cot") for stay in stays for note in stay.notes)


def kinds_of(pms: Pms) -> list[str]:
    """What can be wanted of a system."""
    able = {"change": "change_dates", "cancel": "cancel", "note": "note"}
    return ["book", *(kind for kind, capability in able.items() if capability in pms.capabilities)]
