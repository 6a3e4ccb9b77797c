"""What the stand-in model says or does next: a script, replayed over everything that was heard so far.

Nothing is remembered between two requests. The events of a conversation are folded from the first to the last, the
last decision is the reply; a sentence the guest never began to hear is said again, consent to it does not count. A
script of several languages is folded in each of them, because a sentence may have been said in any.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from local.facts import Fact, find
from local.script import ARGUMENT, NameSlot, Script, Step, YesSlot
from local.template import fill

LONGEST_MESSAGE: Final = 500
_GIVING_UP: Final = "(giving up)"


@dataclass(frozen=True)
class Heard:
    """What the guest was transcribed to say; a line that was committed in two parts comes as two of these."""

    text: str


@dataclass(frozen=True)
class Spoken:
    """The guest has heard the agent say something, whole or in part: the model's words or the agent's own."""

    text: str


@dataclass(frozen=True)
class Answered:
    """A tool's answer as the model reads it: a JSON object; anything else is a failure."""

    tool: str
    content: str


Event = Heard | Spoken | Answered


@dataclass(frozen=True)
class Say:
    text: str


@dataclass(frozen=True)
class CallTool:
    """A tool to call; `step` is what it is for, for the log."""

    tool: str
    arguments: dict[str, str | int | None]
    step: str


Action = Say | CallTool


def reply(script: Script, events: Iterable[Event], today: date, language: str | None = None) -> Action:
    """What the script says or does after these events, on a call made today; in its own language unless it has the
    other one."""
    dialogues = {name: _Dialogue(script.in_language(name), today) for name in script.languages}
    for event in _joined(events):
        match event:
            case Heard(text):
                for dialogue in dialogues.values():
                    dialogue.hear(text)
            case Spoken(text):
                if any(dialogue.is_saying(text) for dialogue in dialogues.values()):
                    for dialogue in dialogues.values():
                        dialogue.begun()
            case Answered(tool, content):
                for dialogue in dialogues.values():
                    dialogue.learn(tool, content)
    spoken = dialogues.get(language or "", dialogues[script.language])
    return spoken.action or spoken.invitation()


def _joined(events: Iterable[Event]) -> list[Event]:
    joined: list[Event] = []
    for event in events:
        if isinstance(event, Heard) and joined and isinstance(joined[-1], Heard):
            joined[-1] = Heard(f"{joined[-1].text} {event.text}")
        else:
            joined.append(event)
    return joined


