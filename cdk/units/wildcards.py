"""Why a right reaches over a part of an address that nobody knows beforehand, such as a call's id."""

from __future__ import annotations

import json
from typing import Any, cast

import jsii
from aws_cdk import Stack, aws_iam
from constructs import IValidation

from cdk.units.nag import acknowledge


def acknowledge_wildcards(role: aws_iam.IRole, *, service: str, reason: str) -> None:
    """Accept cdk-nag's findings on the role's own rights to ARNs of that service with a `*` in them; no other's.

    cdk-nag names a finding by its ARN as the template has it. One that another stack has a part in is known only when
    all stacks are made, so the findings are accepted then.
    """
    policy = cast("aws_iam.Policy", role.node.find_child("DefaultPolicy"))
    policy.node.add_validation(_Accepting(policy, f":{service}:", reason))


@jsii.implements(IValidation)
class _Accepting:
    def __init__(self, policy: aws_iam.Policy, part: str, reason: str) -> None:
        self._policy = policy
        self._part = part
        self._reason = reason

    def validate(self) -> list[str]:
        document = Stack.of(self._policy).resolve(self._policy.document)
        for statement in document["Statement"]:
            resources = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                name = flat(resource)
                if self._part in name and "*" in name:
                    acknowledge(self._policy, f"AwsSolutions-IAM5[Resource::{name}]", self._reason)
        return []


def flat(value: Any) -> str:
    """A template's value as cdk-nag writes it
    (https://github.com/cdklabs/cdk-nag/blob/main/src/utils/flatten-cfn-reference.ts)."""
    match value:
        case str():
            return value
        case {"Fn::Join": [delimiter, items]}:
            return str(delimiter).join(flat(item) for item in items)
        case {"Fn::GetAtt": [resource, attribute]}:
            return f"<{resource}.{attribute}>"
        case {"Ref": resource}:
            return f"<{resource}>"
        case {"Fn::ImportValue": exported}:
            return flat(exported)
        case _:
            return json.dumps(value, separators=(",", ":"))
