"""What is left when a stage is destroyed: nothing of `dev`, what guests said and agreed to of `prod`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Final

import boto3
import pytest
from moto import mock_aws

from cdk.emptying import NotEmptied, empty, main
from tests.infrastructure.conftest import Deployed

pytestmark = pytest.mark.infrastructure

SHARED: Final = {"AWS::ApiGateway::Account", "AWS::IAM::Role"}
"""API Gateway writes every API's access logs by one role per account and region
(https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html): the stage that is deployed last sets
it for all, so its role stays when that stage goes."""

KEPT: Final = {
    "api": {"Custom::Telephony": 1},
    "data": {
        "AWS::DynamoDB::Table": 2,
        "AWS::ECR::Repository": 1,
        "AWS::KMS::Key": 4,
        "AWS::S3::Bucket": 4,
        "AWS::SecretsManager::Secret": 2,
    },
}
"""What prod keeps by stack and type, beside log groups and what all stages share."""


def kept(deployed: Deployed) -> dict[str, dict[str, int]]:
    """How many resources of each type outlive each stack, beside what all stages share."""
    outliving = {
        stack: Counter(
            resource["Type"]
            for resource in template["Resources"].values()
            if resource.get("DeletionPolicy", "Delete") != "Delete" and resource["Type"] not in SHARED
        )
        for stack, template in deployed.templates.items()
    }
    return {stack: dict(kinds) for stack, kinds in outliving.items() if kinds}


def test_the_stages_share_one_role(dev: Deployed, prod: Deployed) -> None:
    """Of what all stages share each has the same: API Gateway's role for access logs and the setting that names it."""
    for stage in (dev, prod):
        (role,) = (one for one in stage.resources("AWS::IAM::Role").values() if one.get("DeletionPolicy") == "Retain")
        (account,) = stage.resources("AWS::ApiGateway::Account").values()

        (trusted,) = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert account["DeletionPolicy"] == "Retain"


def test_destroying_dev_keeps_nothing(dev: Deployed) -> None:
    """No resource of dev outlives its stack, and none of its stacks is protected."""
    assert kept(dev) == {}
    assert not any(stack.termination_protection for stack in vars(dev.cloud).values())


def test_destroying_prod_keeps_what_it_remembers(prod: Deployed) -> None:
    """Tables, files, keys, secrets, images, log lines and hotels' trunks outlive prod's stacks; nothing else does."""
    found = kept(prod)
    logs = sum(of_stack.pop("AWS::Logs::LogGroup", 0) for of_stack in found.values())

    assert {stack: kinds for stack, kinds in found.items() if kinds} == KEPT
    assert logs > 0
    assert prod.cloud.data.termination_protection


def test_replacing_a_resource_keeps_what_deleting_it_keeps(prod: Deployed) -> None:
    """An update that has to make one of prod's stores anew leaves the old one where it is."""
    odd = [
        f"{stack}/{name}"
        for stack, template in prod.templates.items()
        for name, resource in template["Resources"].items()
        if (resource.get("DeletionPolicy", "Delete") != "Delete")
        != (resource.get("UpdateReplacePolicy", "Delete") != "Delete")
    ]

    assert odd == []


def test_nothing_stands_in_the_way_of_destroying_dev(dev: Deployed) -> None:
    """Tables and hosts are unprotected, the image mirror goes with its images, and all buckets are the data stack's.

    Hosts that are protected from scaling in make the deletion of their group hang:
    https://github.com/aws/containers-roadmap/issues/2862
    """
    tables = dev.resources("AWS::DynamoDB::Table").values()
    groups = dev.resources("AWS::AutoScaling::AutoScalingGroup").values()
    providers = dev.resources("AWS::ECS::CapacityProvider").values()
    mirrors = dev.resources("AWS::ECR::Repository").values()

    assert all((tables, groups, providers, mirrors))
    assert not any(table["Properties"].get("DeletionProtectionEnabled") for table in tables)
    assert not any(group["Properties"].get("NewInstancesProtectedFromScaleIn") for group in groups)
    assert not any(
        provider["Properties"]["AutoScalingGroupProvider"].get("ManagedTerminationProtection") == "ENABLED"
        for provider in providers
    )
    assert all(mirror["Properties"]["EmptyOnDelete"] for mirror in mirrors)
    assert {name.partition("/")[0] for name in dev.resources("AWS::S3::Bucket")} == {"data"}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[boto3.Session]:
    """An account of AWS without anything in it."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield boto3.Session(region_name="eu-central-1")


def stand_up(account: boto3.Session, deployed: Deployed, stack: str = "data") -> None:
    """The buckets of the stage's data stack, in a stack of this name."""
    resources = {name.partition("/")[2]: {"Type": "AWS::S3::Bucket"} for name in deployed.resources("AWS::S3::Bucket")}
    account.client("cloudformation").create_stack(
        StackName=f"bellhop-{deployed.stage.name}-{stack}", TemplateBody=json.dumps({"Resources": resources})
    )


