"""What a stage keeps stays the same resource, wherever the code that describes it comes to stand.

A resource under another logical id is another resource: CloudFormation makes a new, empty one and forgets the old one.
So these ids are written down here, and a change of one of them is a migration.
"""

from __future__ import annotations

from typing import Final

import pytest

from tests.infrastructure.conftest import Deployed

pytestmark = pytest.mark.infrastructure

PINNED: Final = {
    "api/Telephony": "Custom::Telephony",
    "data/AccessLogsBucket": "AWS::S3::Bucket",
    "data/BucketKey": "AWS::KMS::Key",
    "data/CallsTable": "AWS::DynamoDB::Table",
    "data/GuestKeySecret": "AWS::SecretsManager::Secret",
    "data/LeasesTable": "AWS::DynamoDB::Table",
    "data/LegacyTokenSecret": "AWS::SecretsManager::Secret",
    "data/LogKey": "AWS::KMS::Key",
    "data/ModelsBucket": "AWS::S3::Bucket",
    "data/PhrasesBucket": "AWS::S3::Bucket",
    "data/RecordingsBucket": "AWS::S3::Bucket",
    "data/RivaImagesRepository": "AWS::ECR::Repository",
    "data/SecretKey": "AWS::KMS::Key",
    "data/TableKey": "AWS::KMS::Key",
}
REPLACEABLE: Final = {"AWS::ApiGateway::Account", "AWS::IAM::Role", "AWS::Logs::LogGroup"}
"""Kept as well, but a new one beside the old one loses nothing."""


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_ids_are_pinned(stage: str, request: pytest.FixtureRequest) -> None:
    """Both stages know what they store under the ids of this list."""
    deployed: Deployed = request.getfixturevalue(stage)

    missing = [name for name, kind in PINNED.items() if name not in deployed.resources(kind)]

    assert missing == []


def test_everything_that_is_kept_is_pinned(prod: Deployed) -> None:
    """Nothing that prod retains has an id that the library made up."""
    kept = {
        f"{stack}/{name}": resource["Type"]
        for stack, template in prod.templates.items()
        for name, resource in template["Resources"].items()
        if resource.get("DeletionPolicy", "Delete") != "Delete" and resource["Type"] not in REPLACEABLE
    }

    assert kept == PINNED
