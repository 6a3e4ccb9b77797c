"""A scenario: what a guest says on the phone, how the stand-in model leads the talk, and what must be true afterwards.

A scenario is a TOML file under `tests/e2e/scenarios/`; its name is the file's. It has three parts that know nothing of
each other:

- `[guest]`, `[[booked]]`, `[[lines]]`: who phones, what they have booked before and what they say, in order (`Line`);
- `[[steps]]`: what the brain can do (`Step`). A step starts when the guest's words match its `when`, or by itself once
  the step named in `after` is done. It gathers its `slots` from the words that were *recognised*, asks for what is
  missing, calls its `tool` with arguments made of slots alone, and says a sentence filled from the tool's answer alone;
- `[expected]`: the final state of the hotel's system and of the call (`Expected`).

The brain is given the second part only (`Scenario.script()`): it cannot know the answer. Days are written without a
year, "03-12" or "the twelfth of March", and mean the next such day, so a scenario never goes stale.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from lambdas.shared.domain.call import Outcome, State
from lambdas.shared.domain.dispatch import HotelName
from lambdas.shared.domain.hotel import Hotel, PhoneNumber
from lambdas.shared.domain.money import Currency
from lambdas.shared.domain.stay import GuestName, ReservationState, RoomType
from local.script import Pattern, Script, Table, faults, next_day

MONTH_DAY: Final = re.compile(r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$")


RECORDINGS: Final = Path(__file__).resolve().parents[1] / "tests" / "fixtures" / "guest_lines"
"""Lines that no voice of the local stack can say so that they are understood."""


def recording(name: str) -> Path:
    """The WAV file of a recorded line."""
    return RECORDINGS / f"{name}.wav"


class ScenarioError(Exception):
    """A scenario cannot be used; the message names the file, each wrong field, and what is allowed."""


def _month_day(text: str) -> str:
    if not MONTH_DAY.match(text) or next_day(int(text[:2]), int(text[3:]), date(2024, 1, 1)) is None:
        raise ValueError(f'{text!r} is not a day of the year; write month and day, as in "03-12"')
    return text


MonthDay = Annotated[str, AfterValidator(_month_day)]


class Line(Table):
    """What the guest says next, having waited for the agent to finish and `pause` seconds more.

    Who is asked to say it again says `again`, where the line has other words for it.
    With `interrupt_after` they do not wait: they speak that many seconds after the agent began its answer. With
    `hang_up` they hang up when the line is said, or at once if it has no text. With `recording` the line is played from
    the file of that name among RECORDINGS, otherwise an English voice says it.
    """

    text: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    again: Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)] = ""
    pause: float = Field(default=0.0, ge=0, le=30)
    interrupt_after: float | None = Field(default=None, ge=0.2, le=30)
    hang_up: bool = False
    recording: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.text and not self.hang_up:
            raise ValueError("text is missing; only a line with hang_up = true may be silent")
        if self.recording and self.again:
            raise ValueError("a line that is played from a recording has no other words for saying it again")
        if self.recording and not recording(self.recording).exists():
            raise ValueError(f"{recording(self.recording)} is not there; `python -m local.guest_lines` makes it")
        return self


class SimulatedGuest(Table):
    """Who phones. The number is one that no person has."""

    number: PhoneNumber = "+491713920055"
    name: GuestName = "Peter Miller"


class _Nights(Table):
    """A room for a guest; `room` is its room type."""

    room: RoomType
    arrival: MonthDay
    departure: MonthDay
    guest_name: GuestName

    def stay(self, today: date) -> tuple[date, date]:
        """Arrival and departure for a call made today; the departure is the next such day after the arrival."""
        arrival = resolve(self.arrival, today)
        return arrival, resolve(self.departure, arrival)


class Booked(_Nights):
    """A reservation that stands in the hotel's system before the phone rings."""

    adults: int = Field(default=1, ge=1, le=9)


class ExpectedReservation(_Nights):
    """A reservation in the hotel's system; the total covers all nights.

    `cheapest_cents` is the total where the hotel has cheaper rates beside the one of `total_cents`, as it has at the
    vendors' stand-ins.
    """

    total_cents: int = Field(ge=0)
    cheapest_cents: int | None = Field(default=None, ge=0)
    currency: Currency = "EUR"
    state: ReservationState = ReservationState.BOOKED


def resolve(month_day: MonthDay, today: date) -> date:
    """The next day written "03-12", today included."""
    found = next_day(int(month_day[:2]), int(month_day[3:]), today)
    if found is None:
        raise ValueError(f"{month_day} is not a day of the year")
    return found


class ExpectedFollowUp(Table):
    """Something left for the front desk; what is not given may be anything.

    A `callback` must name the caller's own number; `message` is a pattern to be found in what was noted.
    """

    kind: Literal["callback", "message"] | None = None
    guest_name: GuestName | None = None
    message: Pattern | None = None


class ExpectedCall(Table):
    """Where the call ends."""

    state: State = State.ENDED
    outcome: Outcome


class Expected(Table):
    """What is true after the call: exactly these reservations and follow-ups, none if none is named.

    Reservations are those of the call and those of `[[booked]]`.

    `answers` are patterns, each to be found in what the hotel said.
    """

    call: ExpectedCall
    reservations: tuple[ExpectedReservation, ...] = ()
    follow_ups: tuple[ExpectedFollowUp, ...] = ()
    answers: tuple[Pattern, ...] = ()

    def at(self, hotel: Hotel) -> Expected:
        """What is expected of this hotel, whose rates make the prices."""
        if not hotel.rates:
            return self
        reservations = tuple(
            wanted.model_copy(update={"total_cents": wanted.cheapest_cents or wanted.total_cents})
            for wanted in self.reservations
        )
        return self.model_copy(update={"reservations": reservations})


class Scenario(Script):
    """A whole scenario file. What is `booked` stands in the hotel's system when the guest phones."""

    hotel: HotelName
    booked: tuple[Booked, ...] = ()
    guest: SimulatedGuest = SimulatedGuest()
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    expected: Expected

    def script(self) -> Script:
        """The part the brain may know; its JSON is the body of the brain's `PUT /scenario`."""
        return Script.model_validate(self.model_dump(include=set(Script.model_fields)))


def load_scenario(path: Path) -> Scenario:
    """The scenario of a file; raises ScenarioError that names file, field and what is allowed."""
    try:
        return Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path}: is not TOML: {error}") from None
    except ValidationError as error:
        raise ScenarioError("\n".join(f"{path}: {fault}" for fault in faults(error))) from None


def list_scenarios(folder: Path) -> dict[str, Scenario]:
    """Every scenario of a folder by name, sorted; raises ScenarioError when one is wrong or there is none."""
    found = {path.stem: load_scenario(path) for path in sorted(folder.glob("*.toml"))}
    if not found:
        raise ScenarioError(f"{folder}: no scenario; it needs <name>.toml")
    return found
