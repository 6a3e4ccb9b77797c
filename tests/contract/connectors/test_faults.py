"""What every connector promises when its vendor, the line to it or our own secret fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from lambdas.shared.domain.errors import BellhopError, InDoubt, NotPossible, Unreachable
from lambdas.shared.domain.money import Money
from lambdas.shared.pms import Capability, Order
from lambdas.shared.pms import vendor_http as http
from tests.contract.vendors.benches import ANNA, CONTACT, PERSONAL, STAY, Bench, Workshop, moved, refused
from tests.contract.vendors.line import Fault, Line

pytestmark = pytest.mark.contract

FREE: Final = Money(cents=0, currency="EUR")
NOWHERE: Final = "http://127.0.0.1:1"
LATER: Final = moved(STAY, 1)


@contextmanager
def patient(fault: Fault) -> Iterator[None]:
    """A vendor that answers late is given up on in less than a second; one that is only busy is waited for."""
    with pytest.MonkeyPatch.context() as patch:
        if fault is Fault.LATE:
            patch.setattr(http, "READ_SECONDS", 0.6)
            patch.setattr(http, "WRITE_SECONDS", 0.6)
        yield


@dataclass(frozen=True)
class Deed:
    """Something done to the vendor on a bench where one reservation stands; `name` is the house's word for it."""

    name: str
    needs: Capability | None
    prepare: Callable[[Bench, str], Callable[[], object]]

    def ready(self, bench: Bench) -> Callable[[], object] | None:
        """The deed, everything before it done; None where the system cannot do it."""
        if self.needs and not bench.can(self.needs):
            return None
        booked = bench.pms.book(Order("wish00000001", bench.offered("suite"), ANNA, CONTACT))
        bench.house.deeds.clear()
        return self.prepare(bench, booked.code)


def _book(bench: Bench, code: str) -> Callable[[], object]:
    order = Order("wish00000002", bench.offered("double"), ANNA, CONTACT)
    return lambda: bench.pms.book(order)


def _change(bench: Bench, code: str) -> Callable[[], object]:
    booked = bench.pms.reservation(code)
    assert booked is not None
    offers = bench.pms.change_offers(booked, LATER)
    (offer,) = [each for each in offers if (each.room_type, each.rate_plan) == ("suite", booked.rate_plan)]
    return lambda: bench.pms.change(code, offer)


def _cancel(bench: Bench, code: str) -> Callable[[], object]:
    return lambda: bench.pms.cancel(code, FREE)


def _note(bench: Bench, code: str) -> Callable[[], object]:
    return lambda: bench.pms.add_note(code, "needs a cot")


WRITES: Final = [
    Deed("book", None, _book),
    Deed("change", Capability.CHANGE_DATES, _change),
    Deed("cancel", Capability.CANCEL, _cancel),
    Deed("note", Capability.NOTE, _note),
]
READS: Final[dict[str, Callable[[Bench], object]]] = {
    "describe": lambda bench: bench.pms.describe(),
    "offers": lambda bench: bench.pms.offers(STAY),
    "reservation": lambda bench: bench.pms.reservation(bench.keeper.stays()[0].code),
    "search": lambda bench: bench.pms.search("Meier", STAY.arrival),
    "find": lambda bench: bench.pms.find(bench.order()),
}
WRITTEN = pytest.mark.parametrize("deed", WRITES, ids=lambda deed: deed.name)
READ = pytest.mark.parametrize("read", list(READS.values()), ids=list(READS))
BROKEN = pytest.mark.parametrize("fault", list(Fault), ids=str)


class Counted:
    """Breaks the line at one of the requests that follow, counted from 0."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._begin = len(line.requests)

    @property
    def requests(self) -> int:
        return len(self._line.requests) - self._begin

    def break_at(self, number: int, fault: Fault) -> None:
        self._line.break_next(fault, when=lambda *_: self.requests - 1 == number)


def requests_of(bench: Bench, line: Line, deed: Deed) -> int:
    """How many requests the deed takes when nothing breaks; 0 where the system cannot do it."""
    if not (do := deed.ready(bench)):
        return 0
    counted = Counted(line)
    do()
    assert [name for name, _ in bench.house.deeds] == [deed.name]
    return counted.requests


@WRITTEN
@BROKEN
def test_a_write_is_done_once_or_the_truth_is_told(
    on_line: Bench, workshop: Workshop, line: Line, deed: Deed, fault: Fault
) -> None:
    """Whichever of a write's requests breaks, and however: what is answered is what happened, and never twice.

    An answer means done once; InDoubt means once or not at all; every other error means that nothing was done.
    """
    for number in range(requests_of(on_line, line, deed)):
        bench = workshop.bench(on_line.connector, at=line.url)
        do = deed.ready(bench)
        assert do is not None
        Counted(line).break_at(number, fault)
        error: BellhopError | None = None

        try:
            with patient(fault):
                do()
        except BellhopError as caught:
            error = caught
        finally:
            line.mend()

        done = [name for name, _ in bench.house.deeds]
        allowed = [[deed.name]] if error is None else [[], [deed.name]] if isinstance(error, InDoubt) else [[]]
        assert done in allowed, f"request {number}: {error!r} after {done}"


@WRITTEN
@pytest.mark.parametrize("fault", [Fault.UNAUTHORISED, Fault.LIMITED], ids=str)
def test_a_write_that_was_not_let_in_is_sent_again(
    on_line: Bench, workshop: Workshop, line: Line, deed: Deed, fault: Fault
) -> None:
    """A token that was withdrawn and a limit that is over in a second do not hinder a write: nothing was done yet."""
    for number in range(requests_of(on_line, line, deed)):
        bench = workshop.bench(on_line.connector, at=line.url)
        do = deed.ready(bench)
        assert do is not None
        Counted(line).break_at(number, fault)

        do()

        assert [name for name, _ in bench.house.deeds] == [deed.name]
        line.mend()


@WRITTEN
def test_a_write_to_nobody_is_unreachable(on_line: Bench, deed: Deed) -> None:
    """When no connection can be made nothing was sent, and that is said: the wish may be tried again."""
    if not (do := deed.ready(on_line)):
        return
    cut_off(on_line)

    with refused(Unreachable):
        do()

    assert on_line.house.deeds == []


@WRITTEN
def test_a_write_works_again_when_the_vendor_does(on_line: Bench, line: Line, deed: Deed) -> None:
    """After a fault before which nothing was done, the same write is done once."""
    if not (do := deed.ready(on_line)):
        return
    line.break_next(Fault.UNAVAILABLE_BEFORE, times=99)
    with refused(Unreachable, InDoubt):
        do()
    line.mend()
    on_line.clock.now += timedelta(minutes=1)

    do()

    assert [name for name, _ in on_line.house.deeds] == [deed.name]


@READ
@BROKEN
def test_a_read_heals(on_line: Bench, line: Line, read: Callable[[Bench], object], fault: Fault) -> None:
    """One broken request of a read is not heard by the guest: it is asked again, or the vendor's fault is told."""
    on_line.pms.book(on_line.order("wish00000002"))
    counted = Counted(line)
    whole = read(on_line)
    for number in range(counted.requests):
        on_line.clock.now += timedelta(minutes=1)
        Counted(line).break_at(number, fault)

        try:
            with patient(fault):
                assert read(on_line) == whole
        except Unreachable:
            assert fault is Fault.GARBLED
        line.mend()


