"""The findings as one table, and under it a line for each thing to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from cdk.preflight.finding import STOPPING, Finding, State

_STYLES: Final = {
    State.FINE: "green",
    State.WRONG: "bold red",
    State.UNSEEN: "bold magenta",
    State.NOT_YET: "cyan",
    State.BY_HAND: "yellow",
}
_READY: Final = Text("ready to deploy", "bold green")


def show(console: Console, title: str, found: Mapping[str, Finding]) -> None:
    """Print the table, then what is to be done; a command to copy stays on one line."""
    rows = Table(title=title, title_justify="left", title_style="bold", pad_edge=False, box=None, show_header=False)
    for subject, finding in found.items():
        rows.add_row(subject, Text(finding.state.value, _STYLES[finding.state]), escape(finding.seen))
    console.print(rows)
    console.print()
    for fix in dict.fromkeys(finding.fix for finding in found.values() if finding.fix):
        concerned = [subject for subject, finding in found.items() if finding.fix == fix]
        console.print(Text.assemble((", ".join(concerned), "bold"), "\n  ", fix), soft_wrap=True)
    stopping = sum(finding.state in STOPPING for finding in found.values())
    verdict = Text(f"{stopping} of {len(found)} stop a deployment", "bold red") if stopping else _READY
    console.print()
    console.print(verdict)
