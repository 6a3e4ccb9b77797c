"""A hotel: who it is, its languages, booking system, voices and where humans answer, as its folder says.

`hotels/<name>/hotel.toml` holds the facts, `hotels/<name>/knowledge/*.md` what it knows about itself, a section a
topic, and `hotels/<name>/knowledge/<language>/*.md` the same in another of its languages.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any, Final, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from lambdas.shared.domain.dispatch import HotelName
from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.money import Currency, Money
from lambdas.shared.domain.stay import RatePlan, RoomType

E164: Final = re.compile(r"^\+[1-9][0-9]{6,14}\Z")
DEMO: Final = "demo"
"""The connector whose booking system is our own."""
UNKNOWN_HOTEL: Final = "unknown"
"""Under this name calls are kept whose number no hotel has."""
LANGUAGES: Final = ("en", "de", "fr", "it", "es", "nl")
"""The languages a receptionist can be given, as ISO 639-1 codes."""


def _e164(number: str) -> str:
    if not E164.match(number):
        shown = "+49" + re.sub(r"\D", "", number).lstrip("0")[:6] + "…"
        raise ValueError(f'"{number}" is not E.164; write it as "{shown}"')
    return number


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f'"{name}" is not a time zone of the IANA database, such as "Europe/Berlin"')
    return name


def _system_address(url: str) -> str:
    parts = urlsplit(url)
    secure = parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost")
    if not secure or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError(f'"{url}" is not an https address such as "https://api.example.com"')
    return url.rstrip("/")


SystemAddress = Annotated[str, AfterValidator(_system_address)]
VendorCode = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
ExtraName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Title = Annotated[str, StringConstraints(min_length=2, max_length=60)]
PhoneNumber = Annotated[str, AfterValidator(_e164)]
TimeZone = Annotated[str, AfterValidator(_known_zone)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Phone(_Part):
    """The numbers guests dial, and the one where humans answer."""

    numbers: tuple[PhoneNumber, ...] = Field(min_length=1)
    front_desk: PhoneNumber


class Titled(_Part):
    """A rate or an extra in a guest's words; `titles` has them in further languages of the hotel."""

    title: Title
    titles: Mapping[str, Title] = Field(default_factory=dict)

    def title_in(self, language: str) -> str:
        """What it is called in a language, or in the hotel's own where nobody has said."""
        return self.titles.get(language, self.title)


class RoomKind(Titled):
    """A type of room in a guest's words; `sleeps` counts adults and children."""

    sleeps: int = Field(ge=1, le=9)


class DemoRoom(_Part):
    """How many rooms of a type the demo hotel has and what a night costs, everything included."""

    rooms: int = Field(ge=0, le=1000)
    night_cents: int = Field(ge=0)