@dataclass
class _Dialogue:
    """Where the talk stands. `open` holds the step in hand last, below it those a side question has put off."""

    script: Script
    today: date
    action: Action | None = None
    open: list[Step] = field(default_factory=list)
    done: set[str] = field(default_factory=set)
    facts: dict[str, Fact] = field(default_factory=dict)
    asked: str | None = None
    missed: list[str] = field(default_factory=list)
    given_up: bool = False

    def hear(self, text: str) -> None:
        """The guest spoke: gather facts, start a step, ask, call a tool; or ask again, and not for ever."""
        unfinished = self.action
        # Consent counts only to what the guest has heard.
        found = self._found(text, consent=unfinished is None)
        self.asked = None
        if any(fact is False for fact in found.values()):
            self._refused(found, text)
            return
        progress = any(self.facts.get(name) != fact for name, fact in found.items())
        if not progress and (other := self._started_by(text)):
            self._start(other)
            found, progress = self._found(text, consent=False), True
        self.facts.update(found)
        if progress:
            self.missed.clear()
            # Words that came before the guest heard what a tool answered add facts; the answer is still owed.
            if not (isinstance(unfinished, Say) and self.action is unfinished):
                self._proceed()
            return
        self.missed.append(text)
        if len(self.missed) > self.script.tries:
            self._give_up()
        elif unfinished is not None:
            self.action = unfinished
        elif question := self._question():
            self.action = Say(f"{self.script.texts.again} {question}")
        else:
            self.action = Say(self.script.texts.not_understood)

    def is_saying(self, text: str) -> bool:
        """Whether this is what was to be said. The agent's own words, such as "One moment", do not stand for it."""
        return isinstance(self.action, Say) and _begin_alike(self.action.text, text)

    def begun(self) -> None:
        """The guest hears what was to be said."""
        self.action = None

    def learn(self, tool: str, content: str) -> None:
        """The tool answered: say what the step makes of it, or what the tool itself says when it failed."""
        if not isinstance(self.action, CallTool) or self.action.tool != tool:
            return
        answer = _object(content)
        failed = "error" in answer
        own_words = answer.get("say")
        excuse = own_words if isinstance(own_words, str) and own_words else self.script.texts.sorry
        if self.action.step == _GIVING_UP:
            self.action = Say(excuse if failed or own_words else "")
            return
        step = self.open[-1]
        said = None if failed else fill(step.say, answer, self.script.language)
        # Consent is good for one try.
        for name, slot in step.slots.items():
            if isinstance(slot, YesSlot):
                self.facts.pop(name, None)
        self.action = Say(excuse if said is None else self._complete(step, said))

    def invitation(self) -> Say:
        """What to say when it is the agent's turn though nothing was asked of it."""
        return Say(self._question() or self.script.texts.opening)

    def _found(self, text: str, *, consent: bool) -> dict[str, Fact]:
        """The open step's facts in a text."""
        slots = self.open[-1].slots if self.open else {}
        found = {
            name: find(slot, text, self.today, asked=name == self.asked)
            for name, slot in slots.items()
            if consent or not isinstance(slot, YesSlot)
        }
        return {name: fact for name, fact in found.items() if fact is not None}

    def _started_by(self, text: str) -> Step | None:
        """The first step that the text starts; not the one in hand while it waits for a fact."""
        waiting = self.open[-1] if self.open and self._lacking() else None
        for step in self.script.steps:
            in_turn = step.after is None or step.after in self.done
            if step.when and in_turn and step is not waiting and re.search(step.when, text, re.IGNORECASE):
                return step
        return None

    def _start(self, step: Step) -> None:
        """Take up a step: back to one that is open or that led here, or aside from what is being done."""
        if step in self.open:
            del self.open[self.open.index(step) :]
        elif self.open and step.name in self._chain(self.open[-1]):
            self.open.pop()
        self.done.discard(step.name)
        self.open.append(step)
        self.action = None

    def _refused(self, found: dict[str, Fact], text: str) -> None:
        step = self.open.pop()
        self.missed.clear()
        self.facts.update({name: fact for name, fact in found.items() if fact is not False})
        if other := self._started_by(text):
            self._start(other)
            self.facts.update(self._found(text, consent=False))
            self._proceed()
            return
        refused = [slot.refused for name, slot in step.slots.items() if isinstance(slot, YesSlot) and name in found]
        self.action = Say(refused[0])

    def _proceed(self) -> None:
        step = self.open[-1]
        if question := self._question():
            self.action = Say(question)
        elif step.tool is None:
            self.action = Say(self._complete(step, step.say))
        else:
            arguments = {name: self._argument(source) for name, source in step.arguments.items()}
            self.action = CallTool(step.tool, arguments, step.name)

    def _question(self) -> str | None:
        """The question for the first fact that the step in hand still lacks; from then on it has been asked."""
        lacking = self._lacking()
        if lacking is None:
            return None
        self.asked = lacking
        return self.open[-1].slots[lacking].ask

    def _lacking(self) -> str | None:
        for name, slot in self.open[-1].slots.items() if self.open else ():
            needed = not slot.optional and getattr(slot, "default", None) is None
            if needed and name not in self.facts:
                return name
        return None

    def _complete(self, step: Step, said: str) -> str:
        """Close a step and go on: with the one that follows it, or with what a side question had put off."""
        self.done.add(step.name)
        self.open.pop()
        follower = next((other for other in self.script.steps if other.after == step.name and not other.when), None)
        if follower is not None:
            self.open.append(follower)
            return said
        for other in self.script.steps:
            if other.name in self._chain(step):
                for name in other.slots:
                    self.facts.pop(name, None)
        question = self._question() if said else None
        return f"{said} {question}" if question else said

    def _give_up(self) -> None:
        """Leave a human what was heard; if that did not help either, end the call."""
        if self.given_up:
            self.action = CallTool("end_call", {}, _GIVING_UP)
            return
        self.given_up = True
        heard = " ".join(self.missed)[:LONGEST_MESSAGE]
        slots = self.open[-1].slots if self.open else {}
        names = [
            str(self.facts[name]) for name, slot in slots.items() if isinstance(slot, NameSlot) and name in self.facts
        ]
        self.open.clear()
        self.missed.clear()
        self.action = CallTool(
            "take_message", {"message": heard, "guest_name": names[0] if names else None}, _GIVING_UP
        )

    def _chain(self, step: Step) -> set[str]:
        """A step's name and those of the steps it comes after."""
        by_name = {other.name: other for other in self.script.steps}
        chain = {step.name}
        while step.after is not None:
            step = by_name[step.after]
            chain.add(step.name)
        return chain

    def _argument(self, source: str) -> str | int | None:
        named = ARGUMENT.match(source)
        assert named is not None, source  # noqa: S101 - a script with another form is not accepted
        fact = self._fact(named["slot"])
        if named["days"] and isinstance(fact, date):
            fact += timedelta(days=int(self._fact(named["days"]) or 0))
        return fact.isoformat() if isinstance(fact, date) else fact

    def _fact(self, name: str) -> Any:
        slot = next(step.slots[name] for step in self.script.steps if name in step.slots)
        return self.facts.get(name, getattr(slot, "default", None))


def _begin_alike(one: str, other: str) -> bool:
    """Do two texts begin with the same three words? The shorter one may be cut off."""
    words, others = (re.findall(r"\w+", text.lower())[:3] for text in (one, other))
    shorter = min(len(words), len(others))
    return shorter > 0 and words[:shorter] == others[:shorter]


def _object(content: str) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"error": "unreadable"}
