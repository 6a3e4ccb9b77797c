"""References of templates, resolved as CloudFormation does."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.infrastructure.resources import Resources, UnknownReference

pytestmark = pytest.mark.unit

STACKS: Final[dict[str, dict[str, Any]]] = {
    "data": {
        "Resources": {
            "Calls": {"Type": "AWS::DynamoDB::Table", "Properties": {"KeySchema": []}},
            "Token": {"Type": "AWS::SecretsManager::Secret", "Properties": {"Name": "bellhop/dev/token"}},
            "Queue": {"Type": "AWS::SQS::Queue"},
        },
        "Outputs": {"Calls": {"Value": {"Ref": "Calls"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-calls"}}}},
    },
    "api": {"Parameters": {"Missing": {"Default": "nothing"}}, "Resources": {}},
}


class Aws:
    """Both services that are asked, and how often a table was made."""

    def __init__(self) -> None:
        self.tables: list[str] = []

    def create_table(self, **asked: Any) -> dict[str, Any]:
        self.tables.append(asked["TableName"])
        return {"TableDescription": {"TableName": asked["TableName"], "TableArn": "arn:table"}}

    def create_secret(self, **asked: Any) -> dict[str, Any]:
        return {"ARN": f"arn:secret:{asked['Name']}"}


@pytest.fixture
def aws() -> Aws:
    return Aws()


@pytest.fixture
def resources(aws: Aws) -> Resources:
    return Resources(STACKS, client=lambda _: aws, secrets={"bellhop/dev/token": "example"})


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("as it is", "as it is"),
        (20, "20"),
        (True, "true"),
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "Missing"}, "nothing"),
        ({"Fn::Join": ["/", ["https:", {"Ref": "AWS::URLSuffix"}]]}, "https:/amazonaws.com"),
        ({"Fn::Sub": "${AWS::Partition}-${Missing}"}, "aws-nothing"),
        ({"Fn::ImportValue": "data-calls"}, "data-Calls"),
    ],
)
def test_references_are_resolved(resources: Resources, reference: object, value: str) -> None:
    """Each of the ways in which a function's variable refers to something."""
    assert resources.value("api", reference) == value


def test_a_resource_is_made_once(resources: Resources, aws: Aws) -> None:
    """Two functions that use one table use the same one."""
    assert resources.value("data", {"Ref": "Calls"}) == "data-Calls"
    assert resources.value("data", {"Fn::GetAtt": ["Calls", "Arn"]}) == "arn:table"
    assert aws.tables == ["data-Calls"]


def test_a_secret_is_the_one_of_its_name(resources: Resources) -> None:
    """A template refers to a secret by its ARN, a function may by its name: both are the same."""
    assert resources.value("data", {"Ref": "Token"}) == "arn:secret:bellhop/dev/token"


@pytest.mark.parametrize("reference", [{"Ref": "Queue"}, {"Fn::GetAtt": ["Calls", "Size"]}, {"Fn::Cidr": []}])
def test_what_is_not_known_is_an_error(resources: Resources, reference: object) -> None:
    """Nothing is made up: a function that boots on a guess would prove nothing."""
    with pytest.raises(UnknownReference, match="data: "):
        resources.value("data", reference)
