"""What the templates refer to: resources made in moto as the template describes them, and the values of references.

CloudFormation's intrinsic functions are described at
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

ACCOUNT: Final = "123456789012"
REGION: Final = "eu-central-1"

Template = Mapping[str, Any]
Client = Callable[[str], Any]
"""A client of one of AWS's services, by the service's name."""


class UnknownReference(Exception):
    """A template refers to something in a way that is not known here; the message says where and how."""


class Resources:
    """The stacks of a stage, of which each resource is made when somebody first refers to it.

    `secrets` are the values of secrets by their names: those that CloudFormation generates, and those that an operator
    creates before the first deployment, to which a template refers by name alone.
    """

    def __init__(self, stacks: Mapping[str, Template], *, client: Client, secrets: Mapping[str, str]) -> None:
        self._stacks = stacks
        self._client = client
        self._secrets = secrets
        self._made: dict[tuple[str, str], dict[str, str]] = {}
        self._arns: dict[str, str] = {}
        for name, value in secrets.items():
            self._arns[name] = client("secretsmanager").create_secret(Name=name, SecretString=value)["ARN"]

    def environment(self, stack: str, function: str) -> dict[str, str]:
        """A function's variables, with every reference resolved."""
        properties = self._stacks[stack]["Resources"][function]["Properties"]
        variables = properties.get("Environment", {}).get("Variables", {})
        return {name: self.value(stack, value) for name, value in variables.items()}

    def value(self, stack: str, value: Any) -> str:
        """What CloudFormation would put in its place; raises UnknownReference."""
        match value:
            case str():
                return value
            case bool():
                return str(value).lower()
            case int() | float():
                return str(value)
            case {"Ref": str(name)}:
                return self._ref(stack, name)
            case {"Fn::GetAtt": [str(name), str(attribute)]}:
                return self._attribute(stack, name, attribute)
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self.value(stack, part) for part in parts)
            case {"Fn::Sub": str(text)}:
                return re.sub(r"\$\{([^}!]+)\}", lambda found: self._substitute(stack, found[1]), text)
            case {"Fn::ImportValue": exported}:
                return self._imported(self.value(stack, exported))
        raise UnknownReference(f"{stack}: {json.dumps(value)}")

    def _ref(self, stack: str, name: str) -> str:
        pseudo = {
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self._stacks[stack].get("Parameters", {}):
            return str(self._stacks[stack]["Parameters"][name]["Default"])
        return self._resource(stack, name)["Ref"]

    def _attribute(self, stack: str, name: str, attribute: str) -> str:
        made = self._resource(stack, name)
        if attribute not in made:
            raise UnknownReference(f"{stack}: {name} has no attribute {attribute} here, only {', '.join(made)}")
        return made[attribute]

    def _substitute(self, stack: str, name: str) -> str:
        resource, _, attribute = name.partition(".")
        return self._attribute(stack, resource, attribute) if attribute else self._ref(stack, name)

    def _imported(self, exported: str) -> str:
        for stack, template in self._stacks.items():
            for output in template.get("Outputs", {}).values():
                if self.value(stack, output.get("Export", {}).get("Name", "")) == exported:
                    return self.value(stack, output["Value"])
        raise UnknownReference(f"no stack exports {exported}")

    def _resource(self, stack: str, name: str) -> dict[str, str]:
        if (stack, name) not in self._made:
            described = self._stacks[stack]["Resources"][name]
            make = {
                "AWS::CodeBuild::Project": self._make_project,
                "AWS::DynamoDB::Table": self._make_table,
                "AWS::SecretsManager::Secret": self._find_secret,
            }.get(described["Type"])
            if make is None:
                raise UnknownReference(f"{stack}: a function refers to {name}, a {described['Type']}, unknown here")
            self._made[stack, name] = make(stack, name, described.get("Properties", {}))
        return self._made[stack, name]

    def _make_table(self, stack: str, name: str, properties: Template) -> dict[str, str]:
        taken = ("AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes", "BillingMode")
        asked = {part: properties[part] for part in taken if part in properties}
        if "StreamSpecification" in properties:
            asked["StreamSpecification"] = {"StreamEnabled": True, **properties["StreamSpecification"]}
        table = self._client("dynamodb").create_table(TableName=f"{stack}-{name}", **asked)["TableDescription"]
        return {"Ref": table["TableName"], "Arn": table["TableArn"], "StreamArn": table.get("LatestStreamArn", "")}

    def _find_secret(self, stack: str, name: str, properties: Template) -> dict[str, str]:
        known = self.value(stack, properties["Name"])
        if known not in self._arns:
            raise UnknownReference(f"{stack}: secret {known} has no value here")
        return {"Ref": self._arns[known], "Id": self._arns[known]}

    def _make_project(self, stack: str, name: str, properties: Template) -> dict[str, str]:
        project = {
            "name": f"{stack}-{name}",
            "source": {"type": "S3", "location": "assets/program.zip"},
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": properties["Environment"]["Type"],
                "image": properties["Environment"]["Image"],
                "computeType": properties["Environment"]["ComputeType"],
            },
            "serviceRole": f"arn:aws:iam::{ACCOUNT}:role/build",
        }
        made = self._client("codebuild").create_project(**project)["project"]
        return {"Ref": made["name"], "Arn": made["arn"]}


def stacks_of(assembly: Path) -> dict[str, Template]:
    """The templates of a synthesised app by their stacks' names."""
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text("utf-8"))
        for path in sorted(assembly.glob("*.template.json"))
    }
