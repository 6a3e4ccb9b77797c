"""Whether the account may run what the stage plans."""

from __future__ import annotations

from typing import Final

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from gpu_fleet.capacity import CPU_INSTANCE

GPU_QUOTA: Final = "L-DB2E81BA"
"""EC2's "Running On-Demand G and VT instances", counted in vCPUs; 0 in many new accounts.

Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""
STANDARD_QUOTA: Final = "L-1216C47A"
"""EC2's "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", in vCPUs; 5 in many new accounts."""
BUILDS_QUOTA: Final = "Concurrently running builds for Linux/Large environment"
"""CodeBuild's quota for the project that copies the recogniser's image; below 1 in some new accounts: "Cannot have more
than 0 builds in queue".

Source: https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
"""
FUNCTIONS_QUOTA: Final = "L-B99A9384"
"""Lambda's "Concurrent executions"; 10 in many new accounts.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
RUNNING_A_CALL: Final = 5
"""Functions that a call may have running at one moment: an event, a turn, a tool, a speech plan, LiveKit's report."""
ONE_MORE: Final = 1
"""A new recogniser starts on a host of its own before the old one goes."""


def gpu_quota(deployment: Deployment) -> Finding:
    """The quota for G instances holds the most hosts the stage may have."""
    stage = deployment.stage
    return _holds(deployment, GPU_QUOTA, stage.gpu_instance, stage.most_gpu_hosts + ONE_MORE)


def cpu_quota(deployment: Deployment) -> Finding:
    """The quota for ordinary instances holds the hosts of the agents that find no place beside a recogniser."""
    return _holds(deployment, STANDARD_QUOTA, CPU_INSTANCE, deployment.stage.fleet.cpu_hosts + ONE_MORE)


def functions_quota(deployment: Deployment) -> Finding:
    """As many functions may run at once as the calls of the busiest moment need."""
    calls = deployment.stage.fleet.calls_at_once
    granted = deployment.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    seen = f"{calls} calls at once need {calls * RUNNING_A_CALL} functions of {granted}"
    if granted < calls * RUNNING_A_CALL:
        # Below a thousand every other program of the account is in the way as well.
        return Finding.wrong(seen, fix=_raise("lambda", FUNCTIONS_QUOTA, 1000, deployment))
    return Finding.fine(seen)


def builds_quota(deployment: Deployment) -> Finding:
    """CodeBuild may run the build that copies the recogniser's image."""
    quotas = deployment.client("service-quotas").get_paginator("list_service_quotas")
    pages = quotas.paginate(ServiceCode="codebuild")
    found = [quota for page in pages for quota in page["Quotas"] if quota["QuotaName"] == BUILDS_QUOTA]
    if not found:
        return Finding.unseen(f"CodeBuild has no quota {BUILDS_QUOTA!r} here", fix="look at Service Quotas, CodeBuild")
    quota, granted = found[0], found[0]["Value"]
    if granted < 1:
        return Finding.wrong(
            f"CodeBuild may run {granted:g} large builds at once",
            fix=_raise("codebuild", quota["QuotaCode"], 1, deployment),
        )
    return Finding.fine(f"CodeBuild may run {granted:g} large builds at once")


def gpu_zones(deployment: Deployment) -> Finding:
    """The stage's zones are among those that offer its GPU instance."""
    stage = deployment.stage
    offers = deployment.client("ec2").get_paginator("describe_instance_type_offerings")
    wanted = [{"Name": "instance-type", "Values": [stage.gpu_instance]}]
    pages = offers.paginate(LocationType="availability-zone-id", Filters=wanted)
    offering = sorted(offer["Location"] for page in pages for offer in page["InstanceTypeOfferings"])
    lacking = sorted(set(stage.gpu_zones) - set(offering))
    if lacking:
        return Finding.wrong(
            f"{stage.gpu_instance} is not offered in {', '.join(lacking)}, only in {', '.join(offering) or 'no zone'}",
            fix="set `gpu_zones` in cdk/stages.py to two zones that offer it",
        )
    return Finding.fine(f"{stage.gpu_instance} is offered in {', '.join(stage.gpu_zones)}")


def _holds(deployment: Deployment, quota: str, instance: str, hosts: int) -> Finding:
    types = deployment.client("ec2").describe_instance_types(InstanceTypes=[instance])["InstanceTypes"]
    needed = hosts * types[0]["VCpuInfo"]["DefaultVCpus"]
    granted = _granted(deployment, quota)
    seen = f"{hosts} × {instance} take {needed} vCPUs of {granted:g}"
    if granted < needed:
        return Finding.wrong(seen, fix=_raise("ec2", quota, needed, deployment))
    return Finding.fine(seen)


def _granted(deployment: Deployment, quota: str) -> float:
    quotas = deployment.client("service-quotas")
    try:
        answer = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=quota)
    except quotas.exceptions.NoSuchResourceException:
        # An account in which the quota was never touched has AWS's default.
        answer = quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=quota)
    return float(answer["Quota"]["Value"])


def _raise(service: str, quota: str, value: int, deployment: Deployment) -> str:
    return (
        f"aws service-quotas request-service-quota-increase --region {deployment.stage.region}"
        f" --service-code {service} --quota-code {quota} --desired-value {value}"
    )
