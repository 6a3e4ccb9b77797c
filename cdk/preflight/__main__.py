"""`python -m cdk.preflight dev|prod [-c name=value …]`: exit status 0 when a deployment may begin, 1 when something
stops it, 2 when the question was wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
from rich.console import Console

from cdk.preflight.checks import CHECKS
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import STOPPING
from cdk.preflight.look import look_at
from cdk.preflight.table import show
from cdk.stages import NAMES, Stage, StageError
from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotels


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("python -m cdk.preflight", description="Looks at what a deployment needs.")
    parser.add_argument("stage", choices=NAMES)
    parser.add_argument("-c", dest="values", metavar="name=value", action="append", default=[], type=_pair)
    said = parser.parse_args(arguments)
    try:
        written = json.loads(Path("cdk.json").read_text(encoding="utf-8"))["context"]["stages"].get(said.stage, {})
        stage = Stage.of(said.stage, {**written, **dict(said.values)})
        hotels = Hotels.load(Path("hotels"))
    except (StageError, HotelFileError) as error:
        print(error, file=sys.stderr)
        return 2
    found = look_at(Deployment(stage, hotels, boto3.Session()), CHECKS)
    show(Console(), f"Stage {stage.name} in {stage.region}", found)
    return int(any(finding.state in STOPPING for finding in found.values()))


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not name=value")
    return name, value


if __name__ == "__main__":
    sys.exit(main())
