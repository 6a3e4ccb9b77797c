"""What the stand-in model is told: steps, the facts each needs, the tool it calls and the sentence it says.

A step starts when the guest's words match its `when`, or by itself once the step named in `after` is done. It gathers
its slots from the words that were *recognised*, asks for what is missing, calls its tool with arguments made of slots
alone, and says a sentence filled from the tool's answer alone. No answer can be written into a script.

A script is written in one language. What it says may stand beside it in another one (`Step.translations`); what it
listens for is the same whatever is spoken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo

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

from lambdas.shared.domain.hotel import TimeZone

PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
ANSWER_PATH: Final = re.compile(r"^(?P<path>[a-z_]\w*(?:\.[a-z_]\w*|\[\d+\])*)(?:\|(?P<form>money|day|spell))?$")
ARGUMENT: Final = re.compile(r"^\{(?P<slot>[a-z_]\w*)(?: \+ (?P<days>[a-z_]\w*))?\}$")


def next_day(month: int, day: int, today: date) -> date | None:
    """The next such day, today included; None for a day that no year has, such as the 31st of February."""
    for year in range(today.year, today.year + 9):
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return None


def _pattern(source: str) -> str:
    try:
        re.compile(source)
    except re.error as error:
        raise ValueError(f"{source!r} is not a regular expression: {error}") from None
    return source


def _constant(text: str) -> str:
    if "{" in text or "}" in text:
        raise ValueError("holds no {…}: only `say` is filled, and only from the answer of the step's tool")
    return text


def _template(text: str) -> str:
    for inner in PLACEHOLDER.findall(text):
        if not ANSWER_PATH.match(inner):
            raise ValueError(
                f"{{{inner}}} is not a place in a tool's answer; write {{total}}, {{offers[0].total}}, "
                "and after it |money, |day or |spell if it is to be spoken so"
            )
    return text


Language = Annotated[str, StringConstraints(pattern=r"^de$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Pattern = Annotated[str, AfterValidator(_pattern)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_constant)]
Template = Annotated[str, StringConstraints(max_length=500), AfterValidator(_template)]
Argument = Annotated[str, StringConstraints(pattern=ARGUMENT.pattern)]


class Table(BaseModel):
    """A table of a scenario file: fixed once read, and no field that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _known_fields(cls, given: Any) -> Any:
        unknown = sorted(set(given) - set(cls.model_fields)) if isinstance(given, Mapping) else []
        if unknown:
            raise ValueError(f"unknown field {', '.join(unknown)}; allowed: {', '.join(cls.model_fields)}")
        return given


class _Slot(Table):
    """A fact the guest must say; `ask` is said when it is missing. What need not be said has `optional` (null then)."""

    ask: Text | None = None
    optional: bool = False

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        if not (self.ask or self.optional or getattr(self, "default", None) is not None):
            raise ValueError("ask is missing: a fact that must be said needs a question for it")
        return self


class DateSlot(_Slot):
    """A day: "the twelfth of March", "March 12", "tomorrow"; the next such day. A day after "until" does not count."""

    kind: Literal["date"]


class NightsSlot(_Slot):
    """How many nights: "two nights", "a week"."""

    kind: Literal["nights"]


class NumberSlot(_Slot):
    """A count before one of the words of `unit`: "two people". `default` counts when the guest says nothing of it."""

    kind: Literal["number"]
    unit: Pattern
    least: int = 1
    most: int = 20
    default: int | None = None


class NameSlot(_Slot):
    """A person's name: "my name is Peter Miller", "on the name of …", or the bare name when it was asked for."""

    kind: Literal["name"]


class WordsSlot(_Slot):
    """One of several things: value → the words for it as a regular expression. The last one mentioned counts."""

    kind: Literal["words"]
    words: Annotated[dict[str, Pattern], Field(min_length=1)]


class YesSlot(_Slot):
    """Consent, to something the brain has said before. On a no the step is dropped and `refused` is said."""

    kind: Literal["yes"]
    refused: Text = "All right, then I will not. Is there anything else I can do for you?"


class TextSlot(_Slot):
    """The guest's own words: all that is said in answer to `ask`."""

    kind: Literal["text"]


Slot = Annotated[
    DateSlot | NightsSlot | NumberSlot | NameSlot | WordsSlot | YesSlot | TextSlot, Field(discriminator="kind")
]


class Translation(Table):
    """What a step says in another language: its sentence, and by the slot's name its questions and what a no gets."""

    say: Template = ""
    ask: dict[Name, Text] = Field(default_factory=dict)
    refused: dict[Name, Text] = Field(default_factory=dict)


