"""Whether the machine images to which the hosts are pinned are still published."""

from __future__ import annotations

from cdk.machine_images import CPU_IMAGE, GPU_IMAGE
from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding


def machine_images(deployment: Deployment) -> Finding:
    """AWS's public parameters of the pinned releases exist."""
    names = [GPU_IMAGE, CPU_IMAGE]
    gone = deployment.client("ssm").get_parameters(Names=names)["InvalidParameters"]
    if gone:
        return Finding.wrong(
            f"not published: {', '.join(gone)}",
            fix="set RELEASE in cdk/machine_images.py to a newer one (operations.md)",
        )
    return Finding.fine(f"published: {', '.join(name.split('/')[-2] for name in names)}")
