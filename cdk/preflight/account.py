"""Whose credentials these are, and whether the CDK may work in the account."""

from __future__ import annotations

from typing import Final

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding

NEEDED_BOOTSTRAP: Final = 6
"""The bootstrap stack's version that the templates' own rule CheckBootstrapVersion asks for."""
ECS_ROLE: Final = "AWSServiceRoleForECS"
"""The role by which ECS works in an account. ECS makes it with the first cluster and then takes it before it is known
everywhere, so the first deployment of a new account often fails
(https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/818).
"""
_BOOTSTRAP: Final = "/cdk-bootstrap/hnb659fds/version"


def credentials(deployment: Deployment) -> Finding:
    """The credentials count, and are of the stage's account."""
    identity = deployment.client("sts").get_caller_identity()
    account, wanted = identity["Account"], deployment.stage.operator.account
    if wanted and account != wanted:
        return Finding.wrong(
            f"these credentials are of account {account}, the stage is of {wanted}",
            fix=f"take credentials of {wanted} (AWS_PROFILE), or correct `account` in cdk.json",
        )
    role = identity["Arn"].rpartition(":")[2]
    return Finding.fine(f"{role} in account {account}" + ("" if wanted else ", and cdk.json pins none"))


def bootstrap(deployment: Deployment) -> Finding:
    """The CDK's own stack is there and new enough."""
    target = f"{deployment.stage.operator.account or '<account>'}/{deployment.stage.region}"
    # The CDK asks the app for its stacks before it bootstraps, also where the account is named.
    fix = f"npx cdk bootstrap aws://{target} -c stage={deployment.stage.name}"
    ssm = deployment.client("ssm")
    try:
        answer = ssm.get_parameter(Name=_BOOTSTRAP)
    except ssm.exceptions.ParameterNotFound:
        return Finding.wrong(f"the CDK is not bootstrapped in {deployment.stage.region}", fix=fix)
    version = int(answer["Parameter"]["Value"])
    if version < NEEDED_BOOTSTRAP:
        return Finding.wrong(f"bootstrap version {version}; {NEEDED_BOOTSTRAP} is needed", fix=fix)
    return Finding.fine(f"bootstrap version {version}")


def ecs_role(deployment: Deployment) -> Finding:
    """ECS has its role in the account."""
    iam = deployment.client("iam")
    try:
        iam.get_role(RoleName=ECS_ROLE)
    except iam.exceptions.NoSuchEntityException:
        return Finding.wrong(
            f"the account has no {ECS_ROLE}",
            fix="aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
        )
    return Finding.fine(f"the account has {ECS_ROLE}")
