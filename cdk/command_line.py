"""What the commands beside the CDK's own are told: `python -m cdk.<command> dev|prod [-c name=value …]`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from cdk.stages import NAMES, Stage


def stage_of(arguments: Sequence[str] | None, *, command: str, does: str) -> Stage:
    """The stage that the arguments name, with the operator's values of cdk.json and, before those, of the arguments.

    Raises StageError, and SystemExit with the usage when the arguments are others; None means those of the program.
    """
    parser = argparse.ArgumentParser(f"python -m {command}", description=does)
    parser.add_argument("stage", choices=NAMES)
    parser.add_argument(
        "-c",
        dest="values",
        metavar="name=value",
        action="append",
        default=[],
        type=_pair,
        help="a value of the operator's that is not in cdk.json, or another than there",
    )
    said = parser.parse_args(arguments)
    written = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]["stages"].get(said.stage, {})
    return Stage.of(said.stage, {**written, **dict(said.values)})


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value
