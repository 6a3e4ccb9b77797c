"""What was said, turn by turn: the guest's words, the answer, the tools that ran and how long every part took.

A turn belongs to one speech of the agent, from its creation to the end of its sound, through all the tools it ran.
Words that the agent never came to answer, because the guest went on speaking, are joined with what followed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from livekit.agents.llm import ChatItem, ChatMessage
from livekit.agents.voice import SpeechHandle

from lambdas.calls.models import ToolRun, Turn
from lambdas.shared.redaction import redact

_LONGEST: Final = 4000
_MOST_TOOLS: Final = 20
_PARTS: Final = {
    "transcription_delay": "recognition",
    "end_of_turn_delay": "end_of_turn",
    "llm_node_ttft": "model",
    "tts_node_ttfb": "voice",
    "e2e_latency": "answer",
}
"""The framework's names of a turn's parts, and ours."""


@dataclass
class Exchange:
    """A turn while it lasts, in the language in which it is answered."""

    trace_id: str
    language: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    guest: str = ""
    tools: list[ToolRun] = field(default_factory=list)
    latency_ms: dict[str, int] = field(default_factory=dict)

    def measured(self, metrics: Mapping[str, Any]) -> None:
        """Add what the framework measured; a part that ran twice counts both times."""
        for theirs, ours in _PARTS.items():
            seconds = metrics.get(theirs)
            if isinstance(seconds, int | float) and seconds >= 0:
                self.latency_ms[ours] = self.latency_ms.get(ours, 0) + round(seconds * 1000)

    def ran(self, run: ToolRun) -> None:
        self.tools.append(run)
        self.latency_ms["tool"] = self.latency_ms.get("tool", 0) + run.ms


class Turns:
    """The turns of one call under one epoch, handed to `finished` as they end, redacted.

    `language` is that of the speeches created from now on.
    """

    def __init__(self, language: str, finished: Callable[[Turn], None]) -> None:
        self.language, self._finished = language, finished
        self._open: dict[str, Exchange] = {}
        self._unanswered: Exchange | None = None
        self._names: set[str] = set()
        self._spellings: dict[str, str] = {}
        self._answer_follows = False
        self.count = 0

    @property
    def current(self) -> int:
        """The number of the turn that is under way, or of the next one."""
        return self.count + 1

    def answer_follows(self) -> None:
        """The next speech answers what is now under way, such as a goodbye after `end_call`."""
        self._answer_follows = True

    @property
    def has_unanswered(self) -> bool:
        return self._unanswered is not None

    def begin(self, speech: SpeechHandle, trace_id: str) -> None:
        """A speech of the agent was created."""
        carried = self._unanswered if self._answer_follows else None
        if carried:
            self._unanswered = None
        self._open[speech.id] = carried or Exchange(trace_id, self.language)
        self._answer_follows = False

    def understood(self, message: ChatMessage) -> None:
        """The guest's words that the newest speech answers."""
        exchange = next(reversed(self._open.values()), None)
        if exchange is None:
            return
        exchange.guest = message.text_content or ""
        exchange.measured(message.metrics)

    def joined(self) -> None:
        """The words left unanswered came again, as the beginning of what the guest said next."""
        self._unanswered = None

    def tool_ran(self, speech: SpeechHandle, run: ToolRun) -> None:
        if exchange := self._open.get(speech.id):
            exchange.ran(run)

    def learn_name(self, name: str) -> None:
        """A guest's name, to be marked from now on, also in the turn under way."""
        self._names.add(name)

    def learn_spelling(self, spelled: str, written: str) -> None:
        """How something harmless is spelled out: the record has it written, or it would be taken for a spelled name."""
        self._spellings[spelled] = written

    def end(self, speech: SpeechHandle) -> None:
        """A speech of the agent is over, said or interrupted."""
        exchange = self._open.pop(speech.id, None)
        if exchange is None:
            return
        answers = list(_messages(speech.chat_items))
        text = " ".join(message.text_content or "" for message in answers)
        for message in answers:
            exchange.measured(message.metrics)
        interrupted = speech.interrupted or any(message.interrupted for message in answers)
        self._release_unanswered()
        if not text and (self._answer_follows or (speech.interrupted and not exchange.tools)):
            self._unanswered = exchange if exchange.guest else None
        elif text or exchange.guest:
            self._hand_over(exchange, text, interrupted=interrupted)

    def close(self) -> None:
        """Hand over what is still open: the call is over."""
        self._release_unanswered()
        for exchange in self._open.values():
            if exchange.guest:
                self._hand_over(exchange, "", interrupted=True)
        self._open.clear()

    def _release_unanswered(self) -> None:
        exchange, self._unanswered = self._unanswered, None
        if exchange:
            self._hand_over(exchange, "", interrupted=True)

    def _hand_over(self, exchange: Exchange, answer: str, *, interrupted: bool) -> None:
        self.count += 1
        self._finished(
            Turn(
                number=self.count,
                at=exchange.at,
                language=exchange.language,
                guest=self._redacted(exchange.guest),
                agent=self._redacted(answer),
                interrupted=interrupted,
                tools=tuple(exchange.tools[:_MOST_TOOLS]),
                latency_ms=exchange.latency_ms,
                trace_id=exchange.trace_id,
            )
        )

    def _redacted(self, text: str) -> str:
        for spelled, written in self._spellings.items():
            text = text.replace(spelled, written)
        return redact(text, names=self._names)[:_LONGEST]


def _messages(items: Iterable[ChatItem]) -> Iterable[ChatMessage]:
    return (item for item in items if isinstance(item, ChatMessage) and item.role == "assistant")
