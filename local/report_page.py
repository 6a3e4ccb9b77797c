"""The report of a call as one HTML file that needs nothing else: it can be kept, mailed and opened off the network."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Final

from lambdas.shared.domain.call import Outcome
from local.phone_line import RATE, Samples, mu_law_encode
from local.report import CallReport, TurnReport
from local.waveform import draw_call, stage_colours

WEB: Final = Path(__file__).resolve().parent / "web"
POLICY: Final = (
    "default-src 'none'; media-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
)
OUTCOMES: Final = {
    "booked": "Room booked",
    "changed": "Stay changed",
    "cancelled": "Stay cancelled",
    "transferred": "Put through",
    "message_taken": "Message taken",
    "failed": "Failed",
    "answered": "Question answered",
    "abandoned": "Guest hung up",
}


def render(report: CallReport, audio: Samples) -> str:
    """The whole page; `audio` holds both sides from the first ring on, shape (samples, 2)."""
    style, script = ((WEB / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    title = f"{report.title} · {report.hotel}"
    return "\n".join(
        (
            "<!doctype html>",
            '<html lang="en">',
            '<head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title>",
            f"<style>\n{style}</style></head>",
            "<body><main>",
            *_head(report),
            *_figures(report),
            *_call(report, audio),
            *_transcript(report),
            *_waits(report),
            *_checks(report),
            *_foot(report),
            "</main>",
            f"<script>\n{script}</script>",
            "</body></html>",
            "",
        )
    )


def _head(report: CallReport) -> Iterator[str]:
    verdict = OUTCOMES.get(report.outcome or "", report.state)
    mark, word = ("✓", "as expected") if report.passed else ("✕", "not as expected")
    minutes, seconds = divmod(round(report.duration_ms / 1000), 60)
    lasted = f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
    yield '<header class="head"><div>'
    yield f'<p class="eyebrow">Bellhop · a call to {escape(report.hotel)}</p>'
    yield f"<h1>{escape(report.title)}</h1>"
    yield (
        f'<p class="muted"><time datetime="{report.began.isoformat()}">{report.began:%-d %B %Y, %H:%M} UTC</time>'
        f" · {lasted} · {'the hotel' if report.hung_up_by == 'hotel' else 'the guest'} hung up</p>"
    )
    yield "</div>"
    yield f'<p class="verdict {"good" if report.passed else "bad"}"><span aria-hidden="true">{mark}</span> '
    yield f"<strong>{escape(verdict)}</strong><small>{word}</small></p>"
    yield "</header>"
    stay = report.reservation
    if stay:
        nights = f"{stay.stay.nights} night{'s' if stay.stay.nights > 1 else ''}"
        yield (
            f'<p class="booking"><strong>{escape(stay.room.capitalize())}</strong> for {escape(stay.guest.name)}, '
            f"{stay.stay.arrival:%-d %B} to {stay.stay.departure:%-d %B %Y} ({nights}), "
            f'<strong>{escape(str(stay.total))}</strong> <span class="code">{escape(stay.code)}</span></p>'
        )
    elif report.reason and report.outcome == Outcome.FAILED:
        yield f'<p class="booking">The receptionist gave the reason “{escape(report.reason.replace("_", " "))}”.</p>'


def _figures(report: CallReport) -> Iterator[str]:
    figures = [
        ("Picked up after", report.pick_up_ms, "ringing to the first sound"),
        ("Answered after", report.turn_ms.p50, "half of the turns, or sooner"),
        ("At the slowest", report.turn_ms.p95, "95 % of the turns, or sooner"),
    ]
    if report.barge_in_ms:
        figures.append(("Fell silent after", max(report.barge_in_ms), "when the guest interrupted"))
    yield '<dl class="figures">'
    for name, ms, told in figures:
        yield f"<div><dt>{name}</dt><dd>{_seconds(ms)}</dd><dd class='muted'>{told}</dd></div>"
    yield "</dl>"


def _call(report: CallReport, audio: Samples) -> Iterator[str]:
    yield '<section aria-labelledby="call"><h2 id="call">The call</h2>'
    yield f'<audio id="audio" controls preload="metadata" src="{_audio_address(audio)}"></audio>'
    yield '<div class="scroll" tabindex="0" role="group" aria-label="Waveforms of both sides over time">'
    yield draw_call(report, audio)
    yield "</div>"
    yield '<ul class="legend">'
    yield '<li><i class="guest"></i>guest</li><li><i class="hotel"></i>hotel</li><li><i class="wait"></i>wait</li>'
    for stage, colour in stage_colours(report).items():
        yield f'<li><i class="{colour}"></i>{escape(_words(stage))}</li>'
    yield "</ul></section>"


def _transcript(report: CallReport) -> Iterator[str]:
    yield '<section aria-labelledby="words"><h2 id="words">What was said</h2><ol class="talk">'
    for turn in report.turns:
        start = turn.line or turn.answer
        at = start.starts if start else 0
        ends = turn.answer.ends if turn.answer else (turn.line.ends if turn.line else at)
        yield f'<li data-from="{at / 1000:.2f}" data-to="{ends / 1000:.2f}">'
        yield f'<button type="button" data-seek="{at / 1000:.2f}" title="Listen from here">{_clock(at)}</button><div>'
        if turn.said:
            yield f'<p class="guest"><b>Guest</b> {escape(turn.said)}</p>'
            if _plain(turn.understood) != _plain(turn.said):
                heard = f"understood as “{escape(turn.understood)}”" if turn.understood else "nothing was understood"
                yield f'<p class="heard">{heard}</p>'
        yield f'<p class="chips">{"".join(_chips(turn))}</p>'
        if turn.answered or turn.answer:
            words = escape(turn.answered) or '<span class="muted">(heard, but not stored)</span>'
            yield f'<p class="hotel"><b>Hotel</b> {words}</p>'
        yield "</div></li>"
    yield "</ol></section>"


def _chips(turn: TurnReport) -> Iterator[str]:
    for tool in turn.tools:
        fault = f" · {escape(tool.error)}" if tool.error else ""
        sign = '<span aria-hidden="true">⚙</span>'
        yield _chip(f"{sign} {escape(_words(tool.name))} {tool.ms} ms{fault}", "bad" if tool.error else "")
    if turn.wait_ms is not None:
        yield _chip(f"{'answered' if turn.number else 'picked up'} after {_seconds(turn.wait_ms)}", "wait")
    else:
        yield _chip("no answer" if turn.number else "nobody picked up", "bad")
    if turn.barge_in_ms is not None:
        yield _chip(f"the hotel fell silent after {_seconds(turn.barge_in_ms)}")
    if turn.talked_over:
        yield _chip("the hotel spoke into the line", "bad")


def _chip(words: str, kind: str = "") -> str:
    return f'<span class="chip {kind}">{words}</span>'


def _waits(report: CallReport) -> Iterator[str]:
    colours = stage_colours(report)
    longest = max((max(turn.wait_ms or 0, sum(turn.stages_ms.values())) for turn in report.turns), default=0) or 1
    yield '<section aria-labelledby="waits"><h2 id="waits">Where the wait went</h2>'
    yield '<p class="muted">The wait is by ear, at the guest’s phone; its stages are what the agent measured of it.</p>'
    yield '<div class="scroll" tabindex="0" role="group" aria-label="Waits and their stages">'
    yield '<table class="waits"><thead><tr><th scope="col">Turn</th><th scope="col">Wait</th>'
    yield '<td class="wide"></td>'
    yield "".join(f'<th scope="col" class="n">{escape(_words(stage).capitalize())}</th>' for stage in colours)
    yield "</tr></thead><tbody>"
    for turn in report.turns:
        yield f'<tr><th scope="row">{turn.number or "Greeting"}</th><td>{_seconds(turn.wait_ms)}</td>'
        yield f'<td class="wide" aria-hidden="true"><div class="bar">{"".join(_bar(turn, colours, longest))}</div></td>'
        for stage in colours:
            ms = turn.stages_ms.get(stage)
            yield f'<td class="n">{"–" if ms is None else f"{ms} ms"}</td>'
        yield "</tr>"
    yield "</tbody></table></div></section>"


def _bar(turn: TurnReport, colours: Mapping[str, str], longest: int) -> Iterator[str]:
    """The stages one after the other, then what of the wait nobody measured: the way there and back."""
    rest = max(0, (turn.wait_ms or 0) - sum(turn.stages_ms.values()))
    for colour, ms in [*((colours[stage], ms) for stage, ms in turn.stages_ms.items()), ("wait", rest)]:
        if ms:
            yield f'<i class="{colour}" style="width:{100 * ms / longest:.1f}%"></i>'


def _checks(report: CallReport) -> Iterator[str]:
    yield '<section aria-labelledby="checks"><h2 id="checks">What had to be true</h2>'
    yield '<div class="scroll" tabindex="0" role="group" aria-label="Checks"><table><thead><tr>'
    yield '<th scope="col"></th><th scope="col">Expected</th><th scope="col">Found</th><th scope="col">Result</th>'
    yield "</tr></thead><tbody>"
    for check in report.checks:
        kind, word = ("good", "✓ yes") if check.passed else ("bad", "✕ no")
        yield f'<tr><th scope="row">{escape(check.name.capitalize())}</th><td>{escape(check.expected)}</td>'
        yield f'<td>{escape(check.found)}</td><td class="{kind}">{word}</td></tr>'
    yield "</tbody></table></div></section>"


def _foot(report: CallReport) -> Iterator[str]:
    yield '<footer class="muted"><p>'
    yield f"Call <code>{escape(report.call_id)}</code> · scenario <code>{escape(report.scenario)}</code>"
    yield "</p>"
    traces = [(turn.number, trace) for turn in report.turns for trace in turn.trace_ids]
    if traces:
        yield "<details><summary>Traces of the turns</summary><ul>"
        for number, trace in traces:
            yield f"<li>{f'turn {number}' if number else 'greeting'} <code>{escape(trace)}</code></li>"
        yield "</ul></details>"
    yield "</footer>"


def _audio_address(audio: Samples) -> str:
    """The recording as a µ-law WAV in a data address: the line carried no more than that, at half the size."""
    codes = mu_law_encode(audio.reshape(-1)).tobytes()
    fmt = struct.pack("<HHIIHHH", 7, 2, RATE, RATE * 2, 2, 8, 0)
    fact = struct.pack("<I", len(audio))
    chunks = [(b"fmt ", fmt), (b"fact", fact), (b"data", codes + b"\xff" * (len(codes) % 2))]
    body = b"WAVE" + b"".join(name + struct.pack("<I", len(data)) + data for name, data in chunks)
    wav = b"RIFF" + struct.pack("<I", len(body)) + body
    return "data:audio/wav;base64," + base64.b64encode(wav).decode("ascii")


def _seconds(ms: float | None) -> str:
    return "–" if ms is None else f"{ms / 1000:.2f} s"


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms / 1000, 60)
    return f"{int(minutes)}:{seconds:04.1f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
