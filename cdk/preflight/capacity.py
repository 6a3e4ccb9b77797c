"""Whether the account may run the hosts that the stage plans."""

from __future__ import annotations

from typing import Final

from botocore.exceptions import ClientError

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding

GPU_QUOTA: Final = "L-DB2E81BA"
"""EC2's "Running On-Demand G and VT instances", counted in vCPUs; 0 in many new accounts.

Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html
"""


def gpu_quota(deployment: Deployment) -> Finding:
    """The quota for G instances holds the most hosts the stage may have."""
    stage = deployment.stage
    types = deployment.client("ec2").describe_instance_types(InstanceTypes=[stage.gpu_instance])["InstanceTypes"]
    processors = types[0]["VCpuInfo"]["DefaultVCpus"]
    needed = stage.most_gpu_hosts * processors
    granted = _granted(deployment, GPU_QUOTA)
    counted = f"{stage.most_gpu_hosts} × {stage.gpu_instance} need {needed} vCPUs, {granted:g} are granted"
    if granted < needed:
        request = f"aws service-quotas request-service-quota-increase --region {stage.region} --service-code ec2"
        return Finding.wrong(counted, fix=f"{request} --quota-code {GPU_QUOTA} --desired-value {needed}")
    return Finding.fine(counted)


def _granted(deployment: Deployment, quota: str) -> float:
    quotas = deployment.client("service-quotas")
    try:
        answer = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=quota)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        # An account that has never used or raised the quota has AWS's default.
        answer = quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=quota)
    return float(answer["Quota"]["Value"])


def gpu_zones(deployment: Deployment) -> Finding:
    """The stage's zones are those that offer its GPU instance."""
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
