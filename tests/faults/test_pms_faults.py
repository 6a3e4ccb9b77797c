"""Whatever breaks while a wish is carried out: done once, or not at all and somebody knows; never twice, never silent.

`make faults-pms N=50` plays each kind of fault as often on each connector, and kills the function at every moment; the
same numbers give the same faults again. Without it two of each are played.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import sleep
from typing import Final, Literal

import httpx
import pytest

from lambdas.shared.domain.call import Kind
from lambdas.shared.domain.errors import BellhopError, InDoubt, Unreachable
from lambdas.shared.domain.wish import Wish, WishState
from lambdas.shared.pms import vendor_http
from local.code_state import code_state
from tests.contract.vendors.benches import ALL, VENDORS, Switch, Workshop
from tests.contract.vendors.line import Fault, Line, served_in_thread
from tests.faults.pms_world import CALL, HOTEL, Killed, Steps, Wanted, World, kinds_of, throttled, unheard
from tests.tables import database

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]

Heard = Literal["done", "doubt", "refused", "unreachable", "dead"]
Then = Literal["nobody", "again", "other agent", "anew"]
IN_CI: Final = 2
REPETITIONS: Final = int(os.environ.get("REPETITIONS", IN_CI))
ON_THE_LINE: Final = [fault for fault in Fault if fault is not Fault.LATE]


@dataclass
class Tally:
    """What became of the wishes, by connector and kind of fault."""

    results: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)

    def add(self, connector: str, family: str, *results: str) -> None:
        self.results.setdefault((connector, family), Counter()).update(["played", *results])

    def page(self, code: str) -> str:
        columns = (
            "played",
            "done once",
            "not done",
            "told later",
            "in doubt meanwhile",
            "on the call",
            "twice",
            "silent",
        )
        rows = [f"| connector | what breaks | {' | '.join(columns)} |", f"| --- | --- |{' --- |' * len(columns)}"]
        for (connector, family), counts in self.results.items():
            cells = " | ".join(str(counts[column]) for column in columns)
            rows.append(f"| {connector} | {family} | {cells} |")
        return (
            "# Wishes under faults\n\n"
            "Written by `make faults-pms`: a call's wishes (book, change, cancel, a note) are carried out in each "
            "connector's stand-in while something breaks; then the agent asks again, another agent takes the call "
            "over, the guest wishes anew, or nobody comes back, and the settler runs for an hour. `told later` is what "
            "the front desk got a follow-up for. `on the call`: it was done and the call says so, and the "
            "function died, or its table did, before the answer left, and nobody asked again. Twice and silent must be "
            "0.\n\n"
            f"{code}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.\n\n" + "\n".join(rows) + "\n"
        )


@pytest.fixture(scope="module")
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    target: Path | None = request.config.getoption("--report")
    tally, code = Tally(), code_state() if target else ""
    yield tally
    if target:
        target.write_text(tally.page(code), encoding="utf-8")


@pytest.fixture(scope="module")
def workshop() -> Iterator[Workshop]:
    switch = Switch()
    with database() as client, served_in_thread(switch) as url, httpx.Client() as http:
        yield Workshop(client, http, switch, url)


@pytest.fixture(scope="module")
def line(workshop: Workshop) -> Iterator[Line]:
    with Line.to(workshop.url) as line:
        yield line


@dataclass
class Play:
    """One wish, what happens to it, and what those who asked for it have heard."""

    world: World
    wanted: Wanted
    wish_id: str
    dice: Random
    heard: list[Heard] = field(default_factory=list)
    is_recorded: bool = False
    """Was it done and noted on the call, and only the answer of that lost on its last stretch?"""

    @classmethod
    def prepared(cls, workshop: Workshop, line: Line, connector: str, kind: str, dice: Random) -> Play:
        line.mend()
        workshop.clear()
        world = World(workshop.bench(connector, at=line.url))
        wanted = Wanted.in_world(world, kind)
        process = world.process()
        wish_id = "" if kind == "note" else wanted.offered(world, process).id
        process.close()
        return cls(world, wanted, wish_id, dice)

    def ask(
        self, steps: Steps | None = None, *, wish_id: str | None = None, pause: Callable[[float], None] | None = None
    ) -> None:
        """An agent asks the function, and hears what it hears."""
        process = self.world.process(steps, sleep=pause)
        try:
            self.wanted.ask(self.world, process, self.wish_id if wish_id is None else wish_id)
        except InDoubt:
            self.heard.append("doubt")
        except Unreachable:
            self.heard.append("unreachable")
        except BellhopError:
            self.heard.append("refused")
        except Killed:
            self.heard.append("dead")
        else:
            self.heard.append("done")
        finally:
            process.close()
        if self.heard[-1] in ("dead", "unreachable"):
            self.is_recorded |= self.world.records(self.wish_id)

    def go_on(self, whole: Callable[[], None] = lambda: None) -> Then:
        """What the call does after the first answer, or the lack of one; then it ends, and the settler runs."""
        choices: list[Then] = ["again", "other agent", "nobody", "anew"]
        then = self.dice.choice(choices[: 3 if self.wanted.kind == "note" else 4])
        wish_id = self.wish_id
        if then == "other agent":
            self.world.forward(70)
            self.world.take_over("second")
        for _ in range(0 if then == "nobody" else self.dice.randint(1, 3)):
            self.world.forward(self.dice.choice([1, 16, 40]))
            if then == "anew":
                wish_id = self._anew() or wish_id
            self.ask(wish_id=wish_id)
        self.world.tell(Kind.ENDED)
        whole()
        self.world.settle()
        return then

    def _anew(self) -> str | None:
        process = self.world.process()
        try:
            return self.wanted.offered(self.world, process).id
        except (BellhopError, StopIteration):
            return None
        finally:
            process.close()

    def results(self) -> list[str]:
        """What became of it; `twice` and `silent` are what must not be, `wrong` what must not be told."""
        done = self.wanted.done(self.world)
        wishes = self.world.wishes.of_call(CALL) if self.wanted.kind != "note" else []
        mine = [wish for wish in wishes if wish.kind == self.wanted.kind]
        told_later = [item for item in self.world.follow_ups() if self._is_about(item["id"], mine)]
        results = ["done once" if done == 1 else "not done"] if done < 2 else ["twice"]
        results += ["told later"] if told_later else []
        results += ["in doubt meanwhile"] if "doubt" in self.heard else []
        if self._is_silent(done, told_later=bool(told_later), wishes=mine):
            results.append("on the call" if self.is_recorded else "silent")
        return results + self._wrong(done, mine)

    def _is_about(self, follow_up: str, wishes: list[Wish]) -> bool:
        return any(follow_up.endswith(f":{wish.id}") for wish in wishes) or follow_up == "note:note-1"

    def _is_silent(self, done: int, *, told_later: bool, wishes: list[Wish]) -> bool:
        """Does neither the guest nor the front desk know what has happened?"""
        if told_later or "done" in self.heard:
            return False
        if done or "doubt" in self.heard:
            return True
        return any(wish.state is WishState.REFUSED and wish.reason == "not_done" for wish in wishes)

    def _wrong(self, done: int, wishes: list[Wish]) -> list[str]:
        wrong = ["wrong: told as done"] if "done" in self.heard and not done else []
        if self.wanted.kind == "note":
            return wrong
        states = Counter(wish.state for wish in wishes)
        open_ones = states[WishState.SENT] + states[WishState.IN_DOUBT]
        strays = [item for item in self.world.follow_ups() if item["id"].startswith("stray:")]
        events = [item for item in self.world.events() if item["data"]["wish"] in {wish.id for wish in wishes}]
        wrong += ["wrong: not settled"] if open_ones or self.world.wishes.unsettled(HOTEL) else []
        wrong += ["wrong: state"] if self._is_mistaken(done, states[WishState.BOOKED]) and not strays else []
        wrong += ["wrong: events"] if len(events) != states[WishState.BOOKED] else []
        return wrong

    def _is_mistaken(self, done: int, booked: int) -> bool:
        """Do the wishes tell another number than the other side? A change that is wished anew is so already."""
        return bool(done) != bool(booked) if self.wanted.kind == "change" else done != booked


def judge(tally: Tally, play: Play, connector: str, family: str, told: str) -> None:
    """Notes what became of it; what must not be fails the test with all that is needed to play it again."""
    results = play.results()
    tally.add(connector, family, *results)
    faults = [result for result in results if result in ("twice", "silent") or result.startswith("wrong")]
    if faults:
        states = [(wish.id, wish.kind, wish.state, wish.reason) for wish in play.world.wishes.of_call(CALL)]
        about = f"{told}, heard {play.heard}\n{states}\n{play.world.follow_ups()}\n{play.world.stays()}"
        pytest.fail(f"{faults} {about}")


def dice_of(connector: str, family: str, number: int) -> Random:
    return Random(f"{connector}/{family}/{number}")


def kinds_at(workshop: Workshop, connector: str) -> list[str]:
    return kinds_of(workshop.bench(connector).pms)


@pytest.mark.parametrize("connector", VENDORS)
@pytest.mark.parametrize("family", ["line", "late"])
def test_a_line_that_breaks(workshop: Workshop, line: Line, tally: Tally, connector: str, family: str) -> None:
    """Resets before, during and after a request, faults after it was done, and answers later than one waits."""
    for number in range(REPETITIONS):
        dice = dice_of(connector, family, number)
        fault = Fault.LATE if family == "late" else dice.choice(ON_THE_LINE)
        play = Play.prepared(workshop, line, connector, dice.choice(kinds_at(workshop, connector)), dice)
        at = dice.randint(0, 6)
        break_from(line, at, fault, times=dice.choice([1, 1, 2, 8]))

        with pytest.MonkeyPatch.context() as patch:
            if fault is Fault.LATE:
                patch.setattr(vendor_http, "READ_SECONDS", 0.4)
                patch.setattr(vendor_http, "WRITE_SECONDS", 0.4)
            play.ask()
            if dice.random() < 0.7:
                line.mend()
            then = play.go_on(whole=line.mend)

        judge(tally, play, connector, family, f"{number}: {fault} at request {at} of {play.wanted.kind}, then {then}")


@pytest.mark.parametrize("connector", ALL)
def test_a_function_that_is_killed(workshop: Workshop, line: Line, tally: Tally, connector: str) -> None:
    """The function dies before and after every vendor request and every table write."""
    for number, (kind, at) in enumerate(moments(workshop, line, connector, "killed", lambda _: True)):
        dice = dice_of(connector, "killed", number)
        play = Play.prepared(workshop, line, connector, kind, dice)
        steps = Steps(at)

        play.ask(steps)
        then = play.go_on()

        judge(tally, play, connector, "killed", f"{number}: {kind} killed {steps.names[-1]} ({at}), then {then}")


@pytest.mark.parametrize("connector", ALL)
def test_a_table_that_fails(workshop: Workshop, line: Line, tally: Tally, connector: str) -> None:
    """Each table write is throttled, or is done and its answer lost."""
    for number, (kind, at) in enumerate(moments(workshop, line, connector, "table", lambda name: "table" in name)):
        dice = dice_of(connector, "table", number)
        play = Play.prepared(workshop, line, connector, kind, dice)
        steps = Steps(at, lambda: unheard() if steps.names[-1].startswith("after") else throttled())  # noqa: B023

        play.ask(steps)
        then = play.go_on()

        judge(
            tally, play, connector, "table", f"{number}: {kind}, table failed at {steps.names[at]} ({at}), then {then}"
        )


@pytest.mark.parametrize("connector", ALL)
def test_two_agents_at_once(workshop: Workshop, line: Line, tally: Tally, connector: str) -> None:
    """Two agents, or one that asks twice, carry out the same wish at the same moment, on a line that may break."""
    for number in range(REPETITIONS):
        dice = dice_of(connector, "at once", number)
        play = Play.prepared(workshop, line, connector, dice.choice(kinds_at(workshop, connector)), dice)
        fault = dice.choice([None, None, *ON_THE_LINE])
        if fault and connector != "demo":
            break_from(line, dice.randint(0, 9), fault)

        with ThreadPoolExecutor(3) as agents:
            list(agents.map(lambda _: play.ask(pause=lambda seconds: sleep(seconds / 30)), range(dice.randint(2, 3))))  # noqa: B023
        line.mend()
        then = play.go_on()

        judge(tally, play, connector, "at once", f"{number}: {play.wanted.kind} with {fault}, then {then}")


def break_from(line: Line, at: int, fault: Fault, *, times: int = 1) -> None:
    """That many requests break, the first of them after `at` others."""
    first = len(line.requests) + at
    line.break_next(fault, when=lambda *_: len(line.requests) > first, times=times)


def moments(
    workshop: Workshop, line: Line, connector: str, family: str, fits: Callable[[str], bool]
) -> list[tuple[str, int]]:
    """The moments of every kind of wish at which something is to happen: all, or in CI two of them."""
    found = []
    for kind in kinds_at(workshop, connector):
        steps = Steps()
        play = Play.prepared(workshop, line, connector, kind, Random(0))
        play.ask(steps)
        assert play.heard == ["done"]
        found += [(kind, at) for at, name in enumerate(steps.names) if fits(name)]
    if REPETITIONS > IN_CI:
        return found * max(1, REPETITIONS // len(found))
    return Random(f"{connector}/{family}").sample(found, REPETITIONS)
