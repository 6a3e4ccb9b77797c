"""What a stage remembers, and who can read it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from lambdas.shared.tables import CALLS_SCHEMA, EXPIRES, LEASES_SCHEMA
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import listed

pytestmark = pytest.mark.infrastructure


def properties(deployed: Deployed, logical_id: str) -> dict[str, Any]:
    """The properties of a resource of the data stack."""
    found: dict[str, Any] = deployed.templates["data"]["Resources"][logical_id]["Properties"]
    return found


def key_of(reference: Mapping[str, Any]) -> str:
    """The logical id of the key whose ARN is meant."""
    logical_id, attribute = reference["Fn::GetAtt"]
    assert attribute == "Arn"
    return str(logical_id)


def by_name(rows: Iterable[Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    return {row[name]: row for row in rows}


@pytest.mark.parametrize(("table", "schema"), [("CallsTable", CALLS_SCHEMA), ("LeasesTable", LEASES_SCHEMA)])
def test_tables_are_those_that_the_functions_know(deployed: Deployed, table: str, schema: dict[str, Any]) -> None:
    """Keys, indexes, projections and stream are what the tests of the functions run on."""
    made = properties(deployed, table)

    assert by_name(made["AttributeDefinitions"], "AttributeName") == by_name(
        schema["AttributeDefinitions"], "AttributeName"
    )
    assert made["KeySchema"] == schema["KeySchema"]
    assert by_name(made.get("GlobalSecondaryIndexes", ()), "IndexName") == by_name(
        schema.get("GlobalSecondaryIndexes", ()), "IndexName"
    )
    assert made["BillingMode"] == schema["BillingMode"]
    assert made.get("StreamSpecification", {}).get("StreamViewType") == schema.get("StreamSpecification", {}).get(
        "StreamViewType"
    )


@pytest.mark.parametrize("table", ["CallsTable", "LeasesTable"])
def test_tables_forget_and_can_be_restored(deployed: Deployed, table: str) -> None:
    """Items go when they expire, a mistake of the last weeks can be undone, and prod's table cannot be deleted."""
    made = properties(deployed, table)

    assert made["TimeToLiveSpecification"] == {"AttributeName": EXPIRES, "Enabled": True}
    assert made["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert made["DeletionProtectionEnabled"] is deployed.stage.retain


def test_each_kind_of_data_has_a_key_of_its_own(deployed: Deployed) -> None:
    """Tables, files and secrets are encrypted with three keys of the account, all renewed every year."""
    tables = {
        key_of(properties(deployed, name)["SSESpecification"]["KMSMasterKeyId"])
        for name in ("CallsTable", "LeasesTable")
    }
    files = {
        key_of(rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"])
        for name in ("RecordingsBucket", "PhrasesBucket", "ModelsBucket")
        for rule in properties(deployed, name)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    }
    secrets = {key_of(properties(deployed, name)["KmsKeyId"]) for name in ("GuestKeySecret", "LegacyTokenSecret")}

    assert (tables, files, secrets) == ({"TableKey"}, {"BucketKey"}, {"SecretKey"})
    assert all(key["Properties"]["EnableKeyRotation"] for key in deployed.resources("AWS::KMS::Key").values())


def test_buckets_are_private_and_read_over_tls_alone(deployed: Deployed) -> None:
    """No bucket can be made public, and each refuses requests without TLS or below 1.2."""
    policies = {
        policy["Properties"]["Bucket"]["Ref"]: json.dumps(policy["Properties"]["PolicyDocument"])
        for policy in deployed.resources("AWS::S3::BucketPolicy").values()
    }
    buckets = deployed.resources("AWS::S3::Bucket")

    assert {f"data/{bucket}" for bucket in policies} == set(buckets)
    for name, bucket in buckets.items():
        assert all(bucket["Properties"]["PublicAccessBlockConfiguration"].values()), name
    for name, policy in policies.items():
        assert '{"Bool": {"aws:SecureTransport": "false"}}' in policy, name
        assert '{"NumericLessThan": {"s3:TlsVersion": 1.2}}' in policy, name


def test_files_go_when_their_time_is_over(deployed: Deployed) -> None:
    """Recordings last 90 days at most and leave no older version; no bucket keeps the parts of a broken upload."""
    rules = {
        name.removeprefix("data/"): bucket["Properties"]["LifecycleConfiguration"]["Rules"]
        for name, bucket in deployed.resources("AWS::S3::Bucket").items()
    }

    assert {name: rule.get("ExpirationInDays") for name, (rule,) in rules.items()} == {
        "AccessLogsBucket": deployed.stage.log_days,
        "ModelsBucket": None,
        "PhrasesBucket": 180,
        "RecordingsBucket": 90,
    }
    assert all(rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 1} for (rule,) in rules.values())
    assert "VersioningConfiguration" not in properties(deployed, "RecordingsBucket")
    assert properties(deployed, "ModelsBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


def test_who_asked_for_a_file_is_logged(deployed: Deployed) -> None:
    """Requests to each bucket are logged in one that S3's log delivery of this account may write to."""
    for name in ("RecordingsBucket", "PhrasesBucket", "ModelsBucket"):
        assert properties(deployed, name)["LoggingConfiguration"]["DestinationBucketName"] == {
            "Ref": "AccessLogsBucket"
        }
    (policy,) = (
        one["Properties"]["PolicyDocument"]["Statement"]
        for one in deployed.resources("AWS::S3::BucketPolicy").values()
        if one["Properties"]["Bucket"] == {"Ref": "AccessLogsBucket"}
    )
    deliveries = [one for one in policy if one["Principal"] == {"Service": "logging.s3.amazonaws.com"}]
    assert deliveries
    assert all(
        one["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}} for one in deliveries
    )


def statements(deployed: Deployed, key: str) -> dict[str, dict[str, Any]]:
    """What a key's policy says beyond that it is the account's, by statement id."""
    policy = properties(deployed, key)["KeyPolicy"]["Statement"]
    return {one["Sid"]: one for one in policy if "Sid" in one}


def test_only_log_groups_of_the_account_open_the_log_key(deployed: Deployed) -> None:
    """CloudWatch Logs may use the key for this account's log groups and no other."""
    said = statements(deployed, "LogKey")["LogGroups"]

    assert said["Principal"] == {"Service": f"logs.{deployed.stage.region}.amazonaws.com"}
    assert said["Condition"].keys() == {"ArnLike"}
    assert json.dumps(said["Condition"]["ArnLike"]).count('{"Ref": "AWS::AccountId"}') == 1


def test_whoever_sends_can_encrypt(deployed: Deployed) -> None:
    """Each service that a topic or queue of ours lets in may use the key for this account, and no other may."""
    said = statements(deployed, "LogKey")["Senders"]
    let_in = {
        service
        for kind in ("AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy")
        for policy in deployed.resources(kind).values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
        for service in listed(statement["Principal"]["Service"])
    }

    assert set(said["Principal"]["Service"]) == let_in
    assert said["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize(("key", "service"), [("TableKey", "dynamodb"), ("SecretKey", "secretsmanager")])
def test_tables_and_secrets_open_their_own_key(deployed: Deployed, key: str, service: str) -> None:
    """Whoever of the account may read a table or a secret can decrypt it, by way of that service and no other."""
    assert statements(deployed, key)["CallersOfService"]["Condition"] == {
        "StringEquals": {
            "kms:CallerAccount": {"Ref": "AWS::AccountId"},
            "kms:ViaService": f"{service}.{deployed.stage.region}.amazonaws.com",
        }
    }


def test_the_data_depend_on_nothing(deployed: Deployed) -> None:
    """No grant to a function or a task has reached the data's own policies: data are deployed before their readers."""
    template = json.dumps(deployed.templates["data"])

    assert "Fn::GetStackOutput" not in template
    assert "Fn::ImportValue" not in template
    assert deployed.cloud.data.dependencies == []


@pytest.mark.parametrize(
    ("logical_id", "name"), [("GuestKeySecret", "guest-key"), ("LegacyTokenSecret", "legacy-token")]
)
def test_nobody_chose_the_generated_secrets(deployed: Deployed, logical_id: str, name: str) -> None:
    """Secrets that only our functions need are 64 random letters and digits under the name they are read by."""
    secret = properties(deployed, logical_id)

    assert secret["Name"] == deployed.stage.secret(name)
    assert secret["GenerateSecretString"] == {
        "ExcludePunctuation": True,
        "IncludeSpace": False,
        "PasswordLength": 64,
    }


def test_mirrored_images_are_scanned_and_never_replaced(deployed: Deployed) -> None:
    """A tag always means the same image, each is scanned, and three models are kept whatever else is mirrored."""
    repository = properties(deployed, "RivaImagesRepository")
    rules = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]

    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    counted = [rule["selection"] for rule in rules if rule["selection"]["countType"] == "imageCountMoreThan"]
    assert [(one["tagPatternList"], one["countNumber"]) for one in counted] == [(["model-*"], 3)]
