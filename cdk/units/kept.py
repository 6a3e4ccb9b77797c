"""What happens to data and the keys that read it when their stack goes."""

from __future__ import annotations

from aws_cdk import RemovalPolicy

from cdk.stages import Stage


def kept(stage: Stage) -> RemovalPolicy:
    """Kept where the stage retains, gone with the stack elsewhere.

    `RetainExceptOnCreate`, so that a first deployment that fails takes its empty beginnings with it: a secret has the
    name that its readers know, and one left behind would stop the next try.
    """
    return RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE if stage.retain else RemovalPolicy.DESTROY