def buckets(account: boto3.Session) -> dict[str, str]:
    """The names of the data stack's buckets by logical id."""
    resources = account.client("cloudformation").list_stack_resources(StackName="bellhop-dev-data")
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in resources["StackResourceSummaries"]}


def test_dev_can_be_destroyed_with_files_in_its_buckets(account: boto3.Session, dev: Deployed) -> None:
    """Files, older versions and marks of deletion are counted and gone, so CloudFormation can delete the buckets."""
    stand_up(account, dev)
    s3 = account.client("s3")
    named = buckets(account)
    s3.put_bucket_versioning(Bucket=named["ModelsBucket"], VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        s3.put_object(Bucket=named["RecordingsBucket"], Key=f"{number}.ogg", Body=b"hello")
        s3.put_object(Bucket=named["ModelsBucket"], Key="model", Body=b"%d" % number)
    s3.delete_object(Bucket=named["ModelsBucket"], Key="model")

    emptied = empty(dev.stage, cloudformation=account.client("cloudformation"), s3=s3)

    assert emptied == {"AccessLogsBucket": 0, "ModelsBucket": 4, "PhrasesBucket": 0, "RecordingsBucket": 3}
    for name in named.values():
        s3.delete_bucket(Bucket=name)


def test_nothing_is_written_behind_the_emptying(account: boto3.Session, dev: Deployed) -> None:
    """An emptied bucket refuses every write, also of the access logs that S3 delivers hours later."""
    stand_up(account, dev)
    s3 = account.client("s3")

    empty(dev.stage, cloudformation=account.client("cloudformation"), s3=s3)

    for name in buckets(account).values():
        (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:PutObject")
        assert statement["Resource"] == f"arn:aws:s3:::{name}/*"


@pytest.mark.parametrize("writer", ["observability", "gpu-fleet", "api"])
def test_buckets_in_use_are_left_alone(account: boto3.Session, dev: Deployed, writer: str) -> None:
    """As long as a stack that writes to them stands, no file is deleted, and the sentence names it."""
    stand_up(account, dev)
    account.client("cloudformation").create_stack(
        StackName=f"bellhop-dev-{writer}",
        TemplateBody=json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}),
    )
    s3 = account.client("s3")
    s3.put_object(Bucket=buckets(account)["PhrasesBucket"], Key="welcome", Body=b"hello")

    with pytest.raises(NotEmptied, match=f"bellhop-dev-{writer} still writes to the buckets: destroy it first"):
        empty(dev.stage, cloudformation=account.client("cloudformation"), s3=s3)

    assert s3.list_objects_v2(Bucket=buckets(account)["PhrasesBucket"])["KeyCount"] == 1


def test_a_stage_that_is_not_there_is_empty(account: boto3.Session) -> None:
    """Emptying twice, or before the first deployment, is no error."""
    assert main(["dev"]) == "There is nothing to empty."


def test_prod_is_never_emptied(account: boto3.Session, prod: Deployed) -> None:
    """Whoever destroys prod keeps its files, and is told so."""
    stand_up(account, prod)

    assert main(["prod"]) == "prod keeps what it has stored."


def test_a_stage_is_emptied_where_it_was_deployed(account: boto3.Session, dev: Deployed) -> None:
    """A region that was said to the deployment is said to the emptying too, and no other region is touched."""
    stand_up(account, dev)

    assert main(["dev", "-c", "region=eu-west-1"]) == "There is nothing to empty."
    assert main(["dev"]) != "There is nothing to empty."


@pytest.mark.parametrize("arguments", [[], ["staging"], ["dev", "prod"]])
def test_emptying_asks_which_stage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without the name of one stage nothing is looked at."""
    with pytest.raises(SystemExit):
        main(arguments)

    assert "usage: python -m cdk.emptying" in capsys.readouterr().err
