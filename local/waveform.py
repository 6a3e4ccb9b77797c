"""Both sides of a call drawn over time, with the waits between them, as inline SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

import numpy as np

from local.phone_line import RATE, Samples
from local.report import CallReport, Stretch, TurnReport

LEFT: Final = 56
LABEL: Final = 40
PER_SECOND: Final = 14.0
NARROWEST: Final = 1040.0
GUEST_Y: Final = 68
HOTEL_Y: Final = 208
HALF: Final = 42
WAIT_Y: Final = 126
PARTS_Y: Final = 262
AXIS_Y: Final = 292
HEIGHT: Final = 312
TICKS: Final = (1, 2, 5, 10, 15, 30, 60)
COLOURS: Final = 6
QUIETEST_VOICE: Final = 4_000.0
"""A side on which nothing is louder is drawn as low as it is, so that a line's own noise does not look like speech."""
ORDER: Final = ("recognition", "end_of_turn", "model", "tool", "voice")


def stage_colours(report: CallReport) -> Mapping[str, str]:
    """The class that colours each stage of a wait, in the order in which the stages follow each other."""
    stages = dict.fromkeys(stage for turn in report.turns for stage in turn.stages_ms)
    return {stage: f"part{number % COLOURS}" for number, stage in enumerate(sorted(stages, key=ORDER.index))}


def draw_call(report: CallReport, audio: Samples) -> str:
    """The drawing; `audio` holds both sides from the first ring on, shape (samples, 2)."""
    seconds = max(report.duration_ms / 1000, len(audio) / RATE, 1.0)
    width = max(NARROWEST, LEFT + seconds * PER_SECOND)
    scale = (width - LEFT - 8) / seconds
    answered = [turn for turn in report.turns if turn.wait_ms is not None]
    told = f"Guest and hotel over {seconds:.0f} seconds, {len(answered)} answers; the table below has every wait."
    return "\n".join(
        (
            f'<svg id="wave" viewBox="0 0 {width:.0f} {HEIGHT}" role="img" aria-label="{escape(told)}" '
            f'data-left="{LEFT}" data-scale="{scale:.4f}" style="min-width:{width * 0.8:.0f}px">',
            *_axis(seconds, scale),
            *_side("Guest", "guest", GUEST_Y, report.guest_speech, audio[:, 0], scale),
            *_side("Hotel", "hotel", HOTEL_Y, report.hotel_speech, audio[:, 1], scale),
            *(mark for turn in report.turns for mark in _turn(turn, stage_colours(report), scale)),
            f'<text class="lane" x="0" y="{WAIT_Y + 15}">Wait</text>',
            f'<text class="lane" x="0" y="{PARTS_Y + 8}">{"Stages" if stage_colours(report) else ""}</text>',
            f'<line id="playhead" x1="{LEFT}" x2="{LEFT}" y1="16" y2="{AXIS_Y}" />',
            "</svg>",
        )
    )


def _axis(seconds: float, scale: float) -> Iterator[str]:
    step = next((step for step in TICKS if step * scale >= 60), TICKS[-1])
    for second in range(0, int(seconds) + 1, step):
        x = LEFT + second * scale
        yield f'<line class="tick" x1="{x:.1f}" x2="{x:.1f}" y1="16" y2="{AXIS_Y}" />'
        yield f'<text class="time" x="{x:.1f}" y="{AXIS_Y + 16}">{second // 60}:{second % 60:02d}</text>'


def _side(title: str, kind: str, y: int, speech: Sequence[Stretch], samples: Samples, scale: float) -> Iterator[str]:
    yield f'<text class="lane" x="0" y="{y + 4}">{title}</text>'
    for stretch in speech:
        x, wide = LEFT + stretch.starts * scale / 1000, (stretch.ends - stretch.starts) * scale / 1000
        yield f'<rect class="speech {kind}" x="{x:.1f}" y="{y - HALF}" width="{wide:.1f}" height="{2 * HALF}" rx="3" />'
    yield f'<path class="wave {kind}" d="{_outline(samples, y, scale)}" />'


def _outline(samples: Samples, y: int, scale: float) -> str:
    """A column for every 1.5 units; quiet speech is raised so that it can be seen beside loud speech."""
    size = max(1, round(RATE * 1.5 / scale))
    columns = -(-len(samples) // size)
    padded = np.zeros(columns * size)
    padded[: len(samples)] = np.abs(samples.astype(np.float64))
    peaks = padded.reshape(columns, size).max(axis=1) if columns else np.zeros(0)
    heights = HALF * np.sqrt(peaks / max(float(peaks.max(initial=0.0)), QUIETEST_VOICE)) if columns else peaks
    heights[heights < 3] = 0.6
    xs = LEFT + (np.arange(columns) + 0.5) * size / RATE * scale
    return "".join(f"M{x:.1f} {y - height:.1f}V{y + height:.1f}" for x, height in zip(xs, heights, strict=True))


def _turn(turn: TurnReport, colours: Mapping[str, str], scale: float) -> Iterator[str]:
    """The turn's number at its line, the wait as a bar from the line's end to the answer, its parts below the hotel."""
    ends = turn.line.ends if turn.line else 0
    x = LEFT + ends * scale / 1000
    if turn.line:
        start = LEFT + turn.line.starts * scale / 1000
        yield f'<circle class="number" cx="{start + 9:.1f}" cy="12" r="9" />'
        yield f'<text class="number" x="{start + 9:.1f}" y="16">{turn.number}</text>'
    if turn.wait_ms is None:
        return
    wide = turn.wait_ms * scale / 1000
    told = f"{'turn ' + str(turn.number) if turn.number else 'pick-up'}: {turn.wait_ms} ms"
    yield f'<g><title>{told}</title><rect class="wait" x="{x:.1f}" y="{WAIT_Y}" width="{wide:.1f}" height="8" rx="2" />'
    middle = max(x + wide / 2, LEFT + LABEL / 2)
    yield f'<text class="wait" x="{middle:.1f}" y="{WAIT_Y + 24}">{turn.wait_ms / 1000:.2f} s</text></g>'
    at = x
    for stage, ms in turn.stages_ms.items():
        yield (
            f"<g><title>{escape(stage.replace('_', ' '))}: {ms} ms</title>"
            f'<rect class="part {colours[stage]}" x="{at:.1f}" y="{PARTS_Y}" '
            f'width="{ms * scale / 1000:.1f}" height="10" /></g>'
        )
        at += ms * scale / 1000
