"""The images that are built of this repository when a stage is deployed."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

from aws_cdk import aws_ecr_assets, aws_ecs

ROOT: Final = Path(__file__).resolve().parents[2]
NEVER: Final = ("**/__pycache__", "**/*.pyc")


def built_image(dockerfile: str) -> aws_ecs.ContainerImage:
    """The image of a Dockerfile, whose path and whose own paths start at the repository.

    It changes when something changes that it copies and not otherwise, so that a new agent starts no new recogniser.
    The hosts' processors are x86, whatever the deployer's is.
    """
    return aws_ecs.ContainerImage.from_asset(
        str(ROOT),
        file=dockerfile,
        # After what .dockerignore says; the last pattern that matches a file decides.
        exclude=["*", *(f"!{path}" for path in (dockerfile, *copied((ROOT / dockerfile).read_text()))), *NEVER],
        platform=aws_ecr_assets.Platform.LINUX_AMD64,
    )


def copied(dockerfile: str) -> list[str]:
    """What a Dockerfile's COPY lines take from the folder it is built in; not what they take from earlier stages."""
    lines = re.sub(r"\\\n", " ", dockerfile).splitlines()
    copies = [shlex.split(line)[1:] for line in lines if line.startswith("COPY ")]
    return [path.rstrip("/") for words in copies if not words[0].startswith("--from=") for path in words[:-1]]
