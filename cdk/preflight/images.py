"""Whether the machine images to which the hosts are pinned are still published."""

from __future__ import annotations

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding


def machine_images(deployment: Deployment) -> Finding:
    """AWS's public parameters of the pinned releases exist."""
    # Imported here: the CDK's library takes seconds and starts Node.js, which may be what is missing.
    from cdk.units.hosts import CPU_IMAGE, GPU_IMAGE

    gone = deployment.client("ssm").get_parameters(Names=[GPU_IMAGE, CPU_IMAGE])["InvalidParameters"]
    if gone:
        return Finding.wrong(
            f"not published: {', '.join(gone)}", fix="set AMI in cdk/units/hosts.py to a newer release (operations.md)"
        )
    return Finding.fine(f"{GPU_IMAGE.split('/')[-2]} and the one without GPU are published")
