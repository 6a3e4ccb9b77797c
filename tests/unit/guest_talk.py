"""A guest who talks with the brain, at a hotel whose tools answer as a test has written."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from local.dialogue import Action, Answered, CallTool, Event, Heard, Spoken, reply
from local.scenario import load_scenario
from local.script import Script

TODAY = date(2026, 11, 24)
SCENARIOS = Path(__file__).parents[1] / "e2e" / "scenarios"
WRONG_AUDIO = "Purple monkeys dishwasher."
OFFER = {
    "offers": [
        {"room": "double room", "nights": 2, "arrival": "2027-03-12", "departure": "2027-03-14", "total": "258.00 EUR"}
    ]
}
BOOKED = {
    "booked": True,
    "code": "A7K2",
    "room": "double room",
    "nights": 2,
    "arrival": "2027-03-12",
    "departure": "2027-03-14",
    "total": "258.00 EUR",
    "guest_name": "Peter Miller",
    "say": "The double room is booked for 258 euros.",
}


def script_of(name: str) -> Script:
    return load_scenario(SCENARIOS / f"{name}.toml").script()


class Talk:
    """A conversation with a hotel whose tools answer as they are told."""

    def __init__(self, name: str, **answers: Any) -> None:
        self.script = script_of(name)
        self.answers = answers
        self.events: list[Event] = [Spoken("Good day, this is Hotel Aurora.")]
        self.calls: list[CallTool] = []

    def guest_says(self, text: str) -> str:
        """What the guest hears for it, tool calls done."""
        self.events.append(Heard(text))
        action = self.next()
        while isinstance(action, CallTool):
            self.calls.append(action)
            self.events.append(Answered(action.tool, json.dumps(self.answers[action.tool])))
            action = self.next()
        if action.text:
            self.events.append(Spoken(action.text))
        return action.text

    def next(self) -> Action:
        return reply(self.script, self.events, TODAY)

    @property
    def tools(self) -> list[str]:
        return [call.tool for call in self.calls]


def booking(**answers: Any) -> Talk:
    given = {
        "check_availability": OFFER,
        "book_stay": BOOKED,
        "take_message": {"taken": True, "say": "I passed it on."},
    }
    return Talk("book", **{**given, "end_call": {"ended": True}, **answers})


def offered(**answers: Any) -> Talk:
    """A talk in which the guest has just heard an offer."""
    talk = booking(**answers)
    talk.guest_says("Hello, I would like to book a double room for two people, for two nights.")
    talk.guest_says("We will arrive on the 12th of March.")
    return talk
