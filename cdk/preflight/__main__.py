"""`python -m cdk.preflight dev|prod [-c name=value …]`: exit status 0 when a deployment may begin, 1 when something
stops it, 2 when the question was wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import boto3
from rich.console import Console

from cdk.command_line import stage_of
from cdk.preflight.checks import CHECKS
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import STOPPING
from cdk.preflight.look import look_at
from cdk.preflight.table import show
from cdk.stages import StageError
from lambdas.shared.domain.errors import HotelFileError
from lambdas.shared.domain.hotel import Hotels


def main(arguments: Sequence[str] | None = None) -> int:
    try:
        stage = stage_of(arguments, command="cdk.preflight", does="Looks at what a deployment needs.")
        hotels = Hotels.load(Path("hotels"))
    except (StageError, HotelFileError) as error:
        print(error, file=sys.stderr)
        return 2
    found = look_at(Deployment(stage, hotels, boto3.Session()), CHECKS)
    show(Console(), f"Stage {stage.name} in {stage.region}", found)
    return int(any(finding.state in STOPPING for finding in found.values()))


if __name__ == "__main__":
    sys.exit(main())
