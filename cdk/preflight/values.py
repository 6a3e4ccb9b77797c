"""What the operator has to say in cdk.json, and where it may be."""

from __future__ import annotations

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from cdk.residency import ResidencyError, require_eu


def operators_values(deployment: Deployment) -> Finding:
    """Every value without which no phone is answered is said."""
    stage = deployment.stage
    if stage.missing:
        return Finding.wrong(
            f"not said: {', '.join(stage.missing)}", fix=f"write them into cdk.json, context.stages.{stage.name}"
        )
    return Finding.fine("all said")


def residency(deployment: Deployment) -> Finding:
    """Everything that is said is in the European Union."""
    try:
        require_eu(deployment.stage, deployment.hotels)
    except ResidencyError as error:
        return Finding.wrong(str(error), fix="choose a place of the list, or give cdk/residency.py a reason")
    return Finding.fine("every region and address is in the EU")
