"""A call on paper: what was said and found, and how long everything took, as `report.json` has it.

Milliseconds of `at`, `starts`, `ends` count from the moment the phone began to ring; waits are by ear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from lambdas.calls.models import ToolRun, Turn
from lambdas.shared.domain.stay import Reservation
from local.caller import PhoneCall, Spoken
from local.ear import Answer, Span, answer_to, paused_after, percentile
from local.verdict import Check, Found

Shares: Final = {"p50": 0.5, "p95": 0.95}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Stretch(_Part):
    """From when to when, in milliseconds of the call."""

    starts: int
    ends: int


class TurnReport(_Part):
    """A turn: what the guest said, what was understood and answered, and where the wait went.

    The first turn is the greeting and has no line. `wait_ms` is from the last sample of the line to the first of the
    answer; None when no answer came. `parts_ms` is what the agent measured, `stages_ms` the same as stages that follow
    each other; what they leave of the wait is the way there and back. `languages` are those in which it was answered.
    """

    number: int
    said: str
    understood: str
    answered: str
    line: Stretch | None
    answer: Stretch | None
    wait_ms: int | None
    talked_over: bool = False
    barge_in_ms: int | None = None
    parts_ms: Mapping[str, int] = {}
    stages_ms: Mapping[str, int] = {}
    tools: tuple[ToolRun, ...] = ()
    trace_ids: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class TurnTimes(_Part):
    """The waits of all turns but the greeting, in order."""

    turns: tuple[int, ...]
    p50: int | None
    p95: int | None


class CallReport(_Part):
    """Everything about one call; `report.json` is this."""

    call_id: str
    scenario: str
    title: str
    hotel: str
    began: datetime
    duration_ms: int
    passed: bool
    state: str
    outcome: str | None
    reason: str | None
    reservation: Reservation | None
    hung_up_by: str
    gave_up: bool
    pick_up_ms: int | None
    turn_ms: TurnTimes
    parts_ms: Mapping[str, Mapping[str, int]]
    barge_in_ms: tuple[int, ...]
    checks: tuple[Check, ...]
    turns: tuple[TurnReport, ...]
    guest_speech: tuple[Stretch, ...]
    hotel_speech: tuple[Stretch, ...]


def report_of(
    call: PhoneCall,
    *,
    scenario: str,
    title: str,
    hotel: str,
    found: Found,
    checks: Sequence[Check],
    stored: Sequence[Turn],
) -> CallReport:
    """The report of a call that its guest heard, its turns were `stored` and whose end was `found` and judged."""
    turns = _turns(call, stored)
    waits = tuple(turn.wait_ms for turn in turns[1:] if turn.wait_ms is not None)
    parts: dict[str, list[int]] = {}
    for turn in turns[1:]:
        for part, ms in turn.parts_ms.items():
            parts.setdefault(part, []).append(ms)
    return CallReport(
        call_id=call.id,
        scenario=scenario,
        title=title,
        hotel=hotel,
        began=call.began,
        duration_ms=_ms(call.ended - call.ringing),
        passed=all(check.passed for check in checks),
        state=found.state,
        outcome=found.outcome,
        reason=found.reason,
        reservation=found.reservations[0] if found.reservations else None,
        hung_up_by=call.hung_up_by,
        gave_up=call.gave_up,
        pick_up_ms=turns[0].wait_ms,
        turn_ms=TurnTimes(turns=waits, **{name: _share(waits, share) for name, share in Shares.items()}),
        parts_ms={
            part: {name: found_ms for name, share in Shares.items() if (found_ms := _share(values, share)) is not None}
            for part, values in parts.items()
        },
        barge_in_ms=tuple(turn.barge_in_ms for turn in turns if turn.barge_in_ms is not None),
        checks=tuple(checks),
        turns=turns,
        guest_speech=tuple(_stretch(span, call) for span in call.guest_speech),
        hotel_speech=tuple(_stretch(span, call) for span in call.hotel_speech),
    )


def stages(parts: Mapping[str, int]) -> Mapping[str, int]:
    """A turn's parts one after the other. The end of a turn is found while recognition still works, from one start."""
    recognition = parts.get("recognition", 0)
    in_order = {
        "recognition": recognition,
        "end_of_turn": max(0, parts.get("end_of_turn", 0) - recognition),
        **{stage: parts.get(stage, 0) for stage in ("model", "tool", "voice")},
    }
    return {stage: ms for stage, ms in in_order.items() if ms}


def _turns(call: PhoneCall, stored: Sequence[Turn]) -> tuple[TurnReport, ...]:
    ringing = Spoken(text="", span=Span(call.ringing, call.ringing))
    lines = [ringing, *call.spoken]
    by_line = _by_line(call, lines, stored)
    turns = []
    for number, line in enumerate(lines):
        until = lines[number + 1].span.start if number + 1 < len(lines) else None
        heard = answer_to(line.span, call.hotel_speech, until=until)
        mine = by_line[number]
        parts = mine[-1].latency_ms if mine else {}
        turns.append(
            TurnReport(
                number=number,
                said=line.text,
                understood=" ".join(turn.guest for turn in mine if turn.guest),
                answered=" ".join(turn.agent for turn in mine if turn.agent),
                line=_stretch(line.span, call) if number else None,
                answer=_answer(heard, call, until),
                wait_ms=None if heard.wait is None else _ms(heard.wait),
                talked_over=heard.talked_over,
                barge_in_ms=_barge_in(line, call),
                parts_ms=parts,
                stages_ms=stages(parts) if number else {},
                tools=tuple(tool for turn in mine for tool in turn.tools),
                trace_ids=tuple(turn.trace_id for turn in mine),
                languages=tuple(dict.fromkeys(turn.language for turn in mine)),
            )
        )
    return tuple(turns)


def _by_line(call: PhoneCall, lines: Sequence[Spoken], stored: Sequence[Turn]) -> list[list[Turn]]:
    """The stored turns of each line: those that began after it did and before the next; one machine has both clocks."""
    owned: list[list[Turn]] = [[] for _ in lines]
    for turn in stored:
        at = call.ringing + (turn.at - call.began).total_seconds()
        owner = max((number for number, line in enumerate(lines) if line.span.start <= at), default=0)
        owned[owner if turn.guest else 0].append(turn)
    return owned


def _answer(heard: Answer, call: PhoneCall, until: float | None) -> Stretch | None:
    """From the first sound of the answer to its last before the guest spoke again."""
    if heard.span is None:
        return None
    first = heard.span
    spans = [span for span in call.hotel_speech if span.start >= first.start and (until is None or span.start < until)]
    return _stretch(Span(first.start, spans[-1].end), call)


def _barge_in(line: Spoken, call: PhoneCall) -> int | None:
    paused = paused_after(line.span.start, call.hotel_speech) if line.interrupts else None
    return None if paused is None else _ms(paused)


def _stretch(span: Span, call: PhoneCall) -> Stretch:
    return Stretch(starts=_ms(span.start - call.ringing), ends=_ms(span.end - call.ringing))


def _share(values: Sequence[int], share: float) -> int | None:
    found = percentile(values, share)
    return None if found is None else round(found)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