class BookingSystem(_Part):
    """Which connector speaks to the hotel's booking system, and what that system calls the hotel's things.

    `property` is the hotel's id there; `rooms`, `rates` and `extras` map our names to its codes; `options` are the
    connector's own. `url` is where the system is, unless at the vendor's usual address. `requests_per_minute` is what
    all functions together may ask of it. `demo` is the hotel that lives in our own table.
    """

    connector: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
    url: SystemAddress | None = None
    property: VendorCode | None = None
    rooms: Mapping[RoomType, VendorCode] = Field(default_factory=dict)
    rates: Mapping[RatePlan, VendorCode] = Field(default_factory=dict)
    extras: Mapping[ExtraName, VendorCode] = Field(default_factory=dict)
    options: Mapping[Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")], VendorCode] = Field(default_factory=dict)
    requests_per_minute: int = Field(default=120, ge=1, le=10_000)
    demo: Mapping[RoomType, DemoRoom] = Field(default_factory=dict)


class Voice(_Part):
    """An engine's voice; a hotel lists several per language, the preferred one first."""

    engine: Annotated[str, StringConstraints(pattern=r"^[a-z_]+$")]
    voice: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    region: str | None = None


class Retention(_Part):
    """How long a call and what was said in it are kept."""

    calls_days: int = Field(default=90, ge=1, le=3650)


class Hotel(_Part):
    """A hotel as its folder describes it.

    `knowledge` maps a topic to the paragraphs below its heading, `knowledge_in` does for each further language.
    """

    name: HotelName
    title: Annotated[str, StringConstraints(min_length=2, max_length=80)]
    city: str
    timezone: TimeZone
    currency: Currency
    languages: tuple[str, ...] = Field(min_length=1)
    check_in: time
    check_out: time
    phone: Phone
    pms: BookingSystem
    rooms: Mapping[RoomType, RoomKind] = Field(min_length=1)
    rates: Mapping[RatePlan, Titled] = Field(default_factory=dict)
    extras: Mapping[ExtraName, Titled] = Field(default_factory=dict)
    voices: Mapping[str, tuple[Voice, ...]]
    retention: Retention = Retention()
    knowledge: Mapping[str, str] = Field(default_factory=dict)
    knowledge_in: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _not_reserved(cls, value: str) -> str:
        if value == UNKNOWN_HOTEL:
            raise ValueError(f'"{value}" is kept for calls to numbers that no hotel has; call the folder otherwise')
        return value

    @field_validator("languages")
    @classmethod
    def _known_languages(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for language in value:
            if language not in LANGUAGES:
                raise ValueError(f'"{language}" is not one of {", ".join(LANGUAGES)}')
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for language in self.languages:
            if not self.voices.get(language):
                raise ValueError(f"[[voices.{language}]] is missing: every language needs at least one voice")
        for part in ("rooms", "rates", "extras"):
            known: Mapping[str, object] = getattr(self, part)
            for name in getattr(self.pms, part):
                if name not in known:
                    raise ValueError(f"[pms.{part}] {name} is not one of the {part} {', '.join(known) or '(none)'}")
        for room in self.pms.demo:
            if room not in self.rooms:
                raise ValueError(f"[pms.demo.{room}] is not one of the rooms {', '.join(self.rooms)}")
        further = self.languages[1:]
        for place, language in self._translated():
            if language not in further:
                others = f"further languages are {', '.join(further)}" if further else "it has no further language"
                raise ValueError(f'{place}: the hotel does not speak "{language}" beside its own; {others}')
        return self

    def _translated(self) -> Iterator[tuple[str, str]]:
        """Each place where something is said in a further language, and the language."""
        for part in ("rooms", "rates", "extras"):
            titled: Mapping[str, Titled] = getattr(self, part)
            for name, thing in titled.items():
                yield from ((f"[{part}.{name}.titles]", language) for language in thing.titles)
        yield from ((f"knowledge/{language}", language) for language in self.knowledge_in)

    @property
    def signs_in(self) -> bool:
        """Is its booking system somebody's who asks for a secret? The demo's is our own table."""
        return self.pms.connector != DEMO

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def language(self) -> str:
        """The language in which the phone is answered."""
        return self.languages[0]

    def topics(self, language: str) -> Mapping[str, str]:
        """What it knows about itself in a language, or in its own where nothing is written in that one."""
        return self.knowledge_in.get(language, self.knowledge)

    def day_of(self, moment: datetime) -> date:
        """The hotel-local date of a moment."""
        return moment.astimezone(self.zone).date()

    def night_price(self, room: RoomType) -> Money:
        return Money(cents=self.pms.demo[room].night_cents, currency=self.currency)


def load_hotel(folder: Path) -> Hotel:
    """The hotel of a folder; raises HotelFileError that names file, field, value and what is allowed."""
    file = folder / "hotel.toml"
    try:
        facts = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError:
        raise HotelFileError(f"{file}: cannot be read; every folder of hotels/ needs a hotel.toml") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise HotelFileError(f"{file}: is not TOML: {error}") from None
    if facts.get("name") != folder.name:
        raise HotelFileError(f'{file}: name "{facts.get("name")}" must be the folder\'s, "{folder.name}"')
    try:
        return Hotel.model_validate({**facts, **_all_knowledge(folder / "knowledge")})
    except ValidationError as error:
        faults = "\n".join(f"{file}: {_told(fault)}" for fault in error.errors())
        raise HotelFileError(faults) from None


def _told(fault: Any) -> str:
    """One fault the way somebody who edits TOML reads it: `[phone] numbers[1]: …`."""
    *tables, field = fault["loc"] or ("",)
    if isinstance(field, int) and tables:
        field = f"{tables.pop()}[{field}]"
    where = f"[{'.'.join(map(str, tables))}] {field}" if tables else str(field)
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "is not a field that is known here"
    elif fault["type"] == "missing":
        message = "is missing"
    elif not fault["type"].startswith("value_error"):
        message = f"{fault['input']!r} is not allowed: {message[0].lower()}{message[1:]}"
    return f"{where} {message}".strip()


def _all_knowledge(folder: Path) -> dict[str, Any]:
    translated = {path.name: _knowledge(path) for path in sorted(folder.glob("*/"))}
    return {"knowledge": _knowledge(folder), "knowledge_in": translated}


def _knowledge(folder: Path) -> dict[str, str]:
    sections: dict[str, str] = {}
    for page in sorted(folder.glob("*.md")):
        try:
            written = page.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HotelFileError(f"{page}: cannot be read ({type(error).__name__}); it must be text in UTF-8") from None
        for section in re.split(r"^#+\s+", written, flags=re.MULTILINE)[1:]:
            heading, _, text = section.partition("\n")
            topic = heading.strip().lower()
            if not text.strip():
                continue
            if topic in sections:
                raise HotelFileError(f'{page}: "{heading.strip()}" is a topic already; tell it in one place')
            sections[topic] = " ".join(text.split())
    return sections


@dataclass(frozen=True)
class Hotels:
    """All hotels of a deployment, by name and by dialled number."""

    by_name: Mapping[str, Hotel]
    by_number: Mapping[str, Hotel]

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Every hotel below a folder; raises HotelFileError also when two hotels claim one number."""
        found = [load_hotel(path) for path in sorted(folder.glob("*/")) if not path.name.startswith((".", "_"))]
        if not found:
            raise HotelFileError(f"{folder}: no hotel; it needs <name>/hotel.toml")
        by_number: dict[str, Hotel] = {}
        for hotel in found:
            for number in hotel.phone.numbers:
                if number in by_number:
                    others = f"{by_number[number].name} and {hotel.name}"
                    raise HotelFileError(
                        f"{folder}: [phone] numbers {number} is claimed by {others}; a number has one hotel"
                    )
                by_number[number] = hotel
        return cls(by_name={hotel.name: hotel for hotel in found}, by_number=by_number)

    def __iter__(self) -> Iterator[Hotel]:
        return iter(self.by_name.values())
