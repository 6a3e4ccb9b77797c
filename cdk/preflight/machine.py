"""What the deployer's own machine needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding

NEEDED_NODE: Final = 22
"""The oldest release the CDK supports: https://docs.aws.amazon.com/cdk/v2/guide/node-versions.html."""
_OURS: Final = Path(__file__).resolve().parents[2] / ".local/node/bin"
"""Where `make` puts Node on a machine that has none."""


def docker(_: Deployment) -> Finding:
    """Container images can be built: `cdk deploy` builds the agent's and the recogniser's companions."""
    program = os.environ.get("CDK_DOCKER", "docker")
    fix = "install Docker and start it, or name another builder in CDK_DOCKER"
    if not shutil.which(program):
        return Finding.wrong(f"{program} is not installed", fix=fix)
    # Only the client answers without its server, so the server is asked for its version.
    asked = _output(program, "version", "--format", "{{.Server.Version}}")
    if asked is None:
        return Finding.wrong(f"{program} does not answer", fix=fix)
    return Finding.fine(f"{program} {asked}")


def node(_: Deployment) -> Finding:
    """The CDK's command line can run."""
    program = shutil.which("node", path=os.pathsep.join((str(_OURS), os.environ.get("PATH", ""))))
    version = _output(program, "--version") if program else None
    if version is None:
        return Finding.wrong("Node.js is not installed", fix="make ready")
    release = re.match(r"v(\d+)\.", version)
    if release is None or int(release[1]) < NEEDED_NODE:
        return Finding.wrong(f"Node.js {version}; the CDK needs {NEEDED_NODE} or newer", fix="make ready")
    return Finding.fine(f"Node.js {version}")


def _output(*command: str) -> str | None:
    """What a command prints; None when it fails or takes more than ten seconds."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