@READ
def test_a_read_of_nobody_is_unreachable(on_line: Bench, line: Line, read: Callable[[Bench], object]) -> None:
    """A vendor that fails at every try is unreachable, with its code for the log."""
    on_line.pms.book(on_line.order("wish00000002"))
    line.break_next(Fault.UNAVAILABLE_BEFORE, times=99)

    with refused(Unreachable) as errors:
        on_line.pms.search("Meier", STAY.arrival)
    with refused(Unreachable):
        read(cut_off(on_line))

    assert errors[0].vendor_code


@pytest.mark.parametrize("secret", ["wrong", "missing"])
def test_a_wrong_secret_is_unreachable(vendor: Bench, secret: str) -> None:
    """With a secret that the vendor does not accept, or that lacks a part, nothing is told and nothing is done."""
    order = vendor.order()
    held = {name: _altered(value) for name, value in vendor.vendor.secret.items()} if secret == "wrong" else {}
    pms = vendor.renewed(secret=lambda *_: held)

    with refused(Unreachable) as errors:
        pms.offers(STAY)
    with refused(Unreachable):
        pms.book(order)
    with refused(Unreachable):
        pms.search("Meier", STAY.arrival)

    assert errors[0].vendor_code
    assert not any(value in str(errors[0]) for value in vendor.vendor.secret.values())
    assert vendor.house.deeds == []


@pytest.mark.parametrize("fault", [None, Fault.GARBLED, Fault.UNAVAILABLE_AFTER], ids=str)
def test_nothing_personal_is_logged(
    on_line: Bench, line: Line, caplog: pytest.LogCaptureFixture, fault: Fault | None
) -> None:
    """Whatever fails, no guest's name, address or number stands in a log of ours or of the client's, nor in debug's."""
    order = Order("wish00000001", on_line.offered(), ANNA, CONTACT)
    with caplog.at_level(logging.DEBUG):
        booked = on_line.pms.book(order)
        if fault:
            line.break_next(fault, times=99)
        with suppress(Unreachable):
            on_line.pms.search("Meier", STAY.arrival)
        with suppress(Unreachable):
            on_line.pms.find(order)
        with suppress(Unreachable, InDoubt, NotPossible):
            on_line.pms.add_note(booked.code, "Anna Meier needs a cot")

    ours = [record for record in caplog.records if record.name.startswith(("lambdas", "httpx", "httpcore"))]
    told = "\n".join(record.getMessage() for record in ours)
    assert not any(word in told.casefold() for word in PERSONAL)


def test_many_ask_at_once(vendor: Bench) -> None:
    """One connector answers several threads, each with its own answer."""
    stays = [moved(STAY, days) for days in range(8)]

    with ThreadPoolExecutor(8) as guests:
        answers = list(guests.map(vendor.pms.offers, stays))

    assert [{offer.stay for offer in offers} for offers in answers] == [{stay} for stay in stays]


def test_every_capability_is_named(bench: Bench) -> None:
    """What a system can do is told by the names that the receptionist knows, the same at any time."""
    assert bench.pms.capabilities <= set(Capability)
    assert bench.pms.capabilities == bench.renewed().capabilities


def cut_off(bench: Bench) -> Bench:
    """The bench with a connector whose vendor's address nobody listens at."""
    hotel = bench.hotel.model_copy(update={"pms": bench.hotel.pms.model_copy(update={"url": NOWHERE})})
    bench.hotel = hotel
    bench.pms = bench.renewed()
    return bench


def _altered(value: str) -> str:
    return value[:-1] + ("1" if value[-1] != "1" else "2")