class Step(Table):
    """Something the brain can do. Of several whose `when` matches, the first in the file is taken.

    `arguments` maps a tool's argument to `{slot}`, or `{day + nights}` for the day that many nights later, of this step
    or of those it comes after. `say` is filled from the tool's answer; when the tool fails, its own `say` is spoken.
    """

    name: Name
    when: Pattern | None = None
    after: Name | None = None
    slots: dict[Name, Slot] = Field(default_factory=dict)
    tool: Name | None = None
    arguments: dict[Name, Argument] = Field(default_factory=dict)
    say: Template = ""
    translations: dict[Language, Translation] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.when is None and self.after is None:
            raise ValueError("needs `when` (words that start it) or `after` (the step it follows)")
        if self.tool is None and (self.arguments or PLACEHOLDER.search(self.say)):
            raise ValueError("needs `tool`: arguments and {…} in `say` belong to one")
        for language, said in self.translations.items():
            if missing := sorted(self._spoken() - set(_said(said))):
                raise ValueError(f"translations.{language} lacks {', '.join(missing)}")
            if unknown := sorted(set(_said(said)) - self._spoken()):
                raise ValueError(f"translations.{language}: the step does not say {', '.join(unknown)}")
        return self

    def _spoken(self) -> set[str]:
        """The places of everything the step may say."""
        asked = {f"ask.{name}" for name, slot in self.slots.items() if slot.ask}
        refused = {f"refused.{name}" for name, slot in self.slots.items() if isinstance(slot, YesSlot)}
        return asked | refused | ({"say"} if self.say else set())

    def in_language(self, language: str) -> Step:
        """The step as it speaks one of its translations."""
        said = self.translations[language]
        slots = {
            name: slot.model_copy(
                update={"ask": said.ask.get(name)}
                | ({"refused": said.refused[name]} if isinstance(slot, YesSlot) else {})
            )
            for name, slot in self.slots.items()
        }
        return self.model_copy(update={"say": said.say, "slots": slots})


def _said(said: Translation) -> Iterator[str]:
    yield from (f"ask.{name}" for name in said.ask)
    yield from (f"refused.{name}" for name in said.refused)
    if said.say:
        yield "say"


class Texts(Table):
    """What the brain says when it has nothing to go by."""

    opening: Text = "How may I help you?"
    not_understood: Text = "I am sorry, I did not understand that. Could you say it again, please?"
    again: Text = "I am sorry, I did not understand that."
    sorry: Text = "I am sorry, that does not work right now."


GERMAN: Final = Texts(
    opening="Was kann ich für Sie tun?",
    not_understood="Entschuldigung, das habe ich nicht verstanden. Können Sie es bitte noch einmal sagen?",
    again="Entschuldigung, das habe ich nicht verstanden.",
    sorry="Entschuldigung, das geht gerade nicht.",
)


class Script(Table):
    """What the brain is told. `tries` is how often it asks again before it leaves a message for a human."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    language: Literal["en", "de"]
    timezone: TimeZone = "Europe/Berlin"
    tries: int = Field(default=2, ge=0, le=5)
    texts: Texts = Texts()
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]

    @field_validator("steps")
    @classmethod
    def _fit_together(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        known: dict[str, dict[str, Any]] = {}
        for step in steps:
            if step.name in known:
                raise ValueError(f"two steps are named {step.name!r}")
            if step.after is not None and step.after not in known:
                raise ValueError(f"step {step.name!r}: after {step.after!r} names no step above it")
            known[step.name] = slots = {**known.get(step.after or "", {}), **step.slots}
            for name, source in step.arguments.items():
                _check_argument(f"step {step.name!r}: arguments.{name} {source}", source, slots)
        return steps

    @model_validator(mode="after")
    def _translated_as_a_whole(self) -> Self:
        for language in self.languages[1:]:
            for number, step in enumerate(self.steps):
                if language not in step.translations and (step.say or any(slot.ask for slot in step.slots.values())):
                    raise ValueError(f"steps[{number}]: says nothing in {language!r}, as other steps do")
        return self

    @property
    def languages(self) -> tuple[str, ...]:
        """The script's own language and those it is translated into."""
        return tuple(dict.fromkeys((self.language, *(name for step in self.steps for name in step.translations))))

    def in_language(self, language: str) -> Script:
        """The script as it speaks one of its languages."""
        if language == self.language:
            return self
        steps = tuple(step.in_language(language) if step.translations else step for step in self.steps)
        return self.model_copy(update={"language": language, "texts": GERMAN, "steps": steps})

    def today(self) -> date:
        """The date where the hotel is."""
        return datetime.now(ZoneInfo(self.timezone)).date()


def _check_argument(where: str, source: str, slots: Mapping[str, _Slot]) -> None:
    named = [name for name in re.findall(r"\w+", source) if name not in slots]
    if named:
        raise ValueError(f"{where}: {named[0]!r} is not a slot of the step; allowed: {', '.join(slots) or 'none'}")
    if " + " in source:
        day, nights = (slots[name] for name in re.findall(r"\w+", source))
        if not isinstance(day, DateSlot) or not isinstance(nights, NightsSlot | NumberSlot):
            raise ValueError(f"{where}: only nights or a number can be added, and only to a date")


def faults(error: ValidationError) -> Iterator[str]:
    """Each fault as the writer of the file knows the place: `steps[1].slots.arrival: …`."""
    kinds = {"date", "nights", "number", "name", "words", "yes", "text"}
    for fault in error.errors():
        place = ""
        for previous, part in zip((None, *fault["loc"]), fault["loc"], strict=False):
            if isinstance(part, int):
                place += f"[{part}]"
            elif not (part in kinds and place.rpartition(".")[0].endswith(".slots") and previous != "slots"):
                place += f".{part}" if place else str(part)
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "missing":
            message = "is missing"
        elif fault["type"] not in {"value_error", "union_tag_not_found", "json_invalid"}:
            shown = fault["ctx"]["tag"] if fault["type"] == "union_tag_invalid" else fault["input"]
            message = f"{shown!r} is not allowed: {message[0].lower()}{message[1:]}"
        yield f"{place}: {message}" if place else message
