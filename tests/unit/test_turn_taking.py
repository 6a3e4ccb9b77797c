"""When a guest speaks, on made-up stretches of the hotel's speech."""

import pytest

from local.ear import Span
from local.turn_taking import ANSWER_OVER, PATIENCE, REACTION, Move, TurnTaking

pytestmark = pytest.mark.unit

LINE = Span(10.0, 12.0)
OVER = ANSWER_OVER + REACTION


@pytest.mark.parametrize(
    ("hotel", "speaking", "now", "move"),
    [
        pytest.param([Span(1, 9)], False, 13.0, Move.LISTEN, id="no answer yet"),
        pytest.param([Span(1, 9), Span(13, 14)], True, 14.0, Move.LISTEN, id="the answer goes on"),
        pytest.param([Span(13, 14)], False, 14 + OVER - 0.01, Move.LISTEN, id="perhaps a pause"),
        pytest.param([Span(13, 14)], False, 14 + OVER + 0.01, Move.SPEAK, id="the answer is over"),
        pytest.param([Span(13, 14), Span(14.5, 15)], False, 14 + OVER + 0.3, Move.LISTEN, id="it was a pause"),
        pytest.param([Span(9, 12.5)], False, 14.0, Move.LISTEN, id="what was interrupted is no answer"),
        pytest.param([Span(11.5, 13)], False, 13 + OVER + 0.01, Move.SPEAK, id="an answer into the line"),
        pytest.param([], False, 12 + PATIENCE + 0.1, Move.GIVE_UP, id="nothing is heard"),
        pytest.param([Span(9, 12.5)], False, 12.5 + PATIENCE - 0.1, Move.LISTEN, id="patience begins with silence"),
        pytest.param([Span(9, 40)], True, 40.0, Move.LISTEN, id="a long speech does not end by itself"),
    ],
)
def test_a_guest_waits_for_the_answer(hotel: list[Span], speaking: bool, now: float, move: Move) -> None:
    """A guest speaks once an answer has been silent for long enough, and gives up on a dead line."""
    assert TurnTaking(LINE).move(hotel, speaking, now) is move


@pytest.mark.parametrize(("now", "move"), [(14.9, Move.LISTEN), (15.0, Move.SPEAK)])
def test_a_guest_who_interrupts_speaks_into_the_answer(now: float, move: Move) -> None:
    """An interruption comes so long after the answer began, though it goes on."""
    assert TurnTaking(LINE, interrupt_after=2.0).move([Span(13, now)], True, now) is move


def test_a_guest_who_has_something_to_think_about_takes_longer() -> None:
    """A line's own pause comes on top."""
    turn = TurnTaking(LINE, pause=3.0)

    assert turn.move([Span(13, 14)], False, 14 + OVER + 2.9) is Move.LISTEN
    assert turn.move([Span(13, 14)], False, 14 + OVER + 3.1) is Move.SPEAK
