"""What the receptionist is told and what it always says in the same words: a folder of files per language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from string import Template
from typing import Self

from agent.spoken import spoken_day
from lambdas.shared.domain.hotel import Hotel

Hints = Mapping[str, tuple[str, ...]]
"""What a guest may be asked for → words that a recogniser should expect then."""


class PromptError(Exception):
    """A language has no prompts, or a phrase is missing; the message names the file."""


@dataclass(frozen=True)
class Prompts:
    """The texts of one language for one hotel; a phrase is asked for by its name, such as `tool.booked`.

    `hints` are words to expect when the guest was asked for something, such as `code`.
    """

    language: str
    hotel: Hotel
    persona: Template
    rules: str
    phrases: Mapping[str, Template]
    hints: Hints

    @classmethod
    def load(cls, hotel: Hotel, language: str) -> Self:
        """Raises PromptError when the language's folder lacks a file."""
        folder = files(__package__) / language
        try:
            persona = (folder / "persona.md").read_text(encoding="utf-8")
            rules = (folder / "rules.md").read_text(encoding="utf-8")
            phrases = tomllib.loads((folder / "phrases.toml").read_text(encoding="utf-8"))
        except OSError as error:
            raise PromptError(f"agent/prompts/{language}: {error.strerror}: {error.filename}") from None
        hints = {asked: tuple(words) for asked, words in phrases.pop("hints", {}).items()}
        flat = {
            (f"{name}.{inner}" if isinstance(value, dict) else name): Template(text)
            for name, value in phrases.items()
            for inner, text in (value.items() if isinstance(value, dict) else [(name, value)])
        }
        return cls(language, hotel, Template(persona), rules, flat, hints)

    def instructions(self, today: date) -> str:
        """The model's instructions; `today` is the hotel's."""
        hotel = self.hotel
        persona = self.persona.substitute(
            title=hotel.title,
            city=hotel.city,
            today=spoken_day(today, self.language),
            year=today.year,
            check_in=f"{hotel.check_in:%H:%M}",
            check_out=f"{hotel.check_out:%H:%M}",
            rooms=", ".join(
                self.say("room_for", room=room.title_in(self.language), sleeps=str(room.sleeps))
                for room in hotel.rooms.values()
            ),
            topics=", ".join(hotel.topics(self.language)),
        )
        return f"{persona}\n{self.rules}"

    def say(self, phrase: str, **facts: str) -> str:
        """A fixed phrase with its facts filled in. Raises PromptError when there is no such phrase."""
        template = self.phrases.get(phrase)
        if template is None:
            raise PromptError(f"agent/prompts/{self.language}/phrases.toml: {phrase} is missing")
        return template.substitute(title=self.hotel.title, **facts)
