"""Why a finding of cdk-nag's AwsSolutions rules is accepted on a resource."""

from __future__ import annotations

from aws_cdk import Acknowledgment, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Accept a rule's finding on this construct and what it is made of; the reason is one sentence.

    `rule` is its name in https://github.com/cdklabs/cdk-nag/blob/main/RULES.md, such as `AwsSolutions-S1`, with the
    finding in brackets where the rule has several, such as `AwsSolutions-IAM5[Resource::*]`.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=f"AwsSolutions::{rule}", reason=reason))
