"""What the documents say about the code is what the code says."""

from pathlib import Path

import pytest

from lambdas.shared.domain.call import TRANSITIONS

pytestmark = pytest.mark.unit

DOCS = Path(__file__).parents[2] / "docs"


def state_diagram() -> str:
    """The table of a call's states as Mermaid draws it."""
    moves = [f"    {state} --> {after}: {move}" for state, row in TRANSITIONS.items() for move, after in row.items()]
    return "\n".join(["stateDiagram-v2", "    [*] --> ringing", *moves, "    ended --> [*]"])


def test_the_picture_of_a_call_is_the_table() -> None:
    """The state diagram in docs/architecture.md shows every move of the table and no other."""
    page = (DOCS / "architecture.md").read_text(encoding="utf-8")

    assert state_diagram() in page, f"put this into docs/architecture.md:\n{state_diagram()}"
